//! Constructors of jumps, calls and exit.

use super::alu::with_operand;
use crate::bits::i32_from;
use crate::operation::{Condition, Operand, Width};
use crate::{Class, HelperId, Opcode, PSEUDO_CALL, PSEUDO_KFUNC_CALL, Register, Slot};

const fn bare(opcode: Opcode) -> Slot {
    Slot::new(opcode, Register::R0, Register::R0, 0, 0)
}

/// Jumps, calls and exit. Distances are in slots, counted from the slot that follows.
impl Slot {
    /// `goto distance`.
    pub const fn jump(distance: i16) -> Self {
        bare(Opcode::JA).with_offset(distance)
    }

    /// `gotol distance` (ISA v4, since 6.6).
    pub const fn jump_long(distance: i32) -> Self {
        bare(Opcode::JA32).with_imm(distance)
    }

    /// `gotox target`: jumps to an address from a jump table (since 6.19).
    pub const fn jump_register(target: Register) -> Self {
        bare(Opcode::JAX).with_dst(target)
    }

    /// `if dst == operand goto distance` and the like.
    pub fn jump_if(
        width: Width,
        condition: Condition,
        dst: Register,
        operand: impl Into<Operand>,
        distance: i16,
    ) -> Self {
        let class = match width {
            Width::W32 => Class::Jmp32,
            Width::W64 => Class::Jmp,
        };
        with_operand(class, condition.bits(), dst, operand.into(), distance)
    }

    /// `may_goto distance`: jumps when the program has looped long enough (since 6.9).
    pub const fn may_goto(distance: i16) -> Self {
        bare(Opcode::JCOND).with_offset(distance)
    }

    /// `call helper`.
    pub const fn call(helper: HelperId) -> Self {
        bare(Opcode::CALL).with_imm(i32_from(helper.number()))
    }

    /// Calls another function of the program (since 4.16).
    pub const fn call_function(distance: i32) -> Self {
        bare(Opcode::CALL).with_src(PSEUDO_CALL).with_imm(distance)
    }

    /// Calls a kernel function by its BTF id (since 5.13). `fd_index` is the place of the module's BTF
    /// in `fd_array` (since 5.16), 0 for vmlinux.
    pub const fn call_kfunc(btf_id: u32, fd_index: i16) -> Self {
        Self::new(Opcode::CALL, Register::R0, PSEUDO_KFUNC_CALL, fd_index, i32_from(btf_id))
    }

    /// `callx target`: calls the address in a register. Compilers emit it, the kernel refuses it.
    pub const fn call_register(target: Register) -> Self {
        bare(Opcode::CALLX).with_dst(target)
    }

    /// `exit`: returns r0.
    pub const fn exit() -> Self {
        bare(Opcode::EXIT)
    }
}
