//! ELF object files, written: sections, symbols and relocations in, bytes out.
//!
//! The order of sections is the caller's; each is followed by its relocations. Local symbols come before the others, as ELF wants it.

mod bytes;
mod ext;
mod strings;

use bpf_asm::ByteOrder;

pub(crate) use bytes::Bytes;
pub(crate) use ext::{ExtPart, write_ext};
use strings::Strings;

/// The file has more sections or bytes than ELF can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// `sh_type`.
pub(crate) const PROGBITS: u32 = 1;
/// `sh_type` of zeros that take no room in the file.
pub(crate) const NOBITS: u32 = 8;
const SYMTAB: u32 = 2;
const STRTAB: u32 = 3;
const REL: u32 = 9;

/// `sh_flags`: may be written to.
pub(crate) const WRITE: u64 = 1;
/// `sh_flags`: is part of the program.
pub(crate) const ALLOC: u64 = 2;
/// `sh_flags`: instructions.
pub(crate) const CODE: u64 = 4;
/// `sh_flags`: equal elements may be merged.
pub(crate) const MERGE: u64 = 16;
/// `sh_flags`: the elements are strings.
pub(crate) const STRINGS: u64 = 32;
/// `sh_flags` of a section of relocations: `sh_info` is the index of a section.
const INFO_LINK: u64 = 64;

/// Relocation of a 64-bit load.
pub(crate) const R_BPF_64_64: u32 = 1;
/// Relocation of 8 bytes of data.
pub(crate) const R_BPF_64_ABS64: u32 = 2;
/// Relocation of a call.
pub(crate) const R_BPF_64_32: u32 = 10;

const FILE_HEADER: u16 = 64;
const SECTION_HEADER: u16 = 64;
const MACHINE_BPF: u16 = 247;
/// Indexes from here on have other meanings, and so has this number of sections.
const RESERVED: usize = 0xff00;

/// A section by its place in the list of the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SectionId(usize);

/// A symbol by its place in the list of the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SymbolId(usize);

/// A section of the file.
#[derive(Clone, Debug)]
pub(crate) struct OutSection {
    pub(crate) name: String,
    /// `sh_type`.
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    /// A power of two.
    pub(crate) align: u64,
    pub(crate) entry_size: u64,
    pub(crate) bytes: Vec<u8>,
    /// The size of a section of kind [`NOBITS`], which has no bytes.
    pub(crate) zeros: u64,
    pub(crate) relocations: Vec<OutRelocation>,
}

impl OutSection {
    /// A section of bytes.
    pub(crate) fn new(name: impl Into<String>, flags: u64, align: u64, bytes: Vec<u8>) -> Self {
        let relocations = Vec::new();
        let name = name.into();
        Self { name, kind: PROGBITS, flags, align, entry_size: 0, bytes, zeros: 0, relocations }
    }

    /// A section of zeros.
    pub(crate) fn zeros(name: impl Into<String>, flags: u64, align: u64, zeros: u64) -> Self {
        Self { kind: NOBITS, zeros, ..Self::new(name, flags, align, Vec::new()) }
    }

    /// Bytes that it covers.
    pub(crate) fn size(&self) -> u64 {
        if self.kind == NOBITS {
            return self.zeros;
        }
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// A relocation of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutRelocation {
    /// Bytes from the start of the section.
    pub(crate) offset: u64,
    /// `R_BPF_...`.
    pub(crate) kind: u32,
    pub(crate) symbol: SymbolId,
}

/// How far a symbol reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutBinding {
    Local,
    Global,
    Weak,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutKind {
    NoType,
    Object,
    Function,
    Section,
}

/// A symbol.
#[derive(Clone, Debug)]
pub(crate) struct OutSymbol {
    pub(crate) name: String,
    /// Where it is defined; `None` for a symbol that the kernel or another object supplies.
    pub(crate) section: Option<SectionId>,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) binding: OutBinding,
    pub(crate) kind: OutKind,
    pub(crate) hidden: bool,
}

impl OutSymbol {
    /// A symbol that is defined nowhere.
    pub(crate) fn undefined(name: impl Into<String>, binding: OutBinding) -> Self {
        Self {
            name: name.into(),
            section: None,
            value: 0,
            size: 0,
            binding,
            kind: OutKind::NoType,
            hidden: false,
        }
    }

    fn info(&self) -> u8 {
        let binding = match self.binding {
            OutBinding::Local => 0,
            OutBinding::Global => 1 << 4,
            OutBinding::Weak => 2 << 4,
        };
        let kind = match self.kind {
            OutKind::NoType => 0,
            OutKind::Object => 1,
            OutKind::Function => 2,
            OutKind::Section => 3,
        };
        binding | kind
    }
}

/// An object file in the making.
#[derive(Debug)]
pub(crate) struct ElfWriter {
    order: ByteOrder,
    sections: Vec<OutSection>,
    /// The symbol of each section, if it was asked for.
    section_symbols: Vec<Option<SymbolId>>,
    symbols: Vec<OutSymbol>,
}

impl ElfWriter {
    /// A file without sections and symbols.
    pub(crate) fn new(order: ByteOrder) -> Self {
        Self { order, sections: Vec::new(), section_symbols: Vec::new(), symbols: Vec::new() }
    }

    /// Adds a section behind the others.
    pub(crate) fn add_section(&mut self, section: OutSection) -> SectionId {
        self.sections.push(section);
        self.section_symbols.push(None);
        SectionId(self.sections.len().saturating_sub(1))
    }

    /// A section that was added.
    pub(crate) fn section_mut(&mut self, id: SectionId) -> Option<&mut OutSection> {
        self.sections.get_mut(id.0)
    }

    /// Adds a symbol behind the others of its kind.
    pub(crate) fn add_symbol(&mut self, symbol: OutSymbol) -> SymbolId {
        self.symbols.push(symbol);
        SymbolId(self.symbols.len().saturating_sub(1))
    }

    /// The symbol that stands for a section.
    pub(crate) fn section_symbol(&mut self, section: SectionId) -> SymbolId {
        if let Some(Some(symbol)) = self.section_symbols.get(section.0) {
            return *symbol;
        }
        let symbol = self.add_symbol(OutSymbol {
            section: Some(section),
            kind: OutKind::Section,
            ..OutSymbol::undefined("", OutBinding::Local)
        });
        if let Some(slot) = self.section_symbols.get_mut(section.0) {
            *slot = Some(symbol);
        }
        symbol
    }

    /// The file.
    pub(crate) fn write(&self) -> Result<Vec<u8>, TooLarge> {
        let indexes = self.section_indexes()?;
        let symtab = indexes.last().copied().unwrap_or_default();
        let (order, locals) = self.symbol_order();
        let mut strings = Strings::new();
        let mut file = Bytes::new(self.order);
        file.zeros(usize::from(FILE_HEADER));

        let null = [0; SECTION_HEADER as usize];
        let mut headers = Bytes::new(self.order);
        headers.put(&null);
        // The string table is the first section and the last part of the file before the headers: its header comes later.
        let strtab_at = headers.len();
        headers.put(&null);
        for (section, index) in self.sections.iter().zip(&indexes) {
            file.align(section.align);
            let header = Header {
                name: strings.add(&section.name)?,
                kind: section.kind,
                flags: section.flags,
                offset: file.len(),
                size: section.size(),
                align: section.align,
                entry_size: section.entry_size,
                ..Header::default()
            };
            file.put(&section.bytes);
            header.write(&mut headers);
            if section.relocations.is_empty() {
                continue;
            }
            file.align(8);
            let header = Header {
                name: strings.add(&format!(".rel{}", section.name))?,
                kind: REL,
                flags: INFO_LINK,
                offset: file.len(),
                size: u64::try_from(section.relocations.len())
                    .unwrap_or(u64::MAX)
                    .saturating_mul(16),
                link: symtab,
                info: *index,
                align: 8,
                entry_size: 16,
            };
            for relocation in &section.relocations {
                let place = order.get(relocation.symbol.0).copied().unwrap_or_default();
                file.u64(relocation.offset);
                file.u64(u64::from(place) << 32 | u64::from(relocation.kind));
            }
            header.write(&mut headers);
        }
        file.align(8);
        let header = Header {
            name: strings.add(".symtab")?,
            kind: SYMTAB,
            offset: file.len(),
            link: 1,
            info: locals,
            align: 8,
            entry_size: 24,
            ..Header::default()
        };
        self.put_symbols(&mut file, &mut strings, &order, &indexes)?;
        Header { size: file.len().saturating_sub(header.offset), ..header }.write(&mut headers);

        let mut header = Header {
            name: strings.add(".strtab")?,
            kind: STRTAB,
            offset: file.len(),
            align: 1,
            ..Header::default()
        };
        header.size = u64::try_from(strings.bytes().len()).map_err(|_| TooLarge)?;
        file.put(strings.bytes());
        header.overwrite(&mut headers, strtab_at);
        file.align(8);
        let table = file.len();
        let count = headers.len().checked_div(u64::from(SECTION_HEADER)).unwrap_or_default();
        file.put(headers.as_slice());
        file.overwrite(0, &self.file_header(table, u16::try_from(count).map_err(|_| TooLarge)?));
        Ok(file.into_vec())
    }

    /// The index of each section, and behind them that of the symbol table.
    fn section_indexes(&self) -> Result<Vec<u32>, TooLarge> {
        let mut next: usize = 2;
        let mut indexes = Vec::with_capacity(self.sections.len().saturating_add(1));
        for section in &self.sections {
            indexes.push(u32::try_from(next).map_err(|_| TooLarge)?);
            next = next.saturating_add(if section.relocations.is_empty() { 1 } else { 2 });
        }
        // The symbol table is the last one, and the header counts it too.
        if next.saturating_add(1) >= RESERVED {
            return Err(TooLarge);
        }
        indexes.push(u32::try_from(next).map_err(|_| TooLarge)?);
        Ok(indexes)
    }

    /// The index that each symbol gets, and the first one that is not local.
    fn symbol_order(&self) -> (Vec<u32>, u32) {
        let mut order = vec![0; self.symbols.len()];
        let mut next: u32 = 1;
        let mut locals = 1;
        for local in [true, false] {
            for (symbol, place) in self.symbols.iter().zip(&mut order) {
                if (symbol.binding == OutBinding::Local) == local {
                    *place = next;
                    next = next.saturating_add(1);
                }
            }
            if local {
                locals = next;
            }
        }
        (order, locals)
    }

    fn put_symbols(
        &self,
        file: &mut Bytes,
        strings: &mut Strings,
        order: &[u32],
        indexes: &[u32],
    ) -> Result<(), TooLarge> {
        let mut sorted: Vec<(u32, &OutSymbol)> = order.iter().copied().zip(&self.symbols).collect();
        sorted.sort_unstable_by_key(|(place, _)| *place);
        file.zeros(24);
        for (_, symbol) in sorted {
            let section = match symbol.section {
                Some(SectionId(section)) => indexes.get(section).copied().unwrap_or_default(),
                None => 0,
            };
            file.u32(strings.add(&symbol.name)?);
            file.put(&[symbol.info(), if symbol.hidden { 2 } else { 0 }]);
            file.u16(u16::try_from(section).map_err(|_| TooLarge)?);
            file.u64(symbol.value);
            file.u64(symbol.size);
        }
        Ok(())
    }

    fn file_header(&self, table: u64, sections: u16) -> Vec<u8> {
        let mut out = Bytes::new(self.order);
        let data = match self.order {
            ByteOrder::Little => 1,
            ByteOrder::Big => 2,
        };
        out.put(&[0x7f, b'E', b'L', b'F', 2, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.u16(1);
        out.u16(MACHINE_BPF);
        out.u32(1);
        out.u64(0);
        out.u64(0);
        out.u64(table);
        out.u32(0);
        for number in [FILE_HEADER, 0, 0, SECTION_HEADER, sections, 1] {
            out.u16(number);
        }
        out.into_vec()
    }
}

/// An entry of the section table.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    name: u32,
    kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entry_size: u64,
}

impl Header {
    fn bytes(&self, order: ByteOrder) -> Vec<u8> {
        let mut out = Bytes::new(order);
        out.u32(self.name);
        out.u32(self.kind);
        out.u64(self.flags);
        out.u64(0);
        out.u64(self.offset);
        out.u64(self.size);
        out.u32(self.link);
        out.u32(self.info);
        out.u64(self.align);
        out.u64(self.entry_size);
        out.into_vec()
    }

    fn write(&self, headers: &mut Bytes) {
        let bytes = self.bytes(headers.order());
        headers.put(&bytes);
    }

    fn overwrite(&self, headers: &mut Bytes, at: u64) {
        let bytes = self.bytes(headers.order());
        headers.overwrite(at, &bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Besides those that are added: the null section, and the tables of names and of symbols.
    #[test]
    fn there_are_no_more_sections_than_the_header_can_count() {
        for (count, fits) in [(RESERVED - 4, true), (RESERVED - 3, false)] {
            let mut elf = ElfWriter::new(ByteOrder::Little);
            for _ in 0..count {
                elf.add_section(OutSection::new("", 0, 1, Vec::new()));
            }
            assert_eq!(elf.write().is_ok(), fits, "{count}");
        }
    }
}
