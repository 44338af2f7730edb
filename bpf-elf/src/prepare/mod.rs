//! Preparation: a spec becomes what `BPF_PROG_LOAD` and `BPF_BTF_LOAD` take.
//!
//! Subprograms are appended, calls resolved, CO-RE relocations applied, function and line information rebased, the BTF
//! of the object made fit for a kernel. All of it is pure: it asks no kernel, so it works for one that is not running
//! here. What only the running kernel can say (file descriptors, BTF ids, addresses) is left as a [`Fixup`].
//!
//! This module names types of `bpf_btf` and, like that crate, is exempt from semver.

mod btf;
mod complete;
mod context_params;
mod error;
mod flatten;
mod kconfig;
mod kernel_type;
mod minimal;
mod own_btf;
mod program;
mod relocate;

pub use btf::{prepare_btf, prepare_btf_for, prepare_btf_with_contexts};
pub use complete::{AnswerError, GivenAnswers, KernelAnswers, KernelSymbol};
pub use context_params::ContextFunctions;
pub use error::PrepareError;
pub use flatten::{Flattened, PlacedFunction, flatten};
pub use kconfig::{KconfigError, KernelConfig, prepare_kconfig};
pub use kernel_type::{KernelType, extern_fits};
pub use minimal::minimal_btf;
pub use program::{
    Fixup, FixupTarget, FuncInfo, LineRecord, LocalTypeId, PrepareOptions, PreparedProgram,
    prepare_program,
};
pub use relocate::{CoreOptions, CoreResolution, ModuleSearch, POISON_HELPER, PoisonedAccess};
