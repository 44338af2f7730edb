//! Errors of linking.
use thiserror::Error;

use crate::{BtfError, ElfError};

/// Why objects cannot be linked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// There is nothing to link.
    #[error("no objects to link")]
    NoObjects,
    /// The container is not that of a BPF object.
    #[error("{object}: {source}")]
    Elf {
        /// The object.
        object: String,
        /// What is wrong. It is in the text, and therefore not the [source](std::error::Error::source) of the error.
        r#source: ElfError,
    },
    /// The type information is malformed.
    #[error("{object}: section {section:?}: {source}")]
    Btf {
        /// The object.
        object: String,
        /// `.BTF` or `.BTF.ext`.
        section: &'static str,
        /// What is wrong. It is in the text, as that of `Elf` is.
        r#source: BtfError,
    },
    /// The type information of all objects together cannot be written.
    #[error("the types of the linked object: {0}")]
    Types(BtfError),
    /// The objects are in different byte orders.
    #[error("{second} is in another byte order than {first}")]
    ByteOrder {
        /// The object before.
        first: String,
        /// The object with the other byte order.
        second: String,
    },
    /// The linked object would be too large for ELF, or many times as large as its parts.
    #[error("the linked object would be too large")]
    TooLarge,
    /// A section that cannot be part of a BPF object.
    #[error("{object}: section {section:?} {problem}")]
    Section {
        /// The object.
        object: String,
        /// The section.
        section: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Sections of one name that cannot be put behind each other.
    #[error("section {section:?} of {second} has another {what} than that of {first}")]
    SectionMismatch {
        /// The section.
        section: String,
        /// Type, flags, size of an entry, or contents.
        what: &'static str,
        /// The object before.
        first: String,
        /// The object that differs.
        second: String,
    },
    /// A symbol that a BPF object cannot have.
    #[error("{object}: symbol {symbol:?} {problem}")]
    Symbol {
        /// The object.
        object: String,
        /// The symbol.
        symbol: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Two definitions of one symbol, neither of which is weak.
    #[error("symbol {symbol:?} is defined in {first} and in {second}")]
    Conflict {
        /// The symbol.
        symbol: String,
        /// The object with the first definition.
        first: String,
        /// The object with the other one.
        second: String,
    },
    /// Nothing tells whether two objects mean the same by one name.
    #[error(
        "symbol {symbol:?} of {first} and {second} has no type in {untyped}: compile it with -g"
    )]
    NoType {
        /// The symbol.
        symbol: String,
        /// The object before.
        first: String,
        /// The object that has the symbol too.
        second: String,
        /// The object without the type.
        untyped: String,
    },
    /// Two objects mean different things by one name.
    #[error("symbol {symbol:?} of {second} is not what it is in {first}: {problem}")]
    Mismatch {
        /// The symbol.
        symbol: String,
        /// The object before.
        first: String,
        /// The object that differs.
        second: String,
        /// What differs.
        problem: String,
    },
    /// A relocation that cannot be carried over.
    #[error("{object}: relocation at offset {offset} of section {section:?} {problem}")]
    Relocation {
        /// The object.
        object: String,
        /// The section.
        section: String,
        /// Bytes from its start.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
}

impl LinkError {
    #[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
    pub(super) fn btf(error: bpf_btf::BuildError) -> Self {
        Self::Types(BtfError::new(&error))
    }
}

impl From<crate::emit::TooLarge> for LinkError {
    fn from(_: crate::emit::TooLarge) -> Self {
        Self::TooLarge
    }
}
