//! Text that starts with a register: arithmetic, loads, immediates.

use super::cursor::{Cursor, Result};
use super::memory;
use super::parse::{Statement, distance, id_and, operand};
use crate::{
    AluOp, Imm64, Instruction, Operand, Register, SignExtension, SwapBits, SwapKind, SyntaxError,
    Target, Width,
};

/// The opcode of a 64-bit immediate load, whose number the kernel writes without `ll`.
const LD_IMM64: u8 = 0x18;

/// `r1 += r2`, `r1 = ...`.
pub(super) fn assignment(c: &mut Cursor<'_>) -> Result<Statement> {
    let (width, dst) = c.any_register()?;
    let op = c
        .longest(AluOp::ALL, AluOp::symbol)
        .ok_or(SyntaxError::Expected { expected: "an assignment such as =, += or s>>=" })?;
    if op == AluOp::Mov {
        return mov(c, width, dst);
    }
    let operand = operand(c, width)?;
    Ok(Instruction::Alu { width, op, dst, operand }.into())
}

fn mov(c: &mut Cursor<'_>, width: Width, dst: Register) -> Result<Statement> {
    if c.is_register() {
        let operand = Operand::Register(c.register(width)?);
        return Ok(Instruction::Alu { width, op: AluOp::Mov, dst, operand }.into());
    }
    let mut ahead = *c;
    if ahead.eat("-") && ahead.is_register() {
        ahead.same_register(width, dst)?;
        *c = ahead;
        return Ok(Instruction::Neg { width, dst }.into());
    }
    if c.eat("*") {
        return memory::load(c, width, dst);
    }
    if c.eat("(") {
        return sign_extend(c, width, dst);
    }
    match c.peek_word() {
        "addr_space_cast" => return addr_space_cast(c, width, dst),
        "load_acquire" => {
            c.word();
            return memory::load_acquire(c, width, dst);
        }
        "map" | "func" | "ksym" => return named_imm64(c, width, dst),
        word => {
            if let Some(atomic) = memory::atomic_named(word) {
                c.word();
                return memory::atomic(c, atomic, width, dst);
            }
            if let Some((kind, bits)) = swap_named(word) {
                return byte_swap(c, kind, bits, width, dst);
            }
        }
    }
    let mut ahead = *c;
    let value = ahead.number()?;
    if ahead.eat_word("ll") || c.opcode() == Some(LD_IMM64) {
        if width == Width::W32 {
            return Err(SyntaxError::Width);
        }
        let value = u64::try_from(value)
            .ok()
            .or_else(|| {
                i64::try_from(value).ok().map(|value| u64::from_le_bytes(value.to_le_bytes()))
            })
            .ok_or(SyntaxError::Range { value, field: "64 bits" })?;
        *c = ahead;
        return Ok(Instruction::LdImm64 { dst, value: Imm64::Value(value) }.into());
    }
    let operand = operand(c, width)?;
    Ok(Instruction::Alu { width, op: AluOp::Mov, dst, operand }.into())
}

/// The rest of `w0 = (s8)w1`.
fn sign_extend(c: &mut Cursor<'_>, width: Width, dst: Register) -> Result<Statement> {
    let bits = c.peek_word().strip_prefix('s').and_then(|bits| bits.parse::<i16>().ok());
    let extension = SignExtension::ALL
        .into_iter()
        .find(|extension| Some(extension.bits()) == bits && extension.width() == width)
        .ok_or(SyntaxError::Expected { expected: "s8, s16, or for 64 bits s32" })?;
    c.word();
    c.expect(")")?;
    let src = c.register(width)?;
    Ok(Instruction::SignExtend { extension, dst, src }.into())
}

/// The swap that is called so: `be16`.
fn swap_named(word: &str) -> Option<(SwapKind, SwapBits)> {
    let digits = word.find(|c: char| c.is_ascii_digit())?;
    let (kind, bits) = word.split_at_checked(digits)?;
    let kind = match kind {
        "le" => SwapKind::Le,
        "be" => SwapKind::Be,
        "bswap" => SwapKind::Bswap,
        _ => return None,
    };
    let bits = bits.parse::<i32>().ok()?;
    Some((kind, SwapBits::ALL.into_iter().find(|known| known.bits() == bits)?))
}

/// `be16 r1`.
fn byte_swap(
    c: &mut Cursor<'_>,
    kind: SwapKind,
    bits: SwapBits,
    width: Width,
    dst: Register,
) -> Result<Statement> {
    if width == Width::W32 {
        return Err(SyntaxError::Width);
    }
    c.word();
    c.same_register(width, dst)?;
    Ok(Instruction::ByteSwap { kind, bits, dst }.into())
}

/// `addr_space_cast(r1, 0, 1)`.
fn addr_space_cast(c: &mut Cursor<'_>, width: Width, dst: Register) -> Result<Statement> {
    const FIELD: &str = "an address space of 16 bits";
    if width == Width::W32 {
        return Err(SyntaxError::Width);
    }
    c.word();
    c.expect("(")?;
    let src = c.register(width)?;
    c.expect(",")?;
    let to = c.number_in(FIELD)?;
    c.expect(",")?;
    let from = c.number_in(FIELD)?;
    c.expect(")")?;
    Ok(Instruction::AddrSpaceCast { dst, src, to, from }.into())
}

/// `map[...]`, `func[...]`, `ksym[...]`, each with `ll`.
fn named_imm64(c: &mut Cursor<'_>, width: Width, dst: Register) -> Result<Statement> {
    if width == Width::W32 {
        return Err(SyntaxError::Width);
    }
    let (value, target) = match c.word() {
        "func" => func(c)?,
        "ksym" => ksym(c)?,
        _ => map(c)?,
    };
    if !c.eat_word("ll") {
        return Err(SyntaxError::Expected { expected: "ll" });
    }
    let load = Instruction::LdImm64 { dst, value };
    Ok(match target {
        Some(target) => Statement::ToTarget(load, target),
        None => load.into(),
    })
}

type Named = (Imm64, Option<Target>);

fn func(c: &mut Cursor<'_>) -> Result<Named> {
    c.expect("[")?;
    let named = if let Some(distance) = distance(c)? {
        (Imm64::Function { distance }, None)
    } else {
        let function = c.name()?;
        (Imm64::Function { distance: -1 }, Some(Target::FunctionAddress { function }))
    };
    c.expect("]")?;
    Ok(named)
}

fn ksym(c: &mut Cursor<'_>) -> Result<Named> {
    c.expect("[")?;
    if let Some((btf_id, module_fd)) = id_and(c, "fd", "an fd")? {
        return Ok((Imm64::BtfId { btf_id, module_fd }, None));
    }
    let name = c.name()?;
    c.expect("]")?;
    Ok((Imm64::BtfId { btf_id: 0, module_fd: 0 }, Some(Target::Ksym { name })))
}

fn map(c: &mut Cursor<'_>) -> Result<Named> {
    c.expect("[")?;
    let mut ahead = *c;
    match ahead.word() {
        kind @ ("fd" | "idx") if ahead.eat(":") => {
            *c = ahead;
            let number = c.number_in("32 bits")?;
            c.expect("]")?;
            let value = match (kind, value_offset(c)?) {
                ("fd", None) => Imm64::MapFd { fd: number },
                ("fd", Some(offset)) => Imm64::MapValue { fd: number, offset },
                (_, None) => Imm64::MapIndex { index: number },
                (_, Some(offset)) => Imm64::MapIndexValue { index: number, offset },
            };
            Ok((value, None))
        }
        _ => {
            let name = c.name()?;
            c.expect("]")?;
            Ok(match value_offset(c)? {
                None => (Imm64::MapFd { fd: 0 }, Some(Target::Map { name })),
                Some(offset) => (
                    Imm64::MapValue { fd: 0, offset },
                    Some(Target::MapValue { map: name, offset }),
                ),
            })
        }
    }
}

/// Takes `[0]+8`, which says that the address of the first value is meant, if it comes next.
fn value_offset(c: &mut Cursor<'_>) -> Result<Option<u32>> {
    if !c.eat("[") {
        return Ok(None);
    }
    c.expect("0")?;
    c.expect("]")?;
    if c.eat("+") { c.number_in("an offset of 32 bits").map(Some) } else { Ok(Some(0)) }
}
