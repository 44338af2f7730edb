//! Errors of the value printer.

use crate::{Kind, TypeId};

/// Why a value cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// There is no type with the id.
    #[error("type {id} does not exist")]
    NoSuchType {
        /// The id.
        id: TypeId,
    },
    /// Nothing has a value of the kind: `void`, functions, forward declarations.
    #[error("type {id} of kind {kind} has no values")]
    Kind {
        /// The id.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// The bytes end before the value does.
    #[error("type {id} needs {needed} bytes at offset {offset}, there are {len} bytes in all")]
    TooShort {
        /// Id of the type.
        id: TypeId,
        /// Where its value begins, in bytes.
        offset: u64,
        /// How many bytes it takes.
        needed: u64,
        /// Number of bytes given.
        len: usize,
    },
    /// A number has a width that no machine has.
    #[error("type {id} of {bits} bits is not a number that can be read")]
    Width {
        /// Id of the type.
        id: TypeId,
        /// Width in bits.
        bits: u64,
    },
    /// Types nest deeper than anyone writes.
    #[error("type {id} nests too deep")]
    TooDeep {
        /// The id.
        id: TypeId,
    },
    /// Unions of unions show the same bytes again and again.
    #[error("the text of type {id} would be out of proportion to its bytes")]
    TooLarge {
        /// The id.
        id: TypeId,
    },
}
