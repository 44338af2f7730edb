//! Structures and unions.

use super::{Head, records, view};
use crate::TypeId;
use crate::raw::RawMember;

/// Structure or union.
#[derive(Clone, Copy)]
pub struct Composite<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Composite);

impl<'btf> Composite<'btf> {
    /// Size in bytes.
    #[inline]
    pub fn size(&self) -> u32 {
        self.head.raw.size_or_type.get()
    }

    /// Whether this is a union.
    pub fn is_union(&self) -> bool {
        self.kind() == crate::Kind::Union
    }

    /// The members in the order of their declaration.
    #[inline]
    pub fn members(&self) -> Members<'btf> {
        Members { head: self.head, records: self.raw_members().iter() }
    }

    /// Number of members.
    #[inline]
    pub fn member_count(&self) -> usize {
        self.raw_members().len()
    }

    /// The member with an index.
    #[inline]
    pub fn member(&self, index: usize) -> Option<Member<'btf>> {
        self.raw_members().get(index).map(|raw| Member { head: self.head, raw })
    }

    /// The member with a name, not searched for in anonymous members.
    pub fn member_named(&self, name: &str) -> Option<Member<'btf>> {
        self.members().find(|member| member.name() == name)
    }

    #[inline]
    pub(crate) fn raw_members(&self) -> &'btf [RawMember] {
        self.head.elements()
    }
}

records! {
    /// Members of a structure or union, made by [`Composite::members`].
    Members, RawMember, Member, |head, raw| Member { head, raw }
}

/// Member of a structure or union.
#[derive(Clone, Copy)]
pub struct Member<'btf> {
    head: Head<'btf>,
    raw: &'btf RawMember,
}

impl<'btf> Member<'btf> {
    /// Name, empty for an anonymous structure or union.
    #[inline]
    pub fn name(&self) -> &'btf str {
        self.head.btf.string(self.raw.name_off.get()).unwrap_or_default()
    }

    /// Offset of the name in the strings, 0 when it has none.
    #[inline]
    pub fn name_offset(&self) -> u32 {
        self.raw.name_off.get()
    }

    /// Whether the member has no name.
    #[inline]
    pub fn is_anonymous(&self) -> bool {
        // An empty string may also be somewhere else than at the start of the strings.
        let offset = self.raw.name_off.get();
        offset == 0 || self.head.btf.string_is(offset, b"")
    }

    /// Whether the member has this name; quicker than to ask for the name.
    #[inline]
    pub fn is_named(&self, name: &str) -> bool {
        self.head.btf.string_is(self.raw.name_off.get(), name.as_bytes())
    }

    /// Type of the member.
    #[inline]
    pub fn type_id(&self) -> TypeId {
        TypeId::new(self.raw.type_.get())
    }

    /// Offset in bits from the start of the structure. For bitfields of big-endian BTF the count begins at the most
    /// significant bit.
    #[inline]
    pub fn bit_offset(&self) -> u32 {
        let offset = self.raw.offset.get();
        if self.head.raw.kind_flag() { offset & 0x00ff_ffff } else { offset }
    }

    /// Width in bits of a bitfield; `None` for a member that is none. Old BTF without the kind flag describes
    /// bitfields by integers of odd width: see [`Int::bits`](crate::Int::bits).
    #[inline]
    pub fn bitfield_size(&self) -> Option<u32> {
        let width = self.raw.offset.get() >> 24;
        (self.head.raw.kind_flag() && width != 0).then_some(width)
    }
}

impl core::fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name())
            .field("type_id", &self.type_id())
            .field("bit_offset", &self.bit_offset())
            .field("bitfield_size", &self.bitfield_size())
            .finish()
    }
}
