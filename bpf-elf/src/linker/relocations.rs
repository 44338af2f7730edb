//! Relocations, which follow their sections and symbols.

use bpf_asm::{ByteOrder, SLOT_SIZE, Slot};

use super::error::LinkError;
use super::input::Input;
use super::output::{Output, Relocation};
use crate::emit::{CODE, OutKind, R_BPF_64_32, R_BPF_64_64, R_BPF_64_ABS64};
use crate::object::{self, Section, SectionIndex, SectionKind};

/// `R_BPF_64_ABS32`.
const R_BPF_64_ABS32: u32 = 3;

/// Carries the relocations of all objects over. libbpf: `linker_append_elf_relos`.
pub(super) fn append(output: &mut Output, inputs: &[Input<'_>]) -> Result<(), LinkError> {
    for input in inputs {
        for table in input.object.sections() {
            if table.kind != SectionKind::Rel {
                continue;
            }
            let target = SectionIndex::from(table.info);
            let section = input.object.section(target);
            let Some((section, place)) = section.zip(input.place(target)) else { continue };
            let failed = |source| LinkError::Elf { object: input.name.to_owned(), source };
            let relocations = input.object.relocations(table).map_err(failed)?;
            let mut found = Vec::with_capacity(relocations.len());
            for relocation in relocations {
                let fail = |problem| {
                    let (object, section) = (input.name.to_owned(), section.name.to_owned());
                    let offset = relocation.offset;
                    LinkError::Relocation { object, section, offset, problem }
                };
                check(section, &relocation).map_err(fail)?;
                let symbol = input.symbols.get(relocation.symbol).copied().flatten();
                let symbol = symbol.ok_or_else(|| fail("names a symbol that is not there"))?;
                let offset = relocation.offset.saturating_add(place.shift);
                adjust(output, input, place.section, offset, &relocation).map_err(fail)?;
                found.push(Relocation { offset, kind: relocation.kind, symbol });
            }
            if let Some(merged) = output.sections.get_mut(place.section) {
                merged.relocations.extend(found);
            }
        }
    }
    for section in &mut output.sections {
        section.relocations.sort_by_key(|relocation| relocation.offset);
    }
    Ok(())
}

fn check(section: &Section<'_>, relocation: &object::Relocation) -> Result<(), &'static str> {
    let known = [R_BPF_64_64, R_BPF_64_ABS64, R_BPF_64_ABS32, R_BPF_64_32];
    if !known.contains(&relocation.kind) {
        return Err("is of a type that BPF objects do not have");
    }
    let end = relocation.offset.checked_add(8);
    if end.is_none_or(|end| end > section.size) {
        return Err("is beyond the end of the section");
    }
    if section.kind == (SectionKind::ProgBits { code: true }) && relocation.offset % 8 != 0 {
        return Err("is in the middle of an instruction");
    }
    Ok(())
}

/// A relocation that names a section has the place within it in the instruction: the section may not be the first of its name.
fn adjust(
    output: &mut Output,
    input: &Input<'_>,
    section: usize,
    offset: u64,
    relocation: &object::Relocation,
) -> Result<(), &'static str> {
    let symbol = input.object.symbols().get(relocation.symbol);
    let symbol = symbol.ok_or("names a symbol that is not there")?;
    let merged = input.symbols.get(relocation.symbol).copied().flatten();
    let names_section = merged
        .and_then(|merged| output.symbols.get(merged))
        .is_some_and(|merged| merged.kind == OutKind::Section);
    let object::Place::Section(target) = symbol.place else { return Ok(()) };
    let place = input.place(target).filter(|_| names_section);
    let Some(place) = place else { return Ok(()) };
    let order = output.order;
    let Some(merged) = output.sections.get_mut(section) else { return Ok(()) };
    if merged.out.flags & CODE == 0 {
        return Err("names a section, which is only possible for instructions");
    }
    // What the symbol of a section adds by itself is lost, for there is one symbol for all of the name.
    let shift = place.shift.saturating_add(symbol.value);
    add(&mut merged.out.bytes, offset, shift, order)
}

/// Adds bytes to what the instruction at an offset names.
fn add(code: &mut [u8], offset: u64, shift: u64, order: ByteOrder) -> Result<(), &'static str> {
    const FAR: &str = "leads too far away";
    let start = usize::try_from(offset).map_err(|_| FAR)?;
    let bytes = code.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<SLOT_SIZE>);
    let bytes = bytes.ok_or("is beyond the end of the section")?;
    let mut slot = Slot::decode(*bytes, order);
    let shift = if slot.is_call() { shift / 8 } else { shift };
    let imm = i64::try_from(shift).ok().and_then(|shift| shift.checked_add(i64::from(slot.imm)));
    slot.imm = imm.and_then(|imm| i32::try_from(imm).ok()).ok_or(FAR)?;
    *bytes = slot.encode(order);
    Ok(())
}
