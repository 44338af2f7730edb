//! Tests of reading functions.
use bpf_btf::{Definition, FuncLinkage};
use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};

use super::{Types, exits, fails, reads, reads_with};
use crate::ReadOptions;
use crate::section::SectionRule;
use crate::spec::{Linkage, Warning};
use crate::testing::{FUNC, GLOBAL, LOCAL, NOTYPE, WEAK};

#[test]
fn programs_are_global_functions_outside_of_text() {
    reads(
        |elf| {
            elf.code("xdp", &exits(6))
                .code(".text", &exits(3))
                .symbol("second", "xdp", 16, 8, WEAK | FUNC)
                .symbol("first", "xdp", 0, 16, GLOBAL | FUNC)
                .symbol("inner", "xdp", 32, 16, LOCAL | FUNC)
                .symbol("library", ".text", 0, 8, GLOBAL | FUNC)
                .symbol("private", ".text", 8, 16, GLOBAL | FUNC)
                .hidden();
        },
        |spec| {
            assert_eq!(spec.programs.names().collect::<Vec<_>>(), ["first", "second"]);
            assert_eq!(spec.functions.names().collect::<Vec<_>>(), ["inner", "library", "private"]);
            let second = &spec.programs.get("second").unwrap().function;
            assert_eq!((second.linkage, second.slots.len()), (Linkage::Weak, 1));
            let inner = spec.functions.get("inner").unwrap();
            assert_eq!((inner.linkage, inner.section.as_str()), (Linkage::Static, "xdp"));
            assert!(spec.functions.get("private").unwrap().hidden);
        },
    );
}

#[test]
fn functions_of_one_name_get_keys_of_their_own() {
    reads(
        |elf| {
            elf.code(".text", &exits(8))
                .code("xdp", &exits(1))
                .symbol("f", ".text", 0, 8, LOCAL | FUNC)
                .symbol("f", ".text", 8, 8, LOCAL | FUNC)
                .symbol("f", ".text", 16, 8, LOCAL | FUNC)
                .symbol("g", ".text", 24, 8, LOCAL | FUNC)
                .symbol("g", ".text", 32, 8, GLOBAL | FUNC)
                .symbol("p", ".text", 40, 8, LOCAL | FUNC)
                .symbol("p", "xdp", 0, 8, GLOBAL | FUNC);
        },
        |spec| {
            let keys: Vec<_> = spec.functions.iter().map(|(k, f)| (k, f.name.as_str())).collect();
            let expected = [
                ("f", "f"),
                ("f@.text", "f"),
                ("f@.text+0x10", "f"),
                ("g@.text", "g"),
                ("g", "g"),
                ("p@.text", "p"),
            ];
            assert_eq!(keys, expected);
        },
    );
}

#[test]
fn names_for_the_same_code_are_functions_of_their_own() {
    reads(
        |elf| {
            elf.code("xdp", &exits(2)).symbol("alias", "xdp", 0, 16, GLOBAL | FUNC).symbol(
                "name",
                "xdp",
                0,
                16,
                GLOBAL | FUNC,
            );
        },
        |spec| {
            let sizes: Vec<_> =
                spec.programs.values().map(|p| (&*p.name, p.function.slots.len())).collect();
            assert_eq!(sizes, [("alias", 2), ("name", 2)]);
        },
    );
}

#[test]
fn symbols_without_type_are_functions_where_there_are_no_others() {
    reads(
        |elf| {
            elf.code("xdp", &exits(4))
                .symbol("label", "xdp", 8, 0, LOCAL | NOTYPE)
                .symbol("second", "xdp", 24, 0, GLOBAL | NOTYPE)
                .symbol("first", "xdp", 0, 0, GLOBAL | NOTYPE)
                .code("tc", &exits(2))
                .symbol("typed", "tc", 0, 8, GLOBAL | FUNC)
                .symbol("untyped", "tc", 8, 8, GLOBAL | NOTYPE);
        },
        |spec| {
            let sizes: Vec<_> =
                spec.programs.values().map(|p| (&*p.name, p.function.slots.len())).collect();
            assert_eq!(sizes, [("first", 3), ("second", 1), ("typed", 1)]);
        },
    );
}

#[test]
fn code_without_functions_is_left_out_with_a_warning() {
    reads(
        |elf| {
            elf.code("xdp", &exits(4)).code(".text", &[]);
        },
        |spec| {
            assert!(spec.programs.is_empty() && spec.functions.is_empty());
            assert_eq!(spec.warnings, [Warning::NoFunctions { section: "xdp".into() }]);
        },
    );
}

#[test]
fn what_is_no_function_is_refused() {
    let one = |value, size| {
        move |elf: &mut crate::testing::Elf| {
            elf.code("xdp", &exits(4)).symbol("f", "xdp", value, size, GLOBAL | FUNC);
        }
    };
    let bounds = "is not within section \"xdp\"";
    let size = "is not a number of 8-byte instructions";
    let f = "function \"f\" in section \"xdp\"";
    fails(
        one(0xffff_ffff_ffff_ffb8, 104),
        &format!("symbol \"f\": 0xffffffffffffffb8 with 0x68 bytes {bounds}"),
    );
    fails(one(0, 40), &format!("symbol \"f\": 0x0 with 0x28 bytes {bounds}"));
    fails(one(32, 8), &format!("symbol \"f\": 0x20 with 0x8 bytes {bounds}"));
    fails(one(0, 0), &format!("{f}: 0x0 with 0x0 bytes {size}"));
    fails(one(0, 12), &format!("{f}: 0x0 with 0xc bytes {size}"));
    fails(one(4, 8), &format!("{f}: 0x4 with 0x8 bytes {size}"));
    fails(
        |elf| {
            one(0, 16)(elf);
            elf.symbol("g", "xdp", 8, 16, GLOBAL | FUNC);
        },
        "functions \"f\" and \"g\" in section \"xdp\" overlap",
    );
    fails(
        |elf| {
            one(0, 16)(elf);
            elf.symbol("f", "xdp", 16, 16, GLOBAL | FUNC);
        },
        "program \"f\" is defined more than once",
    );
}

#[test]
fn names_that_share_bytes_do_not_make_the_spec_large() {
    let too_large = "the object describes more than its size accounts for: its spec would take more than 8 times the memory";
    // Each of many symbols names the same large function.
    fails(
        |elf| {
            elf.code("xdp", &exits(40_000));
            for index in 0..400 {
                elf.symbol(&format!("f{index}"), "xdp", 0, 320_000, GLOBAL | FUNC);
            }
        },
        too_large,
    );
    // Each of many names is the tail of one long string, which is the first thing in the table.
    fails(
        |elf| {
            elf.code("xdp", &exits(4000));
            for index in 0..4000 {
                elf.symbol("", "xdp", index * 8, 8, GLOBAL | FUNC);
            }
            let mut strings = b"\0.strtab\0.symtab\0xdp\0".to_vec();
            let start = strings.len();
            strings.extend([b'a'; 4000]);
            strings.push(0);
            elf.find(".strtab").bytes = strings;
            elf.name_offsets = Some(start);
        },
        too_large,
    );
}

#[test]
fn an_application_has_section_names_of_its_own() {
    let tracing = SectionRule::new("mine+", ProgramType::TRACING)
        .with_attach_type(AttachType::TRACE_FENTRY)
        .with_flags(ProgramFlags::SLEEPABLE)
        .with_btf_target();
    let options = ReadOptions::new()
        .with_section_rule(SectionRule::new("", ProgramType::KPROBE))
        .with_section_rule(tracing)
        .with_section_rule(SectionRule::new("tc", ProgramType::SCHED_ACT));
    let sections = ["mine/f", "?mine", "tc", "xdp", "xdp/x", "nobody"];
    reads_with(
        &options,
        |elf| {
            for name in sections {
                elf.code(name, &exits(1)).symbol(&format!("in {name}"), name, 0, 8, GLOBAL | FUNC);
            }
        },
        |spec| {
            let types: Vec<_> = spec
                .programs
                .values()
                .map(|p| (p.program_type, p.attach_to.as_deref(), p.needs_btf_target, p.autoload))
                .collect();
            let expected = [
                (ProgramType::TRACING, Some("f"), true, true),
                (ProgramType::TRACING, None, true, false),
                (ProgramType::SCHED_ACT, None, false, true),
                (ProgramType::XDP, None, false, true),
                (ProgramType::KPROBE, None, false, true),
                (ProgramType::KPROBE, None, false, true),
            ];
            assert_eq!(types, expected);
            assert!(spec.warnings.is_empty());
            let first = spec.programs.values().next().unwrap();
            assert_eq!(first.attach_type, Some(AttachType::TRACE_FENTRY));
            assert_eq!(first.flags, ProgramFlags::SLEEPABLE);
        },
    );
}

#[test]
fn of_several_exception_callbacks_a_program_has_none() {
    for (tags, expected) in [
        (&["first"][..], Some("first")),
        (&["first", "second"], None),
        (&["first", "second", "first"], None),
        (&["missing", "second"], None),
        (&["missing"], None),
    ] {
        reads(
            |elf| {
                let mut types = Types::new();
                let program = types.function("p", FuncLinkage::Global);
                for tag in tags {
                    let name = format!("exception_callback:{tag}");
                    types.add(&Definition::DeclTag {
                        name: &name,
                        target: program,
                        component: None,
                        attribute: false,
                    });
                }
                elf.btf(&types.btf).code("tc", &exits(1)).code(".text", &exits(2));
                elf.symbol("p", "tc", 0, 8, GLOBAL | FUNC)
                    .symbol("first", ".text", 0, 8, GLOBAL | FUNC)
                    .symbol("second", ".text", 8, 8, GLOBAL | FUNC);
            },
            |spec| {
                let program = spec.programs.get("p").unwrap();
                assert_eq!(program.exception_callback.as_deref(), expected, "{tags:?}");
                assert_eq!(spec.warnings.is_empty(), expected.is_some(), "{:?}", spec.warnings);
            },
        );
    }
}
