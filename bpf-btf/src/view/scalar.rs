//! Integers, floating point numbers, arrays, forward declarations, and types that refer to one other type.

use super::{Head, view};
use crate::TypeId;

/// Integer.
#[derive(Clone, Copy)]
pub struct Int<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Int);

impl Int<'_> {
    /// Size in bytes.
    #[inline]
    pub fn size(&self) -> u32 {
        self.head.raw.size_or_type.get()
    }

    /// The encoding word of the record: bits 0-7 width, 16-23 bit offset, 24 signed, 25 char, 26 bool.
    #[inline]
    pub fn encoding(&self) -> u32 {
        self.head.word(0)
    }

    /// Whether the integer is signed.
    pub fn is_signed(&self) -> bool {
        self.encoding() & (1 << 24) != 0
    }

    /// Whether the encoding says character. Compilers say so for few characters, kernels for none.
    pub fn is_char(&self) -> bool {
        self.encoding() & (1 << 25) != 0
    }

    /// Whether this is `_Bool`.
    pub fn is_bool(&self) -> bool {
        self.encoding() & (1 << 26) != 0
    }

    /// Width in bits; smaller than the size only in old bitfields.
    #[inline]
    pub fn bits(&self) -> u32 {
        self.encoding() & 0xff
    }

    /// Offset of the value in bits within its size; other than 0 only in old bitfields.
    #[inline]
    pub fn bit_offset(&self) -> u32 {
        (self.encoding() >> 16) & 0xff
    }
}

/// Floating point number.
#[derive(Clone, Copy)]
pub struct Float<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Float);

impl Float<'_> {
    /// Size in bytes.
    #[inline]
    pub fn size(&self) -> u32 {
        self.head.raw.size_or_type.get()
    }
}

/// Array.
#[derive(Clone, Copy)]
pub struct Array<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Array);

impl Array<'_> {
    /// Type of the elements.
    #[inline]
    pub fn element(&self) -> TypeId {
        TypeId::new(self.head.word(0))
    }

    /// Type of the index.
    #[inline]
    pub fn index(&self) -> TypeId {
        TypeId::new(self.head.word(1))
    }

    /// Number of elements; 0 for a flexible array.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a type of no elements is not an empty container"
    )]
    #[inline]
    pub fn len(&self) -> u32 {
        self.head.word(2)
    }
}

/// Forward declaration of a structure or union.
#[derive(Clone, Copy)]
pub struct Fwd<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Fwd);

impl Fwd<'_> {
    /// Whether a union is declared rather than a structure.
    pub fn is_union(&self) -> bool {
        self.head.raw.kind_flag()
    }
}

/// Pointer, typedef, modifier or type tag: a type that is another one with something added.
#[derive(Clone, Copy)]
pub struct Reference<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Reference);

impl Reference<'_> {
    /// The other type.
    #[inline]
    pub fn target(&self) -> TypeId {
        self.head.target()
    }

    /// Whether a type tag stands for a whole compiler attribute, `__attribute__((name))`.
    pub fn is_attribute(&self) -> bool {
        self.head.raw.kind_flag()
    }
}
