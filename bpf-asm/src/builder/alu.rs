//! Arithmetic.

use super::{Argument, Builder};
use crate::operation::{AluOp, SignExtension, SwapBits, SwapKind, Width};
use crate::{Instruction, Register};

macro_rules! arithmetic {
    ($($op:ident $name64:ident $name32:ident $text:literal;)*) => {$(
        #[doc = concat!("`r", $text, "argument`")]
        pub fn $name64(&mut self, dst: Register, argument: impl Into<Argument>) -> &mut Self {
            self.alu(Width::W64, AluOp::$op, dst, argument)
        }

        #[doc = concat!("`w", $text, "argument`")]
        pub fn $name32(&mut self, dst: Register, argument: impl Into<Argument>) -> &mut Self {
            self.alu(Width::W32, AluOp::$op, dst, argument)
        }
    )*};
}

/// Arithmetic.
impl Builder {
    /// `dst = dst op argument`.
    pub fn alu(
        &mut self,
        width: Width,
        op: AluOp,
        dst: Register,
        argument: impl Into<Argument>,
    ) -> &mut Self {
        match self.operand(width, argument.into()) {
            Some(operand) => self.instruction(Instruction::Alu { width, op, dst, operand }),
            None => self,
        }
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

    /// `rdst = -rdst`.
    pub fn neg64(&mut self, dst: Register) -> &mut Self {
        self.instruction(Instruction::Neg { width: Width::W64, dst })
    }

    /// `wdst = -wdst`.
    pub fn neg32(&mut self, dst: Register) -> &mut Self {
        self.instruction(Instruction::Neg { width: Width::W32, dst })
    }

    /// `dst = (s8)src` and the like (ISA v4, since 6.6).
    pub fn sign_extend(
        &mut self,
        extension: SignExtension,
        dst: Register,
        src: Register,
    ) -> &mut Self {
        self.instruction(Instruction::SignExtend { extension, dst, src })
    }

    /// `dst = le16 dst` and the like.
    pub fn le(&mut self, bits: SwapBits, dst: Register) -> &mut Self {
        self.instruction(Instruction::ByteSwap { kind: SwapKind::Le, bits, dst })
    }

    /// `dst = be16 dst` and the like.
    pub fn be(&mut self, bits: SwapBits, dst: Register) -> &mut Self {
        self.instruction(Instruction::ByteSwap { kind: SwapKind::Be, bits, dst })
    }

    /// `dst = bswap16 dst` and the like (ISA v4, since 6.6).
    pub fn bswap(&mut self, bits: SwapBits, dst: Register) -> &mut Self {
        self.instruction(Instruction::ByteSwap { kind: SwapKind::Bswap, bits, dst })
    }

    /// `dst = addr_space_cast(src, to, from)` (since 6.9).
    pub fn addr_space_cast(
        &mut self,
        dst: Register,
        src: Register,
        to: u16,
        from: u16,
    ) -> &mut Self {
        self.instruction(Instruction::AddrSpaceCast { dst, src, to, from })
    }
}
