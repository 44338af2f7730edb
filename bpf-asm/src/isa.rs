//! What a program asks of a kernel: instruction set, helpers, kernel functions.

use alloc::collections::BTreeSet;

use crate::operation::{AluOp, AtomicOp, Condition, SwapKind, Width};
use crate::{Code, HelperId, Imm64, Instruction, Target};

/// Version of the instruction set, as in `-mcpu=v3`.
///
/// It tells what exists, not what compilers like to use: 32-bit arithmetic and stores of immediates are in
/// v1, although LLVM emits them from v3 and v4 on only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IsaVersion {
    /// The first eBPF (3.18).
    V1,
    /// Adds jumps if less (4.14).
    V2,
    /// Adds jumps that compare 32 bits (5.1), atomics other than addition (5.12).
    V3,
    /// Adds sign extension, signed division, unconditional swaps and `gotol` (6.6). Later instructions, which
    /// have no version of their own, count as v4.
    V4,
}

impl Instruction {
    /// The smallest version of the instruction set that has this instruction.
    pub const fn isa_version(self) -> IsaVersion {
        match self {
            Self::Alu { op: AluOp::SDiv | AluOp::SMod, .. }
            | Self::SignExtend { .. }
            | Self::ByteSwap { kind: SwapKind::Bswap, .. }
            | Self::LoadSigned { .. }
            | Self::JumpLong { .. }
            | Self::AddrSpaceCast { .. }
            | Self::MayGoto { .. }
            | Self::LoadAcquire { .. }
            | Self::StoreRelease { .. }
            | Self::JumpRegister { .. } => IsaVersion::V4,
            Self::Atomic { op: AtomicOp::Add, .. } => IsaVersion::V1,
            Self::Atomic { .. } | Self::JumpIf { width: Width::W32, .. } => IsaVersion::V3,
            Self::JumpIf {
                condition: Condition::Lt | Condition::Le | Condition::Slt | Condition::Sle,
                ..
            } => IsaVersion::V2,
            _ => IsaVersion::V1,
        }
    }

    /// Major and minor number of the first kernel that has this instruction, or the helper that it calls. `None` for
    /// `callx`, which no kernel has, and for a helper that the UAPI does not list.
    ///
    /// The kernel may still refuse it: an architecture's JIT compiler may lack it, a program type or privilege may
    /// rule it out.
    pub const fn first_kernel(self) -> Option<(u32, u32)> {
        Some(match self {
            Self::Alu { op: AluOp::SDiv | AluOp::SMod, .. }
            | Self::SignExtend { .. }
            | Self::ByteSwap { kind: SwapKind::Bswap, .. }
            | Self::LoadSigned { .. }
            | Self::JumpLong { .. } => (6, 6),
            Self::AddrSpaceCast { .. } | Self::MayGoto { .. } => (6, 9),
            Self::LoadAcquire { .. } | Self::StoreRelease { .. } => (6, 15),
            Self::JumpRegister { .. } => (6, 19),
            Self::Atomic { op: AtomicOp::Add, .. } => (3, 18),
            Self::Atomic { .. } => (5, 12),
            Self::JumpIf { width: Width::W32, .. } => (5, 1),
            Self::JumpIf {
                condition: Condition::Lt | Condition::Le | Condition::Slt | Condition::Sle,
                ..
            } => (4, 14),
            Self::CallFunction { .. } => (4, 16),
            Self::CallKfunc { fd_index: 0, .. } => (5, 13),
            Self::CallKfunc { .. } => (5, 16),
            Self::Call { helper } => return helper.first_kernel(),
            Self::CallRegister { .. } => return None,
            Self::LdImm64 { value, .. } => match value {
                Imm64::Value(_) | Imm64::MapFd { .. } => (3, 18),
                Imm64::MapValue { .. } => (5, 2),
                Imm64::BtfId { .. } => (5, 10),
                Imm64::Function { .. } => (5, 13),
                Imm64::MapIndex { .. } | Imm64::MapIndexValue { .. } => (5, 14),
            },
            Self::Alu { .. }
            | Self::Neg { .. }
            | Self::ByteSwap { .. }
            | Self::Load { .. }
            | Self::LoadPacket { .. }
            | Self::Store { .. }
            | Self::Jump { .. }
            | Self::JumpIf { .. }
            | Self::Exit => (3, 18),
        })
    }
}

impl Code {
    /// The smallest version of the instruction set that has all instructions of this program.
    pub fn isa_version(&self) -> IsaVersion {
        self.instructions()
            .filter_map(|(_, instruction)| instruction)
            .map(Instruction::isa_version)
            .max()
            .unwrap_or(IsaVersion::V1)
    }

    /// Major and minor number of the first kernel that has all instructions and helpers of this program; `None` if
    /// one is none that a kernel has. Kernel functions and symbols by name are not looked at.
    pub fn first_kernel(&self) -> Option<(u32, u32)> {
        self.instructions().try_fold((3, 18), |latest, (_, instruction)| {
            instruction?.first_kernel().map(|kernel| latest.max(kernel))
        })
    }

    /// The helpers that this program calls.
    pub fn helpers(&self) -> BTreeSet<HelperId> {
        self.instructions()
            .filter_map(|(_, instruction)| match instruction {
                Some(Instruction::Call { helper }) => Some(helper),
                _ => None,
            })
            .collect()
    }

    /// Names of the kernel functions that this program calls by name.
    pub fn kfuncs(&self) -> BTreeSet<&str> {
        self.references
            .iter()
            .filter_map(|reference| match &reference.target {
                Target::Kfunc { name } => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }
}
