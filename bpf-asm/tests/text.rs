//! Text and slots are the same thing, both ways.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use bpf_asm::{
    AssembleError, BuildError, ByteOrder, Code, Instruction, LongJumps, Reference, Slot, Symbol,
    SyntaxError, Target, decode_slots,
};
use proptest::prelude::*;

/// Slots that are valid more often than random bytes are.
fn slot() -> impl Strategy<Value = Slot> {
    let imms = prop_oneof![
        Just(0),
        Just(1),
        Just(16),
        Just(32),
        Just(64),
        prop::sample::select(vec![
            0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110
        ]),
        any::<i32>()
    ];
    let offsets = prop_oneof![Just(0), Just(1), Just(8), Just(16), Just(32), any::<i16>()];
    (any::<u8>(), 0u8..12, 0u8..12, offsets, imms).prop_map(|(opcode, dst, src, offset, imm)| {
        let bytes = [opcode, dst | src << 4, 0, 0, 0, 0, 0, 0];
        Slot::decode(bytes, ByteOrder::Little).with_offset(offset).with_imm(imm)
    })
}

/// The same with 64-bit immediate loads whose second half fits.
fn slots() -> impl Strategy<Value = Vec<Slot>> {
    let pair = (0u8..11, 0u8..8, any::<i32>(), any::<i32>()).prop_map(|(dst, src, low, high)| {
        let [mut first, mut second] = Slot::ld_imm64(bpf_asm::R0, 0);
        first.set_dst(bpf_asm::Register::new(dst).unwrap());
        first.set_src(bpf_asm::Register::new(src).unwrap());
        (first.imm, second.imm) = (low, high);
        vec![first, second]
    });
    prop::collection::vec(prop_oneof![3 => slot().prop_map(|slot| vec![slot]), 1 => pair], 0..20)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn slots_to_text_to_slots(slots in slots()) {
        let text = Code::new(slots.clone()).to_string();
        let again = Code::assemble(&text).expect(&text);
        prop_assert_eq!(&again.slots, &slots, "{}", text);
        prop_assert_eq!(again.to_string(), text);
        let numbered = format!("{:#}", Code::new(slots.clone()));
        prop_assert_eq!(Code::assemble(&numbered).expect(&numbered).slots, slots);
    }

    #[test]
    fn any_bytes_to_text_to_slots(raw in prop::collection::vec(any::<[u8; 8]>(), 0..20)) {
        let slots = decode_slots(&raw.concat(), ByteOrder::Big).unwrap();
        let text = Code::new(slots.clone()).to_string();
        prop_assert_eq!(Code::assemble(&text).expect(&text).slots, slots);
    }

    #[test]
    fn a_valid_instruction_reads_back(slot in slot()) {
        if let Some(instruction) = Instruction::decode(&[slot]) {
            let text = instruction.to_string();
            prop_assert_eq!(text.parse(), Ok(instruction), "{}", text);
            prop_assert!(!text.starts_with(".insn"));
        }
    }

    #[test]
    fn no_text_panics(text in "[-+*/%=<>&|^ .,:;#()\\[\\]\"\\\\rwuspcl0-9xé\n]{0,60}") {
        if let Ok(code) = Code::assemble(&text) {
            prop_assert_eq!(&Code::assemble(&code.to_string()).unwrap().slots, &code.slots);
        }
    }

    #[test]
    fn no_mutated_text_panics(slots in slots(), cut in any::<prop::sample::Index>(), c in any::<char>()) {
        let mut text: Vec<char> = Code::new(slots).to_string().chars().collect();
        if !text.is_empty() {
            let place = cut.index(text.len());
            text[place] = c;
            let text: String = text.into_iter().collect();
            if let Ok(code) = Code::assemble(&text) {
                prop_assert_eq!(&Code::assemble(&code.to_string()).unwrap().slots, &code.slots);
            }
        }
    }
}

#[track_caller]
fn same(text: &str, canonical: &str) {
    let code = Code::assemble(text).expect(text);
    assert_eq!(code.slots, Code::assemble(canonical).expect(canonical).slots, "{text}");
    assert_eq!(code.to_string().trim(), canonical);
}

#[test]
fn other_spellings_mean_the_same() {
    for (text, canonical) in [
        ("goto pc+3", "goto +3"),
        ("goto +0x3 <LBB0_2>", "goto +3"),
        ("may_goto pc-1", "may_goto -1"),
        ("call pc+3", "call pc+3"),
        ("call +3", "call pc+3"),
        ("call 1", "call bpf_map_lookup_elem#1"),
        ("call 0x1", "call bpf_map_lookup_elem#1"),
        ("call #1", "call bpf_map_lookup_elem#1"),
        ("call bpf_map_lookup_elem", "call bpf_map_lookup_elem#1"),
        ("call bpf_of_tomorrow#999", "call unknown#999"),
        ("if r1 == 5 goto +1", "if r1 == 0x5 goto +1"),
        ("if w1 == 0xffffffff goto pc+1", "if w1 == -0x1 goto +1"),
        ("if r1 s>= 0 goto +1", "if r1 s>= 0x0 goto +1"),
        ("w1 = 0xffffffff", "w1 = -1"),
        ("r1 = -0x8", "r1 = -8"),
        ("r1 = -1 ll", "r1 = 0xffffffffffffffff ll"),
        ("r1=r2", "r1 = r2"),
        ("r1 = *(u8*)(r2)", "r1 = *(u8 *)(r2 +0)"),
        ("w1 = *(u32 *)(r2 + 0x8)", "r1 = *(u32 *)(r2 +8)"),
        ("*(u32 *)(r2 - 0x8) = w1", "*(u32 *)(r2 -8) = r1"),
        ("*(u32 *)(r2 + 0x0) = 0xffffffff", "*(u32 *)(r2 +0) = -1"),
        ("r0 = *(u8 *)skb[0x5]", "r0 = *(u8 *)skb[5]"),
        ("r0 = *(u8 *)skb[r1]", "r0 = *(u8 *)skb[r1 + 0]"),
        ("r0 = *(u8 *)skb[r1 +2]", "r0 = *(u8 *)skb[r1 + 2]"),
        ("r0 = *(u8 *)skb[r1 -2]", "r0 = *(u8 *)skb[r1 + -2]"),
        ("lock *(u32 *)(r1 + 0x0) += w2", "lock *(u32 *)(r1 +0) += r2"),
        (
            "w2 = atomic_fetch_add((u32 *)(r1 + 0x0), w2)",
            "r2 = atomic_fetch_add((u32 *)(r1 +0), r2)",
        ),
        (
            "r2 = atomic_fetch_add((u64 *)(r1 + 0x0), r2)",
            "r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)",
        ),
        ("r2 = xchg_64(r1 + 0x8, r2)", "r2 = atomic64_xchg((u64 *)(r1 +8), r2)"),
        ("w2 = xchg32_32(r1 + 0x8, w2)", "r2 = atomic_xchg((u32 *)(r1 +8), r2)"),
        ("r0 = cmpxchg_64(r1 + 0x8, r0, r2)", "r0 = atomic64_cmpxchg((u64 *)(r1 +8), r0, r2)"),
        ("w0 = cmpxchg32_32(r1 + 0x8, w0, w2)", "r0 = atomic_cmpxchg((u32 *)(r1 +8), r0, r2)"),
        ("w0 = load_acquire((u8 *)(r1 + 0x0))", "r0 = load_acquire((u8 *)(r1 +0))"),
        ("r1 = map[fd:3][0] ll", "r1 = map[fd:3][0]+0 ll"),
        ("  12:   exit  ; done", "exit"),
        ("exit // done", "exit"),
        ("; nothing\n\n exit", "exit"),
        ("0: (b7) r1 = 0  ; R1_w=0", "r1 = 0"),
        ("3: (18) r1 = 0xffff888000000000", "r1 = 0xffff888000000000 ll"),
        ("3: (18) r1 = 0x5 ; R1_w=5", "r1 = 0x5 ll"),
        ("5: (15) if r1 == 0xffffffff goto pc+1", "if r1 == -0x1 goto +1"),
        ("5: (16) if w1 == 0xffffffff goto pc+1", "if w1 == -0x1 goto +1"),
        ("5: (06) gotol pc+1", "gotol +1"),
        ("7: (85) call bpf_map_lookup_elem#1", "call bpf_map_lookup_elem#1"),
        ("7: (85) call bpf_rcu_read_lock#71234", "call kfunc[id:71234]"),
        ("7: (85) call pc+2", "call pc+2"),
        ("8: (d7) r0 = bswap16 r0", "r0 = bswap16 r0"),
        ("8: (bf) r1 = (s8)r2", "r1 = (s8)r2"),
    ] {
        same(text, canonical);
    }
}

#[track_caller]
fn refused(text: &str, column: usize, message: &str) {
    match Code::assemble(text) {
        Err(error @ AssembleError::Syntax { line: 1, .. }) => {
            assert_eq!(error.to_string(), format!("line 1, column {column}: {message}"), "{text}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for (text, column, message) in [
        ("r11 = 0", 1, "register r11 does not exist: the last is r10"),
        ("r1 = r12", 6, "register r12 does not exist: the last is r10"),
        ("r1 = r300", 6, "expected a register, r0 to r10"),
        ("r1 = 0x80000000", 6, "2147483648 does not fit into an immediate of 32 bits"),
        ("w1 = 0x100000000", 6, "4294967296 does not fit into an immediate of 32 bits"),
        ("r1 = 0x10000000000000000 ll", 6, "expected a number of 64 bits"),
        ("r1 = -0x8000000000000001 ll", 6, "-9223372036854775809 does not fit into 64 bits"),
        ("r1 = *(u8 *)(r2 +32768)", 17, "32768 does not fit into an offset of 16 bits"),
        ("*(u8 *)(r2 -32769) = 0", 12, "-32769 does not fit into an offset of 16 bits"),
        ("goto +32768", 12, "32768 does not fit into a jump distance of 16 bits"),
        ("gotol +2147483648", 7, "2147483648 does not fit into a jump distance of 32 bits"),
        ("r0 = *(u8 *)skb[4294967296]", 17, "4294967296 does not fit into an offset of 32 bits"),
        ("if r1 == 0xffffffff goto +1", 10, "4294967295 does not fit into an immediate of 32 bits"),
        ("call kfunc[id:1, idx:32768]", 22, "32768 does not fit into a BTF index of 16 bits"),
        (
            "r1 = addr_space_cast(r2, 65536, 0)",
            26,
            "65536 does not fit into an address space of 16 bits",
        ),
    ] {
        refused(text, column, message);
    }
}

#[test]
fn what_no_instruction_says_is_refused() {
    for (text, column, message) in [
        ("nop", 1, "expected an instruction"),
        ("r1 ? r2", 4, "expected an assignment such as =, += or s>>="),
        ("r1 += w2", 7, "register has the wrong width"),
        ("r1 = -r2", 6, "this must be the same register as before: r1"),
        ("r1 = be16 r2", 11, "this must be the same register as before: r1"),
        ("w1 = be16 w1", 6, "register has the wrong width"),
        ("w1 = *(u64 *)(r2 +0)", 14, "register has the wrong width"),
        ("r1 = *(s64 *)(r2 +0)", 21, "this instruction has no size of 64 bits"),
        ("w1 = (s32)w2", 7, "expected s8, s16, or for 64 bits s32"),
        ("r1 = *(u8 *)skb[5]", 16, "expected r0 = *(u8 *)skb[...] or wider"),
        ("lock *(u16 *)(r1 +0) += r2", 22, "this instruction has no size of 16 bits"),
        ("lock *(u64 *)(r1 +0) -= r2", 22, "expected +=, |=, &= or ^="),
        (
            "r3 = atomic_xchg((u32 *)(r1 +0), r2)",
            36,
            "this must be the same register as before: r3",
        ),
        ("r1 = atomic64_xchg((u32 *)(r1 +0), r1)", 34, "register has the wrong width"),
        ("exit now", 6, "expected the end of the line"),
        ("call bpf_map_lookup_elem#2", 26, "helper bpf_map_lookup_elem is number 1"),
        ("call r1", 6, "expected callx for a register"),
        ("goto", 5, "expected a name"),
        ("r1 = map[counters]", 19, "expected ll"),
        ("0: (b4) r1 = 0", 9, "the line says opcode 0xb4, its instruction has 0xb7"),
        ("0: (18) w1 = 5", 14, "register has the wrong width"),
        ("0: (b7 r1 = 0", 4, "expected an instruction"),
        ("(b7) r1 = 0", 1, "expected an instruction"),
        (".insn 0x100, r0, r0, 0, 0", 7, "256 does not fit into an opcode of 8 bits"),
        (".insn 0xff, r16, r0, 0, 0", 13, "expected a register, r0 to r15"),
    ] {
        refused(text, column, message);
    }
}

#[test]
fn a_listing_shows_names_and_reads_them_back() {
    let text = "\
<main>:
    r6 = r1
    r1 = map[counters] ll
    r2 = map[.rodata][0]+16 ll
    r3 = func[callback] ll
    r4 = ksym[bpf_prog_active] ll
again:
    r7 += 1
    if r7 < 0xa goto again
    may_goto again
    call kfunc[bpf_cpumask_create]
    call \"bpf_map_lookup_elem\"
    call \"r5\"
    call helper.part.0
    gotol out
out:
    exit
<callback>:
    r0 = 0
out:
    goto out
    goto -14
<bpf_map_lookup_elem>:
    exit
<r5>:
    exit
<helper.part.0>:
    exit
";
    let code = Code::assemble(text).unwrap();
    assert_eq!(code.to_string(), text);
    assert_eq!(code.function("callback"), Some(18));
    assert_eq!(code.references.len(), 8);
    assert_eq!(
        code.references[1],
        Reference::new(3, Target::MapValue { map: ".rodata".into(), offset: 16 })
    );
    let call = code.slots[14];
    assert!(call.is_pseudo_call() && call.imm == 22 - 15, "{call:?}");
    let mut again = Code::assemble(&format!("{code:#}")).unwrap();
    assert_eq!(again, code);
    assert_eq!(again.link(), Ok(()));
}

/// Whatever a function is called, also if its name begins as that of a register.
#[test]
fn a_call_of_any_name_is_read_back() {
    for (name, text) in [
        ("main", "main"),
        ("r5", "\"r5\""),
        ("w1 \\r", "\"w1 \\\\r\""),
        ("w1\"", "\"w1\\\"\""),
        ("r1\n", "\"r1\\n\""),
        ("bpf_map_lookup_elem", "\"bpf_map_lookup_elem\""),
    ] {
        let mut code = Code::assemble("call main").unwrap();
        code.references = vec![Reference::new(0, Target::Call { function: name.into() })];
        let printed = code.to_string();
        assert_eq!(printed, format!("    call {text}\n"));
        assert_eq!(Code::assemble(&printed).unwrap().references, code.references, "{name:?}");
    }
}

#[test]
fn jump_targets_get_names() {
    let mut code =
        Code::assemble("if r1 == 0 goto +2\nL4:\nr0 = 0x1 ll\nmay_goto +1\ngoto -4\nexit\ngoto +9")
            .unwrap();
    code.name_jump_targets();
    let text = "    if r1 == 0x0 goto L3
L4:
    r0 = 0x1 ll
L3:
    may_goto L5
    goto L4
L5:
    exit
    goto +9
";
    assert_eq!(code.to_string(), text);
    assert_eq!(Code::assemble(text).as_ref(), Ok(&code));
    let again = code.clone();
    code.name_jump_targets();
    assert_eq!(code, again);

    let mut code = Code::assemble("exit\nL0:\ngoto -2").unwrap();
    code.name_jump_targets();
    assert_eq!(code.to_string(), "L0_:\n    exit\nL0:\n    goto L0_\n");
}

#[test]
fn comments_stand_in_front_of_their_slots() {
    let code = Code::assemble("<f>:\nr0 = 0\nexit").unwrap();
    let comments = [(0, "two\nlines".to_owned()), (1, "return 0;".to_owned())].into();
    let listing = format!("{:#}", code.with_comments(&comments));
    assert_eq!(listing, "<f>:\n; two\n; lines\n     0:    r0 = 0\n; return 0;\n     1:    exit\n");
    assert_eq!(Code::assemble(&listing), Ok(code));
}

#[test]
fn a_name_inside_a_64_bit_load_splits_it() {
    let mut code = Code::new([&Slot::ld_imm64(bpf_asm::R1, 5)[..], &[Slot::exit()]].concat());
    code.labels.push(Symbol::new("half way", 1));
    let text = code.to_string();
    assert_eq!(
        text,
        "    .insn 0x18, r1, r0, 0, 5\n\"half way\":\n    .insn 0x00, r0, r0, 0, 0\n    exit\n"
    );
    assert_eq!(Code::assemble(&text).unwrap(), code);
}

#[test]
fn a_label_behind_its_function_does_not_meet_its_namesake() {
    let code =
        Code::assemble("<f>:\n goto out\nout:\n<g>:\n goto out\n r0 = 0\nout:\n exit\n").unwrap();
    assert_eq!(code.slots[0], Slot::jump(0));
    assert_eq!(code.slots[1], Slot::jump(1));
    let text = code.to_string();
    assert_eq!(Code::assemble(&text).expect(&text).slots, code.slots);
}

#[test]
fn an_instruction_alone_has_no_names() {
    for text in ["goto out", "r1 = map[m] ll", "call f"] {
        let error = text.parse::<Instruction>().unwrap_err();
        let expected = AssembleError::Syntax { line: 1, column: 1, cause: SyntaxError::NameAlone };
        assert_eq!(error, expected, "{text}");
    }
}

#[test]
fn labels_that_are_missing_or_twice_are_errors() {
    for (text, message) in [
        ("exit\n\ngoto out", "line 3: slot 1: label out is not defined in this function"),
        ("a:\n exit\na:\n", "line 3: label a is defined twice in its function"),
        ("<f>:\n exit\n<f>:\n exit", "line 3: function f is defined twice"),
    ] {
        assert_eq!(Code::assemble(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_far_label_goes_over_gotol_when_allowed() {
    let text = format!("if r1 == 0 goto out\n{}out:\nexit\n", "r0 = 0\n".repeat(40_000));
    assert!(matches!(
        Code::assemble(&text),
        Err(AssembleError::Build {
            line: 1,
            source: BuildError::JumpTooFar { slot: 0, distance: 40_000, .. }
        })
    ));
    let code = Code::assemble_with(&text, LongJumps::ViaGotol).unwrap();
    assert!(code.to_string().starts_with("    if r1 != 0x0 goto +1\n    gotol out\n"));
}

#[test]
fn labels_of_two_functions_on_one_slot_keep_their_order() {
    for text in ["z:\n<f>:a:\n", "<e>:\nexit\nz:\n<f>:\na:\nexit\n"] {
        let printed = Code::assemble(text).unwrap().to_string();
        assert_eq!(Code::assemble(&printed).unwrap().to_string(), printed, "{text}");
    }
}
