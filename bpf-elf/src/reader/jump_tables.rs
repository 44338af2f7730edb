//! `.jumptables`: where the indirect jumps of a function can lead.

use super::functions::{FunctionPlace, SLOT};
use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Section, Symbol};
use crate::spec::{JumpTable, Warning};

/// Bytes of an address in a table.
const ENTRY: usize = 8;

/// The table that a symbol stands for; without targets if it leads out of the function. libbpf: `create_jt_map`.
pub(super) fn read(
    input: &Input<'_>,
    budget: &mut Budget,
    place: &FunctionPlace<'_>,
    section: &Section<'_>,
    symbol: &Symbol,
    warnings: &mut Vec<Warning>,
) -> Result<JumpTable, Error> {
    let name = input.object.symbol_name(symbol)?;
    let end = symbol.value.checked_add(symbol.size);
    let range =
        usize::try_from(symbol.value).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
    let bytes = range.and_then(|(start, end)| section.data.get(start..end));
    let bytes = bytes.filter(|bytes| !bytes.is_empty() && bytes.len() % ENTRY == 0);
    let Some(bytes) = bytes else {
        return Err(Error::SymbolBounds {
            symbol: name.to_owned(),
            section: section.name.to_owned(),
            offset: symbol.value,
            size: symbol.size,
        });
    };
    budget.records::<usize>(bytes.len() / ENTRY)?;
    let mut targets = Vec::with_capacity(bytes.len() / ENTRY);
    for entry in bytes.chunks_exact(ENTRY) {
        let offset =
            entry.first_chunk().map_or(0, |bytes| super::u64_of(*bytes, input.object.order()));
        // The compiler counts bytes from the start of the section.
        let slot = offset
            .checked_sub(place.offset)
            .filter(|distance| distance % SLOT == 0 && offset < place.end())
            .and_then(|distance| usize::try_from(distance / SLOT).ok());
        let Some(slot) = slot else {
            // The program cannot be loaded. The others of the object can.
            budget.records::<Warning>(3)?;
            warnings.push(Warning::JumpTable {
                table: budget.string(name)?,
                function: budget.string(place.name)?,
                target: offset,
            });
            targets.clear();
            break;
        };
        targets.push(slot);
    }
    Ok(JumpTable { name: budget.string(name)?, targets })
}
