//! `.jumptables`: where the indirect jumps of functions lead.

use std::collections::HashSet;

use super::Writer;
use super::code::SLOT;
use crate::emit::{OutBinding, OutKind, OutSection, OutSymbol};

/// The section of jump tables.
const SECTION: &str = ".jumptables";

impl Writer<'_> {
    /// Writes the tables of all functions behind each other. The addresses count from the start of the section of the function.
    pub(super) fn add_jump_tables(&mut self) {
        let mut bytes = crate::emit::Bytes::new(self.spec.byte_order);
        let mut symbols = Vec::new();
        for (at, section) in self.code.sections.iter().enumerate() {
            let functions = section.functions.iter().enumerate();
            for (index, placed) in functions.filter(|(_, placed)| !placed.alias) {
                for table in &placed.function.jump_tables {
                    let value = bytes.len();
                    for target in &table.targets {
                        let target = u64::try_from(*target).unwrap_or(u64::MAX);
                        bytes.u64(placed.offset.saturating_add(target.saturating_mul(SLOT)));
                    }
                    let size = bytes.len().saturating_sub(value);
                    symbols.push(((at, index), table.name.clone(), value, size));
                }
            }
        }
        if symbols.is_empty() {
            return;
        }
        let id = self.elf.add_section(OutSection::new(SECTION, 0, 1, bytes.into_vec()));
        let mut names = HashSet::new();
        for (function, name, value, size) in symbols {
            // A linker may have put tables of one name together; the names of local symbols need not differ.
            let first = names.insert(name.clone());
            let binding = if first { OutBinding::Global } else { OutBinding::Local };
            let symbol = self.elf.add_symbol(OutSymbol {
                section: Some(id),
                value,
                size,
                kind: OutKind::Object,
                ..OutSymbol::undefined(name, binding)
            });
            self.jump_tables.entry(function).or_default().push(symbol);
        }
    }
}
