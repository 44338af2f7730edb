//! Constructors of jumps, calls and exit.

use super::alu::with_operand;
use crate::bits::i32_from;
use crate::operation::{Condition, Operand, Width};
use crate::{Class, HelperId, Opcode, PSEUDO_CALL, PSEUDO_KFUNC_CALL, Register, Slot};

const fn bare(opcode: Opcode) -> Slot {
    Slot { opcode, dst: Register::R0, src: Register::R0, offset: 0, imm: 0 }
}

/// Jumps, calls and exit. Distances are in slots, counted from the slot that follows.
impl Slot {
    /// `goto distance`.
    pub const fn jump(distance: i16) -> Self {
        Self { offset: distance, ..bare(Opcode::JA) }
    }

    /// `gotol distance` (ISA v4, since 6.6).
    pub const fn jump_long(distance: i32) -> Self {
        Self { imm: distance, ..bare(Opcode::JA32) }
    }

    /// `gotox target`: jumps to an address from a jump table (since 6.19).
    pub const fn jump_register(target: Register) -> Self {
        Self { dst: target, ..bare(Opcode::JAX) }
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
        Self { offset: distance, ..bare(Opcode::JCOND) }
    }

    /// `call helper`.
    pub const fn call(helper: HelperId) -> Self {
        Self { imm: i32_from(helper.number()), ..bare(Opcode::CALL) }
    }

    /// Calls another function of the program (since 4.16).
    pub const fn call_function(distance: i32) -> Self {
        Self { src: PSEUDO_CALL, imm: distance, ..bare(Opcode::CALL) }
    }

    /// Calls a kernel function by its BTF id (since 5.13). `fd_index` is the place of the module's BTF
    /// in `fd_array` (since 5.16), 0 for vmlinux.
    pub const fn call_kfunc(btf_id: u32, fd_index: i16) -> Self {
        Self {
            src: PSEUDO_KFUNC_CALL,
            offset: fd_index,
            imm: i32_from(btf_id),
            ..bare(Opcode::CALL)
        }
    }

    /// `callx target`: calls the address in a register. Compilers emit it, the kernel refuses it.
    pub const fn call_register(target: Register) -> Self {
        Self { dst: target, ..bare(Opcode::CALLX) }
    }

    /// `exit`: returns r0.
    pub const fn exit() -> Self {
        bare(Opcode::EXIT)
    }
}
