//! Errors of the C printer.

use alloc::string::String;

use crate::{Kind, TypeId};

/// Why a type cannot be written as C.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CError {
    /// The blob was believed when it was opened and is not valid: see [`Btf::parse_trusted`](crate::Btf::parse_trusted).
    #[error("the types are not valid BTF")]
    Types(#[from] crate::Error),
    /// There is no type with the id.
    #[error("type {id} does not exist")]
    NoSuchType {
        /// The id.
        id: TypeId,
    },
    /// C has nothing like this kind at this place.
    #[error("type {id} of kind {kind} has no place in a C declaration")]
    Kind {
        /// The id.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// The type needs itself to be complete, or has no name by which it could refer to itself.
    #[error("type {id} contains itself, which C cannot express")]
    Cycle {
        /// The id.
        id: TypeId,
    },
    /// Declarators or anonymous types nest deeper than anyone writes.
    #[error("type {id} nests too deep to be written as C")]
    TooDeep {
        /// The id.
        id: TypeId,
    },
    /// Prototypes and anonymous types repeat each other, or many declarations mention long names: the text would be far larger than
    /// the BTF.
    #[error("type {id} as C would be out of proportion to its BTF")]
    TooLarge {
        /// The id.
        id: TypeId,
    },
    /// No C declaration puts the member where the BTF says it is: members overlap, reach beyond the end, or a union's
    /// member is not at its start.
    #[error("member {member:?} of {name:?} (type {id}) is where C cannot put it")]
    Member {
        /// Id of the structure or union.
        id: TypeId,
        /// Name of the structure or union.
        name: String,
        /// Name of the member.
        member: String,
    },
}
