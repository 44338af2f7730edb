//! Tags on declarations, and kinds that are not known.

use super::{Head, view};
use crate::TypeId;

/// Tag on a type, variable or function, or on one member or parameter of it.
#[derive(Clone, Copy)]
pub struct DeclTag<'btf> {
    pub(super) head: Head<'btf>,
}
view!(DeclTag);

impl DeclTag<'_> {
    /// What is tagged.
    #[inline]
    pub fn target(&self) -> TypeId {
        self.head.target()
    }

    /// Index of the tagged member or parameter; `None` when the whole target is tagged.
    pub fn component(&self) -> Option<u32> {
        let component = self.head.word(0);
        (component != u32::MAX).then_some(component)
    }

    /// Whether the tag stands for a whole compiler attribute, `__attribute__((name))`.
    pub fn is_attribute(&self) -> bool {
        self.head.raw.kind_flag()
    }
}

/// A record of a kind that this crate does not know.
#[derive(Clone, Copy)]
pub struct Unknown<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Unknown);

impl Unknown<'_> {
    /// The number of elements, if the kind has such.
    #[inline]
    pub fn vlen(&self) -> u32 {
        self.head.raw.vlen()
    }

    /// The word of the record that holds a size or the id of a type in kinds that are known.
    pub fn size_or_type(&self) -> u32 {
        self.head.raw.size_or_type.get()
    }
}
