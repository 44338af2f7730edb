//! Errors of writing an object.
use thiserror::Error;

use crate::BtfError;
use crate::spec::EditError;

/// Why a spec cannot be written as an object file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The spec does not hold together.
    #[error(transparent)]
    Spec(#[from] EditError),
    /// The file would have more sections, or a section more bytes, than ELF can count.
    #[error("the object is too large for an ELF file")]
    TooLarge,
    /// The type information cannot be changed as the spec needs it.
    #[error("section \".BTF\": {0}")]
    Btf(BtfError),
    /// A function without instructions.
    #[error("function {function:?} has no instructions")]
    EmptyFunction {
        /// The key of the function.
        function: String,
    },
    /// No section name gives a program this type, attach type, target and flags.
    #[error(
        "no section name says what program {program:?} is: its type, attach type, target and flags do not go together"
    )]
    SectionName {
        /// The program.
        program: String,
    },
    /// The instruction cannot hold what the reference names.
    #[error("slot {slot} of function {function:?} names something, but {problem}")]
    Reference {
        /// The key of the function.
        function: String,
        /// The slot.
        slot: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A map holds what an object cannot give it.
    #[error("map {map:?}: {problem}")]
    Map {
        /// The map.
        map: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// An extern that the type information does not declare and cannot, because its type is missing.
    #[error("extern {name:?} has no type to declare it with")]
    ExternType {
        /// The extern.
        name: String,
    },
    /// An object file has no words for a part of the spec: it would be read as something else.
    #[error("an object file cannot say the {what} of {kind} {name:?} as the spec has it")]
    Inexpressible {
        /// `program`, `function`, `map`, `variable`, `extern` or `collection`.
        kind: &'static str,
        /// The name or key.
        name: String,
        /// The field.
        what: &'static str,
    },
    /// What was written is no object that can be read: the spec has a name or definition that no object has.
    #[error("what the spec describes cannot be read back")]
    Unreadable(#[source] Box<crate::Error>),
}

impl WriteError {
    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
    pub(super) fn btf(error: bpf_btf::BuildError) -> Self {
        Self::Btf(BtfError::new(&error))
    }

    pub(super) fn map(map: &str, problem: &'static str) -> Self {
        Self::Map { map: map.to_owned(), problem }
    }
}

impl From<crate::emit::TooLarge> for WriteError {
    fn from(_: crate::emit::TooLarge) -> Self {
        Self::TooLarge
    }
}
