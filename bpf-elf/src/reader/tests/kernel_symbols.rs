//! Tests of reading externs of the kernel.
use bpf_asm::{Register, Slot};
use bpf_btf::{Definition, FuncLinkage, NewEnumValue, TypeId, VarLinkage};
use bpf_sys::abi::MapFlags;

use super::{Types, fails, reads};
use crate::spec::{ExternKind, MapContents, Target};
use crate::testing::{Elf, FUNC, GLOBAL, NOTYPE, WEAK};

type Make = fn(&mut Types) -> TypeId;

fn integer(types: &mut Types, name: &str, size: u32, bool: bool) -> TypeId {
    types.add(&Definition::Int { name, size, signed: false, char: false, bool })
}

/// An object with these externs for the kernel configuration.
fn kconfig(elf: &mut Elf, externs: &[(&str, Make)]) {
    let mut types = Types::new();
    let mut entries = Vec::new();
    for (name, make) in externs {
        let target = make(&mut types);
        entries.push((types.variable(name, target, VarLinkage::Extern), 1));
        elf.undefined(name, GLOBAL | NOTYPE);
    }
    types.section(".kconfig", &entries);
    elf.btf(&types.btf);
}

fn tristate(types: &mut Types, name: &str) -> TypeId {
    let values = [NewEnumValue::new("TRI_NO", 0)];
    types.add(&Definition::Enum { name, size: 4, signed: false, values: &values })
}

#[test]
fn values_are_laid_out_by_alignment_then_size_then_name() {
    reads(
        |elf| {
            kconfig(
                elf,
                &[
                    ("TEXT", |t| {
                        let char = integer(t, "char", 1, false);
                        t.array(char, 5)
                    }),
                    ("B", |t| integer(t, "bool", 1, true)),
                    ("A", |t| integer(t, "bool", 1, true)),
                    ("WIDE", |t| integer(t, "u64", 8, false)),
                    ("STATE", |t| tristate(t, "libbpf_tristate")),
                    ("SHORT", |t| integer(t, "u16", 2, false)),
                ],
            );
        },
        |spec| {
            let places: Vec<_> =
                spec.externs.values().map(|e| (e.name.as_str(), e.offset, e.size)).collect();
            let expected = [
                ("A", 14, 1),
                ("B", 15, 1),
                ("SHORT", 12, 2),
                ("STATE", 8, 4),
                ("TEXT", 16, 5),
                ("WIDE", 0, 8),
            ];
            assert_eq!(places, expected);
            let map = spec.maps.get(".kconfig").unwrap();
            assert_eq!((map.value_size, map.freeze), (21, true));
            assert_eq!(map.flags, MapFlags::RDONLY_PROG | MapFlags::MMAPABLE);
            assert_eq!(map.contents, MapContents::Zeroed);
        },
    );
}

#[test]
fn only_types_of_the_configuration_hold_its_values() {
    let rows: [(Make, &str); 6] = [
        (|t| integer(t, "bool", 4, true), "bool"),
        (|t| integer(t, "u128", 16, false), "u128"),
        (|t| tristate(t, "colour"), "enum colour"),
        (|t| t.array(t.int, 4), "int[4]"),
        (
            |t| {
                let char = integer(t, "char", 1, false);
                t.array(char, 0)
            },
            "char[0]",
        ),
        (|t| t.pointer(t.int), "int *"),
    ];
    for (make, name) in rows {
        for order in crate::testing::ORDERS {
            let mut elf = Elf::new(order);
            kconfig(&mut elf, &[("X", make)]);
            let error = crate::spec::CollectionSpec::parse(&elf.build()).unwrap_err();
            let crate::Error::KconfigType { name: symbol, .. } = &error else {
                panic!("{name}: {error}")
            };
            assert_eq!(symbol, "X");
        }
    }
}

#[test]
fn values_of_the_configuration_fit_in_a_map() {
    fails(
        |elf| {
            let huge: Make = |t| {
                let char = integer(t, "char", 1, false);
                t.array(char, u32::MAX)
            };
            kconfig(elf, &[("A", huge), ("B", huge)]);
        },
        "section \".kconfig\" has 8589934590 bytes: a map value cannot be that large",
    );
}

/// A program that uses each extern of `.ksyms` once: loads of `typed`, `typeless` and `kfunc`, a call of `kfunc`.
fn ksyms(elf: &mut Elf, binding: u8) {
    let mut types = Types::new();
    let void = types.add(&Definition::Const { target: TypeId::VOID });
    let int = types.int;
    let entries = [
        (types.variable("typed", int, VarLinkage::Extern), 4),
        (types.variable("typeless", void, VarLinkage::Extern), 0),
        (types.function("kfunc", FuncLinkage::Extern), 0),
    ];
    types.section(".ksyms", &entries);
    let load = Slot::ld_imm64(Register::R1, 0);
    let mut code = [load, load, load].concat();
    code.push(Slot::call_function(-1));
    elf.btf(&types.btf).code("xdp", &code).symbol("p", "xdp", 0, 56, GLOBAL | FUNC);
    for (offset, name) in [(0, "typed"), (16, "typeless"), (32, "kfunc"), (48, "kfunc")] {
        if !elf.symbols.iter().any(|symbol| symbol.name == name) {
            elf.undefined(name, binding | NOTYPE);
        }
        elf.relocation("xdp", offset, name);
    }
}

#[test]
fn symbols_of_the_kernel_are_variables_or_functions() {
    for binding in [GLOBAL, WEAK] {
        reads(
            |elf| ksyms(elf, binding),
            |spec| {
                let externs: Vec<_> = spec
                    .externs
                    .values()
                    .map(|e| (e.name.as_str(), e.kind, e.weak, e.type_name.as_deref()))
                    .collect();
                let weak = binding == WEAK;
                let kfunc = Some("int(void)");
                let expected = [
                    ("kfunc", ExternKind::Kfunc, weak, kfunc),
                    ("typed", ExternKind::Ksym, weak, Some("int")),
                    ("typeless", ExternKind::Ksym, weak, None),
                ];
                assert_eq!(externs, expected);
                let function = &spec.programs.get("p").unwrap().function;
                let used: Vec<_> = function
                    .references
                    .iter()
                    .map(|r| (r.slot, function.slots[r.slot].src().number(), r.target.clone()))
                    .collect();
                let expected = [
                    (0, 0, Target::Ksym { name: "typed".into() }),
                    (2, 0, Target::Ksym { name: "typeless".into() }),
                    (4, 3, Target::KfuncAddress { name: "kfunc".into() }),
                    (6, 2, Target::Kfunc { name: "kfunc".into() }),
                ];
                assert_eq!(used, expected);
            },
        );
    }
}

#[test]
fn a_variable_of_the_kernel_cannot_be_called() {
    fails(
        |elf| {
            ksyms(elf, GLOBAL);
            elf.sections.retain(|section| section.name != ".relxdp");
            elf.relocation("xdp", 48, "typed");
        },
        "relocation at 0x30 of section \"xdp\" leads to symbol \"typed\", which is not a function, and called",
    );
}

#[test]
fn undefined_symbols_that_nobody_uses_do_not_matter() {
    reads(
        |elf| {
            elf.undefined("stray", GLOBAL | NOTYPE);
        },
        |spec| assert!(spec.externs.is_empty()),
    );
}
