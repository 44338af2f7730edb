//! One method per kind of instruction.

use super::Builder;
use crate::operation::{
    AluOp, AtomicOp, Condition, NarrowSize, Operand, SignExtension, SwapBits, SwapKind, Width,
};
use crate::{BuildError, HelperId, Imm64, Instruction, Register, Size, Target};

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

macro_rules! atomics {
    ($($op:ident $name64:ident $name32:ident $text:literal;)*) => {$(
        #[doc = concat!("Eight bytes: `", $text, "`")]
        pub fn $name64(&mut self, base: Register, offset: i64, src: Register) -> &mut Self {
            self.atomic(Width::W64, AtomicOp::$op, base, offset, src)
        }

        #[doc = concat!("Four bytes: `", $text, "`")]
        pub fn $name32(&mut self, base: Register, offset: i64, src: Register) -> &mut Self {
            self.atomic(Width::W32, AtomicOp::$op, base, offset, src)
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

/// 64-bit immediate loads.
impl Builder {
    /// `dst = value ll`.
    pub fn ld_imm64(&mut self, dst: Register, value: u64) -> &mut Self {
        self.instruction(Instruction::LdImm64 { dst, value: Imm64::Value(value) })
    }

    /// Loads a map, which the loader finds by its name.
    pub fn ld_map(&mut self, dst: Register, name: &str) -> &mut Self {
        let value = Imm64::MapFd { fd: 0 };
        let target = Target::Map { name: name.into() };
        self.instruction_to_target(Instruction::LdImm64 { dst, value }, target)
    }

    /// Loads the address of a byte in the first value of a map, which the loader finds by its name.
    pub fn ld_map_value(&mut self, dst: Register, map: &str, offset: u32) -> &mut Self {
        let value = Imm64::MapValue { fd: 0, offset };
        let target = Target::MapValue { map: map.into(), offset };
        self.instruction_to_target(Instruction::LdImm64 { dst, value }, target)
    }

    /// Loads the address of a function of the program (since 5.13).
    pub fn ld_func(&mut self, dst: Register, function: &str) -> &mut Self {
        let value = Imm64::Function { distance: -1 };
        let target = Target::FunctionAddress { function: function.into() };
        self.instruction_to_target(Instruction::LdImm64 { dst, value }, target)
    }

    /// Loads the address of a kernel variable or function, which the loader finds by its name.
    pub fn ld_ksym(&mut self, dst: Register, name: &str) -> &mut Self {
        let value = Imm64::BtfId { btf_id: 0, module_fd: 0 };
        let target = Target::Ksym { name: name.into() };
        self.instruction_to_target(Instruction::LdImm64 { dst, value }, target)
    }
}

/// Loads, stores and atomics. Offsets are in bytes.
impl Builder {
    /// `dst = *(u32 *)(base + offset)`.
    pub fn load(
        &mut self,
        size: Size,
        dst: Register,
        base: Register,
        offset: impl Into<i64>,
    ) -> &mut Self {
        let offset = self.offset(offset.into());
        self.instruction(Instruction::Load { size, dst, base, offset })
    }

    /// `dst = *(s32 *)(base + offset)` (ISA v4, since 6.6).
    pub fn load_signed(
        &mut self,
        size: NarrowSize,
        dst: Register,
        base: Register,
        offset: impl Into<i64>,
    ) -> &mut Self {
        let offset = self.offset(offset.into());
        self.instruction(Instruction::LoadSigned { size, dst, base, offset })
    }

    /// `*(u32 *)(base + offset) = argument`.
    pub fn store(
        &mut self,
        size: Size,
        base: Register,
        offset: impl Into<i64>,
        argument: impl Into<Argument>,
    ) -> &mut Self {
        let offset = self.offset(offset.into());
        // A store of eight bytes sign-extends the immediate; the others keep at most its 32 bits.
        let width = if size == Size::Double { Width::W64 } else { Width::W32 };
        match self.operand(width, argument.into()) {
            Some(operand) => self.instruction(Instruction::Store { size, base, offset, operand }),
            None => self,
        }
    }

    /// `r0 = *(u32 *)skb[offset]`, see [`crate::Slot::load_packet`].
    pub fn load_packet(&mut self, size: NarrowSize, offset: i32) -> &mut Self {
        self.instruction(Instruction::LoadPacket { size, index: None, offset })
    }

    /// `r0 = *(u32 *)skb[index + offset]`, see [`crate::Slot::load_packet`].
    pub fn load_packet_indexed(
        &mut self,
        size: NarrowSize,
        index: Register,
        offset: i32,
    ) -> &mut Self {
        self.instruction(Instruction::LoadPacket { size, index: Some(index), offset })
    }

    /// `lock *(u64 *)(base + offset) op= src` and the like.
    pub fn atomic(
        &mut self,
        width: Width,
        op: AtomicOp,
        base: Register,
        offset: impl Into<i64>,
        src: Register,
    ) -> &mut Self {
        let offset = self.offset(offset.into());
        self.instruction(Instruction::Atomic { width, op, base, offset, src })
    }

    atomics! {
        Add atomic_add64 atomic_add32 "lock *(base + offset) += src";
        Or atomic_or64 atomic_or32 "lock *(base + offset) |= src";
        And atomic_and64 atomic_and32 "lock *(base + offset) &= src";
        Xor atomic_xor64 atomic_xor32 "lock *(base + offset) ^= src";
        FetchAdd atomic_fetch_add64 atomic_fetch_add32 "src = atomic_fetch_add(base + offset, src)";
        FetchOr atomic_fetch_or64 atomic_fetch_or32 "src = atomic_fetch_or(base + offset, src)";
        FetchAnd atomic_fetch_and64 atomic_fetch_and32 "src = atomic_fetch_and(base + offset, src)";
        FetchXor atomic_fetch_xor64 atomic_fetch_xor32 "src = atomic_fetch_xor(base + offset, src)";
        Xchg atomic_xchg64 atomic_xchg32 "src = atomic_xchg(base + offset, src)";
        CmpXchg atomic_cmpxchg64 atomic_cmpxchg32 "r0 = atomic_cmpxchg(base + offset, r0, src)";
    }

    /// `dst = load_acquire((u32 *)(base + offset))` (since 6.15).
    pub fn load_acquire(
        &mut self,
        size: Size,
        dst: Register,
        base: Register,
        offset: impl Into<i64>,
    ) -> &mut Self {
        let offset = self.offset(offset.into());
        self.instruction(Instruction::LoadAcquire { size, dst, base, offset })
    }

    /// `store_release((u32 *)(base + offset), src)` (since 6.15).
    pub fn store_release(
        &mut self,
        size: Size,
        base: Register,
        offset: impl Into<i64>,
        src: Register,
    ) -> &mut Self {
        let offset = self.offset(offset.into());
        self.instruction(Instruction::StoreRelease { size, base, offset, src })
    }
}

/// Jumps, calls and exit. A jump by distance is an [`Builder::instruction`].
impl Builder {
    /// `goto label`.
    pub fn jump(&mut self, label: &str) -> &mut Self {
        self.instruction_to_label(Instruction::Jump { distance: 0 }, label)
    }

    /// `gotol label` (ISA v4, since 6.6).
    pub fn jump_long(&mut self, label: &str) -> &mut Self {
        self.instruction_to_label(Instruction::JumpLong { distance: 0 }, label)
    }

    /// `may_goto label` (since 6.9).
    pub fn may_goto(&mut self, label: &str) -> &mut Self {
        self.instruction_to_label(Instruction::MayGoto { distance: 0 }, label)
    }

    /// `gotox target` (since 6.19).
    pub fn jump_register(&mut self, target: Register) -> &mut Self {
        self.instruction(Instruction::JumpRegister { target })
    }

    /// `if dst == argument goto label` and the like.
    pub fn jump_if(
        &mut self,
        width: Width,
        condition: Condition,
        dst: Register,
        argument: impl Into<Argument>,
        label: &str,
    ) -> &mut Self {
        match self.operand(width, argument.into()) {
            Some(operand) => self.instruction_to_label(
                Instruction::JumpIf { width, condition, dst, operand, distance: 0 },
                label,
            ),
            None => self,
        }
    }

    /// `if rdst == argument goto label` and the like.
    pub fn jump_if64(
        &mut self,
        condition: Condition,
        dst: Register,
        argument: impl Into<Argument>,
        label: &str,
    ) -> &mut Self {
        self.jump_if(Width::W64, condition, dst, argument, label)
    }

    /// `if wdst == argument goto label` and the like (ISA v3).
    pub fn jump_if32(
        &mut self,
        condition: Condition,
        dst: Register,
        argument: impl Into<Argument>,
        label: &str,
    ) -> &mut Self {
        self.jump_if(Width::W32, condition, dst, argument, label)
    }

    /// Calls a helper.
    pub fn call(&mut self, helper: HelperId) -> &mut Self {
        self.instruction(Instruction::Call { helper })
    }

    /// Calls a helper by its name, such as `bpf_map_lookup_elem`.
    pub fn call_helper(&mut self, name: &str) -> &mut Self {
        if let Some(helper) = HelperId::from_name(name) {
            return self.call(helper);
        }
        let slot = self.position();
        self.fail(BuildError::UnknownHelper { slot, name: name.into() });
        self
    }

    /// Calls a function of the program.
    pub fn call_function(&mut self, function: &str) -> &mut Self {
        let target = Target::Call { function: function.into() };
        self.instruction_to_target(Instruction::CallFunction { distance: -1 }, target)
    }

    /// Calls a kernel function, which the loader finds by its name (since 5.13).
    pub fn call_kfunc(&mut self, name: &str) -> &mut Self {
        let target = Target::Kfunc { name: name.into() };
        self.instruction_to_target(Instruction::CallKfunc { btf_id: 0, fd_index: 0 }, target)
    }

    /// `callx target`.
    pub fn call_register(&mut self, target: Register) -> &mut Self {
        self.instruction(Instruction::CallRegister { target })
    }

    /// `exit`.
    pub fn exit(&mut self) -> &mut Self {
        self.instruction(Instruction::Exit)
    }
}

impl Builder {
    fn operand(&mut self, width: Width, argument: Argument) -> Option<Operand> {
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
    fn offset(&mut self, offset: i64) -> i16 {
        i16::try_from(offset).unwrap_or_else(|_| {
            let slot = self.position();
            self.fail(BuildError::Offset { slot, offset });
            0
        })
    }
}
