//! Text of places in memory, and of the instructions that use them.

use super::cursor::{Cursor, Result};
use super::parse::Statement;
use super::words::{atomic_symbol, atomic_word, size_word};
use crate::{AtomicOp, Instruction, NarrowSize, Register, Size, SyntaxError, Width};

/// `(u32 *)(r1 +0)`
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) size: Size,
    pub(super) base: Register,
    pub(super) offset: i16,
}

/// Takes `(u32 *)(r1 +0)`.
pub(super) fn place(c: &mut Cursor<'_>) -> Result<Place> {
    let (signed, size) = pointer_type(c)?;
    if signed {
        return Err(SyntaxError::Expected { expected: "an unsigned type" });
    }
    let (base, offset) = address(c)?;
    Ok(Place { size, base, offset })
}

/// Takes `(u32 *)`; true for `s32`.
fn pointer_type(c: &mut Cursor<'_>) -> Result<(bool, Size)> {
    c.expect("(")?;
    let word = c.peek_word();
    let found = Size::ALL.into_iter().find_map(|size| {
        let signed = word.starts_with('s');
        let bits = word.strip_prefix(['u', 's'])?.parse::<u8>().ok()?;
        (bits == size_word(size)).then_some((signed, size))
    });
    let found = found.ok_or(SyntaxError::Expected { expected: "a type such as u32" })?;
    c.word();
    c.expect("*")?;
    c.expect(")")?;
    Ok(found)
}

/// Takes `(r1 +0)`.
fn address(c: &mut Cursor<'_>) -> Result<(Register, i16)> {
    c.expect("(")?;
    let (base, offset) = base_and_offset(c)?;
    c.expect(")")?;
    Ok((base, offset))
}

/// Takes `r1 +0`.
fn base_and_offset(c: &mut Cursor<'_>) -> Result<(Register, i16)> {
    let base = c.register(Width::W64)?;
    let signed = c.rest().starts_with(['+', '-']);
    let offset = if signed { c.number_in("an offset of 16 bits")? } else { 0 };
    Ok((base, offset))
}

/// Takes the register that goes to or comes from memory. LLVM calls it `w` where at most 32 bits count.
pub(super) fn value_register(c: &mut Cursor<'_>, size: Size) -> Result<Register> {
    let mut ahead = *c;
    let (width, register) = ahead.any_register()?;
    check_width(width, size)?;
    *c = ahead;
    Ok(register)
}

fn check_width(width: Width, size: Size) -> Result<()> {
    if width == Width::W32 && size == Size::Double { Err(SyntaxError::Width) } else { Ok(()) }
}

/// How wide the immediate of a store is.
pub(super) const fn store_width(size: Size) -> Width {
    match size {
        Size::Double => Width::W64,
        _ => Width::W32,
    }
}

/// The width of an atomic of this size.
pub(super) fn atomic_width(size: Size) -> Result<Width> {
    match size {
        Size::Word => Ok(Width::W32),
        Size::Double => Ok(Width::W64),
        Size::Byte | Size::Half => Err(SyntaxError::Size { bits: size_word(size) }),
    }
}

/// The size of a load that is narrower than a register.
fn narrow(size: Size) -> Result<NarrowSize> {
    NarrowSize::ALL
        .into_iter()
        .find(|narrow| Size::from(*narrow) == size)
        .ok_or(SyntaxError::Size { bits: size_word(size) })
}

/// The rest of `dst = *(u32 *)(r1 +0)` and of `r0 = *(u32 *)skb[5]`, behind the star.
pub(super) fn load(c: &mut Cursor<'_>, width: Width, dst: Register) -> Result<Statement> {
    let (signed, size) = pointer_type(c)?;
    if c.eat_word("skb") {
        if signed || dst != Register::R0 {
            return Err(SyntaxError::Expected { expected: "r0 = *(u8 *)skb[...] or wider" });
        }
        return load_packet(c, narrow(size)?);
    }
    check_width(width, size)?;
    let (base, offset) = address(c)?;
    Ok(if signed {
        if width == Width::W32 {
            return Err(SyntaxError::Width);
        }
        Instruction::LoadSigned { size: narrow(size)?, dst, base, offset }.into()
    } else {
        Instruction::Load { size, dst, base, offset }.into()
    })
}

/// The rest of `skb[5]`, `skb[r1 + 5]` or, as the kernel writes a negative offset, `skb[r1 + -5]`.
fn load_packet(c: &mut Cursor<'_>, size: NarrowSize) -> Result<Statement> {
    const FIELD: &str = "an offset of 32 bits";
    c.expect("[")?;
    let (index, offset) = if c.is_register() {
        let index = c.register(Width::W64)?;
        let signed = c.eat("+") || c.rest().starts_with('-');
        (Some(index), if signed { c.number_in(FIELD)? } else { 0 })
    } else {
        (None, c.number_in(FIELD)?)
    };
    c.expect("]")?;
    Ok(Instruction::LoadPacket { size, index, offset }.into())
}

/// The rest of `store_release((u32 *)(r1 +0), r2)`.
pub(super) fn store_release(c: &mut Cursor<'_>) -> Result<Statement> {
    c.expect("(")?;
    let Place { size, base, offset } = place(c)?;
    c.expect(",")?;
    let src = value_register(c, size)?;
    c.expect(")")?;
    Ok(Instruction::StoreRelease { size, base, offset, src }.into())
}

/// The rest of `dst = load_acquire((u32 *)(r1 +0))`.
pub(super) fn load_acquire(c: &mut Cursor<'_>, width: Width, dst: Register) -> Result<Statement> {
    c.expect("(")?;
    let Place { size, base, offset } = place(c)?;
    check_width(width, size)?;
    c.expect(")")?;
    Ok(Instruction::LoadAcquire { size, dst, base, offset }.into())
}

/// What the word of an atomic says.
#[derive(Clone, Copy)]
pub(super) struct AtomicWord {
    op: AtomicOp,
    /// The width, where the word says it.
    width: Option<Width>,
    /// LLVM's form, which has no type: `xchg_64(r1 +0, r2)`.
    untyped: bool,
}

/// The atomic that is called so: `atomic64_fetch_add`, or as LLVM has it `xchg_64`, `cmpxchg32_32`.
pub(super) fn atomic_named(word: &str) -> Option<AtomicWord> {
    let untyped = |op, width| Some(AtomicWord { op, width: Some(width), untyped: true });
    match word {
        "xchg_64" => return untyped(AtomicOp::Xchg, Width::W64),
        "xchg32_32" => return untyped(AtomicOp::Xchg, Width::W32),
        "cmpxchg_64" => return untyped(AtomicOp::CmpXchg, Width::W64),
        "cmpxchg32_32" => return untyped(AtomicOp::CmpXchg, Width::W32),
        _ => {}
    }
    let (width, name) = match word.strip_prefix("atomic64_") {
        Some(name) => (Some(Width::W64), name),
        // The kernel means 32 bits, LLVM any: the type decides.
        None => (None, word.strip_prefix("atomic_")?),
    };
    AtomicOp::ALL
        .into_iter()
        .find(|op| atomic_symbol(*op).is_none() && atomic_word(*op) == name)
        .map(|op| AtomicWord { op, width, untyped: false })
}

/// The rest of `dst = atomic_fetch_add((u32 *)(r1 +0), r2)` and of the other atomics with a result.
pub(super) fn atomic(
    c: &mut Cursor<'_>,
    word: AtomicWord,
    dst_width: Width,
    dst: Register,
) -> Result<Statement> {
    let AtomicWord { op, width, untyped } = word;
    c.expect("(")?;
    let (width, base, offset) = if untyped {
        let (base, offset) = base_and_offset(c)?;
        (width.unwrap_or(Width::W64), base, offset)
    } else {
        let Place { size, base, offset } = place(c)?;
        let found = atomic_width(size)?;
        if width.is_some_and(|width| width != found) {
            return Err(SyntaxError::Width);
        }
        (found, base, offset)
    };
    let size = match width {
        Width::W32 => Size::Word,
        Width::W64 => Size::Double,
    };
    check_width(dst_width, size)?;
    c.expect(",")?;
    if op == AtomicOp::CmpXchg {
        if dst != Register::R0 {
            return Err(SyntaxError::OtherRegister { register: Register::R0 });
        }
        // The expected value is always in r0.
        let mut ahead = *c;
        if value_register(&mut ahead, size)? != Register::R0 {
            return Err(SyntaxError::OtherRegister { register: Register::R0 });
        }
        *c = ahead;
        c.expect(",")?;
    }
    let src = value_register(c, size)?;
    if op != AtomicOp::CmpXchg && src != dst {
        return Err(SyntaxError::OtherRegister { register: dst });
    }
    c.expect(")")?;
    Ok(Instruction::Atomic { width, op, base, offset, src }.into())
}
