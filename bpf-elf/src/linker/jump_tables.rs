//! Jump tables: addresses in the section of the code that uses them.

use std::collections::HashSet;

use bpf_asm::ByteOrder;

use super::error::LinkError;
use super::input::Input;
use super::output::Output;
use crate::object::{Place, SectionIndex, SectionKind};

/// Bytes of an address.
const ENTRY: usize = 8;

/// The section of the tables.
const SECTION: &str = ".jumptables";

/// Adds to the addresses of each table what was put before the code that they lead to.
pub(super) fn shift(output: &mut Output, inputs: &[Input<'_>]) -> Result<(), LinkError> {
    let Some(&tables) = output.by_name.get(SECTION) else { return Ok(()) };
    let order = output.order;
    let Some(tables) = output.sections.get_mut(tables) else { return Ok(()) };
    for input in inputs {
        let mut done = HashSet::new();
        for table in input.object.sections() {
            let code = SectionIndex::from(table.info);
            let Some(code) = input.place(code).filter(|_| table.kind == SectionKind::Rel) else {
                continue;
            };
            let failed = |source| LinkError::Elf { object: input.name.to_owned(), source };
            for relocation in input.object.relocations(table).map_err(failed)? {
                let Some(symbol) = input.object.symbols().get(relocation.symbol) else { continue };
                let Place::Section(section) = symbol.place else { continue };
                let is_table = input.object.section(section).is_some_and(|s| s.name == SECTION);
                let Some(place) = input.place(section).filter(|_| is_table) else { continue };
                if !done.insert(relocation.symbol) {
                    continue;
                }
                let start = place.shift.saturating_add(symbol.value);
                let end = start.saturating_add(symbol.size);
                let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
                let bytes = range.and_then(|(start, end)| tables.out.bytes.get_mut(start..end));
                for entry in bytes.unwrap_or_default().chunks_exact_mut(ENTRY) {
                    add(entry, code.shift, order);
                }
            }
        }
    }
    Ok(())
}

fn add(entry: &mut [u8], shift: u64, order: ByteOrder) {
    let Some(bytes) = entry.first_chunk_mut::<ENTRY>() else { return };
    *bytes = match order {
        ByteOrder::Little => u64::from_le_bytes(*bytes).wrapping_add(shift).to_le_bytes(),
        ByteOrder::Big => u64::from_be_bytes(*bytes).wrapping_add(shift).to_be_bytes(),
    };
}
