//! Tests of editing a spec.
mod code;
mod maps;
mod pairs;
mod programs;
mod typed;

use bpf_asm::{ByteOrder, Slot};
use bpf_sys::abi::{AttachType, MapType, ProgramType};
use zerocopy::byteorder::{BigEndian, U32};

use super::EditError;
use crate::spec::{
    CollectionSpec, Function, FunctionMember, MapContents, MapEntry, MapSpec, ProgramSpec,
    Reference, Target, VariableSpec,
};

pub(super) const FOREIGN: ByteOrder = match ByteOrder::NATIVE {
    ByteOrder::Little => ByteOrder::Big,
    ByteOrder::Big => ByteOrder::Little,
};

fn data_map(name: &str, contents: MapContents) -> MapSpec {
    let mut map = MapSpec::new(name, MapType::ARRAY, 4, 16, 1);
    map.contents = contents;
    map
}

/// Two variables in `.data` and one at the end of `.bss`, two programs of which one calls the other, and maps that hold them.
fn spec(order: ByteOrder) -> CollectionSpec {
    let mut spec = CollectionSpec::new(order);
    spec.maps.insert(".data", data_map(".data", MapContents::Bytes(vec![7; 16])));
    spec.maps.insert(".bss", data_map(".bss", MapContents::Zeroed));
    for (name, map, offset, size) in
        [("a", ".data", 0, 4), ("b", ".data", 8, 8), ("z", ".bss", 12, 4)]
    {
        spec.variables.insert(name, VariableSpec::new(name, map, offset, size));
    }
    let reference = |target| Reference::new(0, target);
    for (name, targets) in [
        ("caller", vec![reference(Target::Call { function: "callee".into() })]),
        ("callee", vec![reference(Target::Map { name: "table".into() })]),
        ("tail", vec![]),
        ("member", vec![]),
    ] {
        let mut function = Function::new(name, vec![Slot::default(); 2]);
        function.references = targets;
        spec.programs.insert(name, ProgramSpec::new(name, ProgramType::XDP, function));
    }
    let mut table = MapSpec::new("table", MapType::PROG_ARRAY, 4, 4, 2);
    table.contents = MapContents::Entries(vec![MapEntry::new(1, "tail")]);
    spec.maps.insert("table", table);
    let mut outer = MapSpec::new("outer", MapType::ARRAY_OF_MAPS, 4, 4, 2);
    outer.contents = MapContents::Entries(vec![MapEntry::new(0, ".data")]);
    spec.maps.insert("outer", outer);
    let mut ops = MapSpec::new("ops", MapType::STRUCT_OPS, 4, 8, 1);
    ops.function_members.push(FunctionMember { offset: 0, program: "member".into() });
    spec.maps.insert("ops", ops);
    spec.check().unwrap();
    spec
}

#[test]
fn a_value_is_set_and_read_by_its_size() {
    let mut spec = spec(ByteOrder::NATIVE);
    assert_eq!(spec.variable("a").unwrap().get::<u32>(), Ok(0x0707_0707));
    spec.set_variable("a", &0x1234_5678_u32).unwrap();
    assert_eq!(spec.variable("a").unwrap().get::<u32>(), Ok(0x1234_5678));
    spec.set_variable("b", &[1_u8, 2, 3, 4, 5, 6, 7, 8][..]).unwrap();
    let expected: Vec<u8> =
        [&0x1234_5678_u32.to_ne_bytes()[..], &[7; 4], &[1, 2, 3, 4, 5, 6, 7, 8]].concat();
    assert_eq!(spec.maps.get(".data").unwrap().contents.bytes(), Some(&expected[..]));
    let wrong = EditError::Size { name: "a".into(), size: 4, found: 8 };
    assert_eq!(spec.set_variable("a", &1_u64), Err(wrong.clone()));
    assert_eq!(spec.variable("a").unwrap().get::<u64>(), Err(wrong));
    assert_eq!(spec.set_variable("no", &1_u64), Err(EditError::missing("variable", "no")));
}

#[test]
fn zeros_are_stored_only_once_something_else_is_written() {
    let mut spec = spec(ByteOrder::NATIVE);
    let contents = |spec: &CollectionSpec| spec.maps.get(".bss").unwrap().contents.clone();
    assert_eq!(spec.variable("z").unwrap().bytes(), None);
    assert_eq!(spec.variable("z").unwrap().get::<u32>(), Ok(0));
    assert!(spec.variable("z").unwrap().get::<u64>().is_err());
    spec.set_variable("z", &0_u32).unwrap();
    assert_eq!(contents(&spec), MapContents::Zeroed);
    spec.set_variable("z", &u32::MAX).unwrap();
    assert_eq!(contents(&spec).bytes(), Some(&[&[0; 12][..], &[255; 4]].concat()[..]));
    spec.variable_mut("z").unwrap().bytes_mut().unwrap().fill(9);
    assert_eq!(spec.variable_mut("z").unwrap().get::<u32>(), Ok(0x0909_0909));
}

#[test]
fn numbers_of_this_machine_are_refused_in_the_other_byte_order() {
    let mut spec = spec(FOREIGN);
    let refused = EditError::ByteOrder { name: "a".into() };
    assert_eq!(spec.set_variable("a", &1_u32), Err(refused.clone()));
    assert_eq!(spec.variable("a").unwrap().get::<u32>(), Err(refused));
    spec.set_variable("a", &U32::<BigEndian>::new(1)).unwrap();
    assert_eq!(spec.variable("a").unwrap().bytes(), Some(&[0, 0, 0, 1][..]));
    assert_eq!(spec.variable("a").unwrap().get::<U32<BigEndian>>().unwrap().get(), 1);
}

#[test]
fn only_the_last_variable_of_a_section_grows() {
    let mut spec = spec(ByteOrder::NATIVE);
    let not_last = EditError::NotLast { name: "a".into(), map: ".data".into() };
    assert_eq!(spec.resize_variable("a", 8), Err(not_last));
    spec.resize_variable("b", 16).unwrap();
    let map = spec.maps.get(".data").unwrap();
    assert_eq!((map.value_size, map.contents.bytes().unwrap().len()), (24, 24));
    spec.resize_variable("z", 1 << 30).unwrap();
    assert_eq!(spec.maps.get(".bss").unwrap().value_size, (1 << 30) + 12);
    assert_eq!(spec.maps.get(".bss").unwrap().contents, MapContents::Zeroed);
    let no_room = EditError::NoRoom { map: ".bss".into(), size: u64::from(u32::MAX) + 12 };
    assert_eq!(spec.resize_variable("z", u32::MAX), Err(no_room));
    spec.check().unwrap();
}

#[test]
fn what_is_in_use_stays() {
    let mut spec = spec(ByteOrder::NATIVE);
    for (name, expected) in
        [("callee", "function \"caller\""), ("tail", "map \"table\""), ("member", "map \"ops\"")]
    {
        let user = expected.to_owned();
        let expected = EditError::InUse { kind: "program", name: name.into(), user };
        assert_eq!(spec.remove_program(name), Err(expected));
    }
    for (name, expected) in [("table", "function \"callee\""), (".data", "map \"outer\"")] {
        let user = expected.to_owned();
        let expected = EditError::InUse { kind: "map", name: name.into(), user };
        assert_eq!(spec.remove_map(name), Err(expected));
    }
    spec.remove_program("caller").unwrap();
    spec.remove_program("callee").unwrap();
    spec.remove_map("table").unwrap();
    spec.remove_map("outer").unwrap();
    spec.remove_map(".data").unwrap();
    assert_eq!(spec.variables.names().collect::<Vec<_>>(), ["z"]);
    spec.check().unwrap();
}

#[test]
fn a_new_name_is_known_everywhere() {
    let mut spec = spec(ByteOrder::NATIVE);
    for (old, new) in [("callee", "called"), ("tail", "end"), ("member", "part")] {
        spec.rename_program(old, new).unwrap();
        assert_eq!(spec.programs.get(new).unwrap().name, new);
    }
    for (old, new) in [("table", "jumps"), (".data", "numbers")] {
        spec.rename_map(old, new).unwrap();
    }
    spec.check().unwrap();
    assert_eq!(spec.variables.get("a").unwrap().map, "numbers");
    let taken = EditError::Taken { kind: "program or function", name: "end".into() };
    assert_eq!(spec.rename_program("called", "end"), Err(taken));
    assert_eq!(spec.rename_map("tail", "x"), Err(EditError::missing("map", "tail")));
}

#[test]
fn another_type_forgets_what_the_section_said() {
    let mut spec = spec(ByteOrder::NATIVE);
    let program = spec.programs.get_mut("tail").unwrap();
    program.needs_btf_target = true;
    program.attach_to = Some("f".into());
    program.autoload = false;
    program.set_type(ProgramType::SCHED_CLS, Some(AttachType::TCX_EGRESS));
    assert_eq!(program.program_type, ProgramType::SCHED_CLS);
    assert_eq!(program.attach_type, Some(AttachType::TCX_EGRESS));
    assert!(!program.needs_btf_target && program.attach_to.is_none() && !program.autoload);
    assert_eq!((program.name.as_str(), program.function.slots.len()), ("tail", 2));
}

type Break = fn(&mut CollectionSpec);

#[test]
fn a_spec_that_does_not_hold_together_is_told() {
    let missing = |kind, name| EditError::missing(kind, name);
    let rows: [(Break, EditError); 7] = [
        (|s| drop(s.maps.remove("table")), missing("map", "table")),
        (|s| drop(s.programs.remove("tail")), missing("program", "tail")),
        (|s| drop(s.programs.remove("member")), missing("program", "member")),
        (|s| drop(s.programs.remove("callee")), missing("function", "callee")),
        (
            |s| s.programs.get_mut("caller").unwrap().function.references[0].slot = 2,
            EditError::Slot { function: "caller".into(), table: "a reference", slot: 2 },
        ),
        (
            |s| s.variables.get_mut("a").unwrap().size = 9,
            EditError::Overlap { first: "a".into(), second: "b".into(), map: ".data".into() },
        ),
        (
            |s| s.variables.get_mut("z").unwrap().size = 5,
            EditError::Outside { name: "z".into(), map: ".bss".into() },
        ),
    ];
    for (damage, expected) in rows {
        let mut spec = spec(ByteOrder::NATIVE);
        damage(&mut spec);
        assert_eq!(spec.check(), Err(expected));
    }
}
