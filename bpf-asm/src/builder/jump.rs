//! Jumps, calls and exit.

use super::{Argument, Builder};
use crate::operation::{Condition, Width};
use crate::{BuildError, HelperId, Instruction, Register, Target};

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
