//! LLVM's disassembler: its text assembles to the bytes that it read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_asm::{
    ByteOrder, Code, Imm64, Instruction, R0, R1, Register, Slot, decode_slots, encode_slots,
};

use crate::output;

const OBJDUMP: &str = "llvm-objdump-22";
const MC: &str = "llvm-mc-22";

/// The instructions of an object as LLVM shows them: slots and text.
fn disassemble(object: &Path, order: ByteOrder) -> Vec<(Vec<Slot>, String)> {
    let dump = output(Command::new(OBJDUMP).args(["-d", "--mcpu=v4"]).arg(object));
    let instruction = |line: &str| {
        let mut columns = line.splitn(3, '\t');
        let (index, bytes, text) = (columns.next()?, columns.next()?, columns.next()?);
        index.trim().strip_suffix(':')?.parse::<usize>().ok()?;
        let bytes: Option<Vec<u8>> =
            bytes.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        Some((decode_slots(&bytes?, order).ok()?, text.to_owned()))
    };
    dump.lines().filter_map(instruction).collect()
}

/// What our assembler makes of LLVM's text, corrected by what that text leaves out.
fn reassemble(slots: &[Slot], text: &str) -> Result<Vec<Slot>, String> {
    match Instruction::decode(slots) {
        // LLVM shows neither the index register's offset nor what kind of call this is.
        Some(Instruction::LoadPacket { index: Some(_), offset, .. }) => {
            let mut code = Code::assemble(text).map_err(|error| error.to_string())?;
            code.slots.iter_mut().for_each(|slot| slot.imm = offset);
            Ok(code.slots)
        }
        Some(
            Instruction::Call { .. }
            | Instruction::CallFunction { .. }
            | Instruction::CallKfunc { .. },
        ) => {
            let mut code = Code::assemble(text).map_err(|error| error.to_string())?;
            for (slot, call) in code.slots.iter_mut().zip(slots) {
                (slot.src, slot.offset) = (call.src, call.offset);
            }
            Ok(code.slots)
        }
        // A form of its own, with only the first half of the number.
        Some(Instruction::LdImm64 { dst, value }) if !matches!(value, Imm64::Value(_)) => {
            let first = slots.first().ok_or("no slot")?;
            let number = u32::from_le_bytes(first.imm.to_le_bytes());
            let expected = format!("ld_pseudo\t{dst}, {:#x}, {number:#x}", first.src.number());
            if text == expected { Ok(slots.to_vec()) } else { Err(expected) }
        }
        _ => match Code::assemble(text) {
            Ok(code) => Ok(code.slots),
            Err(error) => Err(error.to_string()),
        },
    }
}

/// Compares every instruction; gives how many there were.
#[track_caller]
fn compare(object: &Path, order: ByteOrder, known: bool) -> usize {
    let instructions = disassemble(object, order);
    let name = object.display();
    let mut differences = String::new();
    for (slots, text) in &instructions {
        if text == "<unknown>" {
            if known || Instruction::decode(slots).is_some() {
                writeln!(
                    differences,
                    "LLVM does not know {:?}",
                    Code::new(slots.clone()).to_string()
                )
                .expect("memory");
            }
            continue;
        }
        match reassemble(slots, text) {
            Ok(again) if again == *slots => {}
            other => writeln!(
                differences,
                "{text}: {:?}, not {other:?}",
                Code::new(slots.clone()).to_string()
            )
            .expect("memory"),
        }
    }
    assert!(differences.is_empty(), "{name}:\n{differences}");
    instructions.len()
}

#[test]
fn the_fixtures_read_as_llvm_writes_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/elf");
    let mut objects: Vec<PathBuf> = fs::read_dir(folder)
        .expect("fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "o"))
        .collect();
    objects.sort();
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
                        let slot = Slot { opcode: opcode.into(), dst, src: *src, offset, imm };
                        let second = Slot { imm: imm.wrapping_neg(), ..Slot::default() };
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
