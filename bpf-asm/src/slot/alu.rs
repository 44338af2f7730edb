//! Constructors of arithmetic.

use crate::operation::{AluOp, Operand, SignExtension, SwapBits, SwapKind, Width};
use crate::{Class, Opcode, Register, Slot};

/// `BPF_X`: the operand is a register.
pub(crate) const SOURCE_REGISTER: u8 = 0x08;
const NEG: u8 = 0x80;
const END: u8 = 0xd0;
/// Offset of a move that casts between address spaces.
const ADDR_SPACE_CAST: i16 = 1;

const fn alu_class(width: Width) -> Class {
    match width {
        Width::W32 => Class::Alu,
        Width::W64 => Class::Alu64,
    }
}

/// Joins class and operation with an operand.
pub(crate) const fn with_operand(
    class: Class,
    operation: u8,
    dst: Register,
    operand: Operand,
    offset: i16,
) -> Slot {
    let code = class.bits() | operation;
    match operand {
        Operand::Register(src) => {
            Slot::new(Opcode::new(code | SOURCE_REGISTER), dst, src, offset, 0)
        }
        Operand::Imm(imm) => Slot::new(Opcode::new(code), dst, Register::R0, offset, imm),
    }
}

macro_rules! arithmetic {
    ($($op:ident $name64:ident $name32:ident $text:literal;)*) => {$(
        #[doc = concat!("`r", $text, "operand`: 64 bits, an immediate is sign-extended.")]
        pub fn $name64(dst: Register, operand: impl Into<Operand>) -> Self {
            Self::alu(Width::W64, AluOp::$op, dst, operand)
        }

        #[doc = concat!("`w", $text, "operand`: the low 32 bits, the high ones become zero.")]
        pub fn $name32(dst: Register, operand: impl Into<Operand>) -> Self {
            Self::alu(Width::W32, AluOp::$op, dst, operand)
        }
    )*};
}

/// Arithmetic.
///
/// Operands that do not fit have no type here; [`crate::Builder`] takes wide numbers and checks them.
impl Slot {
    /// `dst = dst op operand`.
    pub fn alu(width: Width, op: AluOp, dst: Register, operand: impl Into<Operand>) -> Self {
        with_operand(alu_class(width), op.bits(), dst, operand.into(), op.offset())
    }

    arithmetic! {
        Add add64 add32 "dst += ";
        Sub sub64 sub32 "dst -= ";
        Mul mul64 mul32 "dst *= ";
        Div div64 div32 "dst /= ";
        SDiv sdiv64 sdiv32 "dst s/= ";
        Or or64 or32 "dst |= ";
        And and64 and32 "dst &= ";
        Lsh lsh64 lsh32 "dst <<= ";
        Rsh rsh64 rsh32 "dst >>= ";
        Arsh arsh64 arsh32 "dst s>>= ";
        Mod mod64 mod32 "dst %= ";
        SMod smod64 smod32 "dst s%= ";
        Xor xor64 xor32 "dst ^= ";
        Mov mov64 mov32 "dst = ";
    }

    /// `dst = -dst`.
    pub const fn neg(width: Width, dst: Register) -> Self {
        with_operand(alu_class(width), NEG, dst, Operand::Imm(0), 0)
    }

    /// `rdst = -rdst`.
    pub const fn neg64(dst: Register) -> Self {
        Self::neg(Width::W64, dst)
    }

    /// `wdst = -wdst`.
    pub const fn neg32(dst: Register) -> Self {
        Self::neg(Width::W32, dst)
    }

    /// `dst = (s8)src` and the like: a move that extends the sign (ISA v4, since 6.6).
    pub const fn sign_extend(extension: SignExtension, dst: Register, src: Register) -> Self {
        with_operand(
            alu_class(extension.width()),
            AluOp::Mov.bits(),
            dst,
            Operand::Register(src),
            extension.bits(),
        )
    }

    /// Reorders the low bytes of `dst`, and clears the others.
    pub const fn byte_swap(kind: SwapKind, bits: SwapBits, dst: Register) -> Self {
        let code = END
            | match kind {
                SwapKind::Le => Class::Alu.bits(),
                SwapKind::Be => Class::Alu.bits() | SOURCE_REGISTER,
                SwapKind::Bswap => Class::Alu64.bits(),
            };
        Self::new(Opcode::new(code), dst, Register::R0, 0, bits.bits())
    }

    /// `dst = le16 dst` and the like.
    pub const fn le(bits: SwapBits, dst: Register) -> Self {
        Self::byte_swap(SwapKind::Le, bits, dst)
    }

    /// `dst = be16 dst` and the like.
    pub const fn be(bits: SwapBits, dst: Register) -> Self {
        Self::byte_swap(SwapKind::Be, bits, dst)
    }

    /// `dst = bswap16 dst` and the like (ISA v4, since 6.6).
    pub const fn bswap(bits: SwapBits, dst: Register) -> Self {
        Self::byte_swap(SwapKind::Bswap, bits, dst)
    }

    /// `dst = addr_space_cast(src, to, from)`: converts an arena pointer (since 6.9). Address space 0
    /// is the kernel's, 1 the arena's.
    pub const fn addr_space_cast(dst: Register, src: Register, to: u16, from: u16) -> Self {
        let [t0, t1] = to.to_le_bytes();
        let [f0, f1] = from.to_le_bytes();
        let mut slot = with_operand(
            Class::Alu64,
            AluOp::Mov.bits(),
            dst,
            Operand::Register(src),
            ADDR_SPACE_CAST,
        );
        slot.imm = i32::from_le_bytes([f0, f1, t0, t1]);
        slot
    }
}
