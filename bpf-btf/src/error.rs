//! Errors.

use crate::{Kind, TypeId};

/// Why BTF could not be read or a question about it has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The blob ends before its header does.
    #[error("blob of {len} bytes is too short for a BTF header")]
    TooShort {
        /// Length of the blob in bytes.
        len: usize,
    },
    /// The blob is larger than 4 GiB, which its 32-bit offsets cannot address.
    #[error("blob of {len} bytes is too large for BTF")]
    TooLarge {
        /// Length of the blob in bytes.
        len: usize,
    },
    /// The first two bytes are not the BTF magic in either byte order.
    #[error("magic {magic:#06x} is not BTF (0xeb9f)")]
    Magic {
        /// The two bytes read as little endian.
        magic: u16,
    },
    /// The version is not 1.
    #[error("version {version} of BTF is not known")]
    Version {
        /// The version in the header.
        version: u8,
    },
    /// The header has flags; none are defined.
    #[error("header flags {flags:#04x} are not known")]
    Flags {
        /// The flags in the header.
        flags: u8,
    },
    /// The header says a length that cannot be.
    #[error("header length {len} is not possible")]
    HeaderLength {
        /// The length in the header.
        len: u32,
    },
    /// A section does not lie within the blob.
    #[error(
        "{section} section at offset {offset} with {len} bytes does not fit a blob of {total} bytes"
    )]
    Section {
        /// Which section: `type`, `string` or `layout`.
        section: &'static str,
        /// Offset in bytes from the end of the header.
        offset: u32,
        /// Length of the section in bytes.
        len: u32,
        /// Length of the blob in bytes.
        total: usize,
    },
    /// The type section begins at an offset that is not a multiple of 4.
    #[error("type section at offset {offset} is not aligned to 4 bytes")]
    Unaligned {
        /// Offset in bytes from the end of the header.
        offset: u32,
    },
    /// The layout section is not made of entries of 4 bytes at a multiple of 4 (libbpf and the kernel: `btf_parse_layout_sec`).
    #[error(
        "layout section at offset {offset} with {len} bytes is not made of aligned entries of 4 bytes"
    )]
    Layout {
        /// Offset in bytes from the end of the header.
        offset: u32,
        /// Length of the section in bytes.
        len: u32,
    },
    /// Two sections share bytes.
    #[error("{first} section overlaps the {second} section")]
    Overlap {
        /// One section: `type` or `layout`.
        first: &'static str,
        /// The other section: `string` or `type`.
        second: &'static str,
    },
    /// The strings do not begin with an empty string, as those of BTF without a base must.
    #[error("string section does not start with an empty string")]
    StringsStart,
    /// The last string has no end.
    #[error("string section does not end with a nul byte")]
    StringsEnd,
    /// The ids of all types do not fit in 32 bits.
    #[error("too many types")]
    TooManyTypes,
    /// A type record reaches beyond the type section.
    #[error("type {id} at offset {offset} of the type section is cut off")]
    Truncated {
        /// Id of the type.
        id: TypeId,
        /// Offset in bytes from the start of the type section.
        offset: usize,
    },
    /// A type has a kind that is not known and that the layout section does not describe.
    #[error("type {id} has kind {kind}, which is not known")]
    UnknownKind {
        /// Id of the type.
        id: TypeId,
        /// Number of the kind.
        kind: u8,
    },
    /// A type refers to an id that no type has.
    #[error("type {id} refers to type {target}, which does not exist")]
    NoSuchTarget {
        /// Id of the referring type.
        id: TypeId,
        /// The id that does not exist.
        target: TypeId,
    },
    /// A name begins beyond the strings.
    #[error("type {id} has a name at string offset {offset}, which does not exist")]
    StringOffset {
        /// Id of the type.
        id: TypeId,
        /// Offset in the strings.
        offset: u32,
    },
    /// A name is not UTF-8. Kernel and compilers only make ASCII names.
    #[error("type {id} has a name at string offset {offset} that is not UTF-8")]
    NameEncoding {
        /// Id of the type.
        id: TypeId,
        /// Offset in the strings.
        offset: u32,
    },
    /// Names that are ends of one long string, or that string itself many times over: each is short in the blob, and to read them all takes
    /// forever. No compiler makes such names, and the kernel takes none of more than 511 bytes.
    #[error(
        "type {id}: the names up to here have more than {most} bytes in all, many times as many as the strings"
    )]
    Names {
        /// Id of the type whose name is one too many.
        id: TypeId,
        /// Bytes that all names together may have: 16 times those of the strings, and 1 MiB.
        most: usize,
    },
    /// A function's type is not a prototype.
    #[error("function {id} has type {target}, which is not a function prototype")]
    NotPrototype {
        /// Id of the function.
        id: TypeId,
        /// Id of what should be the prototype.
        target: TypeId,
    },
    /// A question was asked about an id that no type has.
    #[error("type {id} does not exist")]
    NoSuchType {
        /// The id.
        id: TypeId,
    },
    /// A type that has no size, such as a function, `void` or a forward declaration.
    #[error("type {id} of kind {kind} has no size")]
    NoSize {
        /// Id of the type without a size.
        id: TypeId,
        /// Its kind.
        kind: Kind,
    },
    /// The size of an array does not fit in 64 bits.
    #[error("size of array type {id} overflows")]
    SizeOverflow {
        /// Id of the array.
        id: TypeId,
    },
    /// Types nest deeper than any compiler makes them: a loop of typedefs, modifiers or arrays.
    #[error("type {id} nests too deeply or contains itself")]
    TooDeep {
        /// Id of the type the question was about.
        id: TypeId,
    },
}
