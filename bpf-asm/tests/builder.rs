//! Programs from method calls: labels, references, jumps of any length, joining.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use bpf_asm::{
    Argument, BuildError, Builder, ByteOrder, Code, Condition, HelperId, Instruction, LinkError,
    LongJumps, R0, R1, R2, R3, R10, Reference, Register, SignExtension, Size, Slot, Symbol, Target,
    Width,
};
use proptest::prelude::*;

/// A program whose listing is this.
#[track_caller]
fn check(build: impl FnOnce(&mut Builder), listing: &str) -> Code {
    let mut builder = Builder::new();
    build(&mut builder);
    let code = builder.finish().map_err(|error| error.to_string());
    assert_eq!(code.as_ref().map(ToString::to_string), Ok(listing.to_owned()));
    code.unwrap_or_default()
}

#[track_caller]
fn refused(build: impl FnOnce(&mut Builder), error: &BuildError) {
    let mut builder = Builder::new();
    build(&mut builder);
    assert_eq!(builder.finish().as_ref(), Err(error));
}

#[test]
fn methods_read_like_assembly() {
    let code = check(
        |b| {
            b.function("main")
                .mov64(R2, R10)
                .add64(R2, -8)
                .store(Size::Double, R2, 0, 0)
                .ld_map(R1, "counters")
                .call_helper("bpf_map_lookup_elem")
                .jump_if64(Condition::Ne, R0, 0, "found")
                .label("again")
                .mov32(R0, 0xffff_ffff_u32)
                .exit()
                .label("found")
                .mov64(R1, 1)
                .atomic_fetch_add64(R0, 0, R1)
                .ld_func(R2, "callback")
                .call_function("callback")
                .call_kfunc("bpf_cpumask_create")
                .sign_extend(SignExtension::From8To64, R0, R1)
                .jump("again")
                .function("callback")
                .label("again")
                .jump("again");
        },
        "\
<main>:
    r2 = r10
    r2 += -8
    *(u64 *)(r2 +0) = 0
    r1 = map[counters] ll
    call bpf_map_lookup_elem#1
    if r0 != 0x0 goto found
again:
    w0 = -1
    exit
found:
    r1 = 1
    r1 = atomic64_fetch_add((u64 *)(r0 +0), r1)
    r2 = func[callback] ll
    call callback
    call kfunc[bpf_cpumask_create]
    r0 = (s8)r1
    goto again
<callback>:
again:
    goto again
",
    );
    assert_eq!(code.functions, [Symbol::new("main", 0), Symbol::new("callback", 17)]);
    assert_eq!(code.slots[10], Slot::atomic(Width::W64, bpf_asm::AtomicOp::FetchAdd, R0, 0, R1));
    assert_eq!(code.slots[11], Slot::ld_func(R2, 17 - 12)[0]);
    assert_eq!(code.slots[13], Slot::call_function(17 - 14));
    let slots: Vec<usize> = code.references.iter().map(|reference| reference.slot).collect();
    assert_eq!(slots, [3, 11, 13, 14]);
}

/// No number becomes another one.
#[test]
fn what_does_not_fit_is_an_error() {
    refused(
        |b| _ = b.exit().load(Size::Word, R0, R1, 32_768),
        &BuildError::Offset { slot: 1, offset: 32_768 },
    );
    refused(
        |b| _ = b.store(Size::Word, R1, -32_769, R0),
        &BuildError::Offset { slot: 0, offset: -32_769 },
    );
    refused(
        |b| _ = b.atomic_add64(R1, i64::MAX, R0),
        &BuildError::Offset { slot: 0, offset: i64::MAX },
    );
    for value in [1 << 31, 0xffff_ffff, -(1 << 31) - 1, i64::MIN] {
        refused(|b| _ = b.mov64(R0, value), &BuildError::Immediate { slot: 0, value });
        refused(
            |b| _ = b.store(Size::Double, R1, 0, value),
            &BuildError::Immediate { slot: 0, value },
        );
        refused(
            |b| _ = b.label("l").jump_if64(Condition::Eq, R0, value, "l"),
            &BuildError::Immediate { slot: 0, value },
        );
    }
    for value in [1 << 32, -(1 << 31) - 1] {
        refused(|b| _ = b.mov32(R0, value), &BuildError::Immediate { slot: 0, value });
    }
    check(
        |b| _ = b.mov64(R0, i32::MIN).mov32(R0, 0x8000_0000_u32),
        "    r0 = -2147483648\n    w0 = -2147483648\n",
    );
}

#[test]
fn the_first_error_is_kept() {
    refused(
        |b| _ = b.mov64(R0, i64::MAX).load(Size::Word, R0, R1, 99_999).call_helper("bpf_nothing"),
        &BuildError::Immediate { slot: 0, value: i64::MAX },
    );
    refused(
        |b| _ = b.exit().call_helper("bpf_nothing"),
        &BuildError::UnknownHelper { slot: 1, name: "bpf_nothing".into() },
    );
}

#[test]
fn a_register_above_10_is_an_error() {
    assert!(Register::new(11).is_err());
    // Decoding can make one.
    let r12 = Slot::decode([0xbf, 0xc0, 0, 0, 0, 0, 0, 0], ByteOrder::Little).src();
    let error = BuildError::Register { slot: 0, register: r12 };
    refused(|b| _ = b.mov64(R0, r12), &error);
    refused(|b| _ = b.load(Size::Word, r12, R1, 0), &error);
    refused(|b| _ = b.instruction(Instruction::CallRegister { target: r12 }), &error);
    refused(|b| _ = b.ld_map(r12, "m"), &error);
}

#[test]
fn labels_belong_to_their_function() {
    refused(
        |b| _ = b.function("f").label("l").exit().function("g").jump("l"),
        &BuildError::UndefinedLabel { slot: 1, label: "l".into() },
    );
    refused(
        |b| _ = b.label("l").exit().label("l"),
        &BuildError::DuplicateLabel { label: "l".into() },
    );
    refused(
        |b| _ = b.function("f").exit().function("f"),
        &BuildError::DuplicateFunction { function: "f".into() },
    );
}

/// Fills a program with instructions that do nothing.
fn pad(builder: &mut Builder, count: usize) {
    for _ in 0..count {
        builder.mov64(R0, 0);
    }
}

#[test]
fn a_jump_that_16_bits_do_not_reach_is_an_error() {
    for (count, reaches) in [(32_767, true), (32_768, false), (40_000, false)] {
        let mut b = Builder::new();
        b.jump_if64(Condition::Eq, R1, 0, "out");
        pad(&mut b, count);
        b.label("out").exit();
        match b.finish() {
            Ok(code) => {
                assert!(reaches);
                assert_eq!(usize::try_from(code.slots[0].offset), Ok(count));
            }
            Err(error) => {
                assert!(!reaches);
                let distance = i64::try_from(count).unwrap();
                assert_eq!(
                    error,
                    BuildError::JumpTooFar { slot: 0, label: "out".into(), distance }
                );
            }
        }
    }
    // Backwards it is one less, because distances count from the next slot.
    for (count, reaches) in [(32_767, true), (32_768, false)] {
        let mut b = Builder::new();
        b.label("top");
        pad(&mut b, count);
        b.jump("top");
        assert_eq!(b.finish().is_ok(), reaches);
    }
}

#[test]
fn a_gotol_reaches_further() {
    let mut b = Builder::new();
    b.jump_long("out");
    pad(&mut b, 40_000);
    b.label("out").exit();
    assert_eq!(b.finish().unwrap().slots[0], Slot::jump_long(40_000));
}

/// Where a jump at `slot` leads, over gotol if need be.
fn target(code: &Code, slot: usize) -> usize {
    let distance = match Instruction::decode(&code.slots[slot..]) {
        Some(Instruction::JumpLong { distance }) => i64::from(distance),
        Some(
            Instruction::Jump { distance }
            | Instruction::JumpIf { distance, .. }
            | Instruction::MayGoto { distance },
        ) => i64::from(distance),
        other => panic!("slot {slot}: {other:?}"),
    };
    usize::try_from(i64::try_from(slot).unwrap() + 1 + distance).unwrap()
}

#[test]
fn far_jumps_go_over_gotol_when_allowed() {
    let mut b = Builder::with_long_jumps(LongJumps::ViaGotol);
    b.function("main")
        .jump_if64(Condition::Sgt, R1, R2, "out") // 0: two slots
        .jump_if32(Condition::Set, R1, 8, "out") // 2: three
        .may_goto("out") // 5: three
        .jump("out") // 8: one
        .jump_if64(Condition::Eq, R1, 0, "near") // 9: short
        .call_function("callback") // 10
        .label("near")
        .instruction(Instruction::Jump { distance: -5 }); // 11: by distance, to the may_goto
    pad(&mut b, 40_000);
    b.ld_map(R1, "counters").label("out").jump("near").exit();
    pad(&mut b, 100);
    b.function("callback").exit();
    let code = b.finish().unwrap();

    assert_eq!(code.slots[0], Slot::jump_if(Width::W64, Condition::Sle, R1, R2, 1));
    assert_eq!(code.slots[2], Slot::jump_if(Width::W32, Condition::Set, R1, 8, 1));
    assert_eq!(code.slots[3], Slot::jump(1));
    assert_eq!(code.slots[5], Slot::may_goto(1));
    assert_eq!(code.slots[6], Slot::jump(1));
    let out = code.labels.iter().find(|label| label.name == "out").unwrap().slot;
    for slot in [1, 4, 7, 8] {
        assert_eq!(target(&code, slot), out, "{slot}");
    }
    assert_eq!(code.slots[9], Slot::jump_if(Width::W64, Condition::Eq, R1, 0, 1));
    assert_eq!(target(&code, 11), 5);
    assert_eq!(target(&code, out), 11);
    let callback = code.function("callback").unwrap();
    assert_eq!(usize::try_from(code.slots[10].imm), Ok(callback - 11));
    assert_eq!(code.references[1].slot, out - 2);
    assert!(code.slots[out - 2].is_ld_imm64());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever grows, every jump leads to its label.
    #[test]
    fn jumps_of_any_distance_lead_to_their_labels(
        parts in prop::collection::vec((0usize..20_000, 0u8..4, 0usize..8), 1..8)
    ) {
        let mut b = Builder::with_long_jumps(LongJumps::ViaGotol);
        let count = parts.len();
        for (index, (padding, kind, label)) in parts.iter().enumerate() {
            let label = format!("l{}", label % count);
            b.label(&format!("l{index}")).mov64(R1, i32::try_from(index).unwrap());
            match kind {
                0 => b.jump(&label),
                1 => b.jump_if64(Condition::Slt, R1, R2, &label),
                2 => b.jump_if64(Condition::Set, R1, R2, &label),
                _ => b.may_goto(&label),
            };
            pad(&mut b, *padding);
        }
        let code = b.finish().unwrap();
        for (index, (_, kind, label)) in parts.iter().enumerate() {
            let label_slot = |index: usize| {
                let name = format!("l{index}");
                code.labels.iter().find(|label| label.name == name).unwrap().slot
            };
            let wanted = label_slot(label % count);
            // Behind the label stands its number, then the jump in one of its forms.
            let at = label_slot(index);
            prop_assert_eq!(code.slots[at], Slot::mov64(R1, i32::try_from(index).unwrap()));
            let jump = at + 1;
            let slot = code.slots[jump];
            let led = match kind {
                1 if slot == Slot::jump_if(Width::W64, Condition::Sge, R1, R2, 1) => target(&code, jump + 1),
                2 | 3 if slot.offset == 1 && code.slots[jump + 1] == Slot::jump(1) => {
                    target(&code, jump + 2)
                }
                _ => target(&code, jump),
            };
            prop_assert_eq!(led, wanted, "{} {:?}", index, slot);
        }
    }
}

#[test]
fn only_jumps_that_do_not_reach_become_longer() {
    let mut b = Builder::with_long_jumps(LongJumps::ViaGotol);
    // Both just reach.
    b.jump_if64(Condition::Eq, R1, 0, "a").jump_if64(Condition::Eq, R2, 0, "b");
    pad(&mut b, 32_766);
    b.label("a").exit().label("b").exit();
    let code = b.finish().unwrap();
    assert_eq!(code.slots.len(), 2 + 32_766 + 2);

    // One more slot and the second has to grow, which puts the first out of reach too.
    let mut b = Builder::with_long_jumps(LongJumps::ViaGotol);
    b.jump_if64(Condition::Eq, R1, 0, "a").jump_if64(Condition::Eq, R2, 0, "b");
    pad(&mut b, 32_766);
    b.label("a").exit().exit().label("b").exit();
    let code = b.finish().unwrap();
    assert_eq!(code.slots.len(), 4 + 32_766 + 3);
    let label = |name: &str| code.labels.iter().find(|label| label.name == name).unwrap().slot;
    assert_eq!(code.slots[0], Slot::jump_if(Width::W64, Condition::Ne, R1, 0, 1));
    assert_eq!((target(&code, 1), target(&code, 3)), (label("a"), label("b")));
}

#[test]
fn a_jump_by_distance_keeps_its_target_when_others_grow() {
    let mut b = Builder::with_long_jumps(LongJumps::ViaGotol);
    b.instruction(Instruction::Jump { distance: 1 }) // over the next
        .jump_if64(Condition::Eq, R1, 0, "far")
        .instruction(Instruction::CallFunction { distance: 32_999 })
        .ld_map(R1, "m");
    pad(&mut b, 32_998);
    b.label("far").exit();
    let code = b.finish().unwrap();
    assert_eq!(target(&code, 0), 3, "the slot behind the pair that the jump became");
    assert_eq!(code.slots[3], Slot::call_function(32_999));
    assert_eq!(code.references, [Reference::new(4, Target::Map { name: "m".into() })]);

    let mut b = Builder::with_long_jumps(LongJumps::ViaGotol);
    b.jump("far").instruction(Instruction::Jump { distance: -9 });
    pad(&mut b, 33_000);
    b.label("far").exit();
    assert_eq!(b.finish(), Err(BuildError::JumpOutside { slot: 1 }));
}

fn function(name: &str, calls: &[&str]) -> Code {
    let mut b = Builder::new();
    b.function(name);
    for callee in calls {
        b.call_function(callee);
    }
    b.label("end").ld_func(R3, name).jump("end");
    b.finish().unwrap()
}

#[test]
fn joining_functions_is_a_shift() {
    let mut code = function("a", &["b", "c"]);
    assert_eq!(code.undefined_functions().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(
        code.clone().link(),
        Err(LinkError::UndefinedFunction { slot: 0, function: "b".into() })
    );
    code.append(function("b", &["a"])).unwrap();
    assert_eq!(code.undefined_functions().collect::<Vec<_>>(), ["c"]);
    code.append(function("c", &[])).unwrap();
    code.link().unwrap();
    assert_eq!(
        code.to_string(),
        "\
<a>:
    call b
    call c
end:
    r3 = func[a] ll
    goto end
<b>:
    call a
end:
    r3 = func[b] ll
    goto end
<c>:
end:
    r3 = func[c] ll
    goto end
"
    );
    let calls: Vec<(usize, i32)> = code
        .slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| slot.is_pseudo_call() || slot.is_pseudo_func())
        .map(|(index, slot)| (index, slot.imm))
        .collect();
    assert_eq!(calls, [(0, 4), (1, 7), (2, -3), (5, -6), (6, -2), (9, -1)]);
    assert_eq!(Code::assemble(&code.to_string()), Ok(code));
}

#[test]
fn joining_refuses_what_it_cannot_do() {
    let mut code = function("a", &[]);
    let before = code.clone();
    assert_eq!(
        code.append(function("a", &[])),
        Err(LinkError::DuplicateFunction { function: "a".into() })
    );
    assert_eq!(code, before);
    code.references.push(Reference::new(3, Target::Call { function: "a".into() }));
    assert_eq!(code.link(), Err(LinkError::NotAReference { slot: 3 }));
    code.references.push(Reference::new(99, Target::Call { function: "a".into() }));
    assert_eq!(code.link(), Err(LinkError::NotAReference { slot: 3 }));
}

#[test]
fn arguments_are_registers_and_numbers() {
    assert_eq!(Argument::from(R1), Argument::Register(R1));
    assert_eq!(Argument::from(-1), Argument::Number(-1));
    assert_eq!(Argument::from(u32::MAX), Argument::Number(0xffff_ffff));
    assert_eq!(Argument::from(i64::MIN), Argument::Number(i64::MIN));
    let code = check(|b| _ = b.call(HelperId::KTIME_GET_NS), "    call bpf_ktime_get_ns#5\n");
    assert_eq!(code.instructions().count(), 1);
}
