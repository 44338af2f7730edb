//! The parts of an object, without a word of how they are stored.

use crate::ElfError;

/// Index of a section in the section table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SectionIndex(u32);

impl SectionIndex {
    /// The section of this number. ELF has no room for more sections than 32 bits count.
    pub(crate) fn new(number: usize) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// The place in a list of sections.
    pub(crate) fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl From<u32> for SectionIndex {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

/// What a section is, as far as a BPF object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SectionKind {
    /// Bytes that the program defines, with whether they are code.
    ProgBits {
        /// Holds instructions.
        code: bool,
    },
    /// Zeros that take no room in the file.
    NoBits,
    /// Relocations without addend.
    Rel,
    /// Relocations with addend, which no compiler for BPF makes.
    Rela,
    /// Anything else.
    Other,
}

/// A section with its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'data> {
    /// Place in the section table.
    pub(crate) index: SectionIndex,
    /// The name.
    pub(crate) name: &'data str,
    /// The kind.
    pub(crate) kind: SectionKind,
    /// The size: of `data`, or of the zeros that a [`SectionKind::NoBits`] stands for.
    pub(crate) size: u64,
    /// The section that relocations apply to, and similar.
    pub(crate) info: u32,
    /// The bytes; none for [`SectionKind::NoBits`].
    pub(crate) data: &'data [u8],
    /// `sh_type`.
    pub(crate) raw_kind: u32,
    /// `sh_flags`.
    pub(crate) flags: u64,
    /// What the place of the section in memory has to be a multiple of.
    pub(crate) align: u64,
    /// Bytes of an entry, for a section that is a table.
    pub(crate) entry_size: u64,
    pub(super) compressed: bool,
    pub(super) offset: usize,
}

impl Section<'_> {
    /// An error for a section whose bytes are not what they are in memory.
    pub(crate) fn require_plain(&self) -> Result<(), ElfError> {
        if self.compressed {
            return Err(ElfError::Compressed { section: self.name.to_owned() });
        }
        Ok(())
    }
}

/// Where a symbol is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In another file, or in the kernel.
    Undefined,
    /// In this section.
    Section(SectionIndex),
    /// Nowhere: an absolute number, a common block, a reserved index.
    Reserved,
}

/// How far a symbol reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    Local,
    Global,
    Weak,
    Other,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SymbolKind {
    NoType,
    Object,
    Function,
    Section,
    Other,
}

/// A symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    /// Bytes from the start of its section.
    pub(crate) value: u64,
    /// Bytes that it covers.
    pub(crate) size: u64,
    /// Where it is defined.
    pub(crate) place: Place,
    /// How far it reaches.
    pub(crate) binding: Binding,
    /// What it stands for.
    pub(crate) kind: SymbolKind,
    /// Visibility hidden or internal.
    pub(crate) hidden: bool,
    /// Visibility internal or protected, which no compiler for BPF makes.
    pub(crate) odd_visibility: bool,
    pub(super) name: u32,
}

/// A relocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relocation {
    /// Bytes from the start of the section that it applies to.
    pub(crate) offset: u64,
    /// The symbol, by its index.
    pub(crate) symbol: usize,
    /// `R_BPF_...`.
    pub(crate) kind: u32,
}
