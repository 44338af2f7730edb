//! The kernel writes each instruction that it verifies into its log, with its own disassembler: that text, of every kind of
//! instruction a socket filter can have, is ours, and is read back as the same instruction.
#![expect(
    clippy::format_push_string,
    clippy::indexing_slicing,
    reason = "short texts of a test, which fails by panicking"
)]

use bpf_core::asm::{ByteOrder, Code, Instruction, Slot};
use bpf_core::spec::{Function, ProgramSpec};
use bpf_core::{Collection, CollectionSpec, LoadOptions, LogLevel, ProgramType};

use crate::support::NoLeak;

/// The instructions that the kernel writes differently: jumps count from `pc`, comparisons show the bits of their immediate
/// in hexadecimal without a sign, and a 64-bit immediate load has no `ll`.
fn as_the_kernel_writes(instruction: Instruction) -> String {
    let mut text = instruction.to_string();
    for word in ["goto ", "gotol ", "may_goto "] {
        if let Some(at) = text.rfind(word).filter(|at| *at == 0 || !text[..*at].ends_with('_')) {
            text.insert_str(at + word.len(), "pc");
            break;
        }
    }
    if let Some(at) = text.find(" -0x").filter(|_| text.starts_with("if ")) {
        let digits: String = text[at + 4..].chars().take_while(char::is_ascii_hexdigit).collect();
        let value = u32::from_str_radix(&digits, 16).unwrap().wrapping_neg();
        text.replace_range(at..at + 4 + digits.len(), &format!(" {value:#x}"));
    }
    text.strip_suffix(" ll").map(str::to_owned).unwrap_or(text)
}

/// Loads a program and holds the log against it. Every instruction of it must be reachable.
#[track_caller]
fn check(name: &str, text: &str) {
    let _leak = NoLeak::new();
    let code = Code::assemble(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    spec.license = "GPL".into();
    let function = Function::new(name, code.slots.clone());
    let program = ProgramSpec::new(name, ProgramType::SOCKET_FILTER, function);
    spec.programs.insert(name, program);
    let options = LoadOptions::new().with_log_level(LogLevel::Paths);
    let collection = Collection::load(&spec, &options).unwrap_or_else(|error| {
        panic!("{error}\n{}", error.verifier_log().map_or("", bpf_core::VerifierLog::text))
    });
    let log = collection.program(name).unwrap().verifier_log().unwrap().text();
    let mut seen = vec![false; code.slots.len()];
    for line in log.lines() {
        let Some((index, rest)) = line.split_once(": (") else { continue };
        let (Ok(index), Some((_, text))) = (index.parse::<usize>(), rest.split_once(") ")) else {
            continue;
        };
        let text = text.split_once(';').map_or(text, |(text, _)| text).trim_end();
        let slots = &code.slots[index..];
        let instruction = Instruction::decode(slots).unwrap();
        let length = instruction.encode().as_ref().len();
        let slots: &[Slot] = &slots[..length];
        assert_eq!(as_the_kernel_writes(instruction), text, "{name}: {line}");
        let read = Code::assemble(line).unwrap_or_else(|error| panic!("{name}: {line}: {error}"));
        assert_eq!(read.slots, slots, "{name}: {line}");
        seen[index..index + length].fill(true);
    }
    let missed = seen.iter().position(|seen| !seen);
    assert_eq!(missed, None, "{name}: a slot that the log does not show\n{log}");
}

/// All the operations on a number that nobody knows, with an immediate and with a register.
fn arithmetic(prefix: char) -> String {
    let mut text = String::from("r6 = r1\n");
    for op in ["+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "s>>=", "%=", "^=", "="] {
        for operand in ["7", &format!("{prefix}2")] {
            text += "r1 = *(u32 *)(r6 +0)\nr2 = *(u32 *)(r6 +4)\nr2 &= 31\n";
            text += &format!("{prefix}1 {op} {operand}\n");
        }
    }
    text + &format!("{prefix}1 += -5\n{prefix}1 = -{prefix}1\n") + "r0 = 0\nexit\n"
}

/// All comparisons on a number that nobody knows: both ways are followed.
fn comparisons(prefix: char) -> String {
    let mut text = String::new();
    let signs = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"];
    for sign in signs {
        for operand in ["0x7", "-0x7", &format!("{prefix}2")] {
            text += "call bpf_ktime_get_ns#5\nr6 = r0\ncall bpf_ktime_get_ns#5\nr2 = r0\nr1 = r6\n";
            text += &format!("if {prefix}1 {sign} {operand} goto +1\nr3 = 1\n");
        }
    }
    text + "r0 = 0\nexit\n"
}

#[test]
fn arithmetic_is_written_alike() {
    check("alu64", &arithmetic('r'));
    check("alu32", &arithmetic('w'));
    check(
        "swaps",
        "r1 = *(u32 *)(r1 +0)\nr1 = be16 r1\nr1 = be32 r1\nr1 = be64 r1\nr1 = le16 r1\n\
         r1 = le32 r1\nr1 = le64 r1\nr0 = 0\nexit\n",
    );
}

#[test]
fn jumps_are_written_alike() {
    check("jumps64", &comparisons('r'));
    check("jumps32", &comparisons('w'));
    check("calls", "call pc+3\ncall bpf_get_prandom_u32#7\nr0 = 0\nexit\nr0 = 1\ngoto +0\nexit\n");
}

#[test]
fn memory_is_written_alike() {
    let mut text =
        String::from("r6 = r1\nr7 = 0x123456789abcdef0 ll\nr8 = 0xffffffffffffffff ll\n");
    for (bits, offset) in [(8, -1), (16, -2), (32, -4), (64, -8)] {
        text += &format!("*(u{bits} *)(r10 {offset}) = r7\nr1 = *(u{bits} *)(r10 {offset})\n");
        text += &format!("*(u{bits} *)(r10 {offset}) = -3\n");
    }
    for bits in [8, 16, 32] {
        text += &format!("r0 = *(u{bits} *)skb[14]\nr7 = 4\nr0 = *(u{bits} *)skb[r7 + 2]\n");
    }
    check("memory", &(text + "lock *(u64 *)(r10 -8) += r7\nr0 = 0\nexit\n"));
}

#[test]
fn atomics_are_written_alike() {
    if !testdata::requires("atomic operations that fetch", (5, 12)) {
        return;
    }
    let mut text = String::from("*(u64 *)(r10 -8) = 0\nr1 = 1\n");
    for (bits, infix) in [(32, ""), (64, "64")] {
        let place = format!("(u{bits} *)(r10 -8)");
        for symbol in ["+=", "|=", "&=", "^="] {
            text += &format!("lock *{place} {symbol} r1\n");
        }
        for word in ["fetch_add", "fetch_or", "fetch_and", "fetch_xor", "xchg"] {
            text += &format!("r1 = atomic{infix}_{word}({place}, r1)\n");
        }
        text += &format!("r0 = 0\nr0 = atomic{infix}_cmpxchg({place}, r0, r1)\n");
    }
    check("atomics", &(text + "r0 = 0\nexit\n"));
}

#[test]
fn version_4_is_written_alike() {
    if !testdata::requires("instruction set version 4", (6, 6)) {
        return;
    }
    let mut text = String::from("r6 = r1\n*(u64 *)(r10 -8) = 0\n");
    for bits in [8, 16, 32] {
        text += &format!("r2 = *(s{bits} *)(r10 -8)\nr1 = *(u32 *)(r6 +0)\nr3 = (s{bits})r1\n");
    }
    text += "w3 = (s8)w1\nw3 = (s16)w1\n";
    for prefix in ['r', 'w'] {
        for op in ["s/=", "s%="] {
            text += &format!("{prefix}3 {op} 3\nr2 = *(u32 *)(r6 +4)\n{prefix}3 {op} {prefix}2\n");
        }
    }
    for bits in [16, 32, 64] {
        text += &format!("r3 = bswap{bits} r3\n");
    }
    check("version4", &(text + "gotol +0\nr0 = 0\nexit\n"));
}

#[test]
fn what_came_after_version_4_is_written_alike() {
    if testdata::requires("may_goto", (6, 9)) {
        check("may_goto", "r0 = 0\nmay_goto +1\ngoto -2\nexit\n");
    }
    if testdata::requires("load-acquire and store-release", (6, 15)) {
        let mut text = String::from("*(u64 *)(r10 -8) = 0\nr1 = 1\n");
        for bits in [8, 16, 32, 64] {
            text += &format!("store_release((u{bits} *)(r10 -8), r1)\n");
            text += &format!("r2 = load_acquire((u{bits} *)(r10 -8))\n");
        }
        check("acquire", &(text + "r0 = 0\nexit\n"));
    }
}
