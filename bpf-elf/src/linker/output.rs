//! The linked object in the making.

use std::collections::HashMap;

use bpf_asm::ByteOrder;
use bpf_btf::TypeId;

use super::error::LinkError;
use crate::emit::{
    ElfWriter, OutBinding, OutKind, OutRelocation, OutSection, OutSymbol, SectionId, SymbolId,
};

/// Bytes that the names of symbols may take, besides four times as many as the objects have.
const NAMES: usize = 256 << 10;

/// A relocation, by the index of its symbol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    pub(super) offset: u64,
    pub(super) kind: u32,
    pub(super) symbol: usize,
}

/// A section of the linked object.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) out: OutSection,
    pub(super) relocations: Vec<Relocation>,
    /// The first object that has it.
    pub(super) from: usize,
    /// The symbol that stands for it.
    pub(super) symbol: Option<usize>,
}

/// A symbol of the linked object.
#[derive(Debug)]
pub(super) struct Symbol {
    pub(super) name: String,
    /// The section of the linked object; `None` for what is declared only.
    pub(super) section: Option<usize>,
    pub(super) value: u64,
    pub(super) size: u64,
    pub(super) binding: OutBinding,
    pub(super) kind: OutKind,
    pub(super) hidden: bool,
    /// The object that defines it, or the first that declares it.
    pub(super) from: usize,
    /// The definition may be overridden. Not the same as the binding: that is strong as soon as anyone needs the symbol.
    pub(super) weak_definition: bool,
    /// The variable or function in the type information of that object.
    pub(super) declared: Option<TypeId>,
    /// The section that lists it there.
    pub(super) declared_in: String,
    /// Bytes of the variable, by that.
    pub(super) declared_size: u32,
    /// The variable or function in the linked types.
    pub(super) linked: Option<TypeId>,
}

/// The linked object in the making.
pub(super) struct Output {
    pub(super) order: ByteOrder,
    pub(super) sections: Vec<Merged>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) symbols: Vec<Symbol>,
    /// Symbols that all objects see, by name.
    pub(super) globals: HashMap<String, usize>,
    /// Bytes that the names of symbols may still take: those of a file may share their tails, so that all of them are longer than it.
    pub(super) names: usize,
    /// `.BTF` and `.BTF.ext`.
    pub(super) types: Vec<OutSection>,
}

impl Output {
    /// An empty object. `size` is the length of all that is linked.
    pub(super) fn new(order: ByteOrder, size: usize) -> Self {
        Self {
            order,
            names: size.saturating_mul(4).saturating_add(NAMES),
            sections: Vec::new(),
            by_name: HashMap::new(),
            symbols: Vec::new(),
            globals: HashMap::new(),
            types: Vec::new(),
        }
    }

    /// The section that a symbol is in by the file, or is listed in by the types.
    pub(super) fn section_name<'a>(&'a self, symbol: &'a Symbol) -> &'a str {
        match symbol.section.and_then(|section| self.sections.get(section)) {
            Some(section) => &section.out.name,
            None => &symbol.declared_in,
        }
    }

    /// The file.
    pub(super) fn write(self) -> Result<Vec<u8>, LinkError> {
        let mut elf = ElfWriter::new(self.order);
        let mut ids: Vec<SectionId> = Vec::with_capacity(self.sections.len());
        let mut relocations = Vec::with_capacity(self.sections.len());
        for section in self.sections {
            ids.push(elf.add_section(section.out));
            relocations.push(section.relocations);
        }
        let mut symbols: Vec<SymbolId> = Vec::with_capacity(self.symbols.len());
        for symbol in self.symbols {
            let section = symbol.section.and_then(|section| ids.get(section).copied());
            symbols.push(elf.add_symbol(OutSymbol {
                name: symbol.name,
                section,
                value: symbol.value,
                size: symbol.size,
                binding: symbol.binding,
                kind: symbol.kind,
                hidden: symbol.hidden,
            }));
        }
        for (id, relocations) in ids.iter().zip(relocations) {
            let relocations = relocations.into_iter().filter_map(|relocation| {
                let symbol = *symbols.get(relocation.symbol)?;
                Some(OutRelocation { offset: relocation.offset, kind: relocation.kind, symbol })
            });
            if let Some(section) = elf.section_mut(*id) {
                section.relocations = relocations.collect();
            }
        }
        for section in self.types {
            elf.add_section(section);
        }
        Ok(elf.write()?)
    }
}
