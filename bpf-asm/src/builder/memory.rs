//! Loads, stores, atomics and 64-bit immediates.

use super::{Argument, Builder};
use crate::operation::{AtomicOp, NarrowSize, Width};
use crate::{Imm64, Instruction, Register, Size, Target};

macro_rules! atomics {
    ($($op:ident $name64:ident $name32:ident $text:literal;)*) => {$(
        #[doc = concat!("Eight bytes: `", $text, "`")]
        pub fn $name64(&mut self, base: Register, offset: impl Into<i64>, src: Register) -> &mut Self {
            self.atomic(Width::W64, AtomicOp::$op, base, offset, src)
        }

        #[doc = concat!("Four bytes: `", $text, "`")]
        pub fn $name32(&mut self, base: Register, offset: impl Into<i64>, src: Register) -> &mut Self {
            self.atomic(Width::W32, AtomicOp::$op, base, offset, src)
        }
    )*};
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
