//! `.jumptables`: where the indirect jumps of a function can lead.

use super::functions::{FunctionPlace, SLOT};
use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Section, Symbol};
use crate::spec::{Function, JumpTable};

/// Bytes of an address in a table.
const ENTRY: usize = 8;

/// The index of the table that a symbol stands for, among those of the function; the first use reads it.
/// libbpf: `create_jt_map`.
pub(super) fn index(
    input: &Input<'_>,
    budget: &mut Budget,
    place: &FunctionPlace<'_>,
    function: &mut Function,
    section: &Section<'_>,
    symbol: &Symbol,
) -> Result<usize, Error> {
    let name = input.object.symbol_name(symbol)?;
    if let Some(index) = function.jump_tables.iter().position(|table| table.name == name) {
        return Ok(index);
    }
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
    budget.charge(bytes.len().saturating_add(size_of::<JumpTable>()))?;
    let mut targets = Vec::with_capacity(bytes.len() / ENTRY);
    for entry in bytes.chunks_exact(ENTRY) {
        let offset =
            entry.first_chunk().map_or(0, |bytes| super::u64_of(*bytes, input.object.order()));
        // The compiler counts bytes from the start of the section.
        let slot = offset
            .checked_sub(place.offset)
            .filter(|distance| distance % SLOT == 0 && offset < place.end())
            .and_then(|distance| usize::try_from(distance / SLOT).ok());
        targets.push(slot.ok_or_else(|| Error::JumpTable {
            table: name.to_owned(),
            function: place.name.to_owned(),
            target: offset,
        })?);
    }
    let index = function.jump_tables.len();
    function.jump_tables.push(JumpTable { name: budget.string(name)?, targets });
    Ok(index)
}
