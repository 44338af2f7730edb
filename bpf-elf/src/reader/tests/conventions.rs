//! Conventions of libbpf that concern an object as a whole, by their numbers in its checklist: what is passed over (E3, E5), the order of maps (E17), a
//! single arena (E22), values of `struct_ops` by their types (E45).
use bpf_btf::{Definition, NewMember, VarLinkage};
use bpf_sys::abi::MapType;

use super::{Types, exits, fails, reads};
use crate::spec::{MapContents, Warning};
use crate::testing::{Elf, FUNC, GLOBAL, NOTYPE, OBJECT, PROGBITS, REL, STRTAB};

/// `SHT_LLVM_ADDRSIG`
const ADDRSIG: u32 = 0x6fff_4c03;
/// `SHT_RELA`
const RELA: u32 = 4;
/// `SHT_NOTE`
const NOTE: u32 = 7;

#[test]
fn what_says_nothing_about_programs_is_passed_over() {
    let rows: [(&str, u32); 12] = [
        (".debug_info", PROGBITS),
        (".debug_str", PROGBITS),
        (".llvm_addrsig", ADDRSIG),
        (".more_strings", STRTAB),
        (".rel.debug_info", REL),
        (".rel.BTF", REL),
        (".rel.BTF.ext", REL),
        (".relcomment", REL),
        (".rela.debug_info", RELA),
        (".note.GNU-stack", NOTE),
        ("comment", PROGBITS),
        (".eh_frame", PROGBITS),
    ];
    for (name, kind) in rows {
        reads(
            |elf| {
                elf.code("xdp", &exits(1)).symbol("p", "xdp", 0, 8, GLOBAL | FUNC);
                elf.code(".text", &[]).data("target", &[0; 16]);
                elf.section(name, kind, 0, vec![0; 32]);
                let target = u32::try_from(elf.index("target")).unwrap();
                let section = elf.find(name);
                if kind == REL || kind == RELA {
                    section.entry_size = if kind == REL { 16 } else { 24 };
                    section.info = target;
                    section.bytes.truncate(if kind == REL { 32 } else { 24 });
                }
            },
            |spec| {
                assert_eq!(spec.programs.names().collect::<Vec<_>>(), ["p"], "{name}");
                assert!(spec.maps.is_empty() && spec.functions.is_empty(), "{name}");
                assert_eq!(spec.warnings, Vec::<Warning>::new(), "{name}");
            },
        );
    }
}

/// Definitions by their places, data sections by their index, configuration, `struct_ops`.
#[test]
fn maps_come_in_the_order_of_libbpf() {
    reads(
        |elf| {
            let mut types = Types::new();
            let kind = types.number(1);
            let definition = types.attributes("", &[("type", kind)]);
            let [first, second] = ["first", "second"]
                .map(|name| types.variable(name, definition, VarLinkage::Global));
            // BTF has them in the other order.
            types.section(".maps", &[(second, 8), (first, 8)]);
            let members = [NewMember::new("number", types.int, 0)];
            let ops = Definition::Struct { name: "some_ops", size: 8, members: &members };
            let ops = types.add(&ops);
            let ops = types.variable("ops", ops, VarLinkage::Global);
            types.section(".struct_ops", &[(ops, 8)]);
            let option = types.variable("CONFIG_HZ", types.int, VarLinkage::Extern);
            types.section(".kconfig", &[(option, 4)]);
            elf.btf(&types.btf)
                .data(".struct_ops", &[0; 8])
                .data(".rodata", &[1])
                .zeros(".bss", 4)
                .data(".maps", &[0; 16])
                .data(".data", &[1])
                .symbol("second", ".maps", 8, 8, GLOBAL | OBJECT)
                .symbol("first", ".maps", 0, 8, GLOBAL | OBJECT)
                .symbol("ops", ".struct_ops", 0, 8, GLOBAL | OBJECT)
                .undefined("CONFIG_HZ", GLOBAL | NOTYPE);
        },
        |spec| {
            let names: Vec<_> = spec.maps.names().collect();
            let expected = ["first", "second", ".rodata", ".bss", ".data", ".kconfig", "ops"];
            assert_eq!(names, expected);
        },
    );
}

/// `.maps` with arenas of these names, and their variables.
fn arenas(elf: &mut Elf, names: &[&str]) {
    let mut types = Types::new();
    let (kind, pages, flags) = (types.number(33), types.number(4), types.number(1 << 10));
    let definition =
        types.attributes("", &[("type", kind), ("max_entries", pages), ("map_flags", flags)]);
    let entries: Vec<_> = names
        .iter()
        .map(|name| (types.variable(name, definition, VarLinkage::Global), 24))
        .collect();
    types.section(".maps", &entries);
    elf.btf(&types.btf).data(".maps", &vec![0; 24 * names.len()]);
    for (name, at) in names.iter().zip((0..).step_by(24)) {
        elf.symbol(name, ".maps", at, 24, GLOBAL | OBJECT);
    }
    elf.data(".addr_space.1", &[1, 2]).symbol("v", ".addr_space.1", 0, 2, GLOBAL | OBJECT);
}

#[test]
fn variables_of_an_arena_belong_to_the_only_one() {
    reads(
        |elf| arenas(elf, &["arena"]),
        |spec| {
            let map = spec.maps.get("arena").unwrap();
            assert_eq!((map.map_type, map.max_entries), (MapType::ARENA, 4));
            assert_eq!(map.contents, MapContents::Bytes(vec![1, 2]));
            assert_eq!(spec.variables.get("v").unwrap().map, "arena");
        },
    );
    fails(
        |elf| arenas(elf, &["one", "two"]),
        "section \".addr_space.1\" needs one map of type arena, and the object has 2",
    );
}

#[test]
fn a_struct_ops_value_is_a_structure_with_a_name() {
    type Make = fn(&mut Types) -> bpf_btf::TypeId;
    let rows: [(Make, &str); 3] = [
        (|t| t.int, "map \"ops\" is defined by \"int\" instead of a structure"),
        (
            |t| {
                let members = [NewMember::new("number", t.int, 0)];
                t.add(&Definition::Struct { name: "", size: 8, members: &members })
            },
            "map \"ops\" is defined by \"struct {...}\" instead of a structure",
        ),
        (|t| t.pointer(t.int), "map \"ops\" is defined by \"int *\" instead of a structure"),
    ];
    for (make, message) in rows {
        fails(
            |elf| {
                let mut types = Types::new();
                let target = make(&mut types);
                let ops = types.variable("ops", target, VarLinkage::Global);
                types.section(".struct_ops", &[(ops, 8)]);
                elf.btf(&types.btf).data(".struct_ops", &[0; 8]);
                elf.symbol("ops", ".struct_ops", 0, 8, GLOBAL | OBJECT);
            },
            message,
        );
    }
}
