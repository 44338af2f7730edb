//! Tests of reading data sections and variables.
use bpf_asm::{Register, Slot};
use bpf_btf::VarLinkage;
use bpf_sys::abi::{MapFlags, MapType};

use super::{Types, exits, fails, reads};
use crate::spec::{CollectionSpec, EditError, MapContents, Target, Warning};
use crate::testing::{COMPRESSED, Elf, FUNC, GLOBAL, LOCAL, OBJECT, WEAK};

#[test]
fn a_section_is_the_value_of_a_map() {
    reads(
        |elf| {
            elf.data(".rodata.c", &[1, 2])
                .data(".data", &[3])
                .zeros(".bss.x", 7)
                .data(".data.empty", &[])
                .data(".database", &[1])
                .data(".rodatas", &[1]);
        },
        |spec| {
            let maps: Vec<_> = spec
                .maps
                .values()
                .map(|m| (m.name.as_str(), m.value_size, m.flags, m.freeze, m.contents.bytes()))
                .collect();
            let constant = MapFlags::RDONLY_PROG;
            assert_eq!(
                maps,
                [
                    (".rodata.c", 2, constant, true, Some(&[1, 2][..])),
                    (".data", 1, MapFlags::NONE, false, Some(&[3][..])),
                    (".bss.x", 7, MapFlags::NONE, false, None),
                ]
            );
            assert_eq!(spec.maps.get(".bss.x").unwrap().contents, MapContents::Zeroed);
        },
    );
}

#[test]
fn only_what_others_may_see_is_a_variable() {
    let rows: [(u8, bool, &str, bool); 7] = [
        (GLOBAL | OBJECT, false, "v", true),
        (WEAK | OBJECT, false, "v", true),
        (GLOBAL, false, "v", true),
        (LOCAL | OBJECT, false, "v", false),
        (GLOBAL | OBJECT, true, "v", false),
        (GLOBAL | FUNC, false, "v", false),
        (GLOBAL | OBJECT, false, ".v", false),
    ];
    for (info, hidden, name, expected) in rows {
        reads(
            |elf| {
                elf.data(".data", &[0; 16]).symbol(name, ".data", 4, 8, info);
                if hidden {
                    elf.hidden();
                }
            },
            |spec| {
                let found = spec.variables.get(name).map(|v| (v.map.as_str(), v.offset, v.size));
                assert_eq!(found, expected.then_some((".data", 4, 8)), "{info:#x} {hidden} {name}");
            },
        );
    }
}

#[test]
fn types_come_from_btf_and_sizes_from_the_symbol() {
    for (size, expected) in [(2, 2), (0, 4)] {
        reads(
            |elf| {
                let mut types = Types::new();
                let int = types.int;
                let v = types.variable("v", int, VarLinkage::Global);
                types.section(".data", &[(v, 4)]);
                elf.btf(&types.btf).data(".data", &[0; 8]).symbol(
                    "v",
                    ".data",
                    4,
                    size,
                    GLOBAL | OBJECT,
                );
            },
            |spec| {
                let v = spec.variables.get("v").unwrap();
                assert_eq!((v.size, v.type_name.as_deref(), v.type_id), (expected, Some("int"), 1));
                assert_eq!(spec.maps.get(".data").unwrap().flags, MapFlags::MMAPABLE);
                let (name, section) = spec.layout.sections.iter().next().unwrap();
                assert_eq!((name, section.size), (".data", 8));
                assert_eq!(section.symbols[0].offset, 4);
            },
        );
    }
}

#[test]
fn static_variables_alone_are_not_mapped() {
    reads(
        |elf| {
            let mut types = Types::new();
            let int = types.int;
            let v = types.variable("v", int, VarLinkage::Static);
            types.section(".data", &[(v, 4)]);
            elf.btf(&types.btf).data(".data", &[0; 4]);
        },
        |spec| assert_eq!(spec.maps.get(".data").unwrap().flags, MapFlags::NONE),
    );
}

#[test]
fn hidden_variables_are_static_ones() {
    for (hidden, expected) in [(true, MapFlags::NONE), (false, MapFlags::MMAPABLE)] {
        reads(
            |elf| {
                let mut types = Types::new();
                let int = types.int;
                let v = types.variable("v", int, VarLinkage::Global);
                types.section(".data.A", &[(v, 4)]);
                let info = GLOBAL | OBJECT;
                elf.btf(&types.btf).data(".data.A", &[0; 4]).symbol("v", ".data.A", 0, 4, info);
                if hidden {
                    elf.hidden();
                }
            },
            |spec| assert_eq!(spec.maps.get(".data.A").unwrap().flags, expected, "{hidden}"),
        );
    }
}

#[test]
fn a_section_with_values_for_each_cpu_is_an_array_of_them() {
    reads(
        |elf| {
            let mut types = Types::new();
            let int = types.int;
            let v = types.variable("v", int, VarLinkage::Global);
            types.section(".percpu", &[(v, 4)]);
            let info = GLOBAL | OBJECT;
            elf.btf(&types.btf).data(".percpu", &[1; 4]).data(".percpu.more", &[2; 8]);
            elf.data(".percpus", &[3]).symbol("v", ".percpu", 0, 4, info);
            let load = Slot::ld_imm64(Register::R1, 0);
            elf.code("xdp", &[&load[..], &exits(1)].concat());
            elf.symbol("p", "xdp", 0, 24, GLOBAL | FUNC).relocation("xdp", 0, "v");
        },
        |spec| {
            let maps: Vec<_> = spec
                .maps
                .values()
                .map(|m| (m.name.as_str(), m.map_type, m.value_size, m.flags, m.freeze))
                .collect();
            let array = MapType::PERCPU_ARRAY;
            let expected = [
                (".percpu", array, 4, MapFlags::NONE, false),
                (".percpu.more", array, 8, MapFlags::NONE, false),
            ];
            assert_eq!(maps, expected);
            // The kernel does not want to know of which object these are, as it does for others.
            assert_eq!(spec.maps.get(".percpu").unwrap().kernel_name("my_object"), ".percpu");
            assert_eq!(spec.variables.get("v").unwrap().map, ".percpu");
            let references = &spec.programs.get("p").unwrap().function.references;
            let target = Target::MapValue { map: ".percpu".into(), offset: 0 };
            assert_eq!(references[0].target, target);
            // What it begins with is edited, checked and written as that of any other section.
            let mut spec = spec;
            spec.set_variable("v", &[7_u8, 8, 9, 10]).unwrap();
            assert_eq!(spec.check_map(".percpu"), Ok(()));
            let wrong = EditError::Size { name: "v".into(), size: 4, found: 3 };
            assert_eq!(spec.set_variable("v", &[1_u8; 3]), Err(wrong));
            let written = CollectionSpec::parse(&spec.write_elf().unwrap()).unwrap();
            assert_eq!(written.variable("v").unwrap().bytes(), Some(&[7, 8, 9, 10][..]));
            assert_eq!(written.maps.get(".percpu").unwrap().map_type, MapType::PERCPU_ARRAY);
        },
    );
}

#[test]
fn variables_stay_in_their_section() {
    for (value, size) in [(5, 4), (8, 1), (u64::MAX, 1), (1, u64::MAX), (1 << 40, 0)] {
        let message = format!(
            "symbol \"v\": {value:#x} with {size:#x} bytes is not within section \".data\""
        );
        fails(
            |elf| {
                elf.data(".data", &[0; 8]).symbol("v", ".data", value, size, GLOBAL | OBJECT);
            },
            &message,
        );
    }
}

#[test]
fn a_huge_section_of_zeros_is_only_a_size() {
    reads(
        |elf| {
            elf.zeros(".bss", u64::from(u32::MAX)).symbol("v", ".bss", 8, 1 << 30, GLOBAL | OBJECT);
        },
        |spec| {
            assert_eq!(spec.maps.get(".bss").unwrap().value_size, u32::MAX);
            assert_eq!(spec.variable("v").unwrap().bytes(), None);
        },
    );
    fails(
        |elf| {
            elf.zeros(".bss", 1 << 63);
        },
        "section \".bss\" has 9223372036854775808 bytes: a map value cannot be that large",
    );
}

#[test]
fn sections_that_are_known_by_name_come_once() {
    for name in [".data", ".maps", "license", ".struct_ops", ".addr_space.1"] {
        fails(
            |elf| {
                elf.data(name, &[1]).data(name, &[2]);
            },
            &format!("more than one section {name:?}"),
        );
    }
}

#[test]
fn an_arena_is_needed_for_its_variables() {
    fails(
        |elf| {
            elf.data(".addr_space.1", &[1, 2]).symbol("v", ".addr_space.1", 0, 2, GLOBAL | OBJECT);
        },
        "section \".addr_space.1\" needs one map of type arena, and the object has 0",
    );
}

#[test]
fn licence_and_version_are_read_by_their_form() {
    let long = "x".repeat(200);
    let rows: [(&[u8], &str); 5] = [
        (b"GPL\0", "GPL"),
        (b"GPL", "GPL"),
        (b"GPL\0garbage", "GPL"),
        (b"", ""),
        (long.as_bytes(), &long[..63]),
    ];
    for (bytes, expected) in rows {
        reads(
            |elf| {
                elf.data("license", bytes);
            },
            |spec| assert_eq!(spec.license, expected),
        );
    }
    reads(
        |elf| {
            elf.data("license", b"G\xffL\0");
        },
        |spec| assert_eq!(spec.license, "G\u{fffd}L"),
    );
    fails(
        |elf| {
            elf.zeros("license", 4);
        },
        "section \"license\" has no contents in the file",
    );
    for size in [0, 3, 5] {
        fails(
            |elf| {
                elf.data("version", &vec![1; size]);
            },
            &format!("section \"version\" has {size} bytes instead of 4"),
        );
    }
}

#[test]
fn sections_that_are_read_are_not_compressed() {
    for name in [".data", "license", ".maps", "xdp"] {
        fails(
            |elf| {
                elf.code("xdp", &exits(1))
                    .data(".data", &[0])
                    .data("license", b"x")
                    .data(".maps", &[0]);
                elf.find(name).flags |= COMPRESSED;
            },
            &format!("section {name:?} is compressed: only debug sections may be"),
        );
    }
    reads(
        |elf| {
            elf.data(".debug_info", &[0]);
            elf.find(".debug_info").flags = COMPRESSED;
        },
        |spec| assert!(spec.maps.is_empty()),
    );
}

#[test]
fn type_information_that_cannot_be_read_is_an_error_where_it_is_needed() {
    let broken: [fn(&mut Elf); 3] = [
        |elf| {
            elf.data(".BTF", b"");
        },
        |elf| {
            elf.data(".BTF", b"\x9f");
        },
        |elf| {
            elf.zeros(".BTF", 100);
        },
    ];
    let needed = [(".maps", true), (".struct_ops", true), ("?.struct_ops.link", true)];
    for (section, is_needed) in needed.into_iter().chain([(".data", false), ("maps", false)]) {
        for (row, broken) in broken.iter().enumerate() {
            for order in crate::testing::ORDERS {
                let mut elf = Elf::new(order);
                broken(&mut elf);
                elf.data(".BTF.ext", b"\x9f").data(section, &[0; 20]);
                let read = crate::spec::CollectionSpec::parse(&elf.build());
                let read = read.map(|spec| (spec.has_btf(), spec.warnings));
                match read {
                    Err(error) => {
                        assert!(is_needed, "{section} {row}: {error}");
                        assert!(error.to_string().starts_with("section \".BTF\""), "{error}");
                    }
                    Ok((has_btf, warnings)) => {
                        assert!(!is_needed && !has_btf, "{section} {row}");
                        let [Warning::Btf { section: ".BTF", .. }] = &warnings[..] else {
                            panic!("{section} {row}: {warnings:?}");
                        };
                        let text = warnings[0].to_string();
                        assert!(text.starts_with("section \".BTF\" is left out: "), "{text}");
                    }
                }
            }
        }
    }
    fails(
        |elf| {
            elf.btf(&Types::new().btf).btf(&Types::new().btf);
        },
        "more than one section \".BTF\"",
    );
}
