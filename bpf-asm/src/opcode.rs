//! The opcode byte and its fields.

use core::fmt;

/// The first byte of an instruction.
///
/// The low three bits are the class. What the other five mean depends on it: operation and source
/// for arithmetic and jumps, mode and size for loads and stores. Any byte is representable.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Opcode(u8);

impl Opcode {
    /// First half of a 64-bit immediate load (`BPF_LD | BPF_IMM | BPF_DW`).
    pub const LD_IMM64: Self = Self(0x18);
    /// Call by number or offset (`BPF_JMP | BPF_CALL`).
    pub const CALL: Self = Self(0x85);
    /// Call of the address in a register (`BPF_JMP | BPF_CALL | BPF_X`).
    pub const CALLX: Self = Self(0x8d);
    /// Return (`BPF_JMP | BPF_EXIT`).
    pub const EXIT: Self = Self(0x95);
    /// Jump by the 16-bit offset (`BPF_JMP | BPF_JA`).
    pub const JA: Self = Self(0x05);
    /// Jump by the 32-bit immediate, `gotol` (`BPF_JMP32 | BPF_JA`, ISA v4).
    pub const JA32: Self = Self(0x06);
    /// Jump to the address in a register, `gotox` (`BPF_JMP | BPF_JA | BPF_X`).
    pub const JAX: Self = Self(0x0d);
    /// Conditional pseudo jump, `may_goto` (`BPF_JMP | BPF_JCOND`).
    pub const JCOND: Self = Self(0xe5);

    /// The opcode with this byte.
    pub const fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// The byte in the instruction.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The class, bits 0 to 2.
    pub const fn class(self) -> Class {
        match self.0 & 0x07 {
            0 => Class::Ld,
            1 => Class::Ldx,
            2 => Class::St,
            3 => Class::Stx,
            4 => Class::Alu,
            5 => Class::Jmp,
            6 => Class::Jmp32,
            _ => Class::Alu64,
        }
    }

    /// The operation of arithmetic and jumps, bits 4 to 7 (`BPF_OP`), as in the byte: 0x00, 0x10, ...
    pub const fn operation(self) -> u8 {
        self.0 & 0xf0
    }

    /// Arithmetic and jumps: bit 3 (`BPF_X`) says that the operand is a register, not the immediate.
    pub const fn has_register_source(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// The mode of loads and stores, bits 5 to 7 (`BPF_MODE`), as in the byte: 0x00, 0x20, ...
    pub const fn mode(self) -> u8 {
        self.0 & 0xe0
    }

    /// The size of loads and stores, bits 3 and 4.
    pub const fn size(self) -> Size {
        match self.0 & 0x18 {
            0x00 => Size::Word,
            0x08 => Size::Half,
            0x10 => Size::Byte,
            _ => Size::Double,
        }
    }
}

impl From<u8> for Opcode {
    fn from(byte: u8) -> Self {
        Self(byte)
    }
}

impl From<Opcode> for u8 {
    fn from(opcode: Opcode) -> Self {
        opcode.0
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opcode({:#04x})", self.0)
    }
}

/// Instruction class: the low three bits of the opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// 64-bit immediate loads and legacy packet loads (`BPF_LD`).
    Ld,
    /// Loads from memory into a register (`BPF_LDX`).
    Ldx,
    /// Stores of an immediate (`BPF_ST`).
    St,
    /// Stores of a register, and atomics (`BPF_STX`).
    Stx,
    /// 32-bit arithmetic (`BPF_ALU`).
    Alu,
    /// Jumps that compare 64 bits, calls, exit (`BPF_JMP`).
    Jmp,
    /// Jumps that compare 32 bits, and `gotol` (`BPF_JMP32`, ISA v3).
    Jmp32,
    /// 64-bit arithmetic (`BPF_ALU64`).
    Alu64,
}

impl Class {
    /// The three bits in the opcode.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Ld => 0,
            Self::Ldx => 1,
            Self::St => 2,
            Self::Stx => 3,
            Self::Alu => 4,
            Self::Jmp => 5,
            Self::Jmp32 => 6,
            Self::Alu64 => 7,
        }
    }
}

/// How many bytes a load, store or atomic touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// One byte (`BPF_B`).
    Byte,
    /// Two bytes (`BPF_H`).
    Half,
    /// Four bytes (`BPF_W`).
    Word,
    /// Eight bytes (`BPF_DW`).
    Double,
}

impl Size {
    /// All sizes, smallest first.
    pub const ALL: [Self; 4] = [Self::Byte, Self::Half, Self::Word, Self::Double];

    /// The bits in the opcode.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Word => 0x00,
            Self::Half => 0x08,
            Self::Byte => 0x10,
            Self::Double => 0x18,
        }
    }

    /// Number of bytes: 1, 2, 4 or 8.
    pub const fn bytes(self) -> u8 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Double => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_an_opcode_are_its_bits() {
        for byte in 0..=u8::MAX {
            let opcode = Opcode::new(byte);
            assert_eq!(opcode.byte(), byte);
            assert_eq!(opcode.class().bits(), byte & 7);
            assert_eq!(opcode.size().bits(), byte & 0x18);
            assert_eq!(opcode.mode() | opcode.size().bits() | opcode.class().bits(), byte);
            let source = if opcode.has_register_source() { 8 } else { 0 };
            assert_eq!(opcode.operation() | source | opcode.class().bits(), byte);
        }
    }
}
