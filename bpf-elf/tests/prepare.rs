//! Preparation of every fixture, in both byte orders.

#![allow(clippy::panic, clippy::arithmetic_side_effects, reason = "a test that fails panics")]

use bpf_btf::{Btf, BtfFeatures, Kind, Type, VarLinkage};
use bpf_elf::prepare::{CoreResolution, FixupTarget, PrepareOptions, prepare_btf, prepare_program};
use bpf_elf::spec::CollectionSpec;

fn read(name: &str, order: testdata::Order) -> CollectionSpec {
    CollectionSpec::parse(testdata::object(name, order))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn specs() -> impl Iterator<Item = (String, CollectionSpec)> {
    testdata::OBJECTS.iter().flat_map(|name| {
        [testdata::Order::Little, testdata::Order::Big].map(|order| {
            let spec = read(name, order);
            (format!("{name} {order:?}"), spec)
        })
    })
}

#[test]
fn btf_for_the_kernel_has_sections_with_sizes_and_no_externs() {
    let mut sections = 0;
    for (name, spec) in specs() {
        let Some(bytes) = prepare_btf(&spec, &BtfFeatures::ALL).unwrap() else {
            assert!(!spec.has_btf(), "{name}");
            continue;
        };
        let btf = Btf::parse(bytes).unwrap();
        for (id, found) in btf.types() {
            if let Type::Var(variable) = found {
                assert_ne!(variable.linkage(), VarLinkage::Extern, "{name}: {}", variable.name());
            }
            let Type::Datasec(section) = found else { continue };
            sections += 1;
            let what = format!("{name}: {} ({id})", section.name());
            assert!(section.size() > 0, "{what}");
            let mut end = 0;
            for entry in section.entries() {
                assert!(entry.offset() >= end, "{what}: variables overlap");
                end = entry.offset() + entry.size();
                assert!(entry.variable().is_some(), "{what}: not a variable");
            }
            assert!(end <= section.size(), "{what}: a variable ends behind the section");
        }
    }
    assert!(sections > 50, "{sections} sections");
}

#[test]
fn type_numbers_and_strings_of_prepared_programs_keep_their_meaning() {
    let mut lines = 0;
    for (name, spec) in specs() {
        let Some(bytes) = prepare_btf(&spec, &BtfFeatures::NONE).unwrap() else { continue };
        let old = Btf::parse(bytes).unwrap();
        let bytes = prepare_btf(&spec, &BtfFeatures::ALL).unwrap().unwrap();
        let btf = Btf::parse(bytes).unwrap();
        for (id, _) in old.types() {
            let kind = old.get(id).map(|found| found.kind());
            assert!(
                !matches!(
                    kind,
                    Some(
                        Kind::Func
                            | Kind::FuncProto
                            | Kind::Var
                            | Kind::Datasec
                            | Kind::Float
                            | Kind::DeclTag
                            | Kind::TypeTag
                            | Kind::Enum64
                    )
                ),
                "{name}: {id} is {kind:?}"
            );
        }
        for program in spec.programs.names() {
            let Ok(prepared) = prepare_program(&spec, program, &PrepareOptions::default()) else {
                continue;
            };
            for (info, (function, start)) in prepared.func_infos.iter().zip(&prepared.functions) {
                let id = bpf_btf::TypeId::new(info.type_id);
                assert_eq!(btf.get(id).map(|f| f.name().to_owned()).as_ref(), Some(function));
                assert_eq!(info.slot as usize, *start);
            }
            for line in &prepared.line_infos {
                lines += 1;
                assert_eq!(btf.string(line.line_text), spec.btf_string(line.line_text), "{name}");
                assert!(btf.string(line.file_name).is_some_and(|file| file.contains(".c")));
            }
        }
    }
    assert!(lines > 500, "{lines} lines");
}

#[test]
fn ids_of_own_types_are_those_of_the_btf_that_is_loaded() {
    const TYPE_ID_LOCAL: u32 = 6;
    let mut checked = 0;
    for order in [testdata::Order::Little, testdata::Order::Big] {
        let spec = read("core", order);
        let loaded = [BtfFeatures::ALL, BtfFeatures::NONE]
            .map(|features| Btf::parse(prepare_btf(&spec, &features).unwrap().unwrap()).unwrap());
        // What the kernel has does not matter: here it is other types, and so other ids.
        let kernel =
            Btf::parse(prepare_btf(&read("data", order), &BtfFeatures::ALL).unwrap().unwrap())
                .unwrap();
        let modules = || Ok::<_, std::convert::Infallible>(Vec::new());
        let core = CoreResolution::new(&spec, &kernel, modules).unwrap();
        for (name, program) in &spec.programs {
            let prepared =
                prepare_program(&spec, name, &PrepareOptions::new().with_core(&core)).unwrap();
            let relocations = program.function.core_relocations.iter();
            for relocation in relocations.filter(|found| found.kind.0 == TYPE_ID_LOCAL) {
                let held = prepared.slots.get(relocation.slot).map(|slot| slot.imm);
                assert_eq!(held, i32::try_from(relocation.type_id).ok(), "{name}, {order:?}");
                for btf in &loaded {
                    let own = btf.get(bpf_btf::TypeId::new(relocation.type_id));
                    assert_eq!(own.map(|found| found.name()), Some("task_struct"), "{name}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked >= 2, "{checked} relocations");
}

#[test]
fn prepared_programs_of_both_byte_orders_are_the_same() {
    let mut programs = 0;
    for name in testdata::OBJECTS {
        let [little, big] =
            [testdata::Order::Little, testdata::Order::Big].map(|order| read(name, order));
        assert!(little.programs.names().eq(big.programs.names()), "{name}");
        for program in little.programs.names() {
            let prepare = |spec| {
                prepare_program(spec, program, &PrepareOptions::default()).map(|p| {
                    (p.slots.len(), p.functions, p.fixups, p.func_infos.len(), p.line_infos.len())
                })
            };
            assert_eq!(prepare(&little), prepare(&big), "{name} {program}");
            programs += 1;
        }
    }
    assert!(programs > 40, "{programs} programs");
}

#[test]
fn every_fixup_names_something_that_the_collection_has() {
    for (name, spec) in specs() {
        for program in spec.programs.names() {
            let Ok(prepared) = prepare_program(&spec, program, &PrepareOptions::default()) else {
                continue;
            };
            for fixup in &prepared.fixups {
                assert!(fixup.slot < prepared.slots.len(), "{name} {program}");
                let known = match &fixup.target {
                    FixupTarget::Map { name } | FixupTarget::MapValue { map: name, .. } => {
                        spec.maps.contains(name)
                    }
                    FixupTarget::Kfunc { name, .. }
                    | FixupTarget::KfuncAddress { name, .. }
                    | FixupTarget::Ksym { name, .. } => spec.externs.contains(name),
                    FixupTarget::JumpTable { targets, .. } => {
                        targets.iter().all(|target| *target < prepared.slots.len())
                    }
                    other => {
                        panic!("{name} {program}: a kind that no fixture should have: {other:?}")
                    }
                };
                assert!(known, "{name} {program}: {fixup:?}");
            }
        }
    }
}
