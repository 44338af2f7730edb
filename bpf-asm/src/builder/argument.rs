//! Numbers and registers as arguments, checked when they are used.

use super::Builder;
use crate::operation::{Operand, Width};
use crate::{BuildError, Register};

/// The second operand of an instruction in a [`Builder`]: a register or a number of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// A register.
    Register(Register),
    /// A number, checked when the instruction is added.
    Number(i64),
}

impl From<Register> for Argument {
    fn from(register: Register) -> Self {
        Self::Register(register)
    }
}

impl From<i32> for Argument {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Argument {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Operand> for Argument {
    fn from(operand: Operand) -> Self {
        match operand {
            Operand::Register(register) => Self::Register(register),
            Operand::Imm(imm) => Self::Number(imm.into()),
        }
    }
}

/// The immediate for a number, if it has one.
///
/// 64-bit operations sign-extend the immediate, so they take signed 32 bits. For the others only the 32 bits
/// matter, and 0xffffffff is as good a way to write them as -1.
pub(crate) fn immediate(number: i64, width: Width) -> Option<i32> {
    match width {
        Width::W64 => i32::try_from(number).ok(),
        Width::W32 => i32::try_from(number)
            .ok()
            .or_else(|| u32::try_from(number).ok().map(crate::bits::i32_from)),
    }
}

impl Builder {
    pub(super) fn operand(&mut self, width: Width, argument: Argument) -> Option<Operand> {
        match argument {
            Argument::Register(register) => Some(Operand::Register(register)),
            Argument::Number(value) => {
                let imm = immediate(value, width);
                if imm.is_none() {
                    let slot = self.position();
                    self.fail(BuildError::Immediate { slot, value });
                }
                imm.map(Operand::Imm)
            }
        }
    }

    /// The offset, or 0 in a program that is refused.
    pub(super) fn offset(&mut self, offset: i64) -> i16 {
        i16::try_from(offset).unwrap_or_else(|_| {
            let slot = self.position();
            self.fail(BuildError::Offset { slot, offset });
            0
        })
    }
}
