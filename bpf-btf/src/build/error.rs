//! Errors of the builder.

use alloc::string::String;

use crate::TypeId;

/// Why a type cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The ids or the bytes do not fit in 32 bits.
    #[error("too many types")]
    TooManyTypes,
    /// The blob does not fit in 32-bit offsets.
    #[error("the blob is larger than 4 GiB")]
    TooLarge,
    /// Strings that share their bytes would take many times as many each by itself.
    #[error("strings that share their ends would take more than 16 times their bytes")]
    SharedStrings,
    /// The id was never given out by this builder.
    #[error("type {id} does not exist in the builder")]
    NoSuchType {
        /// The id.
        id: TypeId,
    },
    /// A reserved id was never defined.
    #[error("type {id} is reserved but not defined")]
    Undefined {
        /// The id.
        id: TypeId,
    },
    /// A type refers to an id that no type has.
    #[error("type {id} refers to type {target}, which does not exist")]
    NoSuchTarget {
        /// Id of the referring type.
        id: TypeId,
        /// The id that does not exist.
        target: TypeId,
    },
    /// A function's type is not a prototype.
    #[error("function {id} has type {target}, which is not a function prototype")]
    NotPrototype {
        /// Id of the function.
        id: TypeId,
        /// Id of what should be the prototype.
        target: TypeId,
    },
    /// A name contains a nul byte.
    #[error("name {name:?} contains a nul byte")]
    Nul {
        /// The name.
        name: String,
    },
    /// More members, values, parameters or variables than 24 bits can count.
    #[error("{name:?} has {count} elements, more than a type can have")]
    TooManyElements {
        /// Name of the type.
        name: String,
        /// How many.
        count: usize,
    },
    /// In a structure with bitfields offsets have 24 bits and widths 8.
    #[error(
        "member {member:?} of {name:?} at bit {bit_offset} does not fit a structure with bitfields"
    )]
    MemberOffset {
        /// Name of the structure or union.
        name: String,
        /// Name of the member.
        member: String,
        /// Offset in bits.
        bit_offset: u32,
    },
    /// The width of a bitfield is 0 or more than 255.
    #[error("member {member:?} of {name:?} has {width} bits")]
    BitfieldSize {
        /// Name of the structure or union.
        name: String,
        /// Name of the member.
        member: String,
        /// Width in bits.
        width: u32,
    },
    /// An enumerator does not fit the width and sign of its enumeration.
    #[error("value {value} of {name:?} does not fit the enumeration")]
    EnumValue {
        /// Name of the enumerator.
        name: String,
        /// The value.
        value: i128,
    },
    /// A size that the kind cannot have.
    #[error("{name:?} cannot have a size of {size} bytes")]
    Size {
        /// Name of the type.
        name: String,
        /// The size in bytes.
        size: u32,
    },
    /// Width or offset of an integer do not fit its size.
    #[error("integer {name:?} of {size} bytes cannot have {bits} bits at offset {bit_offset}")]
    IntBits {
        /// Name of the integer.
        name: String,
        /// Its size in bytes.
        size: u32,
        /// Width in bits.
        bits: u32,
        /// Offset in bits.
        bit_offset: u32,
    },
    /// The type is of another kind than the change is for.
    #[error("type {id} is not a {expected}")]
    Kind {
        /// The id.
        id: TypeId,
        /// What it should be.
        expected: crate::Kind,
    },
    /// A section of variables has no size because the object has no such section.
    #[error("size of section {section:?} is not known")]
    SectionSize {
        /// Name of the section.
        section: String,
    },
    /// A section holds something else than variables.
    #[error("section {section:?} holds type {id}, which is not a variable")]
    NotVariable {
        /// Name of the section.
        section: String,
        /// The id.
        id: TypeId,
    },
    /// A variable has no symbol, so its offset is not known.
    #[error("offset of variable {variable:?} in section {section:?} is not known")]
    VariableOffset {
        /// Name of the section.
        section: String,
        /// Name of the variable.
        variable: String,
    },
    /// The ids inside a record of an unknown kind are not known, so that it cannot move.
    #[error("type {id} is of the unknown kind {kind}, which cannot be renumbered")]
    UnknownKind {
        /// The id.
        id: TypeId,
        /// Number of the kind.
        kind: u8,
    },
    /// A split blob continues another base than the builder does.
    #[error("the blobs continue different bases")]
    Base,
    /// Something refers to a type that was left out.
    #[error("type {id} is referred to, but was left out")]
    LeftOut {
        /// The id before.
        id: TypeId,
    },
    /// An order of types does not name each of them once.
    #[error("the order of types does not name type {id} exactly once")]
    Order {
        /// The id.
        id: TypeId,
    },
    /// The blob that types come from, or are added to, was believed when it was opened and is not valid: see
    /// [`Btf::parse_trusted`](crate::Btf::parse_trusted).
    #[error("the blob to build from is not valid")]
    Source(#[source] crate::Error),
    /// What was built cannot be read back.
    #[error("the blob that was built cannot be read")]
    Read(#[from] crate::Error),
}
