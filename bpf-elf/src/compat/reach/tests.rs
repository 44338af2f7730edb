//! Paths of small programs, as text.

use bpf_asm::Code;

use super::*;

/// A program that is its instructions alone.
fn plain(order: ByteOrder, slots: &[Slot]) -> Program<'_> {
    Program {
        order,
        slots,
        loads: HashMap::new(),
        data: Vec::new(),
        global: BTreeSet::new(),
        roots: Vec::new(),
        jump_targets: Vec::new(),
    }
}

/// Looks for the instruction `r9 = 99`, which stands for the one that the kernel does not have.
#[track_caller]
fn check(text: &str, edit: impl FnOnce(&mut Program<'_>), expected: Reach) {
    let code = Code::assemble(text).unwrap();
    let mut program = plain(ByteOrder::Little, &code.slots);
    edit(&mut program);
    let marked = code.slots.iter().position(|slot| slot.imm == 99).unwrap();
    assert_eq!(reached(&program)[marked], expected, "{text}");
}

#[test]
fn a_constant_guard_makes_code_unreachable() {
    use Reach::{Never, Surely};
    let rows = [
        ("r9 = 99\nr0 = 0\nexit", Surely),
        ("r0 = 0\nexit\nr9 = 99\nexit", Never),
        ("r1 = 0\nif r1 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit", Never),
        ("r1 = 1\nif r1 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit", Surely),
        ("if r1 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit", Surely),
        // Kept on the stack, and across a call.
        (
            "r6 = 0\n*(u64 *)(r10 -8) = r6\ncall bpf_ktime_get_ns#5\nr1 = *(u64 *)(r10 -8)\nif r1 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit",
            Never,
        ),
        (
            "r6 = 0\n*(u64 *)(r10 -8) = r6\nr1 = r10\nr1 += -8\ncall bpf_ktime_get_ns#5\nr1 = *(u64 *)(r10 -8)\nif r1 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit",
            Surely,
        ),
        // What two branches know stays apart.
        (
            "r6 = 0\nif r1 == 7 goto one\ngoto join\none:\nr6 = 0\njoin:\nif r6 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit",
            Never,
        ),
        (
            "r6 = 0\nif r1 == 7 goto one\ngoto join\none:\nr6 = 1\njoin:\nif r6 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit",
            Surely,
        ),
        // A number that was compared is known.
        ("if r1 != 7 goto out\nif r1 == 7 goto out\nr9 = 99\nout:\nr0 = 0\nexit", Never),
        // Half a register, arithmetic.
        ("w1 = -1\nif r1 s< 0 goto bad\nr0 = 0\nexit\nbad:\nr9 = 99\nexit", Never),
        ("r1 = 3\nr1 <<= 2\nif r1 == 12 goto out\nr9 = 99\nout:\nr0 = 0\nexit", Never),
    ];
    for (text, expected) in rows {
        check(text, |_| (), expected);
    }
}

#[test]
fn loops_come_to_an_end() {
    use Reach::{Never, Perhaps, Surely};
    // Few rounds are walked one by one; of many it is only known that they end somehow.
    let counted = |rounds: u32| {
        format!(
            "r6 = 0\nagain:\nr6 += 1\nif r6 != {rounds} goto again\nif r6 == {rounds} goto out\nr9 = 99\nout:\nr0 = 0\nexit"
        )
    };
    check(&counted(10), |_| (), Never);
    let after = |rounds: u32| {
        format!(
            "r7 = 0\nr6 = 0\nagain:\nr6 += 1\nif r6 != {rounds} goto again\nif r7 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit"
        )
    };
    check(&after(100_000), |_| (), Never);
    let endless = "again:\nr6 += 1\ngoto again\nr9 = 99\nexit";
    check(endless, |_| (), Never);
    let found = "r6 = 0\nagain:\nr6 += 1\nif r6 s< 100000 goto again\nr9 = 99\nr0 = 0\nexit";
    check(found, |_| (), Perhaps);
    check("again:\nif r6 == 5 goto again\nr9 = 99\nr0 = 0\nexit", |_| (), Surely);
}

#[test]
fn loads_give_what_is_known_of_symbols_and_read_only_data() {
    use Reach::{Never, Perhaps, Surely};
    let guard = "r1 = 0x1122334455667788 ll\nif r1 == 0 goto out\nr9 = 99\nout:\nr0 = 0\nexit";
    for (loaded, expected) in [
        (Loaded::Null, Never),
        (Loaded::Pointer, Surely),
        (Loaded::Any, Surely),
        (Loaded::Open, Perhaps),
    ] {
        check(guard, |program| program.loads.extend([(0, loaded)]), expected);
    }
    let data = "r1 = 0x1122334455667788 ll\nr2 = *(u16 *)(r1 +2)\nif r2 == 0x201 goto out\nr9 = 99\nout:\nr0 = 0\nexit";
    let bytes = [0, 0, 0, 0, 0, 0, 1, 2];
    let known = |number| Some(BTreeMap::from([(6, (2, number))]));
    for (order, known, offset, expected) in [
        (ByteOrder::Little, None, 4, Never),
        (ByteOrder::Little, None, 3, Never),
        (ByteOrder::Big, None, 4, Surely),
        // Beyond the value.
        (ByteOrder::Little, None, 6, Surely),
        (ByteOrder::Little, known(0x201), 4, Never),
        (ByteOrder::Little, known(7), 4, Surely),
        (ByteOrder::Little, known(7), 2, Perhaps),
    ] {
        // The first row of each order reads the last two bytes.
        let bytes = if offset == 3 { &[0, 0, 0, 0, 0, 1, 2, 0] } else { &bytes };
        let code = Code::assemble(data).unwrap();
        let marked = code.slots.iter().position(|slot| slot.imm == 99).unwrap();
        let mut program = plain(order, &code.slots);
        program.loads.insert(0, Loaded::Data { map: 0, offset });
        program.data.push(ReadOnly { bytes, known: known.clone() });
        assert_eq!(reached(&program)[marked], expected, "{order:?} {known:?} {offset}");
    }
}

#[test]
fn functions_are_followed_with_what_their_callers_know_unless_they_are_global() {
    use Reach::{Never, Surely};
    let text = "\
<main>:
r1 = 0
call f
r0 = 0
exit
<f>:
if r1 == 0 goto out
r9 = 99
out:
r0 = 0
exit
";
    check(text, |_| (), Never);
    check(text, |program| program.global.extend([4]), Surely);
    let result = "\
<main>:
call f
if r0 == 3 goto out
r9 = 99
out:
r0 = 0
exit
<f>:
r0 = 3
exit
";
    check(result, |_| (), Never);
    check(result, |program| program.global.extend([5]), Surely);
    let recursive = "<main>:\ncall main\nr9 = 99\nr0 = 0\nexit";
    check(recursive, |_| (), Never);
}

#[test]
fn callbacks_roots_and_indirect_jumps_are_ways_too() {
    use Reach::{Never, Surely};
    let text = "r0 = 0\nexit\nr9 = 99\nr0 = 0\nexit";
    check(text, |_| (), Never);
    check(text, |program| program.roots.push(2), Surely);
    let jump = "gotox r1\nr0 = 0\nexit\nr9 = 99\nexit";
    check(jump, |_| (), Never);
    check(jump, |program| program.jump_targets.push(3), Surely);
    let callback = "\
<main>:
r2 = func[f] ll
r0 = 0
exit
<f>:
r9 = 99
r0 = 0
exit
";
    check(callback, |_| (), Surely);
}
