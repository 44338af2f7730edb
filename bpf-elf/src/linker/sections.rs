//! Sections of one name, put behind each other.

use super::error::LinkError;
use super::input::{Input, SectionPlace};
use super::output::{Merged, Output};
use crate::emit::{NOBITS, OutSection, PROGBITS};
use crate::object::{Section, SectionKind};

/// `sh_type` of section 0, of the tables that every file has, and of clang's list of symbols whose address matters.
const IGNORED: [u32; 4] = [0, 2, 3, 0x6fff_4c03];

/// Bytes that padding may take, besides as many as all objects together have.
const PADDING: u64 = 1 << 20;

/// Puts the sections of all objects together.
pub(super) fn merge(output: &mut Output, inputs: &mut [Input<'_>]) -> Result<(), LinkError> {
    let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
    let mut padding = PADDING;
    for input in inputs.iter() {
        for section in input.object.sections() {
            padding = padding.saturating_add(u64::try_from(section.data.len()).unwrap_or(0));
        }
    }
    for (from, input) in inputs.iter_mut().enumerate() {
        let mut places = Vec::with_capacity(input.places.len());
        for section in input.object.sections() {
            places.push(if is_content(input.name, section)? {
                place(output, &names, from, section, &mut padding)?
            } else {
                None
            });
        }
        input.places = places;
    }
    Ok(())
}

/// Whether a section is carried over, besides relocations and types, which are carried over in another way.
fn is_content(object: &str, section: &Section<'_>) -> Result<bool, LinkError> {
    if IGNORED.contains(&section.raw_kind)
        || section.size == 0
        || section.name.starts_with(".debug")
        || matches!(section.name, ".BTF" | ".BTF.ext")
        || section.kind == SectionKind::Rel
    {
        return Ok(false);
    }
    let fail = |problem| {
        let (object, section) = (object.to_owned(), section.name.to_owned());
        Err(LinkError::Section { object, section, problem })
    };
    match section.kind {
        SectionKind::Rela if section.name.starts_with(".rela.debug") => return Ok(false),
        SectionKind::Rela => return fail("has relocations with addends"),
        SectionKind::ProgBits { .. } | SectionKind::NoBits => {}
        _ => return fail("is of a type that BPF objects do not have"),
    }
    if section.require_plain().is_err() {
        return fail("is compressed");
    }
    if !section.align.is_power_of_two() {
        return fail("has an alignment that is no power of two");
    }
    if matches!(section.kind, SectionKind::ProgBits { code: true }) && section.size % 8 != 0 {
        return fail("has instructions that are cut off");
    }
    Ok(true)
}

/// Puts a section behind those of its name, and tells where it is now.
fn place(
    output: &mut Output,
    names: &[&str],
    from: usize,
    section: &Section<'_>,
    padding: &mut u64,
) -> Result<Option<SectionPlace>, LinkError> {
    let zeros = section.kind == SectionKind::NoBits;
    let Some(&at) = output.by_name.get(section.name) else {
        let (name, flags, align) = (section.name, section.flags, section.align);
        let mut out = if zeros {
            OutSection::zeros(name, flags, align, section.size)
        } else {
            OutSection::new(name, flags, align, section.data.to_vec())
        };
        out.entry_size = section.entry_size;
        let at = output.sections.len();
        output.by_name.insert(name.to_owned(), at);
        output.sections.push(Merged { out, relocations: Vec::new(), from, symbol: None });
        return Ok(Some(SectionPlace { section: at, shift: 0 }));
    };
    let Some(merged) = output.sections.get_mut(at) else { return Ok(None) };
    let out = &mut merged.out;
    let mismatch = |what| {
        let name = |at: usize| names.get(at).copied().unwrap_or_default().to_owned();
        let (first, second) = (name(merged.from), name(from));
        Err(LinkError::SectionMismatch { section: section.name.to_owned(), what, first, second })
    };
    if out.kind != if zeros { NOBITS } else { PROGBITS } {
        return mismatch("type");
    }
    if out.flags != section.flags {
        return mismatch("set of flags");
    }
    if out.entry_size != section.entry_size {
        return mismatch("size of its elements");
    }
    // There is one licence for all, and one version.
    if matches!(section.name, "license" | "version") {
        return if out.bytes == section.data { Ok(None) } else { mismatch("contents") };
    }
    out.align = out.align.max(section.align);
    let end = out.size();
    // libbpf: the strictest alignment so far counts for each part.
    let shift = end.checked_next_multiple_of(out.align).ok_or(LinkError::TooLarge)?;
    if zeros {
        out.zeros = shift.checked_add(section.size).ok_or(LinkError::TooLarge)?;
    } else {
        let gap = shift.saturating_sub(end);
        *padding = padding.checked_sub(gap).ok_or(LinkError::TooLarge)?;
        out.bytes.resize(usize::try_from(shift).map_err(|_| LinkError::TooLarge)?, 0);
        out.bytes.extend_from_slice(section.data);
    }
    Ok(Some(SectionPlace { section: at, shift }))
}
