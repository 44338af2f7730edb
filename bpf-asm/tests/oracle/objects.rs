//! Objects as LLVM's disassembler shows them, beside ours.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_asm::{ByteOrder, Code, Imm64, Instruction, Opcode, Slot, decode_slots};

use testdata::output;

const OBJDUMP: &str = "llvm-objdump-22";

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
                *slot = slot.with_src(call.src()).with_offset(call.offset);
            }
            Ok(code.slots)
        }
        // A form of its own, with only the first half of the number.
        Some(Instruction::LdImm64 { dst, value }) if !matches!(value, Imm64::Value(_)) => {
            let first = slots.first().ok_or("no slot")?;
            let number = u32::from_le_bytes(first.imm.to_le_bytes());
            let expected = format!("ld_pseudo\t{dst}, {:#x}, {number:#x}", first.src().number());
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
pub(crate) fn compare(object: &Path, order: ByteOrder, known: bool) -> usize {
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
            // It does not look at fields that an instruction leaves zero; with others there this is no instruction.
            Ok(again)
                if Instruction::decode(slots).is_none() && opcodes(&again) == opcodes(slots) => {}
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

fn opcodes(slots: &[Slot]) -> Vec<Opcode> {
    slots.iter().map(|slot| slot.opcode).collect()
}

/// The objects of a folder, by name.
pub(crate) fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut objects: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "o"))
        .collect();
    objects.sort();
    objects
}
