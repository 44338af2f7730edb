//! Rules of patching, on types and instructions made by hand.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::many_single_char_names,
    clippy::type_complexity,
    reason = "tables of small numbers, with members named as in the C text above them"
)]

use bpf_asm::{ByteOrder, Slot};
use bpf_btf::{Btf, BtfBuilder, Definition, NewEnumValue, NewMember};
use bpf_sys::abi::ProgramType;

use super::*;
use crate::prepare::{PrepareOptions, PreparedProgram, prepare_program};
use crate::spec::{CoreKind as SpecKind, ProgramSpec};

/// `struct s { u32 a; u64 b; int c; void *p; struct s *next; }` and `enum e { ONE }` with varying sizes and values.
struct Shape {
    /// Offsets of the members in bytes; a missing one is not there.
    offsets: [Option<u32>; 4],
    a_size: u32,
    c_size: u32,
    one: Option<i128>,
}

const LOCAL: Shape =
    Shape { offsets: [Some(0), Some(8), Some(16), Some(24)], a_size: 4, c_size: 4, one: Some(7) };

const STRUCT: u32 = 1;
const ENUM: u32 = 2;

fn types(shape: &Shape) -> (Btf, [u32; 5]) {
    let mut builder = BtfBuilder::new();
    let s = builder.reserve().unwrap();
    let e = builder.reserve().unwrap();
    let int = |name, size, signed| Definition::Int { name, size, signed, char: false, bool: false };
    let a = builder.add(&int("unsigned", shape.a_size, false)).unwrap();
    let b = builder.add(&int("unsigned long", 8, false)).unwrap();
    let c = builder.add(&int("int", shape.c_size, true)).unwrap();
    let p = builder.add(&Definition::Ptr { target: TypeId::VOID }).unwrap();
    let members: Vec<_> = [("a", a), ("b", b), ("c", c), ("p", p)]
        .into_iter()
        .zip(shape.offsets)
        .filter_map(|((name, id), offset)| Some(NewMember::new(name, id, offset? * 8)))
        .collect();
    builder.set(s, &Definition::Struct { name: "s", size: 400_000, members: &members }).unwrap();
    let other = NewEnumValue::new("OTHER", 1);
    let values: Vec<_> =
        shape.one.map(|one| NewEnumValue::new("ONE", one)).into_iter().chain([other]).collect();
    builder
        .set(e, &Definition::Enum64 { name: "e", size: 8, signed: false, values: &values })
        .unwrap();
    let access = ["0:0", "0:1", "0:2", "0:3", "0"].map(|text| builder.add_string(text).unwrap());
    (Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap(), access)
}

fn slots(code: &[u64]) -> Vec<Slot> {
    code.iter().map(|slot| Slot::decode(slot.to_le_bytes(), ByteOrder::Little)).collect()
}

/// One relocation at slot 1 of a program, against a kernel of this shape.
fn prepare(
    code: &[u64],
    (kind, type_id, access): (u32, u32, usize),
    target: &Shape,
) -> Result<PreparedProgram, PrepareError> {
    let (local, strings) = types(&LOCAL);
    let mut function = Function::new("main", slots(code));
    function.core_relocations =
        vec![CoreRelocation { slot: 1, kind: SpecKind(kind), type_id, access: strings[access] }];
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, function));
    spec.btf = Some(local);
    let kernel = types(target).0;
    let modules = || Ok::<_, std::convert::Infallible>(Vec::new());
    let core = CoreResolution::new(&spec, &kernel, modules).unwrap();
    prepare_program(&spec, "main", &PrepareOptions::new().with_core(&core))
}

const OFFSET: u32 = 0;
const EXISTS: u32 = 2;
const TYPE_SIZE: u32 = 9;
const ENUMERATOR: u32 = 11;
const EXIT: u64 = 0x95;

const fn instruction(opcode: u64, offset: u64, imm: u64) -> u64 {
    opcode | 0x21 << 8 | offset << 16 | imm << 32
}
const fn plain(opcode: u64, imm: u64) -> u64 {
    opcode | 0x01 << 8 | imm << 32
}

#[test]
fn numbers_and_accesses_get_those_of_the_kernel() {
    let moved = Shape {
        offsets: [Some(100), Some(72), Some(50), Some(24)],
        a_size: 4,
        c_size: 4,
        one: Some(0x1_0000_0002),
    };
    let wider = Shape { a_size: 8, c_size: 4, ..moved };
    let narrow = Shape { a_size: 2, c_size: 4, ..moved };
    let gone = Shape { offsets: [None, Some(8), Some(16), Some(24)], one: None, ..LOCAL };
    let rows: [(&str, &[u64], (u32, u32, usize), &Shape, &[u64]); 14] = [
        ("immediate of mov64", &[plain(0xb7, 8)], (OFFSET, STRUCT, 1), &moved, &[plain(0xb7, 72)]),
        ("immediate of mov32", &[plain(0xb4, 8)], (OFFSET, STRUCT, 1), &moved, &[plain(0xb4, 72)]),
        (
            "offset of a load",
            &[instruction(0x79, 8, 0)],
            (OFFSET, STRUCT, 1),
            &moved,
            &[instruction(0x79, 72, 0)],
        ),
        (
            "offset of a store",
            &[instruction(0x7b, 8, 0)],
            (OFFSET, STRUCT, 1),
            &moved,
            &[instruction(0x7b, 72, 0)],
        ),
        (
            "offset of an immediate store",
            &[instruction(0x7a, 8, 5)],
            (OFFSET, STRUCT, 1),
            &moved,
            &[instruction(0x7a, 72, 5)],
        ),
        (
            "an unsigned load widens",
            &[instruction(0x61, 0, 0)],
            (OFFSET, STRUCT, 0),
            &wider,
            &[instruction(0x79, 100, 0)],
        ),
        (
            "an unsigned load narrows",
            &[instruction(0x61, 0, 0)],
            (OFFSET, STRUCT, 0),
            &narrow,
            &[instruction(0x69, 100, 0)],
        ),
        (
            "an unsigned store narrows",
            &[instruction(0x63, 0, 0)],
            (OFFSET, STRUCT, 0),
            &narrow,
            &[instruction(0x6b, 100, 0)],
        ),
        (
            "a number does not change its width",
            &[plain(0xb7, 0)],
            (OFFSET, STRUCT, 0),
            &wider,
            &[plain(0xb7, 100)],
        ),
        ("existence", &[plain(0xb7, 1)], (EXISTS, STRUCT, 0), &moved, &[plain(0xb7, 1)]),
        ("existence of nothing", &[plain(0xb7, 1)], (EXISTS, STRUCT, 0), &gone, &[plain(0xb7, 0)]),
        (
            "size of a type",
            &[plain(0xb7, 400_000)],
            (TYPE_SIZE, STRUCT, 4),
            &moved,
            &[plain(0xb7, 400_000)],
        ),
        (
            "both halves of a 64-bit load",
            &[plain(0x18, 7), 0],
            (ENUMERATOR, ENUM, 4),
            &LOCAL,
            &[plain(0x18, 7), 0],
        ),
        (
            "all 64 bits",
            &[plain(0x18, 7), 0],
            (ENUMERATOR, ENUM, 4),
            &moved,
            &[plain(0x18, 2), 1 << 32],
        ),
    ];
    for (rule, before, relocation, target, after) in rows {
        // The relocation of an enumerator names it by index, which for the first is the same text as that of a whole type.
        let code = |middle: &[u64]| [&[EXIT], middle, &[EXIT]].concat();
        let prepared = prepare(&code(before), relocation, target).unwrap();
        assert_eq!(prepared.slots, slots(&code(after)), "{rule}");
        assert!(prepared.poisoned.is_empty(), "{rule}");
    }
}

#[test]
fn what_the_kernel_lacks_poisons_the_instruction_and_tells_its_story() {
    let gone = Shape { offsets: [None, Some(8), Some(16), Some(24)], one: None, ..LOCAL };
    let resized = Shape { c_size: 8, ..LOCAL };
    let rows: [(&[u64], (u32, u32, usize), &Shape, usize, &str); 3] = [
        (&[instruction(0x61, 0, 0)], (OFFSET, STRUCT, 0), &gone, 1, "s->a"),
        (&[plain(0x18, 7), 0], (ENUMERATOR, ENUM, 4), &gone, 2, "e::ONE"),
        (&[instruction(0x61, 16, 0)], (OFFSET, STRUCT, 2), &resized, 1, "s->c"),
    ];
    for (before, relocation, target, poisoned, access) in rows {
        let code = [&[EXIT], before, &[EXIT]].concat();
        let prepared = prepare(&code, relocation, target).unwrap();
        for (at, (new, old)) in prepared.slots.iter().zip(slots(&code)).enumerate() {
            if (1..=poisoned).contains(&at) {
                assert_eq!(*new, slots(&[0x85 | 195_896_080 << 32])[0], "{access}: slot {at}");
            } else {
                assert_eq!(*new, old, "{access}: slot {at}");
            }
        }
        let story =
            prepared.poisoned.first().map(|poisoned| (poisoned.slot, poisoned.story.to_string()));
        let (slot, text) = story.unwrap();
        assert_eq!(slot, 1);
        assert!(text.contains(access), "{text}");
    }
}

#[test]
fn an_instruction_that_does_not_fit_the_types_is_an_error() {
    let far = Shape { offsets: [Some(0), Some(40_000), Some(16), Some(24)], ..LOCAL };
    let odd = Shape { a_size: 16, ..LOCAL };
    let wider = Shape { a_size: 8, ..LOCAL };
    let rows: [(&[u64], (u32, u32, usize), &Shape, &str); 8] = [
        (
            &[plain(0xb7, 9)],
            (OFFSET, STRUCT, 1),
            &LOCAL,
            "the instruction holds 9, the compiler's types say 8",
        ),
        (
            &[instruction(0x79, 9, 0)],
            (OFFSET, STRUCT, 1),
            &LOCAL,
            "the instruction has the offset 9",
        ),
        (&[plain(0x18, 6), 0], (ENUMERATOR, ENUM, 4), &LOCAL, "the instruction holds 6"),
        (&[instruction(0x79, 8, 0)], (OFFSET, STRUCT, 1), &far, "offset 40000 does not fit"),
        (&[instruction(0x61, 0, 0)], (OFFSET, STRUCT, 0), &odd, "no load or store has"),
        (
            &[instruction(0x79, 0, 0)],
            (OFFSET, STRUCT, 0),
            &wider,
            "the instruction accesses 8 bytes",
        ),
        (&[instruction(0xbf, 0, 0)], (OFFSET, STRUCT, 0), &LOCAL, "no instruction there"),
        (&[EXIT], (OFFSET, STRUCT, 0), &LOCAL, "no instruction there"),
    ];
    for (before, relocation, target, reason) in rows {
        let code = [&[EXIT], before, &[EXIT]].concat();
        let error = prepare(&code, relocation, target).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("slot 1"), "{error}");
    }
    let error = prepare(&[EXIT], (OFFSET, STRUCT, 0), &LOCAL).unwrap_err();
    assert!(error.to_string().contains("no instruction there"), "{error}");
}

#[test]
fn a_program_with_relocations_needs_a_kernel_unless_they_are_about_its_own_types() {
    let (local, strings) = types(&LOCAL);
    let mut function = Function::new("main", slots(&[plain(0xb7, 1), EXIT]));
    let relocation = |kind| CoreRelocation {
        slot: 0,
        kind: SpecKind(kind),
        type_id: STRUCT,
        access: strings[4],
    };
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    spec.btf = Some(local);
    function.core_relocations = vec![relocation(6)];
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, function));
    let prepared = prepare_program(&spec, "main", &PrepareOptions::new()).unwrap();
    assert_eq!(prepared.slots.first().map(|slot| slot.imm), Some(1));

    spec.programs.get_mut("main").unwrap().function.core_relocations = vec![relocation(8)];
    let error = prepare_program(&spec, "main", &PrepareOptions::new()).unwrap_err();
    assert_eq!(error, PrepareError::NoTargetBtf { program: "main".into(), count: 1 });
}

#[test]
fn modules_are_asked_when_the_options_say_so() {
    let full = || types(&LOCAL).0;
    let empty =
        || Btf::parse(BtfBuilder::new().write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap();
    let default = CoreOptions::new();
    let with = |search| CoreOptions::new().with_modules(search);
    let rows = [
        ("the kernel has it", full(), default.clone(), 0, true),
        ("the kernel lacks it", empty(), default.clone(), 1, false),
        ("another target has it", empty(), default.with_target("other", full()), 0, true),
        ("always", full(), with(ModuleSearch::Always), 1, true),
        ("never", empty(), with(ModuleSearch::Never), 0, false),
    ];
    for (what, kernel, options, asked, found) in rows {
        let (local, strings) = types(&LOCAL);
        let mut function = Function::new("main", slots(&[plain(0xb7, 8), EXIT]));
        function.core_relocations = vec![CoreRelocation {
            slot: 0,
            kind: SpecKind(OFFSET),
            type_id: STRUCT,
            access: strings[1],
        }];
        let mut spec = CollectionSpec::new(ByteOrder::Little);
        spec.btf = Some(local);
        spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, function));
        let mut count = 0;
        let modules = || {
            count += 1;
            Ok::<_, std::convert::Infallible>(Vec::new())
        };
        let core = CoreResolution::with_options(&spec, &kernel, modules, &options).unwrap();
        let options = PrepareOptions::new().with_core(&core);
        let prepared = prepare_program(&spec, "main", &options).unwrap();
        assert_eq!((count, prepared.poisoned.is_empty()), (asked, found), "{what}");
    }
}

#[test]
fn the_id_of_a_type_of_a_module_is_that_of_the_module() {
    const TYPE_ID_TARGET: u32 = 7;
    let mut builder = BtfBuilder::new();
    builder.add(&Definition::Float { name: "double", size: 8 }).unwrap();
    let kernel = Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap();
    let mut builder = BtfBuilder::split(&kernel);
    builder.add_btf(&types(&LOCAL).0).unwrap();
    let module = builder.write(bpf_btf::ByteOrder::NATIVE).unwrap();
    let module = Btf::parse_split(module, &kernel).unwrap();

    let (local, strings) = types(&LOCAL);
    let mut function = Function::new("main", slots(&[plain(0xb7, 1), EXIT]));
    function.core_relocations = vec![CoreRelocation {
        slot: 0,
        kind: SpecKind(TYPE_ID_TARGET),
        type_id: STRUCT,
        access: strings[4],
    }];
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    spec.btf = Some(local);
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, function));
    // As libbpf has it: modules go on where the kernel's ids end. The number does not tell which module it is of.
    let modules = || Ok::<_, std::convert::Infallible>(vec![("veth".to_owned(), module)]);
    let core = CoreResolution::new(&spec, &kernel, modules).unwrap();
    let prepared = prepare_program(&spec, "main", &PrepareOptions::new().with_core(&core)).unwrap();
    assert_eq!(prepared.slots.first().map(|slot| slot.imm), Some(2));
    assert!(prepared.poisoned.is_empty());
}
