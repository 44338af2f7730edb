//! LLVM's disassembler: its text assembles to the bytes that it read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use bpf_asm::{ByteOrder, Instruction, R0, R1, Register, Slot, encode_slots};

use crate::objects::{compare, objects};
use testdata::output;

const MC: &str = "llvm-mc-22";

#[test]
fn the_fixtures_read_as_llvm_writes_them() {
    let objects = objects(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/elf"));
    assert!(objects.len() > 20);
    let mut total = 0usize;
    for object in objects {
        let big = object.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-eb"));
        let order = if big { ByteOrder::Big } else { ByteOrder::Little };
        total = total.saturating_add(compare(&object, order, false));
    }
    assert!(total > 500, "{total}");
}

/// Every valid combination of opcode and the values of other fields that select something.
fn all_instructions() -> Vec<Instruction> {
    let registers: Vec<Register> =
        (0..=10).filter_map(|number| Register::new(number).ok()).collect();
    let offsets = [0, 1, 8, 16, 32, -8, i16::MIN, i16::MAX];
    let imms = [
        0,
        1,
        16,
        32,
        64,
        -1,
        0x40,
        0x50,
        0xa0,
        0x41,
        0x51,
        0xa1,
        0xe1,
        0xf1,
        0x100,
        0x110,
        0x10000,
        i32::MIN,
        i32::MAX,
    ];
    let mut found = Vec::new();
    for opcode in 0..=u8::MAX {
        for src in &registers {
            for offset in offsets {
                for imm in imms {
                    for dst in [R0, R1] {
                        let slot = Slot::new(opcode.into(), dst, *src, offset, imm);
                        let second = Slot::default().with_imm(imm.wrapping_neg());
                        found.extend(Instruction::decode(&[slot, second]));
                        found.extend(Instruction::decode(&[slot, Slot::default()]));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn every_instruction_reads_as_llvm_writes_it() {
    let mut seen = BTreeSet::new();
    let mut slots = Vec::new();
    for instruction in all_instructions() {
        if seen.insert(instruction.to_string()) {
            slots.extend_from_slice(instruction.encode().as_ref());
        }
    }
    assert!(slots.len() > 10_000, "{}", slots.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (order, triple) in [(ByteOrder::Little, "bpfel"), (ByteOrder::Big, "bpfeb")] {
        let mut source = ".text\n.globl f\nf:\n".to_owned();
        for bytes in encode_slots(&slots, order).chunks(8) {
            let bytes: Vec<String> = bytes.iter().map(ToString::to_string).collect();
            writeln!(source, ".byte {}", bytes.join(", ")).expect("memory");
        }
        let (text, object) =
            (folder.join(format!("{triple}.s")), folder.join(format!("{triple}.o")));
        fs::write(&text, source).expect("a file");
        output(
            Command::new(MC)
                .args(["-triple", triple, "-filetype=obj"])
                .arg(&text)
                .arg("-o")
                .arg(&object),
        );
        assert!(compare(&object, order, true) > 10_000);
    }
}
