//! The ELF container: the only file that names goblin.
//!
//! goblin's eager reader allocates what the file claims and has panicked on hostile input, so only its readers of single
//! records are used, on slices whose bounds were checked here. What leaves this file is a neutral view: names, numbers and
//! slices of the input, in host byte order.
//!
//! Sections of an object file never share bytes. That is checked, because it bounds all the rest: whoever copies each section
//! once has copied no more than the file.

use std::ffi::CStr;

use bpf_asm::ByteOrder;
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::header::{
    EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, ELFMAG, EM_BPF, ET_REL, SIZEOF_IDENT,
};
use goblin::elf::section_header::{
    SHF_COMPRESSED, SHF_EXECINSTR, SHN_ABS, SHN_LORESERVE, SHN_UNDEF, SHT_NOBITS, SHT_NULL,
    SHT_PROGBITS, SHT_REL, SHT_RELA, SHT_STRTAB, SHT_SYMTAB,
};
use goblin::elf::sym::{
    STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION, STV_DEFAULT,
    STV_HIDDEN, STV_INTERNAL,
};
use goblin::elf::{Elf, RelocSection, SectionHeader, Symtab};

mod parts;

use crate::ElfError;
pub(crate) use parts::{
    Binding, Place, Relocation, Section, SectionIndex, SectionKind, Symbol, SymbolKind,
};

const HEADER_SIZE: usize = 64;
const SECTION_HEADER_SIZE: u16 = 64;
const SYMBOL_SIZE: u64 = 24;
const RELOCATION_SIZE: u64 = 16;
const MACHINE_NONE: u16 = 0;
/// `SHN_XINDEX` as `e_shstrndx`: the index is in the first section header.
const NAMES_ELSEWHERE: u16 = 0xffff;

/// A relocatable BPF object.
#[derive(Debug)]
pub(crate) struct Object<'data> {
    data: &'data [u8],
    order: ByteOrder,
    sections: Vec<Section<'data>>,
    symbols: Vec<Symbol>,
    strings: &'data [u8],
}

impl<'data> Object<'data> {
    /// Checks the container and reads the tables of sections and symbols.
    pub(crate) fn parse(data: &'data [u8]) -> Result<Self, ElfError> {
        let (order, table) = header(data)?;
        let sections = sections(data, &table)?;
        let (symbols, strings) = symbols(data, order, &table, &sections)?;
        Ok(Self { data, order, sections, symbols, strings })
    }

    /// The byte order of the file.
    pub(crate) fn order(&self) -> ByteOrder {
        self.order
    }

    /// All sections, in the order of their index.
    pub(crate) fn sections(&self) -> &[Section<'data>] {
        &self.sections
    }

    /// The section of this index.
    pub(crate) fn section(&self, index: SectionIndex) -> Option<&Section<'data>> {
        self.sections.get(index.get())
    }

    /// All symbols, in the order of their index.
    pub(crate) fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The name of a symbol; empty for a symbol without one.
    pub(crate) fn symbol_name(&self, symbol: &Symbol) -> Result<&'data str, ElfError> {
        string(self.strings, symbol.name)
    }

    /// The relocations of a section of kind [`SectionKind::Rel`], in the order of the file.
    pub(crate) fn relocations(
        &self,
        section: &Section<'data>,
    ) -> Result<impl ExactSizeIterator<Item = Relocation> + use<'data>, ElfError> {
        if section.entry_size != RELOCATION_SIZE || section.size % RELOCATION_SIZE != 0 {
            return Err(ElfError::EntrySize {
                section: section.name.to_owned(),
                entry_size: section.entry_size,
                expected: RELOCATION_SIZE,
            });
        }
        let table = RelocSection::parse(
            self.data,
            section.offset,
            section.data.len(),
            false,
            ctx(self.order),
        )
        .map_err(|_| ElfError::Truncated { what: "relocations" })?;
        let len = table.len();
        Ok((0..len).map(move |at| {
            let relocation = table.get(at).unwrap_or_default();
            Relocation {
                offset: relocation.r_offset,
                symbol: relocation.r_sym,
                kind: relocation.r_type,
            }
        }))
    }
}

fn ctx(order: ByteOrder) -> Ctx {
    let endian = match order {
        ByteOrder::Little => Endian::Little,
        ByteOrder::Big => Endian::Big,
    };
    Ctx::new(Container::Big, endian)
}

/// Checks the ELF header, and reads the section table and the index of the section with the section names.
fn header(data: &[u8]) -> Result<(ByteOrder, Table), ElfError> {
    let ident = data.get(..SIZEOF_IDENT).ok_or(ElfError::NotElf)?;
    if !ident.starts_with(ELFMAG) {
        return Err(ElfError::NotElf);
    }
    let byte = |at: usize| ident.get(at).copied().unwrap_or_default();
    if byte(EI_CLASS) != ELFCLASS64 {
        return Err(ElfError::Class { class: byte(EI_CLASS) });
    }
    let order = match byte(EI_DATA) {
        ELFDATA2LSB => ByteOrder::Little,
        ELFDATA2MSB => ByteOrder::Big,
        data => return Err(ElfError::ByteOrder { data }),
    };
    let truncated = ElfError::Truncated { what: "ELF header" };
    let bytes = data.get(..HEADER_SIZE).ok_or(truncated)?;
    let header =
        Elf::parse_header(bytes).map_err(|_| ElfError::Truncated { what: "ELF header" })?;
    if header.e_type != ET_REL {
        return Err(ElfError::NotRelocatable { kind: header.e_type });
    }
    if header.e_machine != EM_BPF && header.e_machine != MACHINE_NONE {
        return Err(ElfError::Machine { machine: header.e_machine });
    }
    if header.e_shoff == 0 {
        return Err(ElfError::NoSections);
    }
    if header.e_shentsize != SECTION_HEADER_SIZE {
        return Err(ElfError::SectionHeaderSize { size: header.e_shentsize });
    }
    let beyond = || ElfError::Truncated { what: "section table" };
    let start = usize::try_from(header.e_shoff).map_err(|_| beyond())?;
    let (mut count, mut names) = (usize::from(header.e_shnum), usize::from(header.e_shstrndx));
    // Numbers that do not fit are in the first section header, which stands for no section.
    if count == 0 || header.e_shstrndx == NAMES_ELSEWHERE {
        let end = start.checked_add(usize::from(SECTION_HEADER_SIZE)).ok_or_else(beyond)?;
        let bytes = data.get(start..end).ok_or_else(beyond)?;
        let first = SectionHeader::parse_from(bytes, 0, 1, ctx(order)).map_err(|_| beyond())?;
        let first = first.first().ok_or_else(beyond)?;
        if count == 0 {
            count = usize::try_from(first.sh_size).map_err(|_| beyond())?;
        }
        if header.e_shstrndx == NAMES_ELSEWHERE {
            names = usize::try_from(first.sh_link).map_err(|_| beyond())?;
        }
    }
    if count == 0 {
        return Err(ElfError::NoSections);
    }
    let len = count.checked_mul(usize::from(SECTION_HEADER_SIZE)).ok_or_else(beyond)?;
    let end = start.checked_add(len).ok_or_else(beyond)?;
    let bytes = data.get(start..end).ok_or_else(beyond)?;
    let mut headers = Vec::with_capacity(count);
    headers.extend(
        bytes
            .chunks_exact(usize::from(SECTION_HEADER_SIZE))
            .filter_map(|bytes| section_header(bytes.first_chunk()?, order)),
    );
    Ok((order, Table { headers, names }))
}

/// A record of the section table (`Elf64_Shdr`).
fn section_header(bytes: &[u8; 64], order: ByteOrder) -> Option<SectionHeader> {
    let word = |at: usize| {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        })
    };
    let long = |at: usize| {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(match order {
            ByteOrder::Little => u64::from_le_bytes(bytes),
            ByteOrder::Big => u64::from_be_bytes(bytes),
        })
    };
    Some(SectionHeader {
        sh_name: usize::try_from(word(0)?).ok()?,
        sh_type: word(4)?,
        sh_flags: long(8)?,
        sh_addr: long(16)?,
        sh_offset: long(24)?,
        sh_size: long(32)?,
        sh_link: word(40)?,
        sh_info: word(44)?,
        sh_addralign: long(48)?,
        sh_entsize: long(56)?,
    })
}

/// The section table as it stands in the file.
struct Table {
    headers: Vec<SectionHeader>,
    names: usize,
}

impl Table {
    /// The bytes of a string table.
    fn strings<'data>(&self, data: &'data [u8], index: usize) -> Result<&'data [u8], ElfError> {
        let header = self.headers.get(index).filter(|header| header.sh_type == SHT_STRTAB);
        let header = header.ok_or(ElfError::StringTable { section: index })?;
        let (_, bytes) = range(data, header).ok_or(ElfError::StringTable { section: index })?;
        Ok(bytes)
    }
}

/// Where the bytes of a section start, and the bytes. Nothing for a section that takes no room.
fn range<'data>(data: &'data [u8], header: &SectionHeader) -> Option<(usize, &'data [u8])> {
    if matches!(header.sh_type, SHT_NOBITS | SHT_NULL) || header.sh_size == 0 {
        return Some((0, &[]));
    }
    let start = usize::try_from(header.sh_offset).ok()?;
    let end = start.checked_add(usize::try_from(header.sh_size).ok()?)?;
    Some((start, data.get(start..end)?))
}

fn sections<'data>(data: &'data [u8], table: &Table) -> Result<Vec<Section<'data>>, ElfError> {
    let names = table.strings(data, table.names)?;
    let mut taken: u64 = 0;
    let mut sections = Vec::with_capacity(table.headers.len());
    for (index, header) in table.headers.iter().enumerate() {
        let name = u32::try_from(header.sh_name).unwrap_or(u32::MAX);
        let name = if header.sh_type == SHT_NULL { "" } else { string(names, name)? };
        let outside = || ElfError::SectionBounds {
            section: name.to_owned(),
            offset: header.sh_offset,
            size: header.sh_size,
        };
        let (offset, bytes) = range(data, header).ok_or_else(outside)?;
        taken = taken.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let code = header.sh_flags & u64::from(SHF_EXECINSTR) != 0;
        sections.push(Section {
            index: SectionIndex::new(index),
            name,
            kind: match header.sh_type {
                SHT_PROGBITS => SectionKind::ProgBits { code },
                SHT_NOBITS => SectionKind::NoBits,
                SHT_REL => SectionKind::Rel,
                SHT_RELA => SectionKind::Rela,
                _ => SectionKind::Other,
            },
            size: header.sh_size,
            info: header.sh_info,
            data: bytes,
            compressed: header.sh_flags & u64::from(SHF_COMPRESSED) != 0,
            raw_kind: header.sh_type,
            flags: header.sh_flags,
            align: header.sh_addralign.max(1),
            entry_size: header.sh_entsize,
            offset,
        });
    }
    if taken > u64::try_from(data.len()).unwrap_or(u64::MAX) {
        return Err(ElfError::Overlap);
    }
    Ok(sections)
}

/// The bytes of the section `.BTF` of an ELF file of any kind, machine and byte order: an object, a `vmlinux`, a module. `None` if it has none.
///
/// ```
/// # let bytes = testdata::object("counter", testdata::Order::Big);
/// let section = bpf_elf::btf_section(bytes)?.unwrap();
/// assert_eq!(section[..2], [0xeb, 0x9f]);
/// # Ok::<(), bpf_elf::ElfError>(())
/// ```
///
/// # Errors
///
/// What is wrong with the file, or that the section is compressed.
pub fn btf_section(data: &[u8]) -> Result<Option<&[u8]>, ElfError> {
    let header = data.get(..SIZEOF_IDENT).filter(|ident| ident.starts_with(ELFMAG));
    let header = header.and_then(|_| Elf::parse_header(data).ok()).ok_or(ElfError::NotElf)?;
    let container = header.container().map_err(|_| ElfError::NotElf)?;
    let endian = header.endianness().map_err(|_| ElfError::NotElf)?;
    let ctx = Ctx::new(container, endian);
    let beyond = || ElfError::Truncated { what: "section table" };
    let start = usize::try_from(header.e_shoff).map_err(|_| beyond())?;
    let count = usize::from(header.e_shnum);
    let size = SectionHeader::size(ctx);
    if usize::from(header.e_shentsize) != size || count == 0 {
        return Err(ElfError::SectionHeaderSize { size: header.e_shentsize });
    }
    let end = count.checked_mul(size).and_then(|len| start.checked_add(len));
    let bytes = end.and_then(|end| data.get(start..end)).ok_or_else(beyond)?;
    let headers = SectionHeader::parse_from(bytes, 0, count, ctx).map_err(|_| beyond())?;
    let table = Table { headers, names: usize::from(header.e_shstrndx) };
    let names = table.strings(data, table.names)?;
    for header in &table.headers {
        let name = u32::try_from(header.sh_name).unwrap_or(u32::MAX);
        if string(names, name)? != ".BTF" {
            continue;
        }
        let outside = ElfError::SectionBounds {
            section: ".BTF".to_owned(),
            offset: header.sh_offset,
            size: header.sh_size,
        };
        if header.sh_flags & u64::from(SHF_COMPRESSED) != 0 {
            return Err(ElfError::Compressed { section: ".BTF".to_owned() });
        }
        return range(data, header).map(|(_, bytes)| Some(bytes)).ok_or(outside);
    }
    Ok(None)
}

/// The symbols, and the strings with their names.
fn symbols<'data>(
    data: &'data [u8],
    order: ByteOrder,
    table: &Table,
    sections: &[Section<'data>],
) -> Result<(Vec<Symbol>, &'data [u8]), ElfError> {
    let mut tables =
        table.headers.iter().zip(sections).filter(|(header, _)| header.sh_type == SHT_SYMTAB);
    let (header, section) = tables.next().ok_or(ElfError::NoSymbols)?;
    if tables.next().is_some() {
        return Err(ElfError::ManySymbolTables);
    }
    if header.sh_entsize != SYMBOL_SIZE || header.sh_size % SYMBOL_SIZE != 0 {
        return Err(ElfError::EntrySize {
            section: section.name.to_owned(),
            entry_size: header.sh_entsize,
            expected: SYMBOL_SIZE,
        });
    }
    let link = usize::try_from(header.sh_link).unwrap_or(usize::MAX);
    let strings = table.strings(data, link)?;
    let count = header.sh_size.checked_div(SYMBOL_SIZE).unwrap_or_default();
    let count = usize::try_from(count).map_err(|_| ElfError::Truncated { what: "symbols" })?;
    if count == 0 {
        return Ok((Vec::new(), strings));
    }
    let raw = Symtab::parse(data, section.offset, count, ctx(order))
        .map_err(|_| ElfError::Truncated { what: "symbols" })?;
    let mut symbols = Vec::with_capacity(count);
    for (index, symbol) in raw.iter().enumerate() {
        let place = match u32::try_from(symbol.st_shndx).unwrap_or(SHN_ABS) {
            SHN_UNDEF => Place::Undefined,
            SHN_LORESERVE.. => Place::Reserved,
            _ if symbol.st_shndx < sections.len() => {
                Place::Section(SectionIndex::new(symbol.st_shndx))
            }
            _ => {
                return Err(ElfError::SymbolSection { symbol: index, section: symbol.st_shndx });
            }
        };
        symbols.push(Symbol {
            value: symbol.st_value,
            size: symbol.st_size,
            place,
            binding: match symbol.st_bind() {
                STB_LOCAL => Binding::Local,
                STB_GLOBAL => Binding::Global,
                STB_WEAK => Binding::Weak,
                _ => Binding::Other,
            },
            kind: match symbol.st_type() {
                STT_NOTYPE => SymbolKind::NoType,
                STT_OBJECT => SymbolKind::Object,
                STT_FUNC => SymbolKind::Function,
                STT_SECTION => SymbolKind::Section,
                _ => SymbolKind::Other,
            },
            hidden: matches!(symbol.st_visibility(), STV_HIDDEN | STV_INTERNAL),
            odd_visibility: !matches!(symbol.st_visibility(), STV_DEFAULT | STV_HIDDEN),
            name: u32::try_from(symbol.st_name).unwrap_or(u32::MAX),
        });
    }
    Ok((symbols, strings))
}

/// Names may share their tails, so that the sum of their lengths is not bounded by the file: no name is longer than this.
const MAX_NAME: usize = 4096;

/// The string at `offset`, up to its NUL.
fn string(strings: &[u8], offset: u32) -> Result<&str, ElfError> {
    if offset == 0 {
        return Ok("");
    }
    let bad = || ElfError::Name { offset };
    let rest = strings.get(usize::try_from(offset).map_err(|_| bad())?..).ok_or_else(bad)?;
    let rest = rest.get(..MAX_NAME).unwrap_or(rest);
    let name = CStr::from_bytes_until_nul(rest).map_err(|_| bad())?;
    name.to_str().map_err(|_| bad())
}

#[cfg(test)]
mod tests;
