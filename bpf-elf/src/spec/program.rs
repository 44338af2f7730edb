//! The specification of a program.
use std::sync::Arc;

use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};

use super::Function;

/// An entry program: a function that the kernel can be given, with what its section says about it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProgramSpec {
    /// The name, from the symbol.
    pub name: String,
    /// The section as the object names it, a leading `?` included.
    pub section: String,
    /// The program type; [`ProgramType::UNSPEC`] if nobody knows the section name.
    pub program_type: ProgramType,
    /// The expected attach type, if the section name sets one.
    pub attach_type: Option<AttachType>,
    /// The attach type may be left out for kernels that do not know the field (before 4.17).
    pub attach_type_optional: bool,
    /// What follows the slash of the section name, where that names a target.
    pub attach_to: Option<String>,
    /// The kernel wants the BTF id of the target before it loads the program.
    pub needs_btf_target: bool,
    /// Flags for `BPF_PROG_LOAD`.
    pub flags: ProgramFlags,
    /// Whether loading the collection loads this program; false after a leading `?` in the section name.
    pub autoload: bool,
    /// The code.
    pub function: Function,
    /// Key of the function that handles an exception of the program: it belongs to the program though nothing calls it.
    pub exception_callback: Option<Arc<str>>,
}

impl ProgramSpec {
    /// A program of this type and code, loaded by default, without attach type and target.
    pub fn new(name: impl Into<String>, program_type: ProgramType, function: Function) -> Self {
        Self {
            name: name.into(),
            section: String::new(),
            program_type,
            attach_type: None,
            attach_type_optional: false,
            attach_to: None,
            needs_btf_target: false,
            flags: ProgramFlags::default(),
            autoload: true,
            function,
            exception_callback: None,
        }
    }
}
