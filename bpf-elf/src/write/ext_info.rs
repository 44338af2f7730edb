//! `.BTF.ext`: types of functions, lines, and instructions that depend on types of the kernel.

use bpf_asm::ByteOrder;

use super::code::{Code, Placed, SLOT};
use super::error::WriteError;
use super::types::Types;
use crate::emit::{ExtPart, write_ext};

/// The section; `None` without records, or without types that they could name.
pub(super) fn write(
    types: &mut Types<'_>,
    code: &Code<'_>,
    order: ByteOrder,
) -> Result<Option<Vec<u8>>, WriteError> {
    if !types.exist() {
        return Ok(None);
    }
    let [mut funcs, mut lines, mut core] = [2, 4, 4].map(ExtPart::new);
    for section in &code.sections {
        // Another name for the same code has the same records.
        for placed in section.functions.iter().filter(|placed| !placed.alias) {
            let function = placed.function;
            if let Some(id) = function.type_id {
                funcs.add(&section.name, &[offset(placed, 0)?, id]);
            }
            for line in &function.line_infos {
                let place = line.line.checked_shl(10).unwrap_or(0) | u32::from(line.column);
                let words = [offset(placed, line.slot)?, line.file_name, line.line_text, place];
                lines.add(&section.name, &words);
            }
            for record in &function.core_relocations {
                let offset = offset(placed, record.slot)?;
                let words = [offset, record.type_id, record.access, record.kind.0];
                core.add(&section.name, &words);
            }
        }
    }
    write_ext(&[funcs, lines, core], types.builder(), order).map_err(WriteError::btf)
}

/// Bytes from the start of the section to an instruction.
fn offset(placed: &Placed<'_>, slot: usize) -> Result<u32, WriteError> {
    let slot = u64::try_from(slot).map_err(|_| WriteError::TooLarge)?;
    let offset = placed.offset.saturating_add(slot.saturating_mul(SLOT));
    u32::try_from(offset).map_err(|_| WriteError::TooLarge)
}
