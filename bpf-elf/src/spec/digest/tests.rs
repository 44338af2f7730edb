//! What changes a digest, and what does not.

use std::collections::HashSet;

use bpf_asm::{ByteOrder, R0, Slot};
use bpf_btf::{
    Btf, BtfBuilder, Definition, NewEnumValue, NewMember, NewParam, TypeId, VarLinkage, permute,
};
use bpf_sys::abi::{AttachType, MapFlags, MapType, ProgramFlags, ProgramType};
use testdata::{OBJECTS, Order, object};

use super::types::TypeDigests;
use super::*;
use crate::spec::{
    ExternKind, ExternSpec, Function, Linkage, MapContents, MapEntry, MapPair, MapSpec, Pinning,
    ProgramSpec, Reference, SpecMap, Target, TypeRef, VariableSpec, Warning,
};

pub(crate) fn spec(name: &str, order: Order) -> CollectionSpec {
    CollectionSpec::parse(object(name, order)).unwrap()
}

fn function<'spec>(spec: &'spec mut CollectionSpec, key: &str) -> &'spec mut Function {
    spec.functions.get_mut(key).unwrap()
}

pub(crate) type Edit = fn(&mut CollectionSpec);

/// Applies an edit to an object of each byte order, and tells whether the digest changes.
#[track_caller]
fn check(name: &str, edit: Edit, changes: bool) {
    for order in Order::BOTH {
        let old = spec(name, order);
        let mut new = old.clone();
        edit(&mut new);
        assert_ne!(old, new, "the edit of {name} does nothing");
        assert_eq!(old.digest() != new.digest(), changes, "{name} {order:?}");
    }
}

/// Edits that a kernel could see.
pub(crate) const VISIBLE: &[(&str, Edit)] = &[
    ("counter", |spec| spec.license.push('x')),
    ("counter", |spec| spec.kernel_version = 1),
    ("counter", |spec| {
        spec.byte_order = match spec.byte_order {
            ByteOrder::Little => ByteOrder::Big,
            ByteOrder::Big => ByteOrder::Little,
        };
    }),
    ("counter", |spec| {
        let slots = &mut spec.programs.get_mut("count_filter").unwrap().function.slots;
        slots[2].imm ^= 1;
    }),
    ("subprograms", |spec| function(spec, "twice").slots[0].imm ^= 1),
    ("subprograms", |spec| function(spec, "twice").linkage = Linkage::Weak),
    ("subprograms", |spec| function(spec, "twice").hidden = true),
    ("subprograms", |spec| function(spec, "twice").type_id = None),
    ("subprograms", |spec| {
        spec.functions.remove("twice");
    }),
    ("counter", |spec| drop(spec.maps.remove("runs"))),
    ("counter", |spec| {
        let program = &mut spec.programs.get_mut("count_filter").unwrap().function;
        program.references[0].target = Target::Map { name: "other".into() };
    }),
    ("core", |spec| {
        let program = &mut spec.programs.get_mut("read_task").unwrap().function;
        program.core_relocations[0].kind.0 = 1;
    }),
    ("core", |spec| {
        // Another member of the same type.
        let program = &mut spec.programs.get_mut("read_task").unwrap().function;
        program.core_relocations[0].access = program.core_relocations[1].access;
    }),
    ("rodata", |spec| {
        let map = spec.maps.values_mut().find(|map| map.name == ".rodata").unwrap();
        let MapContents::Bytes(bytes) = &mut map.contents else { panic!("no bytes") };
        *bytes.last_mut().unwrap() ^= 1;
    }),
    ("variables", |spec| spec.variables.values_mut().next().unwrap().offset += 1),
    ("variables", |spec| spec.variables.values_mut().next().unwrap().size += 1),
    ("variables", |spec| spec.variables.values_mut().next().unwrap().type_id += 1),
    ("kconfig_ksyms", |spec| spec.externs.get_mut("CONFIG_HZ").unwrap().weak ^= true),
    ("kconfig_ksyms", |spec| {
        spec.externs.remove("CONFIG_HZ");
    }),
    ("jump_table", |spec| {
        let program = &mut spec.programs.get_mut("choose").unwrap().function;
        program.jump_tables[0].targets.swap(0, 1);
    }),
    ("exception", |spec| spec.programs.get_mut("throw").unwrap().exception_callback = None),
    ("struct_ops", |spec| {
        let map = spec.maps.values_mut().find(|map| !map.function_members.is_empty()).unwrap();
        map.function_members[0].program.push('x');
    }),
];

#[test]
fn what_a_kernel_could_see_changes_the_digest() {
    for (name, edit) in VISIBLE {
        check(name, *edit, true);
    }
}

/// Edits of every field of a program.
pub(crate) const PROGRAM: &[fn(&mut ProgramSpec)] = &[
    |program| program.name.push('x'),
    |program| program.section.push('x'),
    |program| program.program_type = ProgramType::XDP,
    |program| program.attach_type = Some(AttachType::CGROUP_SYSCTL),
    |program| program.attach_type_optional ^= true,
    |program| program.attach_to = Some("x".to_owned()),
    |program| program.needs_btf_target ^= true,
    |program| program.flags = ProgramFlags::SLEEPABLE,
    |program| program.autoload ^= true,
    |program| program.exception_callback = Some("x".into()),
    |program| program.function.slots.push(Slot::exit()),
];

#[test]
fn every_field_of_a_program_changes_the_digest() {
    let mut seen = HashSet::from([spec("counter", Order::Little).digest()]);
    for edit in PROGRAM {
        let mut spec = spec("counter", Order::Little);
        edit(spec.programs.get_mut("count_filter").unwrap());
        assert!(seen.insert(spec.digest()));
    }
}

/// Edits of every field of a map.
pub(crate) const MAP: &[fn(&mut MapSpec)] = &[
    |map| map.name.push('x'),
    |map| map.section.push('x'),
    |map| map.map_type = MapType::LRU_HASH,
    |map| map.key_size += 1,
    |map| map.value_size += 1,
    |map| map.max_entries += 1,
    |map| map.flags = MapFlags::NO_PREALLOC,
    |map| map.numa_node = 1,
    |map| map.map_extra = 1,
    |map| map.pinning = Pinning::ByName,
    |map| map.key_type = None,
    |map| map.value_type = None,
    |map| map.inner = Some(Box::new(MapSpec::new("", MapType::ARRAY, 4, 4, 1))),
    |map| map.inner = Some(Box::new(MapSpec::new("", MapType::ARRAY, 4, 4, 2))),
    |map| map.contents = MapContents::Zeroed,
    |map| map.contents = MapContents::Bytes(vec![0, 1]),
    |map| map.contents = MapContents::Bytes(vec![1, 0]),
    |map| map.contents = MapContents::Bytes(vec![1]),
    |map| map.contents = MapContents::Entries(vec![]),
    |map| map.contents = MapContents::Entries(vec![MapEntry::new(0, "a")]),
    |map| map.contents = MapContents::Entries(vec![MapEntry::new(1, "a")]),
    |map| map.contents = MapContents::Pairs(vec![]),
    |map| map.contents = MapContents::Pairs(vec![MapPair::new([1], [])]),
    |map| map.contents = MapContents::Pairs(vec![MapPair::new([], [1])]),
    |map| map.contents = MapContents::Pairs(vec![MapPair::new([1], [2, 3])]),
    |map| map.contents = MapContents::Pairs(vec![MapPair::new([1, 2], [3])]),
    |map| map.contents = MapContents::Pairs(vec![MapPair::new([1], [2]), MapPair::new([3], [4])]),
    |map| map.contents = MapContents::Pairs(vec![MapPair::new([1], [4]), MapPair::new([3], [2])]),
    |map| map.autocreate ^= true,
    |map| map.freeze ^= true,
    |map| map.extra = vec![0],
];

#[test]
fn every_field_of_a_map_changes_the_digest() {
    let mut seen = HashSet::from([spec("counter", Order::Little).digest()]);
    for (edit, row) in MAP.iter().zip(0..) {
        let mut spec = spec("counter", Order::Little);
        edit(spec.maps.get_mut("runs").unwrap());
        assert!(seen.insert(spec.digest()), "row {row}");
    }
}

#[test]
fn the_digest_does_not_depend_on_the_order_of_pairs() {
    let pairs: Vec<_> = (0_u8..9).map(|key| MapPair::new([key], [9 - key])).collect();
    let digest = |pairs: &[MapPair]| {
        let mut spec = spec("counter", Order::Little);
        spec.maps.get_mut("runs").unwrap().contents = MapContents::Pairs(pairs.to_vec());
        spec.digest()
    };
    let reversed: Vec<_> = pairs.iter().rev().cloned().collect();
    assert_eq!(digest(&pairs), digest(&reversed));
    assert_ne!(digest(&pairs), digest(&pairs[1..]));
}

fn reversed<T: Clone>(map: &mut SpecMap<T>) {
    let pairs: Vec<_> = map.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    *map = pairs.into_iter().rev().collect();
}

/// Edits that only a debugger could see.
pub(crate) const INVISIBLE: &[(&str, Edit)] = &[
    ("subprograms", |spec| function(spec, "twice").line_infos.clear()),
    ("core", |spec| {
        for program in spec.programs.values_mut() {
            program.function.line_infos.iter_mut().for_each(|line| {
                line.line += 1;
                line.column = 0;
                line.file_name = line.line_text;
            });
        }
    }),
    ("counter", |spec| {
        spec.warnings.push(Warning::NoFunctions { section: "x".to_owned() });
    }),
    ("variables", |spec| reversed(&mut spec.variables)),
    ("counter", |spec| reversed(&mut spec.maps)),
    ("subprograms", |spec| reversed(&mut spec.programs)),
    ("subprograms", |spec| reversed(&mut spec.functions)),
    ("kconfig_ksyms", |spec| reversed(&mut spec.externs)),
    ("jump_table", |spec| {
        let program = &mut spec.programs.get_mut("choose").unwrap().function;
        program.jump_tables[0].name.push('x');
    }),
    ("bss", |spec| {
        let map = spec.maps.get_mut(".bss").unwrap();
        map.contents = MapContents::Bytes(vec![0; map.value_size as usize]);
    }),
    // The key of a function says where the linker put it.
    ("subprograms", |spec| {
        assert!(spec.functions.rename("twice", "twice@.text+0x40"));
        let programs = spec.programs.values_mut().map(|program| &mut program.function);
        for function in spec.functions.values_mut().chain(programs) {
            for Reference { target, .. } in &mut function.references {
                let (Target::Call { function } | Target::FunctionAddress { function }) = target
                else {
                    continue;
                };
                if &**function == "twice" {
                    *function = "twice@.text+0x40".into();
                }
            }
        }
    }),
];

#[test]
fn what_only_a_debugger_could_see_does_not_change_the_digest() {
    for (name, edit) in INVISIBLE {
        check(name, *edit, false);
    }
}

/// The same spec with the types of its BTF in the opposite order.
pub(crate) fn renumbered(mut spec: CollectionSpec) -> Option<CollectionSpec> {
    let btf = spec.btf.take()?;
    let mut order: Vec<TypeId> = btf.types().map(|(id, _)| id).collect();
    order.retain(|id| *id != TypeId::VOID);
    order.reverse();
    let permuted = permute(&btf, &order).unwrap();
    let id = |id: u32| permuted.ids.get(TypeId::new(id)).map_or(id, TypeId::get);
    let functions = spec.functions.values_mut();
    for function in functions.chain(spec.programs.values_mut().map(|of| &mut of.function)) {
        function.type_id = function.type_id.map(id);
        for relocation in &mut function.core_relocations {
            relocation.type_id = id(relocation.type_id);
        }
    }
    for map in spec.maps.values_mut() {
        let mut types = vec![&mut map.key_type, &mut map.value_type];
        if let Some(inner) = &mut map.inner {
            types.extend([&mut inner.key_type, &mut inner.value_type]);
        }
        for ty in types {
            *ty = ty.take().map(|ty| TypeRef::new(id(ty.id()), ty.name().to_owned()));
        }
    }
    spec.variables.values_mut().for_each(|of| of.type_id = id(of.type_id));
    spec.externs.values_mut().for_each(|of| of.type_id = id(of.type_id));
    let bytes = permuted.builder.write(bpf_btf::ByteOrder::NATIVE).unwrap();
    spec.btf = Some(Btf::parse(bytes).unwrap());
    Some(spec)
}

#[test]
fn the_digest_does_not_depend_on_the_numbers_of_types() {
    let mut compared = 0;
    for name in OBJECTS {
        for order in Order::BOTH {
            let old = spec(name, order);
            let Some(new) = renumbered(old.clone()) else { continue };
            assert_ne!(old, new, "{name}");
            assert_eq!(old.digest(), new.digest(), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn objects_differ_and_their_digests_do() {
    let mut seen = HashSet::new();
    for name in OBJECTS {
        for order in Order::BOTH {
            assert!(seen.insert(spec(name, order).digest()), "{name} {order:?}");
        }
    }
}

/// A type that has something of every kind that types are made of.
fn every_kind() -> (Btf, TypeId) {
    let mut builder = BtfBuilder::new();
    let mut add = |definition: &Definition<'_>| builder.add(definition).unwrap();
    let int =
        add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false });
    let float = add(&Definition::Float { name: "double", size: 8 });
    let array = add(&Definition::Array { element: float, index: int, len: 3 });
    let opaque = add(&Definition::Fwd { name: "opaque", union: false });
    let tagged = add(&Definition::TypeTag { name: "kptr", target: opaque, attribute: false });
    let pointer = add(&Definition::Ptr { target: tagged });
    let values = [NewEnumValue::new("RED", 1), NewEnumValue::new("GREEN", -2)];
    let colour = add(&Definition::Enum { name: "colour", size: 4, signed: true, values: &values });
    let params = [NewParam::new("first", colour)];
    let proto = add(&Definition::FuncProto { return_type: int, params: &params });
    let callback = add(&Definition::Ptr { target: proto });
    let constant = add(&Definition::Const { target: callback });
    let alias = add(&Definition::Typedef { name: "callback", target: constant });
    let members = [
        NewMember::new("array", array, 0),
        NewMember::new("pointer", pointer, 192),
        NewMember::new("callback", alias, 256),
        NewMember::bitfield("bits", int, 320, 5),
    ];
    let whole = add(&Definition::Struct { name: "whole", size: 48, members: &members });
    add(&Definition::DeclTag {
        name: "contains:node:link",
        target: whole,
        component: Some(1),
        attribute: false,
    });
    add(&Definition::Struct { name: "node", size: 16, members: &[] });
    let variable = Definition::Var { name: "v", target: whole, linkage: VarLinkage::Global };
    let variable = add(&variable);
    (Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap(), variable)
}

/// If this fails, the encoding has changed: then the version has to change with it.
#[test]
fn a_known_spec_has_a_known_digest() {
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    spec.license = "GPL".to_owned();
    let mut function = Function::new("main", vec![Slot::mov64(R0, 0), Slot::exit()]);
    function.references.push(Reference::new(0, Target::Map { name: "counts".into() }));
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, function));
    spec.maps.insert("counts", MapSpec::new("counts", MapType::HASH, 4, 8, 16));
    let (btf, ty) = every_kind();
    let mut variable = VariableSpec::new("level", ".data", 0, 4);
    variable.type_id = ty.get();
    spec.variables.insert("level", variable);
    spec.btf = Some(btf);
    spec.externs.insert("jiffies", ExternSpec::new("jiffies", ExternKind::Ksym));
    assert_eq!(
        spec.digest().to_string(),
        "v1:1e65fee596b298234ab4c4637b03e98fbce0810aab9d87dca2c8a3a3c8ed4721"
    );
}

#[test]
fn a_digest_is_read_back_from_its_text() {
    let digest = spec("counter", Order::Little).digest();
    let text = digest.to_string();
    assert_eq!(text.parse(), Ok(digest));
    assert_eq!(text.to_uppercase().replacen('V', "v", 1).parse(), Ok(digest));
    for (wrong, error) in [
        ("", DigestError::Version),
        (text.trim_start_matches("v1:"), DigestError::Version),
        (&text.replacen("v1", "v2", 1), DigestError::Version),
        (&text[..text.len() - 1], DigestError::Digits),
        (&text[..text.len() - 2], DigestError::Digits),
        (&format!("{text}00"), DigestError::Digits),
        (&format!("{}+f", &text[..text.len() - 2]), DigestError::Digits),
    ] {
        assert_eq!(wrong.parse::<SpecDigest>(), Err(error), "{wrong}");
    }
}

/// Types that no compiler makes: they lead back to themselves.
#[test]
fn types_that_lead_back_to_themselves_have_a_digest() {
    let mut builder = BtfBuilder::new();
    let first = builder.reserve().unwrap();
    let second = builder.add(&Definition::Const { target: first }).unwrap();
    builder.set(first, &Definition::Volatile { target: second }).unwrap();
    let own = builder.reserve().unwrap();
    let member = NewMember::new("self", own, 0);
    builder.set(own, &Definition::Struct { name: "s", size: 4, members: &[member] }).unwrap();
    let bytes = builder.write(bpf_btf::ByteOrder::NATIVE).unwrap();
    let btf = Btf::parse(bytes).unwrap();
    let mut digests = TypeDigests::new(Some(&btf));
    assert_ne!(digests.of(first), digests.of(own));
}
