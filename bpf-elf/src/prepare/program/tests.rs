//! Rules of preparation, on specs made by hand.

use super::*;
use crate::spec::{ExternKind, ExternSpec, LineInfo, ProgramSpec};
use bpf_asm::ByteOrder;
use bpf_sys::abi::ProgramType;

const EXIT: u64 = 0x95;
const CALL: u64 = 0x85 | 0x10 << 8;
const KFUNC: u64 = 0x85 | 0x20 << 8;
const LOAD: u64 = 0x18 | 0x11 << 8;

fn code(slots: &[u64]) -> Vec<Slot> {
    slots.iter().map(|slot| Slot::decode(slot.to_le_bytes(), ByteOrder::Little)).collect()
}

fn function(name: &str, slots: &[u64], references: &[(usize, Target)]) -> Function {
    let mut function = Function::new(name, code(slots));
    function.references =
        references.iter().map(|(slot, target)| Reference::new(*slot, target.clone())).collect();
    function
}

fn call(name: &str) -> Target {
    Target::Call { function: name.into() }
}

fn collection(main: Function, functions: Vec<Function>) -> CollectionSpec {
    let mut spec = CollectionSpec::new(ByteOrder::Little);
    spec.programs.insert("main", ProgramSpec::new("main", ProgramType::XDP, main));
    for function in functions {
        spec.functions.insert(function.name.clone(), function);
    }
    let mut hz = ExternSpec::new("CONFIG_HZ", ExternKind::Kconfig);
    hz.offset = 12;
    spec.externs.insert("CONFIG_HZ", hz);
    let mut kfunc = ExternSpec::new("bpf_thing", ExternKind::Kfunc);
    kfunc.weak = true;
    spec.externs.insert("bpf_thing", kfunc);
    spec
}

fn prepare(spec: &CollectionSpec) -> Result<PreparedProgram, PrepareError> {
    prepare_program(spec, "main", &PrepareOptions::default())
}

#[test]
fn calls_and_addresses_count_from_the_next_slot() {
    let spec = collection(
        function(
            "main",
            &[CALL, LOAD, 0, EXIT],
            &[(0, call("b")), (1, Target::FunctionAddress { function: "a".into() })],
        ),
        vec![
            function("a", &[CALL, CALL, EXIT], &[(0, call("b")), (1, call("a"))]),
            function("b", &[EXIT], &[]),
        ],
    );
    let prepared = prepare(&spec).unwrap();
    let starts: Vec<_> = prepared.functions.iter().map(|(n, s)| (n.as_str(), *s)).collect();
    assert_eq!(starts, [("main", 0), ("b", 4), ("a", 5)]);
    let imms: Vec<_> = prepared.slots.iter().map(|slot| slot.imm).collect();
    assert_eq!(imms, [3, 3, 0, 0, 0, -2, -2, 0]);
    assert_eq!(prepared.fixups, []);
}

#[test]
fn a_recursive_call_of_the_entry_goes_to_slot_0() {
    let spec = collection(function("main", &[EXIT, CALL, EXIT], &[(1, call("main"))]), vec![]);
    assert_eq!(prepare(&spec).unwrap().slots[1].imm, -2);
}

#[test]
fn what_a_kernel_must_say_is_a_fixup_at_the_slot_of_the_program() {
    let rows: [(Target, u64, FixupTarget, i32); 6] = [
        (Target::Map { name: "m".into() }, LOAD, FixupTarget::Map { name: "m".into() }, 0),
        (
            Target::MapValue { map: ".bss".into(), offset: 8 },
            LOAD,
            FixupTarget::MapValue { map: ".bss".into(), offset: 8 },
            8,
        ),
        (
            Target::Kconfig { name: "CONFIG_HZ".into() },
            LOAD,
            FixupTarget::MapValue { map: ".kconfig".into(), offset: 12 },
            12,
        ),
        (
            Target::Kfunc { name: "bpf_thing".into() },
            KFUNC,
            FixupTarget::Kfunc { name: "bpf_thing".into(), weak: true },
            0,
        ),
        (
            Target::KfuncAddress { name: "bpf_thing".into() },
            LOAD,
            FixupTarget::KfuncAddress { name: "bpf_thing".into(), weak: true },
            0,
        ),
        (
            Target::Ksym { name: "bpf_thing".into() },
            LOAD,
            FixupTarget::Ksym { name: "bpf_thing".into(), weak: true },
            0,
        ),
    ];
    for (target, instruction, expected, high) in rows {
        let callee = function("f", &[EXIT, instruction, 0, EXIT], &[(1, target)]);
        let main = function("main", &[CALL, EXIT], &[(0, call("f"))]);
        let prepared = prepare(&collection(main, vec![callee])).unwrap();
        assert_eq!(prepared.fixups, [Fixup { slot: 3, target: expected }]);
        assert_eq!(prepared.slots[4].imm, high);
    }
}

#[test]
fn a_reference_needs_an_instruction_that_can_carry_it() {
    let map = || Target::Map { name: "m".into() };
    let rows: [(&[u64], usize, Target); 5] = [
        (&[EXIT], 0, map()),
        (&[EXIT, LOAD], 1, map()),
        (&[EXIT], 7, map()),
        (&[LOAD, 0], 0, call("main")),
        (&[EXIT], usize::MAX, call("main")),
    ];
    for (slots, slot, target) in rows {
        let spec = collection(function("main", slots, &[(slot, target)]), vec![]);
        let error = prepare(&spec).unwrap_err();
        assert!(
            matches!(&error, PrepareError::BadReference { function, slot: at, .. } if function == "main" && *at == slot),
            "{error}"
        );
    }
}

#[test]
fn an_undeclared_extern_and_an_unknown_program_are_named() {
    let spec = collection(
        function("main", &[LOAD, 0], &[(0, Target::Ksym { name: "gone".into() })]),
        vec![],
    );
    assert_eq!(
        prepare(&spec).unwrap_err().to_string(),
        "function \"main\", slot 0: refers to extern \"gone\", which the collection does not declare"
    );
    let error = prepare_program(&spec, "nobody", &PrepareOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "no program \"nobody\" in the collection");
}

#[test]
fn debug_information_is_rebased_or_left_out_as_a_whole() {
    let line = |slot, line| LineInfo { slot, file_name: 1, line_text: 9, line, column: 5 };
    let mut main = function("main", &[CALL, EXIT], &[(0, call("f"))]);
    let mut callee = function("f", &[EXIT, EXIT], &[]);
    main.type_id = Some(7);
    callee.type_id = Some(8);
    main.line_infos = vec![line(0, 10), line(1, 11)];
    callee.line_infos = vec![line(0, 20)];

    let prepared = prepare(&collection(main.clone(), vec![callee.clone()])).unwrap();
    assert_eq!(
        prepared.func_infos,
        [FuncInfo { slot: 0, type_id: 7 }, FuncInfo { slot: 2, type_id: 8 }]
    );
    let lines: Vec<_> = prepared.line_infos.iter().map(|l| (l.slot, l.line_column)).collect();
    assert_eq!(lines, [(0, 10 << 10 | 5), (1, 11 << 10 | 5), (2, 20 << 10 | 5)]);

    callee.type_id = None;
    callee.line_infos[0].slot = 1;
    let prepared = prepare(&collection(main, vec![callee])).unwrap();
    assert_eq!((prepared.func_infos, prepared.line_infos), (vec![], vec![]));
}
