//! Register numbers.

use core::fmt;

use crate::RegisterError;

/// A register field of an instruction: four bits.
///
/// Programs can use r0 to r10. A decoded instruction may hold any four-bit value, so that nothing
/// is lost; [`Register::is_valid`] tells the two apart. [`Register::new`] makes valid ones only.
/// In 64-bit immediate loads and calls the source field is not a register but a pseudo kind,
/// see [`crate::PSEUDO_MAP_FD`] and its neighbours.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(u8);

impl Register {
    /// Return value of calls and of the program.
    pub const R0: Self = Self(0);
    /// First argument of calls; the context when the program starts.
    pub const R1: Self = Self(1);
    /// Second argument of calls.
    pub const R2: Self = Self(2);
    /// Third argument of calls.
    pub const R3: Self = Self(3);
    /// Fourth argument of calls.
    pub const R4: Self = Self(4);
    /// Fifth argument of calls.
    pub const R5: Self = Self(5);
    /// Preserved across calls.
    pub const R6: Self = Self(6);
    /// Preserved across calls.
    pub const R7: Self = Self(7);
    /// Preserved across calls.
    pub const R8: Self = Self(8);
    /// Preserved across calls.
    pub const R9: Self = Self(9);
    /// Frame pointer, read-only.
    pub const R10: Self = Self(10);
    /// Frame pointer, read-only: the same as [`Register::R10`].
    pub const FP: Self = Self::R10;

    /// The register with this number, 0 to 10.
    pub const fn new(number: u8) -> Result<Self, RegisterError> {
        if number <= Self::R10.0 { Ok(Self(number)) } else { Err(RegisterError { number }) }
    }

    /// The low four bits, whatever they are: what decoding finds.
    pub(crate) const fn from_nibble(bits: u8) -> Self {
        Self(bits & 0xf)
    }

    /// The number in the instruction, 0 to 15.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// True for r0 to r10.
    pub const fn is_valid(self) -> bool {
        self.0 <= Self::R10.0
    }
}

/// Short for [`Register::R0`].
pub const R0: Register = Register::R0;
/// Short for [`Register::R1`].
pub const R1: Register = Register::R1;
/// Short for [`Register::R2`].
pub const R2: Register = Register::R2;
/// Short for [`Register::R3`].
pub const R3: Register = Register::R3;
/// Short for [`Register::R4`].
pub const R4: Register = Register::R4;
/// Short for [`Register::R5`].
pub const R5: Register = Register::R5;
/// Short for [`Register::R6`].
pub const R6: Register = Register::R6;
/// Short for [`Register::R7`].
pub const R7: Register = Register::R7;
/// Short for [`Register::R8`].
pub const R8: Register = Register::R8;
/// Short for [`Register::R9`].
pub const R9: Register = Register::R9;
/// Short for [`Register::R10`].
pub const R10: Register = Register::R10;
/// Short for [`Register::FP`].
pub const FP: Register = Register::FP;

impl TryFrom<u8> for Register {
    type Error = RegisterError;

    fn try_from(number: u8) -> Result<Self, RegisterError> {
        Self::new(number)
    }
}

impl From<Register> for u8 {
    fn from(register: Register) -> Self {
        register.0
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_above_10_is_an_error() {
        for number in 0..=u8::MAX {
            let register = Register::new(number);
            if number <= 10 {
                assert_eq!(register.map(Register::number), Ok(number));
            } else {
                assert_eq!(register, Err(RegisterError { number }));
            }
        }
    }

    #[test]
    fn a_decoded_register_keeps_its_four_bits() {
        for number in 0..16 {
            let register = Register::from_nibble(number);
            assert_eq!((register.number(), register.is_valid()), (number, number <= 10));
        }
    }
}
