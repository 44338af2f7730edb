//! Variables and the sections they are in.

use super::{Head, Type, records, view};
use crate::TypeId;
use crate::raw::RawVarSecinfo;

/// Variable.
#[derive(Clone, Copy)]
pub struct Var<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Var);

impl Var<'_> {
    /// Type of the variable.
    #[inline]
    pub fn type_id(&self) -> TypeId {
        self.head.target()
    }

    /// Linkage.
    pub fn linkage(&self) -> VarLinkage {
        VarLinkage::from_number(self.head.word(0))
    }
}

/// Linkage of a variable (`BTF_VAR_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VarLinkage {
    /// Visible in its file only.
    Static,
    /// Defined and visible everywhere.
    Global,
    /// Declared here and defined elsewhere.
    Extern,
    /// A number without a meaning yet.
    Unknown(u32),
}

impl VarLinkage {
    /// The linkage with the given number.
    #[inline]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Static,
            1 => Self::Global,
            2 => Self::Extern,
            other => Self::Unknown(other),
        }
    }

    /// The number in the record.
    pub const fn number(self) -> u32 {
        match self {
            Self::Static => 0,
            Self::Global => 1,
            Self::Extern => 2,
            Self::Unknown(number) => number,
        }
    }
}

/// Section of variables, such as `.data`, `.maps` or `.ksyms`.
#[derive(Clone, Copy)]
pub struct Datasec<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Datasec);

impl<'btf> Datasec<'btf> {
    /// Size of the section in bytes; compilers leave 0 here.
    #[inline]
    pub fn size(&self) -> u32 {
        self.head.raw.size_or_type.get()
    }

    /// What is in the section.
    #[inline]
    pub fn entries(&self) -> SectionEntries<'btf> {
        SectionEntries { head: self.head, records: self.head.elements::<RawVarSecinfo>().iter() }
    }

    /// Number of entries.
    pub fn entry_count(&self) -> usize {
        self.head.elements::<RawVarSecinfo>().len()
    }

    /// The variables in the section, without functions and anything else.
    pub fn variables(&self) -> impl Iterator<Item = (SectionEntry<'btf>, Var<'btf>)> + use<'btf> {
        self.entries().filter_map(|entry| Some((entry, entry.variable()?)))
    }
}

records! {
    /// Entries of a section, made by [`Datasec::entries`].
    SectionEntries, RawVarSecinfo, SectionEntry, |head, raw| SectionEntry { head, raw }
}

/// Place of a variable in its section.
#[derive(Clone, Copy)]
pub struct SectionEntry<'btf> {
    head: Head<'btf>,
    raw: &'btf RawVarSecinfo,
}

impl<'btf> SectionEntry<'btf> {
    /// The variable, or the function in `.ksyms`.
    #[inline]
    pub fn type_id(&self) -> TypeId {
        TypeId::new(self.raw.type_.get())
    }

    /// Offset in bytes from the start of the section; compilers leave 0 here.
    pub fn offset(&self) -> u32 {
        self.raw.offset.get()
    }

    /// Size in bytes.
    #[inline]
    pub fn size(&self) -> u32 {
        self.raw.size.get()
    }

    /// The entry's variable; `None` for a function.
    pub fn variable(&self) -> Option<Var<'btf>> {
        match self.head.btf.get(self.type_id())? {
            Type::Var(var) => Some(var),
            _ => None,
        }
    }

    /// The entry's function; `None` for a variable.
    pub fn function(&self) -> Option<super::Func<'btf>> {
        match self.head.btf.get(self.type_id())? {
            Type::Func(func) => Some(func),
            _ => None,
        }
    }
}

impl core::fmt::Debug for SectionEntry<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SectionEntry")
            .field("type_id", &self.type_id())
            .field("offset", &self.offset())
            .field("size", &self.size())
            .finish()
    }
}
