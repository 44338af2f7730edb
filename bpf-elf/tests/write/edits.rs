//! Edited specs: what was changed is in the object, and what was not is as it was.

use bpf_asm::{Builder, R0};
use bpf_elf::spec::{CollectionSpec, Function, Linkage, MapContents, MapEntry, MapPair, Pinning};
use bpf_sys::abi::{AttachType, MapFlags, ProgramType};
use testdata::{Order, object};

/// Edits an object in both byte orders, and reads what is written. That all else stays is what `write_elf` checks itself.
#[track_caller]
pub(crate) fn check(
    name: &str,
    edit: impl Fn(&mut CollectionSpec),
    expect: impl Fn(&CollectionSpec) -> bool,
) {
    for order in Order::BOTH {
        let mut spec = CollectionSpec::parse(object(name, order)).unwrap();
        edit(&mut spec);
        let written = match spec.write_elf() {
            Ok(written) => written,
            Err(error) => panic!("{name} {order:?}: {error}"),
        };
        let again = CollectionSpec::parse(&written).unwrap();
        assert!(expect(&again), "{name} {order:?}");
        // What was written is settled: it is written as itself.
        assert_eq!(CollectionSpec::parse(&again.write_elf().unwrap()).unwrap(), again, "{name}");
    }
}

#[track_caller]
fn fails(name: &str, edit: impl Fn(&mut CollectionSpec), expected: &str) {
    for order in Order::BOTH {
        let mut spec = CollectionSpec::parse(object(name, order)).unwrap();
        edit(&mut spec);
        let error = spec.write_elf().unwrap_err();
        assert_eq!(error.to_string(), expected, "{name}");
    }
}

fn return_number(number: i32) -> Function {
    let mut builder = Builder::new();
    builder.mov64(R0, number).exit();
    Function::new("made", builder.finish().unwrap().slots)
}

#[test]
fn variables_have_the_values_that_they_were_given() {
    check(
        "variables",
        |spec| spec.set_variable("constant", &[1_u8, 2, 3, 4]).unwrap(),
        |spec| spec.variable("constant").unwrap().bytes() == Some(&[1, 2, 3, 4]),
    );
    check(
        "data",
        |spec| {
            let last = spec.variables.values().max_by_key(|variable| variable.offset);
            let name = last.unwrap().name.clone();
            spec.resize_variable(&name, 400).unwrap();
        },
        |spec| spec.variables.values().any(|variable| variable.size == 400),
    );
    check(
        "bss",
        |spec| fill(spec, ".bss", 0),
        |spec| spec.maps.get(".bss").unwrap().contents == MapContents::Zeroed,
    );
    fails(
        "bss",
        |spec| fill(spec, ".bss", 1),
        "map \".bss\": is a section of zeros in an object and cannot hold other bytes",
    );
    fails(
        "kconfig_ksyms",
        |spec| fill(spec, ".kconfig", 1),
        "map \".kconfig\": gets its values when it is loaded, and cannot hold others",
    );
}

#[test]
fn objects_have_no_pairs() {
    let pairs = |of: &[(u32, u8)]| {
        let pair = |(key, value): &(u32, u8)| MapPair::new(key.to_ne_bytes(), [*value; 8]);
        MapContents::Pairs(of.iter().map(pair).collect())
    };
    let problem =
        "begins with pairs of keys and values, and a definition in an object cannot have them";
    for of in [&[][..], &[(0, 1), (1, 2)]] {
        for (name, map) in [("counter", "by_length"), ("legacy_maps", "old_hash")] {
            fails(
                name,
                |spec| {
                    let map = spec.maps.get_mut(map).unwrap();
                    (map.key_size, map.value_size) = (4, 8);
                    map.contents = pairs(of);
                },
                &format!("map {map:?}: {problem}"),
            );
        }
    }
}

fn fill(spec: &mut CollectionSpec, map: &str, byte: u8) {
    let map = spec.maps.get_mut(map).unwrap();
    map.contents = MapContents::Bytes(vec![byte; map.value_size as usize]);
}

#[test]
fn attributes_of_maps_are_those_of_the_spec() {
    check(
        "inner_maps",
        |spec| {
            let map = spec.maps.get_mut("first").unwrap();
            map.max_entries = 77;
            map.flags |= MapFlags::NUMA_NODE;
            map.numa_node = 3;
            map.pinning = Pinning::ByName;
            let outer = spec.maps.get_mut("by_index").unwrap();
            outer.inner.as_mut().unwrap().max_entries = 77;
            outer.max_entries = 9;
            let MapContents::Entries(entries) = &mut outer.contents else { panic!("entries") };
            entries.push(MapEntry::new(8, "second"));
        },
        |spec| {
            let map = spec.maps.get("first").unwrap();
            let outer = spec.maps.get("by_index").unwrap();
            let entries = [(0, "first"), (2, "second"), (8, "second")];
            let entries = entries.map(|(key, name)| MapEntry::new(key, name)).to_vec();
            (map.max_entries, map.numa_node, map.pinning) == (77, 3, Pinning::ByName)
                && map.key_type.is_some()
                && outer.inner.as_ref().unwrap().max_entries == 77
                && outer.contents == MapContents::Entries(entries)
        },
    );
    check(
        "arena",
        |spec| spec.maps.get_mut("memory").unwrap().map_extra = 0x1_0000_0000_0000,
        |spec| spec.maps.get("memory").unwrap().map_extra == 0x1_0000_0000_0000,
    );
    check(
        "subprograms",
        |spec| {
            let map = spec.maps.get_mut("calls").unwrap();
            map.key_type = None;
            map.value_type = None;
            map.value_size = 40;
        },
        |spec| {
            let map = spec.maps.get("calls").unwrap();
            (map.key_size, map.value_size, map.value_type.is_none()) == (4, 40, true)
        },
    );
    check(
        "legacy_maps",
        |spec| spec.maps.values_mut().for_each(|map| map.max_entries = 3),
        |spec| spec.maps.values().all(|map| map.max_entries == 3),
    );
    fails(
        "subprograms",
        |spec| spec.maps.get_mut("calls").unwrap().autocreate = false,
        "an object file cannot say the autocreate flag of map \"calls\" as the spec has it",
    );
    fails(
        "subprograms",
        |spec| spec.maps.get_mut("calls").unwrap().value_size = 12,
        "an object file cannot say the value size of map \"calls\" as the spec has it",
    );
}

#[test]
fn maps_are_renamed_and_removed() {
    check(
        "inner_maps",
        |spec| {
            spec.rename_map("first", "renamed").unwrap();
            spec.rename_map("by_index", "outer").unwrap();
        },
        |spec| {
            spec.maps.contains("outer")
                && spec.maps.contains("renamed")
                && !spec.maps.contains("first")
        },
    );
    check(
        "inner_maps",
        |spec| {
            for name in ["look_in_empty", "count_by_key"] {
                spec.remove_program(name).unwrap();
            }
            for name in ["empty", "by_key", "numbers"] {
                spec.remove_map(name).unwrap();
            }
        },
        |spec| spec.maps.names().collect::<Vec<_>>() == ["first", "second", "by_index"],
    );
    check(
        "jump_table",
        |spec| {
            let program = spec.programs.get_mut("choose").unwrap();
            program.function = return_number(5);
            spec.remove_map(".bss").unwrap();
        },
        |spec| spec.maps.is_empty() && spec.variables.is_empty(),
    );
}

#[test]
fn programs_are_renamed_removed_and_replaced() {
    check(
        "prog_array",
        |spec| spec.rename_program("return_ten", "ten").unwrap(),
        |spec| spec.programs.contains("ten") && !spec.programs.contains("return_ten"),
    );
    check(
        "subprograms",
        |spec| {
            spec.remove_program("call_chain").unwrap();
            spec.functions
                .get_mut("global_square")
                .unwrap()
                .slots
                .insert(0, return_number(3).slots[0]);
            spec.functions.insert("added", return_number(4));
        },
        |spec| {
            spec.functions.get("global_square").unwrap().slots.len() == 4
                && spec.functions.get("added").unwrap().linkage == Linkage::Static
                && !spec.programs.contains("call_chain")
        },
    );
    check(
        "exception",
        |spec| {
            let names: Vec<String> = spec.programs.names().map(str::to_owned).collect();
            for name in names {
                spec.rename_program(&name, &format!("{name}_renamed")).unwrap();
            }
        },
        |spec| spec.programs.values().any(|program| program.exception_callback.is_some()),
    );
    fails(
        "subprograms",
        |spec| {
            let program = spec.programs.get_mut("call_chain").unwrap();
            program.function = Function::new("call_chain", Vec::new());
        },
        "function \"call_chain\" has no instructions",
    );
}

#[test]
fn sections_say_what_programs_have_become() {
    check(
        "tracing",
        |spec| {
            for program in spec.programs.values_mut() {
                program.autoload = false;
            }
        },
        |spec| {
            spec.programs
                .values()
                .all(|program| !program.autoload && program.section.starts_with('?'))
        },
    );
    check(
        "xdp",
        |spec| {
            let name = spec.programs.names().next().unwrap().to_owned();
            let program = spec.programs.get_mut(&name).unwrap();
            program.set_type(ProgramType::CGROUP_SKB, Some(AttachType::CGROUP_INET_EGRESS));
        },
        |spec| {
            let program =
                spec.programs.values().find(|program| program.section == "cgroup_skb/egress");
            program
                .is_some_and(|program| program.attach_type == Some(AttachType::CGROUP_INET_EGRESS))
        },
    );
    fails(
        "rodata",
        |spec| {
            let program = spec.programs.values_mut().next().unwrap();
            program.set_type(ProgramType::XDP, Some(AttachType::CGROUP_INET_EGRESS));
            "odd".clone_into(&mut program.name);
        },
        &format!(
            "no section name says what program {:?} is: its type, attach type, target and flags do not go together",
            CollectionSpec::parse(object("rodata", Order::Little))
                .unwrap()
                .programs
                .names()
                .next()
                .unwrap()
        ),
    );
}

#[test]
fn licence_and_version_are_those_of_the_spec() {
    for license in ["MIT", "Dual BSD/GPL", "G", ""] {
        check(
            "license_version",
            |spec| {
                license.clone_into(&mut spec.license);
                spec.kernel_version = 0x0006_0100;
            },
            |spec| spec.license == license && spec.kernel_version == 0x0006_0100,
        );
    }
}

#[test]
fn externs_that_nothing_names_can_be_removed() {
    check(
        "kconfig_ksyms",
        |spec| {
            spec.programs.remove("read_typed").unwrap();
            spec.externs.remove("bpf_prog_active").unwrap();
        },
        |spec| !spec.externs.contains("bpf_prog_active") && spec.externs.contains("CONFIG_HZ"),
    );
    check(
        "kconfig_ksyms",
        |spec| {
            let names: Vec<String> = spec.programs.names().map(str::to_owned).collect();
            for name in names {
                spec.programs.get_mut(&name).unwrap().function = return_number(1);
            }
            let names: Vec<String> = spec.externs.names().map(str::to_owned).collect();
            for name in names {
                spec.externs.remove(&name);
            }
            spec.maps.remove(".kconfig");
        },
        |spec| spec.externs.is_empty(),
    );
}
