//! What other readers refuse, or read wrongly, although clang or bpftool's linker make it.
use bpf_asm::{Register, Slot};
use bpf_btf::VarLinkage;

use super::{Types, exits, reads};
use crate::spec::{ExternKind, Target};
use crate::testing::{FUNC, GLOBAL, LOCAL, NOTYPE, OBJECT, WEAK};

#[test]
fn a_map_that_is_still_weak_after_linking_is_a_map() {
    for binding in [GLOBAL, WEAK] {
        reads(
            |elf| {
                let mut types = Types::new();
                let kind = types.number(2);
                let definition = types.attributes("", &[("type", kind)]);
                let map = types.variable("m", definition, VarLinkage::Global);
                types.section(".maps", &[(map, 8)]);
                let code = [&Slot::ld_imm64(Register::R1, 0)[..], &exits(1)].concat();
                elf.btf(&types.btf)
                    .data(".maps", &[0; 8])
                    .symbol("m", ".maps", 0, 8, binding | OBJECT)
                    .code("xdp", &code)
                    .symbol("p", "xdp", 0, 24, GLOBAL | FUNC)
                    .relocation("xdp", 0, "m");
            },
            |spec| {
                let references = &spec.programs.get("p").unwrap().function.references;
                assert_eq!(references[0].target, Target::Map { name: "m".into() });
            },
        );
    }
}

#[test]
fn a_value_of_the_configuration_may_be_weak() {
    for binding in [GLOBAL, WEAK] {
        reads(
            |elf| {
                let mut types = Types::new();
                let int = types.int;
                let value = types.variable("CONFIG_X", int, VarLinkage::Extern);
                types.section(".kconfig", &[(value, 4)]);
                let code = [&Slot::ld_imm64(Register::R1, 0)[..], &exits(1)].concat();
                elf.btf(&types.btf)
                    .code("xdp", &code)
                    .symbol("p", "xdp", 0, 24, GLOBAL | FUNC)
                    .undefined("CONFIG_X", binding | NOTYPE)
                    .relocation("xdp", 0, "CONFIG_X");
            },
            |spec| {
                let found = spec.externs.get("CONFIG_X").unwrap();
                assert_eq!((found.kind, found.weak), (ExternKind::Kconfig, binding == WEAK));
            },
        );
    }
}

#[test]
fn a_call_may_name_a_static_function_and_one_of_another_section() {
    for (section, info) in [(".text", LOCAL), (".text", WEAK), ("tc", GLOBAL), ("tc", WEAK)] {
        reads(
            |elf| {
                let code = [&[Slot::call_function(-1)][..], &exits(1)].concat();
                elf.code("xdp", &code)
                    .code(section, &exits(2))
                    .symbol("p", "xdp", 0, 16, GLOBAL | FUNC)
                    .symbol("other", section, 0, 8, GLOBAL | FUNC)
                    .symbol("called", section, 8, 8, info | FUNC)
                    .relocation("xdp", 0, "called");
            },
            |spec| {
                let references = &spec.programs.get("p").unwrap().function.references;
                let target = Target::Call { function: "called".into() };
                assert_eq!(references[0].target, target, "{section} {info:#x}");
                assert!(spec.function("called").is_some());
            },
        );
    }
}
