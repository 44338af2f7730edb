//! The objects of `testdata` read as what their sources say.

use bpf_elf::Error;
use bpf_elf::spec::{CollectionSpec, MapContents, Target, Warning};
use testdata::{OBJECTS, Order, object};

fn read(name: &str, order: Order) -> Result<CollectionSpec, Error> {
    CollectionSpec::parse(object(name, order))
}

#[test]
fn every_object_holds_together() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let spec = read(name, order).unwrap();
            assert_eq!(spec.check(), Ok(()), "{name}");
        }
    }
}

/// What compilers make is what the checks of edits take.
#[test]
fn every_map_and_program_is_one_that_the_kernel_takes() {
    let mut found = std::collections::BTreeSet::new();
    for name in OBJECTS {
        for order in Order::BOTH {
            let spec = read(name, order).unwrap();
            let maps = spec.maps.names().map(|map| spec.check_map(map));
            let programs = spec.programs.names().map(|program| spec.check_program(program));
            for error in maps.chain(programs).filter_map(Result::err) {
                found.insert(format!("{name}: {error}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn both_byte_orders_give_the_same_spec() {
    for name in OBJECTS {
        let mut little = read(name, Order::Little).unwrap();
        let mut big = read(name, Order::Big).unwrap();
        assert_ne!(little.byte_order, big.byte_order);
        big.byte_order = little.byte_order;
        for spec in [&mut little, &mut big] {
            for map in spec.maps.values_mut() {
                if let MapContents::Bytes(bytes) = &mut map.contents {
                    bytes.fill(0);
                }
            }
        }
        assert_eq!(little.programs, big.programs, "{name}");
        assert_eq!(little.functions, big.functions, "{name}");
        assert_eq!(little.maps, big.maps, "{name}");
        assert_eq!(little.variables, big.variables, "{name}");
        assert_eq!(little, big, "{name}");
    }
}

/// What the references of a program or function name, in order.
fn references(spec: &CollectionSpec, key: &str) -> Vec<String> {
    let Some(function) = spec.function(key) else { return vec![format!("no {key}")] };
    function
        .references
        .iter()
        .map(|reference| match &reference.target {
            Target::Map { name } => format!("map {name}"),
            Target::MapValue { map, offset } => format!("{map}+{offset}"),
            Target::Call { function } => format!("call {function}"),
            Target::FunctionAddress { function } => format!("address {function}"),
            Target::Kfunc { name } => format!("kfunc {name}"),
            Target::KfuncAddress { name } => format!("kfunc address {name}"),
            Target::Ksym { name } => format!("ksym {name}"),
            Target::Kconfig { name } => format!("kconfig {name}"),
            Target::JumpTable { index } => match function.jump_tables.get(*index) {
                Some(table) => format!("{} {:?}", table.name, table.targets),
                None => format!("no table {index}"),
            },
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn instructions_name_what_the_source_names() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("callback", "sum_halves", &["map values", "address add"]),
        ("callback", "add", &["call halve"]),
        (
            "constants",
            "read_strings",
            &[".rodata.str1.1+0", "call at", ".rodata.str1.1+5", "call at"],
        ),
        ("subprograms", "call_program", &["call program_in_other_section"]),
        ("subprograms", "global_chain", &["call counted", "call global_square", "call twice"]),
        ("other_section", "call_library", &["call in_library", "call static_in_library"]),
        ("no_btf", "advance", &["map plain", "call next"]),
        ("no_btf", "next", &[".rodata+0", ".bss+0", ".data+0"]),
        ("arena", "walk", &["memory+8", "memory+0", ".bss+0"]),
        (
            "jump_table",
            "choose",
            &[
                "BPF.JT.0.0 [9, 28, 19, 24, 14, 33, 40]",
                ".bss+0",
                ".bss+0",
                ".bss+0",
                ".bss+0",
                ".bss+0",
                ".bss+0",
            ],
        ),
        (
            "kconfig_ksyms",
            "read_symbols",
            &[".bss+56", "ksym no_such_symbol", ".bss+48", "ksym bpf_fentry_test1"],
        ),
        (
            "kconfig_ksyms",
            "call_missing",
            &["kfunc address no_such_kfunc", "kfunc no_such_kfunc", ".bss+72"],
        ),
    ];
    for (object, function, expected) in rows {
        for order in Order::BOTH {
            let spec = read(object, order).unwrap();
            assert_eq!(references(&spec, function), *expected, "{object} {function}");
        }
    }
}

#[test]
fn records_of_core_relocations_lead_to_their_texts() {
    for order in Order::BOTH {
        let spec = read("core", order).unwrap();
        let function = spec.function("ask_about_fields").unwrap();
        for relocation in &function.core_relocations {
            assert_eq!(spec.core_type_name(relocation).map(str::is_empty), Some(false));
            let access = spec.core_access(relocation).unwrap();
            assert!(access.split(':').all(|step| step.parse::<u32>().is_ok()), "{access}");
        }
        let line = spec.function("read_task").unwrap().line_infos[0];
        assert!(spec.line_text(&line).is_some() && spec.btf_string(line.file_name).is_some());
    }
}

#[test]
fn a_file_is_read_and_a_missing_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counter.o");
    std::fs::write(&path, object("counter", Order::NATIVE)).unwrap();
    assert_eq!(CollectionSpec::open(&path).unwrap(), read("counter", Order::NATIVE).unwrap());
    let missing = directory.path().join("missing.o");
    let error = CollectionSpec::open(&missing).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if *path == missing), "{error}");
}

#[test]
fn an_exception_callback_belongs_to_its_program() {
    for order in Order::BOTH {
        let spec = read("exception", order).unwrap();
        let callback = |name| spec.programs.get(name).unwrap().exception_callback.as_deref();
        assert_eq!(callback("throw"), Some("caught"));
        assert_eq!(callback("throw_plainly"), None);
    }
}

#[test]
fn an_exception_callback_has_to_be_a_global_function() {
    const TAG: &[u8] = b"exception_callback:caught";
    for order in Order::BOTH {
        for (name, problem) in [("caughs", "no such function"), ("throw\0", "no such function")] {
            let mut bytes = object("exception", order).to_vec();
            let at = bytes.windows(TAG.len()).position(|window| window == TAG).unwrap();
            let start = at + TAG.len() - name.len();
            bytes[start..start + name.len()].copy_from_slice(name.as_bytes());
            // The object can be read, and its other programs loaded; the kernel will not take this one.
            let spec = CollectionSpec::parse(&bytes).unwrap();
            assert_eq!(spec.programs.get("throw").unwrap().exception_callback, None);
            let [warning @ Warning::ExceptionCallback { .. }] = &spec.warnings[..] else {
                panic!("{:?}", spec.warnings);
            };
            let warning = warning.to_string();
            assert!(warning.contains(problem) && warning.contains("throw"), "{warning}");
        }
    }
}
