//! Specs from the assembler beside those of a compiler.
use bpf_asm::Code;

use super::*;
use crate::prepare::{
    AnswerError, CoreResolution, GivenAnswers, PrepareOptions, PreparedProgram, prepare_program,
};
use crate::spec::{ExternKind, ExternSpec};

fn prepare(spec: &CollectionSpec, name: &str) -> Result<PreparedProgram, String> {
    let core = CoreResolution::default();
    let options = PrepareOptions::new().with_core(&core);
    prepare_program(spec, name, &options).map_err(|error| error.to_string())
}

/// The programs of an object once more, from their listings.
fn by_hand(spec: &CollectionSpec) -> CollectionSpec {
    let mut made = CollectionSpec::new(spec.byte_order);
    made.maps = spec.maps.clone();
    made.externs = spec.externs.clone();
    for (name, program) in &spec.programs {
        let code = spec.listing(name).unwrap().code;
        let added = made.add_program(name, program.program_type, &code).unwrap();
        added.exception_callback.clone_from(&program.exception_callback);
    }
    for name in spec.functions.names() {
        made.add_functions(&spec.listing(name).unwrap().code).unwrap();
    }
    made
}

#[test]
fn programs_by_hand_prepare_as_those_of_a_compiler_do() {
    let mut programs = 0;
    for (object, order) in testdata::OBJECTS
        .iter()
        .flat_map(|object| testdata::Order::BOTH.map(|order| (*object, order)))
    {
        let mut spec = CollectionSpec::parse(testdata::object(object, order)).unwrap();
        // The assembler has no jump tables, no CO-RE and no types.
        let code = spec.programs.values_mut().map(|program| &mut program.function);
        for function in code.chain(spec.functions.values_mut()) {
            function.core_relocations.clear();
        }
        let code = spec.programs.values().map(|program| &program.function);
        if code.chain(spec.functions.values()).any(|function| !function.jump_tables.is_empty()) {
            continue;
        }
        let made = by_hand(&spec);
        for name in spec.programs.names() {
            let (read, made) = match (prepare(&spec, name), prepare(&made, name)) {
                (Ok(read), Ok(made)) => (read, made),
                (read, made) => {
                    assert_eq!(read.map(|p| p.slots), made.map(|p| p.slots), "{object} {name}");
                    continue;
                }
            };
            assert_eq!(read.slots, made.slots, "{object} {order:?} {name}");
            assert_eq!(read.fixups, made.fixups, "{object} {order:?} {name}");
            assert_eq!(read.functions.len(), made.functions.len());
            programs += 1;
        }
    }
    assert!(programs > 60, "{programs} programs");
}

#[test]
fn code_is_cut_into_functions_and_names_become_references() {
    let code = Code::assemble(
        "<main>:\n r1 = map[counts] ll\n call helper\n r0 = 0\n exit\n\
         <helper>:\n call kfunc[bpf_do]\n r1 = map[.bss][0]+8 ll\n exit",
    )
    .unwrap();
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    spec.add_program("renamed", ProgramType::XDP, &code).unwrap();
    assert_eq!(spec.functions.names().collect::<Vec<_>>(), ["helper"]);
    let program = spec.programs.get("renamed").unwrap();
    assert_eq!((program.function.name.as_str(), &*program.name), ("renamed", "renamed"));
    let expected = [
        Reference::new(0, Target::Map { name: "counts".into() }),
        Reference::new(2, Target::Call { function: "helper".into() }),
    ];
    assert_eq!(program.function.references, expected);
    let expected = [
        Reference::new(0, Target::Kfunc { name: "bpf_do".into() }),
        Reference::new(1, Target::MapValue { map: ".bss".into(), offset: 8 }),
    ];
    assert_eq!(spec.functions.get("helper").unwrap().references, expected);
    let declared = spec.externs.get("bpf_do").unwrap();
    assert_eq!((declared.kind, declared.weak), (ExternKind::Kfunc, false));
    assert!(!declared.is_typeless());
    let taken = EditError::Taken { kind: "program", name: "renamed".into() };
    assert_eq!(spec.add_program("renamed", ProgramType::XDP, &code).unwrap_err(), taken);
    let taken = EditError::Taken { kind: "program or function", name: "helper".into() };
    let before = spec.clone();
    assert_eq!(spec.add_program("other", ProgramType::XDP, &code).unwrap_err(), taken);
    assert_eq!(spec, before);
}

#[test]
fn names_of_code_are_given_once() {
    let code = Code::assemble("<a>:\n call a\n exit\n<b>:\n exit\n<c>:\n exit").unwrap();
    // Rows: names of the three functions, and the name of the program.
    let rows = [
        (["a", "b", "b"], Some("main"), "b"),
        (["a", "b", "b"], None, "b"),
        (["a", "a", "c"], Some("main"), "a"),
        // A call of the second would be one of the program, and the other way round.
        (["a", "main", "c"], Some("main"), "main"),
    ];
    for (names, program, twice) in rows {
        let mut code = code.clone();
        for (function, name) in code.functions.iter_mut().zip(names) {
            name.clone_into(&mut function.name);
        }
        let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
        let added = match program {
            Some(name) => spec.add_program(name, ProgramType::XDP, &code).map(drop),
            None => spec.add_functions(&code),
        };
        let taken = EditError::Taken { kind: "program or function", name: twice.into() };
        assert_eq!(added, Err(taken), "{names:?}");
        assert_eq!(spec, CollectionSpec::new(ByteOrder::NATIVE));
    }
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    spec.add_program("a", ProgramType::XDP, &code).unwrap();
    assert_eq!(spec.functions.names().collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn calls_by_distance_find_their_function() {
    let mut code = Code::assemble("<a>:\n call b\n exit\n<b>:\n call a\n exit").unwrap();
    code.references.clear();
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    spec.add_program("entry", ProgramType::XDP, &code).unwrap();
    let entry = Target::Call { function: "entry".into() };
    assert_eq!(spec.functions.get("b").unwrap().references, [Reference::new(0, entry)]);
    let prepared = prepare(&spec, "entry").unwrap();
    assert_eq!([prepared.slots[0].imm, prepared.slots[2].imm], [1, -3]);

    let mut astray = code.clone();
    astray.slots[0].imm = 2;
    let error = CollectionSpec::new(ByteOrder::NATIVE)
        .add_program("entry", ProgramType::XDP, &astray)
        .unwrap_err();
    assert!(matches!(error, EditError::Slot { slot: 0, .. }), "{error}");
}

#[test]
fn code_that_is_no_functions_is_refused() {
    let good = Code::assemble("<a>:\n exit\n<b>:\n exit").unwrap();
    let rows: [fn(&mut Code); 5] = [
        |code| code.slots.clear(),
        |code| code.functions[0].slot = 1,
        |code| drop(code.functions.remove(0)),
        |code| code.functions[1].slot = 2,
        |code| {
            let target = bpf_asm::Target::Map { name: "m".into() };
            code.references.push(bpf_asm::Reference::new(2, target));
        },
    ];
    for (row, damage) in rows.iter().enumerate() {
        let mut code = good.clone();
        damage(&mut code);
        let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
        let error = spec.add_program("p", ProgramType::XDP, &code).map(|_| ()).unwrap_err();
        assert!(matches!(error, EditError::Slot { .. }), "row {row}: {error}");
        assert_eq!(spec, CollectionSpec::new(ByteOrder::NATIVE), "row {row}");
    }
}

#[test]
fn answers_complete_a_program_without_a_kernel() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut spec = CollectionSpec::new(order);
        let mut weak = ExternSpec::new("bpf_weak", ExternKind::Kfunc);
        weak.weak = true;
        spec.externs.insert("bpf_weak", weak);
        spec.externs.insert("jiffies", ExternSpec::new("jiffies", ExternKind::Ksym));
        let code = Code::assemble(
            "r1 = ksym[jiffies] ll\ncall kfunc[bpf_do]\ncall kfunc[bpf_weak]\nr0 = 0\nexit",
        )
        .unwrap();
        spec.add_program("main", ProgramType::XDP, &code).unwrap();
        spec.check().unwrap();

        let answers = GivenAnswers::new().with_function("bpf_do", 77);
        let mut prepared = prepare(&spec, "main").unwrap();
        let missing = AnswerError::Missing { kind: "symbol", name: "jiffies".into() };
        assert_eq!(prepared.complete(&mut answers.clone()), Err(missing));
        let mut answers = answers.with_address("jiffies", 0x1234_5678_9abc_def0);
        prepared.complete(&mut answers).unwrap();
        let imms: Vec<i32> = prepared.slots.iter().map(|slot| slot.imm).collect();
        let low = i32::from_ne_bytes(0x9abc_def0_u32.to_ne_bytes());
        assert_eq!(imms, [low, 0x1234_5678, 77, 2_002_000_000, 0, 0]);
        let bytes = prepared.code_bytes(order);
        let first = bpf_asm::decode_slots(&bytes, order).unwrap();
        assert_eq!(first, prepared.slots);
        let high = if order == ByteOrder::Little {
            [0x78, 0x56, 0x34, 0x12]
        } else {
            [0x12, 0x34, 0x56, 0x78]
        };
        assert_eq!(bytes[12..16], high);
    }
}
