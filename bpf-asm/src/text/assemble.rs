//! Text to programs.

use alloc::vec::Vec;
use core::str::FromStr;

use super::cursor::Cursor;
use super::parse::{Statement, statement};
use crate::{AssembleError, Builder, Code, Instruction, LongJumps, SyntaxError};

impl Code {
    /// Reads a program as [`Code`] displays it: one instruction per line, `<name>:` begins a function,
    /// `name:` is a label of that function, `;` and `//` begin comments.
    ///
    /// Accepted as well are what the kernel's log and LLVM write differently: `goto pc+3`, hexadecimal
    /// numbers, `w` registers in loads and stores of up to four bytes, `xchg_64(r1 + 0, r2)`.
    ///
    /// The instructions of a verifier log and of `bpftool prog dump xlated` can be read as they stand,
    /// `12: (b7) r1 = 0 ; R1_w=0`. The opcode must be that of the instruction, and it decides what else would be
    /// open: `(18) r1 = 0x5` is a 64-bit immediate load, 0xffffffff in a comparison is the immediate -1, and a call by a
    /// name that no helper has is one of a kernel function.
    ///
    /// ```
    /// use bpf_asm::Code;
    ///
    /// let text = "\
    /// <main>:
    ///     r0 = 0
    ///     if r1 == 0x0 goto out
    ///     r1 = map[counters] ll
    ///     call bpf_map_lookup_elem#1
    /// out:
    ///     exit
    /// ";
    /// let code = Code::assemble(text)?;
    /// assert_eq!(code.slots.len(), 6);
    /// assert_eq!(code.to_string(), text);
    /// # Ok::<(), bpf_asm::AssembleError>(())
    /// ```
    pub fn assemble(text: &str) -> Result<Self, AssembleError> {
        Self::assemble_with(text, LongJumps::Refuse)
    }

    /// As [`Code::assemble`], with a choice for jumps to labels that are too far.
    pub fn assemble_with(text: &str, long_jumps: LongJumps) -> Result<Self, AssembleError> {
        let mut builder = Builder::with_long_jumps(long_jumps);
        // The line of each slot, for what only shows in the end.
        let mut lines = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            // A label and an instruction may share a line.
            let mut cursor = Cursor::new(line);
            while let Some(statement) = next(&mut cursor, line, number)? {
                add(&mut builder, statement);
                lines.resize(builder.position(), number);
                if let Some(source) = builder.error() {
                    return Err(AssembleError::Build { line: number, source: source.clone() });
                }
            }
        }
        builder.finish().map_err(|source| {
            let line = source.slot().and_then(|slot| lines.get(slot)).copied().unwrap_or(1);
            AssembleError::Build { line, source }
        })
    }
}

fn add(builder: &mut Builder, statement: Statement) {
    match statement {
        Statement::Function(name) => builder.function(&name),
        Statement::Label(name) => builder.label(&name),
        Statement::Instruction(instruction) => builder.instruction(instruction),
        Statement::ToLabel(instruction, label) => builder.instruction_to_label(instruction, &label),
        Statement::ToTarget(instruction, target) => {
            builder.instruction_to_target(instruction, target)
        }
        Statement::Raw(slot) => builder.slots(&[slot]),
    };
}

/// The next statement of a line; nothing may follow an instruction.
fn next(
    cursor: &mut Cursor<'_>,
    line: &str,
    number: usize,
) -> Result<Option<Statement>, AssembleError> {
    let syntax = |cursor: &Cursor<'_>, cause| {
        let rest = cursor.rest().chars().count();
        let column = line.chars().count().saturating_sub(rest).saturating_add(1);
        AssembleError::Syntax { line: number, column, cause }
    };
    let statement = statement(cursor).map_err(|cause| syntax(cursor, cause))?;
    match statement {
        None | Some(Statement::Function(_) | Statement::Label(_)) => {}
        Some(_) if cursor.at_end() => *cursor = Cursor::new(""),
        Some(_) => {
            return Err(syntax(cursor, SyntaxError::Expected { expected: "the end of the line" }));
        }
    }
    Ok(statement)
}

/// Reads one instruction without names.
///
/// ```
/// use bpf_asm::{Instruction, R0, Slot};
///
/// let instruction: Instruction = "r0 = 7".parse()?;
/// assert_eq!(instruction.encode().as_ref(), [Slot::mov64(R0, 7)]);
/// # Ok::<(), bpf_asm::AssembleError>(())
/// ```
impl FromStr for Instruction {
    type Err = AssembleError;

    fn from_str(text: &str) -> Result<Self, AssembleError> {
        let mut cursor = Cursor::new(text);
        let cause = match next(&mut cursor, text, 1)? {
            Some(Statement::Instruction(instruction)) => return Ok(instruction),
            Some(Statement::ToLabel(..) | Statement::ToTarget(..)) => SyntaxError::NameAlone,
            _ => SyntaxError::Expected { expected: "an instruction" },
        };
        Err(AssembleError::Syntax { line: 1, column: 1, cause })
    }
}
