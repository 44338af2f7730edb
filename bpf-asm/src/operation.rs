//! What arithmetic, jumps and atomics do, and how wide.

use crate::Register;

/// Width of arithmetic, comparisons and atomics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Width {
    /// The low half of registers (`w0`); results are zero-extended.
    W32,
    /// Whole registers (`r0`).
    W64,
}

/// The second operand of arithmetic, stores and conditional jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A register.
    Register(Register),
    /// The 32-bit immediate; 64-bit operations sign-extend it.
    Imm(i32),
}

impl From<Register> for Operand {
    fn from(register: Register) -> Self {
        Self::Register(register)
    }
}

impl From<i32> for Operand {
    fn from(imm: i32) -> Self {
        Self::Imm(imm)
    }
}

/// Arithmetic on two operands: `dst = dst op operand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AluOp {
    /// `+=`
    Add,
    /// `-=`
    Sub,
    /// `*=`
    Mul,
    /// `/=`, unsigned; division by zero gives zero.
    Div,
    /// `s/=`, signed (ISA v4, since 6.6).
    SDiv,
    /// `|=`
    Or,
    /// `&=`
    And,
    /// `<<=`
    Lsh,
    /// `>>=`, unsigned.
    Rsh,
    /// `s>>=`, signed.
    Arsh,
    /// `%=`, unsigned; modulo zero leaves the value.
    Mod,
    /// `s%=`, signed (ISA v4, since 6.6).
    SMod,
    /// `^=`
    Xor,
    /// `=`
    Mov,
}

impl AluOp {
    /// All operations.
    pub const ALL: [Self; 14] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::SDiv,
        Self::Or,
        Self::And,
        Self::Lsh,
        Self::Rsh,
        Self::Arsh,
        Self::Mod,
        Self::SMod,
        Self::Xor,
        Self::Mov,
    ];

    /// The operation bits of the opcode.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Add => 0x00,
            Self::Sub => 0x10,
            Self::Mul => 0x20,
            Self::Div | Self::SDiv => 0x30,
            Self::Or => 0x40,
            Self::And => 0x50,
            Self::Lsh => 0x60,
            Self::Rsh => 0x70,
            Self::Mod | Self::SMod => 0x90,
            Self::Xor => 0xa0,
            Self::Mov => 0xb0,
            Self::Arsh => 0xc0,
        }
    }

    /// The offset field: 1 tells signed division and modulo from unsigned.
    pub const fn offset(self) -> i16 {
        match self {
            Self::SDiv | Self::SMod => 1,
            _ => 0,
        }
    }
}

/// When a conditional jump is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `>`, unsigned.
    Gt,
    /// `>=`, unsigned.
    Ge,
    /// `<`, unsigned.
    Lt,
    /// `<=`, unsigned.
    Le,
    /// `s>`, signed.
    Sgt,
    /// `s>=`, signed.
    Sge,
    /// `s<`, signed.
    Slt,
    /// `s<=`, signed.
    Sle,
    /// `&`: the operands have a bit in common.
    Set,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 11] = [
        Self::Eq,
        Self::Ne,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
        Self::Sgt,
        Self::Sge,
        Self::Slt,
        Self::Sle,
        Self::Set,
    ];

    /// The operation bits of the opcode.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Eq => 0x10,
            Self::Gt => 0x20,
            Self::Ge => 0x30,
            Self::Set => 0x40,
            Self::Ne => 0x50,
            Self::Sgt => 0x60,
            Self::Sge => 0x70,
            Self::Lt => 0xa0,
            Self::Le => 0xb0,
            Self::Slt => 0xc0,
            Self::Sle => 0xd0,
        }
    }

    /// The condition that holds exactly when this one does not; [`Condition::Set`] has none.
    pub const fn inverse(self) -> Option<Self> {
        Some(match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Sgt => Self::Sle,
            Self::Sge => Self::Slt,
            Self::Slt => Self::Sge,
            Self::Sle => Self::Sgt,
            Self::Set => return None,
        })
    }
}

/// An atomic read, change and write of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AtomicOp {
    /// Adds the register to memory.
    Add,
    /// Ors the register into memory (since 5.12).
    Or,
    /// Ands the register into memory (since 5.12).
    And,
    /// Xors the register into memory (since 5.12).
    Xor,
    /// Adds; the register gets the old value (since 5.12).
    FetchAdd,
    /// Ors; the register gets the old value (since 5.12).
    FetchOr,
    /// Ands; the register gets the old value (since 5.12).
    FetchAnd,
    /// Xors; the register gets the old value (since 5.12).
    FetchXor,
    /// Swaps register and memory (since 5.12).
    Xchg,
    /// Writes the register if memory equals r0; r0 gets the old value (since 5.12).
    CmpXchg,
}

impl AtomicOp {
    /// All operations.
    pub const ALL: [Self; 10] = [
        Self::Add,
        Self::Or,
        Self::And,
        Self::Xor,
        Self::FetchAdd,
        Self::FetchOr,
        Self::FetchAnd,
        Self::FetchXor,
        Self::Xchg,
        Self::CmpXchg,
    ];

    /// The immediate that selects the operation.
    pub const fn bits(self) -> i32 {
        match self {
            Self::Add => 0x00,
            Self::Or => 0x40,
            Self::And => 0x50,
            Self::Xor => 0xa0,
            Self::FetchAdd => 0x01,
            Self::FetchOr => 0x41,
            Self::FetchAnd => 0x51,
            Self::FetchXor => 0xa1,
            Self::Xchg => 0xe1,
            Self::CmpXchg => 0xf1,
        }
    }
}

/// A sign-extending move: from how many bits to how many (ISA v4, since 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignExtension {
    /// `w0 = (s8)w1`
    From8To32,
    /// `w0 = (s16)w1`
    From16To32,
    /// `r0 = (s8)r1`
    From8To64,
    /// `r0 = (s16)r1`
    From16To64,
    /// `r0 = (s32)r1`
    From32To64,
}

impl SignExtension {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::From8To32, Self::From16To32, Self::From8To64, Self::From16To64, Self::From32To64];

    /// Bits of the source that count: the offset field.
    pub const fn bits(self) -> i16 {
        match self {
            Self::From8To32 | Self::From8To64 => 8,
            Self::From16To32 | Self::From16To64 => 16,
            Self::From32To64 => 32,
        }
    }

    /// Width of the result.
    pub const fn width(self) -> Width {
        match self {
            Self::From8To32 | Self::From16To32 => Width::W32,
            _ => Width::W64,
        }
    }
}

/// How bytes of a register are reordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SwapKind {
    /// From or to little-endian: nothing but truncation on a little-endian machine.
    Le,
    /// From or to big-endian: nothing but truncation on a big-endian machine.
    Be,
    /// Always (ISA v4, since 6.6).
    Bswap,
}

/// How much of a register is reordered; the rest becomes zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SwapBits {
    /// Two bytes.
    B16,
    /// Four bytes.
    B32,
    /// Eight bytes.
    B64,
}

impl SwapBits {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::B16, Self::B32, Self::B64];

    /// Number of bits: the immediate.
    pub const fn bits(self) -> i32 {
        match self {
            Self::B16 => 16,
            Self::B32 => 32,
            Self::B64 => 64,
        }
    }
}

/// Size of a load that is narrower than a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NarrowSize {
    /// One byte.
    Byte,
    /// Two bytes.
    Half,
    /// Four bytes.
    Word,
}

impl From<NarrowSize> for crate::Size {
    fn from(size: NarrowSize) -> Self {
        match size {
            NarrowSize::Byte => Self::Byte,
            NarrowSize::Half => Self::Half,
            NarrowSize::Word => Self::Word,
        }
    }
}

impl NarrowSize {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Byte, Self::Half, Self::Word];

    /// The bits in the opcode.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Word => 0x00,
            Self::Half => 0x08,
            Self::Byte => 0x10,
        }
    }
}
