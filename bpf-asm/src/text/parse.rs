//! One line of text.

use alloc::string::String;

use super::cursor::{Cursor, Result};
use super::memory::{Place, place, value_register};
use super::words::atomic_symbol;
use super::{assign, memory};
use crate::builder::immediate;
use crate::{
    AtomicOp, Condition, HelperId, Instruction, Opcode, Operand, Register, Slot, SyntaxError,
    Target, Width,
};

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    Function(String),
    Label(String),
    Instruction(Instruction),
    /// A jump; its distance is that to the label.
    ToLabel(Instruction, String),
    /// An instruction that names what it needs.
    ToTarget(Instruction, Target),
    /// A slot field by field.
    Raw(Slot),
}

impl From<Instruction> for Statement {
    fn from(instruction: Instruction) -> Self {
        Self::Instruction(instruction)
    }
}

/// Reads the next statement; nothing if only a comment is left.
pub(super) fn statement(c: &mut Cursor<'_>) -> Result<Option<Statement>> {
    skip_index(c);
    if c.rest().starts_with('<') {
        c.expect("<")?;
        let name = c.name()?;
        c.expect(">")?;
        c.expect(":")?;
        return Ok(Some(Statement::Function(name)));
    }
    if c.at_end() {
        return Ok(None);
    }
    let mut ahead = *c;
    if let Ok(name) = ahead.name() {
        if ahead.eat(":") {
            *c = ahead;
            return Ok(Some(Statement::Label(name)));
        }
    }
    let start = *c;
    let statement = instruction(c)?;
    if let (Some(said), Some(read)) = (c.opcode(), opcode(&statement)) {
        if said != read {
            *c = start;
            return Err(SyntaxError::Opcode { said, read });
        }
    }
    Ok(Some(statement))
}

/// The opcode of what a line says, if it is an instruction.
fn opcode(statement: &Statement) -> Option<u8> {
    match statement {
        Statement::Function(_) | Statement::Label(_) => None,
        Statement::Instruction(instruction)
        | Statement::ToLabel(instruction, _)
        | Statement::ToTarget(instruction, _) => {
            instruction.encode().as_ref().first().map(|slot| slot.opcode.byte())
        }
        Statement::Raw(slot) => Some(slot.opcode.byte()),
    }
}

/// Skips the `12:` that listings put in front of instructions, and takes the `(b7)` that the kernel puts behind it.
fn skip_index(c: &mut Cursor<'_>) {
    let mut ahead = *c;
    let word = ahead.word();
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && ahead.eat(":") {
        ahead.eat_opcode();
        *c = ahead;
    }
}

fn instruction(c: &mut Cursor<'_>) -> Result<Statement> {
    if c.is_register() {
        return assign::assignment(c);
    }
    if c.eat("*") {
        return store(c);
    }
    let start = *c;
    match c.word() {
        "exit" => Ok(Instruction::Exit.into()),
        "goto" => jump(c, |distance| Some(Instruction::Jump { distance: narrow(distance)? })),
        "gotol" => jump(c, |distance| Some(Instruction::JumpLong { distance })),
        "may_goto" => {
            jump(c, |distance| Some(Instruction::MayGoto { distance: narrow(distance)? }))
        }
        "gotox" => c.register(Width::W64).map(|target| Instruction::JumpRegister { target }.into()),
        "if" => jump_if(c),
        "call" => call(c),
        "callx" => c.register(Width::W64).map(|target| Instruction::CallRegister { target }.into()),
        "lock" => lock(c),
        "store_release" => memory::store_release(c),
        ".insn" => raw(c),
        _ => {
            *c = start;
            Err(SyntaxError::Expected { expected: "an instruction" })
        }
    }
}

fn narrow(distance: i32) -> Option<i16> {
    distance.try_into().ok()
}

/// `+3`, `pc+3` or a label.
fn jump(c: &mut Cursor<'_>, make: impl Fn(i32) -> Option<Instruction>) -> Result<Statement> {
    if let Some(distance) = distance(c)? {
        return make(distance).map(Statement::Instruction).ok_or(SyntaxError::Range {
            value: distance.into(),
            field: "a jump distance of 16 bits",
        });
    }
    let label = c.name()?;
    let jump = make(0).ok_or(SyntaxError::Expected { expected: "a jump" })?;
    Ok(Statement::ToLabel(jump, label))
}

/// Takes `+3` or `pc+3` if it comes next.
pub(super) fn distance(c: &mut Cursor<'_>) -> Result<Option<i32>> {
    let mut ahead = *c;
    ahead.eat_word("pc");
    if !ahead.rest().starts_with(['+', '-']) {
        return Ok(None);
    }
    *c = ahead;
    c.number_in("a jump distance of 32 bits").map(Some)
}

fn jump_if(c: &mut Cursor<'_>) -> Result<Statement> {
    let (width, dst) = c.any_register()?;
    let condition = c
        .longest(Condition::ALL, Condition::symbol)
        .ok_or(SyntaxError::Expected { expected: "a comparison" })?;
    let operand = operand(c, width)?;
    if !c.eat_word("goto") {
        return Err(SyntaxError::Expected { expected: "goto" });
    }
    jump(c, |distance| {
        Some(Instruction::JumpIf { width, condition, dst, operand, distance: narrow(distance)? })
    })
}

/// A register of the width or a number that an immediate can hold.
pub(super) fn operand(c: &mut Cursor<'_>, width: Width) -> Result<Operand> {
    if c.is_register() {
        return c.register(width).map(Operand::Register);
    }
    let mut ahead = *c;
    let value = ahead.number()?;
    // The kernel writes the bits of the immediate, whatever they mean.
    let bits = u32::try_from(value).ok().filter(|_| c.opcode().is_some());
    let imm = bits
        .map(|bits| i32::from_ne_bytes(bits.to_ne_bytes()))
        .or_else(|| immediate(i64::try_from(value).ok()?, width))
        .ok_or(SyntaxError::Range { value, field: "an immediate of 32 bits" })?;
    *c = ahead;
    Ok(Operand::Imm(imm))
}

fn call(c: &mut Cursor<'_>) -> Result<Statement> {
    if let Some(distance) = distance(c)? {
        return Ok(Instruction::CallFunction { distance }.into());
    }
    if c.is_register() {
        return Err(SyntaxError::Expected { expected: "callx for a register" });
    }
    let quoted = c.rest().starts_with('"');
    let mut ahead = *c;
    if let Ok(name) = ahead.name() {
        *c = ahead;
        if name == "kfunc" && c.eat("[") {
            return kfunc(c);
        }
        let helper = HelperId::from_name(&name).filter(|_| !quoted);
        if !quoted && c.eat("#") {
            return numbered_helper(c, helper);
        }
        return Ok(match helper {
            Some(helper) => Instruction::Call { helper }.into(),
            None => Statement::ToTarget(
                Instruction::CallFunction { distance: -1 },
                Target::Call { function: name },
            ),
        });
    }
    c.eat("#");
    let number = c.number_in("a helper number")?;
    Ok(Instruction::Call { helper: HelperId::new(number) }.into())
}

/// The `1` of `bpf_map_lookup_elem#1`.
fn numbered_helper(c: &mut Cursor<'_>, named: Option<HelperId>) -> Result<Statement> {
    let mut ahead = *c;
    let helper = HelperId::new(ahead.number_in("a helper number")?);
    // Helpers have an end, kernel functions have not: what the kernel calls by another name is one of those.
    if named.is_none() && c.opcode().is_some() {
        *c = ahead;
        return Ok(Instruction::CallKfunc { btf_id: helper.number(), fd_index: 0 }.into());
    }
    if let Some((named, name)) = named.and_then(|id| Some((id, id.name()?))) {
        if named != helper {
            return Err(SyntaxError::HelperNumber { name, number: named.number() });
        }
    }
    *c = ahead;
    Ok(Instruction::Call { helper }.into())
}

/// The rest of `kfunc[id:5, idx:1]` or `kfunc[name]`.
fn kfunc(c: &mut Cursor<'_>) -> Result<Statement> {
    if let Some((btf_id, fd_index)) = id_and(c, "idx", "a BTF index of 16 bits")? {
        return Ok(Instruction::CallKfunc { btf_id, fd_index }.into());
    }
    let name = c.name()?;
    c.expect("]")?;
    let call = Instruction::CallKfunc { btf_id: 0, fd_index: 0 };
    Ok(Statement::ToTarget(call, Target::Kfunc { name }))
}

/// Takes `id:5]` or `id:5, idx:1]` if it comes next.
pub(super) fn id_and<T: TryFrom<i128> + Default>(
    c: &mut Cursor<'_>,
    second: &'static str,
    field: &'static str,
) -> Result<Option<(u32, T)>> {
    let mut ahead = *c;
    if !(ahead.eat_word("id") && ahead.eat(":")) {
        return Ok(None);
    }
    *c = ahead;
    let id = c.number_in("a BTF id")?;
    let mut value = T::default();
    if c.eat(",") {
        c.expect(second)?;
        c.expect(":")?;
        value = c.number_in(field)?;
    }
    c.expect("]")?;
    Ok(Some((id, value)))
}

/// The rest of `*(u32 *)(r1 +0) = r2`.
fn store(c: &mut Cursor<'_>) -> Result<Statement> {
    let Place { size, base, offset } = place(c)?;
    c.expect("=")?;
    let operand = if c.is_register() {
        Operand::Register(value_register(c, size)?)
    } else {
        operand(c, memory::store_width(size))?
    };
    Ok(Instruction::Store { size, base, offset, operand }.into())
}

/// The rest of `lock *(u64 *)(r1 +0) += r2`.
fn lock(c: &mut Cursor<'_>) -> Result<Statement> {
    c.expect("*")?;
    let Place { size, base, offset } = place(c)?;
    let width = memory::atomic_width(size)?;
    let op = AtomicOp::ALL
        .into_iter()
        .find(|op| atomic_symbol(*op).is_some_and(|symbol| c.eat(symbol)))
        .ok_or(SyntaxError::Expected { expected: "+=, |=, &= or ^=" })?;
    let src = value_register(c, size)?;
    Ok(Instruction::Atomic { width, op, base, offset, src }.into())
}

/// The rest of `.insn 0xff, r1, r2, 3, 4`.
fn raw(c: &mut Cursor<'_>) -> Result<Statement> {
    let opcode = Opcode::new(c.number_in("an opcode of 8 bits")?);
    c.expect(",")?;
    let dst = raw_register(c)?;
    c.expect(",")?;
    let src = raw_register(c)?;
    c.expect(",")?;
    let offset = c.number_in("an offset of 16 bits")?;
    c.expect(",")?;
    let imm = c.number_in("an immediate of 32 bits")?;
    Ok(Statement::Raw(Slot::new(opcode, dst, src, offset, imm)))
}

/// Any four bits: a slot that is no instruction may hold them.
fn raw_register(c: &mut Cursor<'_>) -> Result<Register> {
    const EXPECTED: SyntaxError = SyntaxError::Expected { expected: "a register, r0 to r15" };
    let number = c.peek_word().strip_prefix('r').and_then(|digits| digits.parse::<u8>().ok());
    let number = number.filter(|number| *number < 16).ok_or(EXPECTED)?;
    c.word();
    Ok(Register::from_nibble(number))
}
