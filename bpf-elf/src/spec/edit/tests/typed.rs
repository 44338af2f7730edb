//! Variables with types: parts by path, kinds of values, arrays of another length.
use bpf_btf::{
    Btf, BtfBuilder, BtfFeatures, Definition, Kind, NewMember, NewSectionEntry, Type, VarLinkage,
};
use zerocopy::byteorder::{BigEndian, LittleEndian, U32};

use super::*;
use crate::prepare::{prepare_btf, prepare_btf_for};
use crate::spec::TypeRef;

/// `.data` with `struct { int on; struct { u64 max; }; _Bool flags[4]; double ratio; int bits : 3; } cfg[2];` and, at its end, `int tail[2]`.
fn typed(order: ByteOrder) -> CollectionSpec {
    let mut builder = BtfBuilder::new();
    let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
    let int = |name, size, signed, bool| Definition::Int { name, size, signed, char: false, bool };
    let i32 = add(&int("int", 4, true, false));
    let u64 = add(&int("u64", 8, false, false));
    let bool = add(&int("_Bool", 1, false, true));
    let double = add(&Definition::Float { name: "double", size: 8 });
    let inner = [NewMember::new("max", u64, 0)];
    let inner = add(&Definition::Struct { name: "", size: 8, members: &inner });
    let flags = add(&Definition::Array { element: bool, index: i32, len: 4 });
    let members = [
        NewMember::new("on", i32, 0),
        NewMember::new("", inner, 64),
        NewMember::new("flags", flags, 128),
        NewMember::new("ratio", double, 192),
        NewMember::bitfield("bits", i32, 256, 3),
    ];
    let cfg = add(&Definition::Struct { name: "cfg", size: 40, members: &members });
    let cfgs = add(&Definition::Array { element: cfg, index: i32, len: 2 });
    let cfgs = add(&Definition::Const { target: cfgs });
    let tail = add(&Definition::Array { element: i32, index: i32, len: 2 });
    let linkage = VarLinkage::Global;
    let vars = [("cfg", cfgs, 0, 80), ("tail", tail, 80, 8)];
    let mut entries = Vec::new();
    let mut spec = CollectionSpec::new(order);
    for (name, target, offset, size) in vars {
        let id = add(&Definition::Var { name, target, linkage });
        entries.push(NewSectionEntry::new(id, offset, size));
        let mut variable = VariableSpec::new(name, ".data", offset, size);
        variable.type_id = target.get();
        spec.variables.insert(name, variable);
    }
    let datasec = add(&Definition::Datasec { name: ".data", size: 88, entries: &entries });
    let native = builder.write(bpf_btf::ByteOrder::NATIVE).unwrap();
    spec.btf = Some(Btf::parse(native).unwrap());
    let mut map = data_map(".data", MapContents::Bytes(vec![0; 88]));
    map.value_size = 88;
    map.value_type = Some(TypeRef::new(datasec.get(), ".data"));
    spec.maps.insert(".data", map);
    spec.check().unwrap();
    spec
}

#[test]
fn a_path_leads_into_structures_arrays_and_anonymous_members() {
    let rows = [
        ("cfg", 0, 80, "const struct cfg[2]"),
        ("cfg[0]", 0, 40, "struct cfg"),
        ("cfg[1].on", 40, 4, "int"),
        ("cfg[1].max", 48, 8, "u64"),
        ("cfg[0].flags[3]", 19, 1, "_Bool"),
        ("cfg[ 1 ].ratio", 64, 8, "double"),
        ("tail[1]", 84, 4, "int"),
    ];
    for order in [ByteOrder::NATIVE, FOREIGN] {
        let mut spec = typed(order);
        for (path, offset, size, type_name) in rows {
            let found = spec.variable(path).unwrap();
            assert_eq!((found.offset(), found.size()), (offset, size), "{path}");
            if path != "cfg" {
                assert_eq!(found.type_name(), Some(type_name), "{path}");
            }
            let value = vec![1; size as usize];
            spec.variable_mut(path).unwrap().set_bytes(&value).unwrap();
            let bytes = spec.maps.get(".data").unwrap().contents.bytes().unwrap();
            let at = offset as usize;
            assert_eq!(bytes[at..at + value.len()], value, "{path}");
            assert_eq!(spec.variable(path).unwrap().bytes(), Some(&value[..]), "{path}");
        }
    }
}

#[test]
fn a_path_that_leads_nowhere_says_where_it_ends() {
    let spec = typed(ByteOrder::NATIVE);
    let rows = [
        ("cfg[2]", "an index is not within the array"),
        ("cfg[x]", "an index is not a number"),
        ("cfg[1", "an index has no closing bracket"),
        ("cfg[1]on", "a member begins with a point"),
        ("cfg[1].", "the type has no such member"),
        ("cfg[1].off", "the type has no such member"),
        ("cfg[1].bits", "the member is a bit-field"),
        ("cfg.on", "the type is no structure or union"),
        ("cfg[1].on[0]", "the type is no array"),
    ];
    for (path, problem) in rows {
        let expected = EditError::Path { path: path.into(), problem };
        assert_eq!(spec.variable(path).unwrap_err(), expected);
    }
    let missing = EditError::missing("variable", "no");
    assert_eq!(spec.variable("no[1]").unwrap_err(), missing);
    let mut plain = super::spec(ByteOrder::NATIVE);
    let untyped = EditError::Path { path: "a.b".into(), problem: "the variable has no type" };
    assert_eq!(plain.set_variable("a.b", &1_u32), Err(untyped));
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let mut spec = typed(ByteOrder::NATIVE);
    let wrong = |name: &str, expected, found| {
        Err(EditError::Type { name: name.to_owned(), expected, found })
    };
    let (int, float) = ("an integer", "a floating-point number");
    let boolean = "a boolean";
    let composite = "a structure, union or array";
    assert_eq!(spec.set_variable("cfg[0].on", &1.5_f32), wrong("cfg[0].on", int, float));
    assert_eq!(spec.set_variable("cfg[0].ratio", &1_u64), wrong("cfg[0].ratio", float, int));
    assert_eq!(spec.set_variable("tail", &1_u64), wrong("tail", composite, int));
    let flag = "cfg[0].flags[0]";
    assert_eq!(spec.set_variable(flag, &2_u8), wrong(flag, boolean, "neither 0 nor 1"));
    spec.set_variable(flag, &true).unwrap();
    spec.set_variable("cfg[0].on", &-1).unwrap();
    spec.set_variable("cfg[0].max", &u64::MAX).unwrap();
    spec.set_variable("cfg[0].ratio", &0.5).unwrap();
    spec.set_variable("tail", &[3_u32, 4]).unwrap();
    assert_eq!(spec.variable("cfg[0].ratio").unwrap().get::<f64>(), Ok(0.5));
    assert_eq!(spec.variable("tail[1]").unwrap().get::<u32>(), Ok(4));
    assert!(spec.variable("cfg[0].ratio").unwrap().get::<u64>().is_err());
    let size = EditError::Size { name: "tail[1]".into(), size: 4, found: 8 };
    assert_eq!(spec.set_variable("tail[1]", &1_u64), Err(size));
    let mut foreign = typed(FOREIGN);
    let order = EditError::ByteOrder { name: "tail[1]".into() };
    assert_eq!(foreign.set_variable("tail[1]", &1_u32), Err(order));
    match FOREIGN {
        ByteOrder::Big => foreign.set_variable("tail[1]", &U32::<BigEndian>::new(1)).unwrap(),
        ByteOrder::Little => foreign.set_variable("tail[1]", &U32::<LittleEndian>::new(1)).unwrap(),
    }
}

#[test]
fn the_types_follow_an_array_of_another_length() {
    for order in [ByteOrder::NATIVE, FOREIGN] {
        let mut spec = typed(order);
        let before = spec.btf.clone().unwrap();
        spec.resize_variable("tail", 28).unwrap();
        spec.check().unwrap();
        let map = spec.maps.get(".data").unwrap();
        assert_eq!((map.value_size, map.value_type.as_ref().unwrap().name()), (108, ".data"));
        assert_eq!(spec.variables.get("tail").unwrap().type_name.as_deref(), Some("int[7]"));
        spec.set_variable("tail[6]", &[9_u8; 4]).unwrap();
        let btf = spec.btf.as_ref().unwrap();
        assert_eq!(btf.len(), before.len() + 1);

        let bytes = prepare_btf(&spec, &BtfFeatures::ALL).unwrap().unwrap();
        let btf = Btf::parse(bytes).unwrap();
        let id = btf.find(".data", Kind::Datasec).unwrap();
        let Some(Type::Datasec(section)) = btf.get(id) else { panic!("no section") };
        let places: Vec<_> = section
            .variables()
            .map(|(entry, var)| (var.name(), entry.offset(), entry.size()))
            .collect();
        assert_eq!((section.size(), places), (108, vec![("cfg", 0, 80), ("tail", 80, 28)]));
        for wanted in [bpf_btf::ByteOrder::Little, bpf_btf::ByteOrder::Big] {
            let bytes = prepare_btf_for(&spec, &BtfFeatures::ALL, wanted).unwrap().unwrap();
            let found = Btf::parse(bytes).unwrap();
            assert_eq!((found.byte_order(), found.bytes()), (wanted, btf.bytes()));
        }
    }
}

#[test]
fn a_size_that_is_no_number_of_elements_loses_the_types() {
    let mut spec = typed(ByteOrder::NATIVE);
    spec.resize_variable("tail", 10).unwrap();
    assert_eq!(spec.maps.get(".data").unwrap().value_type, None);
    assert_eq!(spec.variables.get("tail").unwrap().type_id, 0);
    spec.check().unwrap();
    prepare_btf(&spec, &BtfFeatures::ALL).unwrap().unwrap();
}

#[test]
fn arrays_of_compiled_objects_grow_and_can_be_written() {
    for order in testdata::Order::BOTH {
        let mut spec = CollectionSpec::parse(testdata::object("bss", order)).unwrap();
        let last = spec.variables.get("last_bytes").unwrap().clone();
        let size = last.size * 3;
        spec.resize_variable(&last.name, size).unwrap();
        let map = spec.maps.get(&last.map).unwrap();
        assert_eq!(map.value_size, last.offset + size);
        assert!(map.value_type.is_some());
        let bytes = prepare_btf(&spec, &BtfFeatures::ALL).unwrap().unwrap();
        let btf = Btf::parse(bytes).unwrap();
        let Some(Type::Datasec(section)) = btf.get(btf.find(&last.map, Kind::Datasec).unwrap())
        else {
            panic!("no section")
        };
        assert_eq!(section.size(), last.offset + size);
        let again = CollectionSpec::parse(&spec.write_elf().unwrap()).unwrap();
        let found = again.variables.get(&last.name).unwrap();
        assert_eq!((found.size, found.offset), (size, last.offset));
        assert_eq!(found.type_name, spec.variables.get(&last.name).unwrap().type_name);
    }
}
