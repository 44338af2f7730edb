//! The vocabulary that printing and assembling share.

use core::fmt;

use crate::{AluOp, AtomicOp, Condition, Register, Size, Width};

impl AluOp {
    /// As in the text: `+=`, `s/=`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+=",
            Self::Sub => "-=",
            Self::Mul => "*=",
            Self::Div => "/=",
            Self::SDiv => "s/=",
            Self::Or => "|=",
            Self::And => "&=",
            Self::Lsh => "<<=",
            Self::Rsh => ">>=",
            Self::Arsh => "s>>=",
            Self::Mod => "%=",
            Self::SMod => "s%=",
            Self::Xor => "^=",
            Self::Mov => "=",
        }
    }
}

impl Condition {
    /// As in the text: `==`, `s>`.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Sgt => "s>",
            Self::Sge => "s>=",
            Self::Slt => "s<",
            Self::Sle => "s<=",
            Self::Set => "&",
        }
    }
}

/// The operator of an atomic that gives nothing back.
pub(super) const fn atomic_symbol(op: AtomicOp) -> Option<&'static str> {
    Some(match op {
        AtomicOp::Add => "+=",
        AtomicOp::Or => "|=",
        AtomicOp::And => "&=",
        AtomicOp::Xor => "^=",
        _ => return None,
    })
}

/// The word of an atomic that gives the old value back.
pub(super) const fn atomic_word(op: AtomicOp) -> &'static str {
    match op {
        AtomicOp::Add | AtomicOp::FetchAdd => "fetch_add",
        AtomicOp::Or | AtomicOp::FetchOr => "fetch_or",
        AtomicOp::And | AtomicOp::FetchAnd => "fetch_and",
        AtomicOp::Xor | AtomicOp::FetchXor => "fetch_xor",
        AtomicOp::Xchg => "xchg",
        AtomicOp::CmpXchg => "cmpxchg",
    }
}

/// Bits of a size, as in `u32`.
pub(super) const fn size_word(size: Size) -> u8 {
    match size {
        Size::Byte => 8,
        Size::Half => 16,
        Size::Word => 32,
        Size::Double => 64,
    }
}

/// A register of a width: `r1`, `w1`.
pub(super) struct Reg(pub(super) Width, pub(super) Register);

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.0 {
            Width::W32 => 'w',
            Width::W64 => 'r',
        };
        write!(f, "{letter}{}", self.1.number())
    }
}

/// A number as jumps show it: hexadecimal, with a sign.
pub(super) struct Hex(pub(super) i64);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{:#x}", self.0.unsigned_abs())
    }
}
