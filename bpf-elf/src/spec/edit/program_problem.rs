//! What can be wrong with a program.
use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};
use thiserror::Error;

use crate::section::GrammarError;

/// What the kernel, or libbpf, would refuse about a program besides its code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgramProblem {
    /// Programs of the type are not attached so.
    #[error("a program of type {program_type} has no attach type {attach_type}")]
    AttachType {
        /// The type.
        program_type: ProgramType,
        /// The attach type.
        attach_type: AttachType,
    },
    /// Programs of the type need an attach type when they are loaded.
    #[error("a program of type {program_type} needs an attach type")]
    NoAttachType {
        /// The type.
        program_type: ProgramType,
    },
    /// Programs of the type and attach type have no target that a name could say.
    #[error("a program of type {program_type} attached so has no target to name: {target:?}")]
    Target {
        /// The type.
        program_type: ProgramType,
        /// The target.
        target: String,
    },
    /// The text of the target is none.
    #[error("{0}")]
    Grammar(GrammarError),
    /// The kernel wants the BTF id of a target only of programs that trace, extend or guard kernel functions.
    #[error("a program of type {program_type} has no target in BTF")]
    BtfTarget {
        /// The type.
        program_type: ProgramType,
    },
    /// Flags that programs of the type do not take.
    #[error("a program of type {program_type} does not take {flags:?}")]
    Flags {
        /// The type.
        program_type: ProgramType,
        /// The flags that are too many.
        flags: ProgramFlags,
    },
    /// Flags that programs of the type need.
    #[error("a program of type {program_type} needs {flags:?}")]
    NeededFlags {
        /// The type.
        program_type: ProgramType,
        /// The flags that are missing.
        flags: ProgramFlags,
    },
    /// The function that handles exceptions is not there, or is one that the kernel does not take (libbpf: a global, visible one).
    #[error("exception callback {function:?} is no global function of the collection")]
    ExceptionCallback {
        /// The function.
        function: String,
    },
    /// The field `name` is not the name under which the program is known.
    #[error("its field `name` is {found:?}: give it another name with `rename_program`")]
    Renamed {
        /// The field.
        found: String,
    },
}
