//! A small assembler of ELF objects for tests, in either byte order, which writes whatever it is told.

use bpf_asm::{ByteOrder, Slot, encode_slots};
use bpf_btf::BtfBuilder;

pub(crate) const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

pub(crate) const PROGBITS: u32 = 1;
pub(crate) const SYMTAB: u32 = 2;
pub(crate) const STRTAB: u32 = 3;
pub(crate) const NOBITS: u32 = 8;
pub(crate) const REL: u32 = 9;
pub(crate) const EXECUTABLE: u64 = 4;
pub(crate) const COMPRESSED: u64 = 1 << 11;

pub(crate) const LOCAL: u8 = 0;
pub(crate) const GLOBAL: u8 = 1 << 4;
pub(crate) const WEAK: u8 = 2 << 4;
pub(crate) const NOTYPE: u8 = 0;
pub(crate) const OBJECT: u8 = 1;
pub(crate) const FUNC: u8 = 2;
pub(crate) const SECTION: u8 = 3;

/// The ELF header, but for what the layout decides.
pub(crate) struct Header {
    pub(crate) class: u8,
    pub(crate) data: Option<u8>,
    pub(crate) kind: u16,
    pub(crate) machine: u16,
    pub(crate) program_headers: u64,
    pub(crate) section_headers: Option<u64>,
    pub(crate) section_header_size: u16,
    pub(crate) sections: Option<u16>,
    pub(crate) names: Option<u16>,
}

/// A section; what is `None` follows from the layout.
pub(crate) struct RawSection {
    pub(crate) name: String,
    pub(crate) name_offset: Option<u32>,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) offset: Option<u64>,
    pub(crate) size: Option<u64>,
    pub(crate) link: Option<u32>,
    pub(crate) info: u32,
    pub(crate) entry_size: u64,
}

/// A symbol, in a section by name.
#[derive(Clone)]
pub(crate) struct RawSymbol {
    pub(crate) name: String,
    pub(crate) section: Option<u16>,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) info: u8,
    pub(crate) hidden: bool,
}

/// An object in the making.
pub(crate) struct Elf {
    pub(crate) order: ByteOrder,
    pub(crate) header: Header,
    pub(crate) sections: Vec<RawSection>,
    pub(crate) symbols: Vec<RawSymbol>,
    /// Names the symbols by tails of the string at this offset of the string table, each one byte shorter than the one before.
    pub(crate) name_offsets: Option<usize>,
}

/// Bytes in one order.
pub(crate) struct Bytes(pub(crate) Vec<u8>, pub(crate) ByteOrder);

impl Bytes {
    pub(crate) fn put(&mut self, value: u64, size: usize) {
        match self.1 {
            ByteOrder::Little => self.0.extend(&value.to_le_bytes()[..size]),
            ByteOrder::Big => self.0.extend(&value.to_be_bytes()[8 - size..]),
        }
    }
}

impl Elf {
    pub(crate) fn new(order: ByteOrder) -> Self {
        let header = Header {
            class: 2,
            data: None,
            kind: 1,
            machine: 247,
            program_headers: 0,
            section_headers: None,
            section_header_size: 64,
            sections: None,
            names: None,
        };
        let null = RawSymbol {
            name: String::new(),
            section: Some(0),
            value: 0,
            size: 0,
            info: 0,
            hidden: false,
        };
        let mut elf =
            Self { order, header, sections: Vec::new(), symbols: vec![null], name_offsets: None };
        elf.section("", 0, 0, Vec::new());
        elf.section(".strtab", STRTAB, 0, Vec::new());
        elf.section(".symtab", SYMTAB, 0, Vec::new());
        elf.find(".symtab").entry_size = 24;
        elf.find(".symtab").link = Some(1);
        elf
    }

    pub(crate) fn section(
        &mut self,
        name: &str,
        kind: u32,
        flags: u64,
        bytes: Vec<u8>,
    ) -> &mut Self {
        self.sections.push(RawSection {
            name: name.to_owned(),
            name_offset: None,
            kind,
            flags,
            bytes,
            offset: None,
            size: None,
            link: None,
            info: 0,
            entry_size: 0,
        });
        self
    }

    pub(crate) fn data(&mut self, name: &str, bytes: &[u8]) -> &mut Self {
        self.section(name, PROGBITS, 0, bytes.to_vec())
    }

    pub(crate) fn zeros(&mut self, name: &str, size: u64) -> &mut Self {
        self.section(name, NOBITS, 0, Vec::new());
        self.find(name).size = Some(size);
        self
    }

    pub(crate) fn code(&mut self, name: &str, slots: &[Slot]) -> &mut Self {
        let bytes = encode_slots(slots, self.order);
        self.section(name, PROGBITS, EXECUTABLE, bytes)
    }

    pub(crate) fn btf(&mut self, btf: &BtfBuilder) -> &mut Self {
        let order = match self.order {
            ByteOrder::Little => bpf_btf::ByteOrder::Little,
            ByteOrder::Big => bpf_btf::ByteOrder::Big,
        };
        let bytes = btf.write(order).unwrap();
        self.data(".BTF", &bytes)
    }

    pub(crate) fn symbol(
        &mut self,
        name: &str,
        section: &str,
        value: u64,
        size: u64,
        info: u8,
    ) -> &mut Self {
        let section = Some(u16::try_from(self.index(section)).unwrap());
        self.symbols.push(RawSymbol {
            name: name.to_owned(),
            section,
            value,
            size,
            info,
            hidden: false,
        });
        self
    }

    pub(crate) fn undefined(&mut self, name: &str, info: u8) -> &mut Self {
        self.symbol(name, "", 0, 0, info)
    }

    pub(crate) fn hidden(&mut self) -> &mut Self {
        self.symbols.last_mut().unwrap().hidden = true;
        self
    }

    /// A relocation of `section` at `offset`, to the last symbol of this name.
    pub(crate) fn relocation(&mut self, section: &str, offset: u64, symbol: &str) -> &mut Self {
        let index = self.symbols.iter().rposition(|s| s.name == symbol).unwrap();
        self.raw_relocation(section, offset, index)
    }

    pub(crate) fn raw_relocation(
        &mut self,
        section: &str,
        offset: u64,
        symbol: usize,
    ) -> &mut Self {
        let name = format!(".rel{section}");
        let target = self.index(section);
        if !self.sections.iter().any(|s| s.name == name) {
            self.section(&name, REL, 0, Vec::new());
            self.find(&name).info = u32::try_from(target).unwrap();
            self.find(&name).entry_size = 16;
        }
        let mut bytes = Bytes(std::mem::take(&mut self.find(&name).bytes), self.order);
        bytes.put(offset, 8);
        bytes.put((symbol as u64) << 32 | 1, 8);
        self.find(&name).bytes = bytes.0;
        self
    }

    /// The section of this name, for changes.
    pub(crate) fn find(&mut self, name: &str) -> &mut RawSection {
        self.sections.iter_mut().find(|section| section.name == name).unwrap()
    }

    pub(crate) fn index(&self, name: &str) -> usize {
        self.sections.iter().position(|section| section.name == name).unwrap()
    }

    pub(crate) fn build(&mut self) -> Vec<u8> {
        let order = self.order;
        let mut strings = vec![0];
        let mut add = |name: &str| {
            if name.is_empty() {
                return 0;
            }
            let at = u32::try_from(strings.len()).unwrap();
            strings.extend(name.as_bytes());
            strings.push(0);
            at
        };
        let names: Vec<u32> = self.sections.iter().map(|section| add(&section.name)).collect();
        let mut symbols = Bytes(Vec::new(), order);
        for (index, symbol) in self.symbols.iter().enumerate() {
            let name = match self.name_offsets {
                Some(start) if index > 0 => u32::try_from(start + index - 1).unwrap(),
                _ => add(&symbol.name),
            };
            symbols.put(u64::from(name), 4);
            symbols.put(u64::from(symbol.info), 1);
            symbols.put(if symbol.hidden { 2 } else { 0 }, 1);
            symbols.put(u64::from(symbol.section.unwrap_or(0)), 2);
            symbols.put(symbol.value, 8);
            symbols.put(symbol.size, 8);
        }
        if self.find(".strtab").bytes.is_empty() {
            self.find(".strtab").bytes = strings;
        }
        if let Some(table) = self.sections.iter_mut().find(|s| s.kind == SYMTAB) {
            table.bytes = symbols.0;
        }

        let mut out = Bytes(vec![0; 64], order);
        let mut offsets = Vec::new();
        for section in &self.sections {
            out.0.resize(out.0.len().next_multiple_of(8), 0);
            offsets.push(out.0.len() as u64);
            out.0.extend(&section.bytes);
        }
        out.0.resize(out.0.len().next_multiple_of(8), 0);
        let table = out.0.len() as u64;
        for ((section, name), offset) in self.sections.iter().zip(names).zip(offsets) {
            out.put(u64::from(section.name_offset.unwrap_or(name)), 4);
            out.put(u64::from(section.kind), 4);
            out.put(section.flags, 8);
            out.put(0, 8);
            out.put(section.offset.unwrap_or(offset), 8);
            out.put(section.size.unwrap_or(section.bytes.len() as u64), 8);
            out.put(u64::from(section.link.unwrap_or(0)), 4);
            out.put(u64::from(section.info), 4);
            out.put(1, 8);
            out.put(section.entry_size, 8);
        }

        let header = &self.header;
        let mut head = Bytes(b"\x7fELF".to_vec(), order);
        let data = if order == ByteOrder::Little { 1 } else { 2 };
        head.0.extend([header.class, header.data.unwrap_or(data), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        head.put(u64::from(header.kind), 2);
        head.put(u64::from(header.machine), 2);
        head.put(1, 4);
        head.put(0, 8);
        head.put(header.program_headers, 8);
        head.put(header.section_headers.unwrap_or(table), 8);
        head.put(0, 4);
        head.put(64, 2);
        head.put(0, 4);
        head.put(u64::from(header.section_header_size), 2);
        head.put(
            u64::from(header.sections.unwrap_or(u16::try_from(self.sections.len()).unwrap())),
            2,
        );
        head.put(u64::from(header.names.unwrap_or(1)), 2);
        out.0[..64].copy_from_slice(&head.0);
        out.0
    }
}
