//! Errors of relocations.

use alloc::string::String;

use super::CoreKind;
use crate::{Error, Kind, TypeId};

/// Why a relocation cannot be decided. That a target lacks something is no error: see [`Story`](super::Story).
///
/// Texts in it are cut after 512 bytes, where `...` follows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// The kind of the relocation is not known.
    #[error("relocation kind {kind} is not known")]
    UnknownKind {
        /// The number in the record.
        kind: u32,
    },
    /// The local type does not exist.
    #[error("local type {id} does not exist")]
    NoSuchType {
        /// The id.
        id: TypeId,
    },
    /// The access string begins beyond the strings.
    #[error("access string at string offset {offset} does not exist")]
    NoAccessString {
        /// Offset in the strings of the object's BTF.
        offset: u32,
    },
    /// The access string is not what the kind wants: numbers with colons, one number, or `0`.
    #[error("access string {access:?} is not possible for {kind} of type {id}")]
    AccessString {
        /// The string.
        access: String,
        /// What is asked for.
        kind: CoreKind,
        /// The local type.
        id: TypeId,
    },
    /// The access goes through more than 64 steps.
    #[error("access to type {id} has more than 64 steps")]
    TooManySteps {
        /// The type at which the access begins.
        id: TypeId,
    },
    /// A step of the access string is beyond the members or elements there are.
    #[error("access string {access:?} wants element {index} of type {id}, which has {len}")]
    OutOfBounds {
        /// The string.
        access: String,
        /// The step.
        index: u32,
        /// The type with too few members or elements.
        id: TypeId,
        /// How many it has.
        len: usize,
    },
    /// A step of the access string goes into a type that has no parts, or is no enumeration.
    #[error("access string {access:?} goes into type {id} of kind {kind}")]
    NoParts {
        /// The string.
        access: String,
        /// The type.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// The targets have so many types of the names that the records ask for that they are not all looked at.
    #[error("{kind} {access}: the targets have too many types of the names that are asked for")]
    TooManyCandidates {
        /// What is asked for.
        kind: CoreKind,
        /// The access.
        access: String,
    },
    /// The relocations together look at so much in the targets that not all of them are answered.
    #[error("{kind} {access}: the relocations together look at too much in the targets")]
    TooMuchWork {
        /// What is asked for.
        kind: CoreKind,
        /// The access.
        access: String,
    },
    /// The local type has no name to search for.
    #[error("{kind} of local type {id}, which has no name")]
    Anonymous {
        /// What is asked for.
        kind: CoreKind,
        /// The local type.
        id: TypeId,
    },
    /// A type on the way has no size.
    #[error("size of a type in {access} is not known")]
    Size {
        /// The access as C text.
        access: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// A bitfield crosses the 8 bytes that one load reads.
    #[error("bitfield {access} cannot be read with one load of 8 bytes")]
    BitfieldTooWide {
        /// The access as C text.
        access: String,
    },
    /// Elements of arrays have an offset, a size and existence, nothing else.
    #[error("{kind} cannot be asked of the array element {access}")]
    ArrayElement {
        /// What is asked for.
        kind: CoreKind,
        /// The access as C text.
        access: String,
    },
    /// Types nest deeper than libbpf follows them, or contain themselves by value.
    #[error("types of {access} nest too deeply")]
    TooDeep {
        /// The access as C text.
        access: String,
    },
    /// Two types of the target match and give different results.
    #[error("{kind} of {access} is ambiguous: {first} and {second}")]
    Ambiguous {
        /// What is asked for.
        kind: CoreKind,
        /// The access as C text.
        access: String,
        /// The first match and what it gives.
        first: String,
        /// The other match and what it gives.
        second: String,
    },
}
