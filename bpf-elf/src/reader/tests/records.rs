//! `.BTF.ext`, `struct_ops` values and jump tables.

use bpf_asm::{Register, Slot};
use bpf_btf::{Definition, FuncLinkage, NewMember, VarLinkage};
use bpf_sys::abi::{MapFlags, MapType};

use super::{Types, exits, fails, reads};
use crate::prepare::{PrepareOptions, prepare_program};
use crate::spec::{CoreKind, FunctionMember, MapContents, Target, Warning};
use crate::testing::{Bytes, Elf, FUNC, GLOBAL, OBJECT};

/// `.BTF.ext` with these parts, each of them records of one section.
fn ext(elf: &mut Elf, section: u32, parts: [&[&[u32]]; 3]) {
    let mut body = Bytes(Vec::new(), elf.order);
    let mut places = Vec::new();
    for records in parts {
        let start = body.0.len();
        if let Some(first) = records.first() {
            body.put(first.len() as u64 * 4, 4);
            body.put(u64::from(section), 4);
            body.put(records.len() as u64, 4);
            for field in records.iter().copied().flatten() {
                body.put(u64::from(*field), 4);
            }
        }
        places.push((start, body.0.len() - start));
    }
    let mut bytes = Bytes(Vec::new(), elf.order);
    bytes.put(0xeb9f, 2);
    bytes.put(1, 1);
    bytes.put(0, 1);
    bytes.put(32, 4);
    for (start, len) in places {
        bytes.put(start as u64, 4);
        bytes.put(len as u64, 4);
    }
    bytes.0.extend(body.0);
    elf.data(".BTF.ext", &bytes.0);
}

/// Two functions with a gap of one slot before each, and records for them.
fn object(elf: &mut Elf, parts: [&[&[u32]]; 3]) {
    let mut types = Types::new();
    types.function("first", FuncLinkage::Global);
    let section = types.btf.add_string("xdp").unwrap();
    elf.btf(&types.btf)
        .code("xdp", &exits(6))
        .symbol("first", "xdp", 8, 16, GLOBAL | FUNC)
        .symbol("second", "xdp", 32, 16, GLOBAL | FUNC)
        .symbol("alias", "xdp", 32, 16, GLOBAL | FUNC);
    ext(elf, section, parts);
}

#[test]
fn records_belong_to_the_function_around_their_offset() {
    let line = |number: u32, column: u32| number << 10 | column;
    reads(
        |elf| {
            object(
                elf,
                [
                    &[&[0, 1], &[8, 2], &[24, 3], &[32, 3]],
                    &[
                        &[0, 1, 2, 0],
                        &[8, 1, 2, line(7, 3)],
                        &[40, 1, 2, line(9, 1)],
                        &[24, 0, 0, 0],
                    ],
                    &[&[16, 1, 5, 2], &[24, 1, 5, 0], &[32, 1, 5, 99]],
                ],
            );
        },
        |spec| {
            let function = |name| &spec.programs.get(name).unwrap().function;
            assert_eq!(function("first").type_id, Some(2));
            let lines = |name| {
                let lines = &function(name).line_infos;
                lines.iter().map(|l| (l.slot, l.line, l.column)).collect::<Vec<_>>()
            };
            assert_eq!(lines("first"), [(0, 7, 3)]);
            let core = |name| {
                let core = &function(name).core_relocations;
                core.iter().map(|r| (r.slot, r.kind, r.type_id, r.access)).collect::<Vec<_>>()
            };
            assert_eq!(core("first"), [(1, CoreKind(2), 1, 5)]);
            for name in ["second", "alias"] {
                assert_eq!(function(name).type_id, Some(3));
                assert_eq!(lines(name), [(1, 9, 1)]);
                assert_eq!(core(name), [(0, CoreKind(99), 1, 5)]);
            }
        },
    );
}

#[test]
fn records_are_sorted_by_slot() {
    reads(
        |elf| object(elf, [&[], &[&[16, 0, 0, 2 << 10], &[8, 0, 0, 1 << 10]], &[]]),
        |spec| {
            let lines = &spec.programs.get("first").unwrap().function.line_infos;
            assert_eq!(
                lines.iter().map(|l| (l.slot, l.line)).collect::<Vec<_>>(),
                [(0, 1), (1, 2)]
            );
        },
    );
}

#[test]
fn records_of_two_functions_may_come_by_turns() {
    let line = |offset: u32| [offset, 0, 0, offset << 10];
    let lines = [8, 32, 16, 40, 24].map(line);
    reads(
        |elf| object(elf, [&[], &lines.each_ref().map(<[u32; 4]>::as_slice), &[]]),
        |spec| {
            for (name, numbers) in [("first", [8, 16]), ("second", [32, 40]), ("alias", [32, 40])] {
                let lines = &spec.programs.get(name).unwrap().function.line_infos;
                let seen = lines.iter().map(|line| (line.slot, line.line)).collect::<Vec<_>>();
                assert_eq!(seen, [(0, numbers[0]), (1, numbers[1])], "{name}");
            }
        },
    );
}

#[test]
fn records_name_whole_instructions() {
    fails(
        |elf| object(elf, [&[], &[], &[&[12, 1, 5, 2]]]),
        "relocation at 0xc of section \"xdp\" applies to the middle of an instruction, not to an instruction (a record of .BTF.ext)",
    );
}

#[test]
fn malformed_records_are_left_out() {
    for order in crate::testing::ORDERS {
        for (size, needed) in [(0, false), (2, false), (4, false), (u32::MAX, false), (0, true)] {
            let mut elf = Elf::new(order);
            object(&mut elf, [&[&[8, 2]], &[], &[]]);
            let mut replaced = Bytes(Vec::new(), order);
            replaced.put(u64::from(size), 4);
            elf.find(".BTF.ext").bytes[32..36].copy_from_slice(&replaced.0);
            if needed {
                // Maps need types, and libbpf then wants all that there is to be right.
                elf.data(".maps", &[]);
            }
            match crate::spec::CollectionSpec::parse(&elf.build()) {
                Ok(spec) => {
                    let [Warning::Btf { section: ".BTF.ext", .. }] = &spec.warnings[..] else {
                        panic!("{:?}", spec.warnings);
                    };
                    assert!(spec.has_btf() && !needed);
                }
                Err(error) => {
                    let ours = matches!(error, crate::Error::Btf { section: ".BTF.ext", .. });
                    assert!(ours && needed, "{error}");
                }
            }
        }
    }
}

/// A `struct_ops` value `ops` at `offset` of its section, with a pointer to `symbol` at byte `member` of the section.
fn struct_ops(elf: &mut Elf, section: &str, offset: u64, member: u64, symbol: &str) {
    let mut types = Types::new();
    let (int, pointer) = (types.int, types.pointer(bpf_btf::TypeId::VOID));
    let members = [
        NewMember::new("call", pointer, 0),
        NewMember::new("number", int, 64),
        NewMember::new("tail", pointer, 128),
    ];
    let structure =
        types.add(&Definition::Struct { name: "some_ops", size: 24, members: &members });
    let variable = types.variable("ops", structure, VarLinkage::Global);
    types.section(section, &[(variable, 24)]);
    elf.btf(&types.btf)
        .code("struct_ops/call", &exits(1))
        .code(".text", &exits(1))
        .data(section, &[5; 32])
        .symbol("p", "struct_ops/call", 0, 8, GLOBAL | FUNC)
        .symbol("f", ".text", 0, 8, GLOBAL | FUNC)
        .symbol("ops", section, offset, 24, GLOBAL | OBJECT)
        .relocation(section, member, symbol);
}

#[test]
fn a_struct_ops_value_is_a_map() {
    for (section, flags, autocreate) in [
        (".struct_ops", MapFlags::NONE, true),
        (".struct_ops.link", MapFlags::LINK, true),
        ("?.struct_ops.link", MapFlags::LINK, false),
    ] {
        reads(
            |elf| struct_ops(elf, section, 8, 24, "p"),
            |spec| {
                let map = spec.maps.get("ops").unwrap();
                assert_eq!(
                    (map.map_type, map.key_size, map.value_size),
                    (MapType::STRUCT_OPS, 4, 24)
                );
                assert_eq!((map.flags, map.autocreate, map.max_entries), (flags, autocreate, 1));
                assert_eq!(map.contents, MapContents::Bytes(vec![5; 24]));
                assert_eq!(map.value_type.as_ref().unwrap().name(), "struct some_ops");
                let member = FunctionMember { offset: 16, program: "p".into() };
                assert_eq!(map.function_members, [member]);
            },
        );
    }
}

#[test]
fn struct_ops_values_stay_in_their_section_and_point_to_programs() {
    let bounds = |offset: u64| {
        format!("symbol \"ops\": {offset:#x} with 0x18 bytes is not within section \".struct_ops\"")
    };
    for offset in [9, 32, u64::MAX, 0xffff_ffff_ffff_fff0] {
        fails(|elf| struct_ops(elf, ".struct_ops", offset, 8, "p"), &bounds(offset));
    }
    for member in [0, 28, u64::MAX] {
        let message = format!(
            "relocation at {member:#x} of section \".struct_ops\" applies to no map, not to a member of a struct_ops value"
        );
        fails(|elf| struct_ops(elf, ".struct_ops", 8, member, "p"), &message);
    }
    for symbol in ["f", "ops"] {
        let message = format!(
            "relocation at 0x8 of section \".struct_ops\" leads to symbol {symbol:?}, which is not a program of this object"
        );
        fails(|elf| struct_ops(elf, ".struct_ops", 8, 8, symbol), &message);
    }
    fails(
        |elf| {
            elf.data(".struct_ops", &[0; 8]);
        },
        "section \".struct_ops\" needs BTF, and the object has none: compile with -g",
    );
}

/// Two functions, the second of which uses a jump table with this entry twice.
fn jumps(elf: &mut Elf, entry: u64, size: u64) {
    let mut table = Bytes(Vec::new(), elf.order);
    table.put(16, 8);
    table.put(entry, 8);
    let load = Slot::ld_imm64(Register::R1, 0);
    let code = [&exits(2)[..], &load, &load, &exits(1)].concat();
    elf.code("xdp", &code)
        .data(".jumptables", &table.0)
        .symbol("first", "xdp", 0, 16, GLOBAL | FUNC)
        .symbol("second", "xdp", 16, 40, GLOBAL | FUNC)
        .symbol("table", ".jumptables", 0, size, GLOBAL | OBJECT)
        .relocation("xdp", 16, "table")
        .relocation("xdp", 32, "table");
}

#[test]
fn jump_tables_lead_to_slots_of_their_function() {
    reads(
        |elf| jumps(elf, 48, 16),
        |spec| {
            let function = &spec.programs.get("second").unwrap().function;
            let [table] = &function.jump_tables[..] else { panic!() };
            assert_eq!((table.name.as_str(), &table.targets[..]), ("table", &[0, 4][..]));
            let targets: Vec<_> = function.references.iter().map(|r| (r.slot, &r.target)).collect();
            let target = &Target::JumpTable { index: 0 };
            assert_eq!(targets, [(0, target), (2, target)]);
        },
    );
    for entry in [8, 20, 56, u64::MAX] {
        let message = format!(
            "jump table \"table\" leads to {entry:#x}, which is no instruction of function \"second\""
        );
        reads(
            |elf| jumps(elf, entry, 16),
            |spec| {
                // Each table is told of once, whatever the number of its loads.
                let warnings: Vec<_> = spec.warnings.iter().map(ToString::to_string).collect();
                assert_eq!(warnings, [message.as_str()]);
                let prepare = |name| prepare_program(&spec, name, &PrepareOptions::new());
                assert!(prepare("first").is_ok());
                let error = prepare("second").unwrap_err().to_string();
                assert_eq!(error, "function \"second\": its jump table \"table\" leads out of it");
            },
        );
    }
    for size in [0, 12, 24, u64::MAX] {
        let message = format!(
            "symbol \"table\": 0x0 with {size:#x} bytes is not within section \".jumptables\""
        );
        fails(|elf| jumps(elf, 48, size), &message);
    }
}
