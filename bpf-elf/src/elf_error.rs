//! Errors of the ELF file itself.
use thiserror::Error;

/// Why a file is not a BPF object that can be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElfError {
    /// The magic number is missing.
    #[error("not an ELF file")]
    NotElf,
    /// Not a 64-bit file.
    #[error("ELF class {class} instead of 2: BPF objects are 64-bit")]
    Class {
        /// `e_ident[EI_CLASS]`.
        class: u8,
    },
    /// Neither little nor big endian.
    #[error("unknown ELF byte order {data}")]
    ByteOrder {
        /// `e_ident[EI_DATA]`.
        data: u8,
    },
    /// Not an object file: an executable or a library.
    #[error("ELF file of type {kind} instead of 1: not a relocatable object; compile with -c")]
    NotRelocatable {
        /// `e_type`.
        kind: u16,
    },
    /// Code for another processor.
    #[error("ELF file for machine {machine} instead of 247: compile with --target=bpf")]
    Machine {
        /// `e_machine`.
        machine: u16,
    },
    /// The file ends before this part does.
    #[error("the file ends within its {what}")]
    Truncated {
        /// The part.
        what: &'static str,
    },
    /// There is no section table.
    #[error("the file has no sections")]
    NoSections,
    /// The entries of the section table have an unknown size.
    #[error("section headers of {size} bytes instead of 64")]
    SectionHeaderSize {
        /// `e_shentsize`.
        size: u16,
    },
    /// A section is not within the file.
    #[error("section {section:?} is at {offset:#x} with {size:#x} bytes: outside of the file")]
    SectionBounds {
        /// The section.
        section: String,
        /// Its place in the file.
        offset: u64,
        /// Its bytes.
        size: u64,
    },
    /// Sections share bytes of the file.
    #[error("the sections have more bytes than the file: they overlap")]
    Overlap,
    /// A section that has to be a string table is none.
    #[error("section {section} is not a string table")]
    StringTable {
        /// Index of the section.
        section: usize,
    },
    /// A name is not within its string table, does not end there, or is not UTF-8.
    #[error("no name at {offset:#x} of the string table")]
    Name {
        /// Offset in the string table.
        offset: u32,
    },
    /// The symbol table is missing: the file was stripped.
    #[error("the file has no symbol table: it may have been stripped of all symbols")]
    NoSymbols,
    /// There is more than one symbol table.
    #[error("the file has more than one symbol table")]
    ManySymbolTables,
    /// The entries of a table have an unknown size, or do not fill it.
    #[error(
        "section {section:?} has entries of {entry_size} bytes instead of {expected}, or a part of one"
    )]
    EntrySize {
        /// The section.
        section: String,
        /// `sh_entsize`.
        entry_size: u64,
        /// The size that it has to have.
        expected: u64,
    },
    /// A symbol is in a section that does not exist.
    #[error("symbol {symbol} is in section {section}, which does not exist")]
    SymbolSection {
        /// Index of the symbol.
        symbol: usize,
        /// Index of the section.
        section: usize,
    },
    /// Relocations have a form that BPF objects do not have.
    #[error("section {section:?} has relocations with addends (SHT_RELA): BPF objects have none")]
    Addends {
        /// The section with the relocations.
        section: String,
    },
    /// A section that has to be read is compressed.
    #[error("section {section:?} is compressed: only debug sections may be")]
    Compressed {
        /// The section.
        section: String,
    },
}
