//! `.BTF.ext`: what the compiler knows about functions, lines and types behind instructions.
//!
//! Records count bytes from the start of the section as the compiler, or a linker that left gaps, wrote it. So they are matched to
//! functions by their offset in the section, and what falls into a gap is dropped with the code that was there.

use std::collections::HashMap;

use bpf_btf::BtfExt;

use super::class::Class;
use super::functions::{FunctionTable, SLOT};
use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::object::SectionIndex;
use crate::spec::{CoreKind, CoreRelocation, Function, LineInfo};

/// Gives every function its records.
pub(super) fn attach(
    input: &Input<'_>,
    budget: &mut Budget,
    table: &FunctionTable<'_>,
    functions: &mut [Function],
) -> Result<(), Error> {
    let (Some(btf), Some(ext)) = (&input.btf, &input.btf_ext) else { return Ok(()) };
    let mut sections = HashMap::new();
    for (section, class) in input.sections() {
        if class == Class::Code {
            sections.entry(section.name).or_insert(section.index);
        }
    }
    let find = |name| sections.get(btf.string(name)?).copied();
    let mut records = Records { input, budget, table, functions };
    records.funcs(ext, find);
    records.lines(ext, find)?;
    records.core(ext, find)?;
    for function in functions {
        sort_by_slot(&mut function.line_infos, |line| line.slot);
        sort_by_slot(&mut function.core_relocations, |relocation| relocation.slot);
    }
    Ok(())
}

fn sort_by_slot<T>(records: &mut [T], slot: impl Fn(&T) -> usize) {
    if !records.is_sorted_by_key(&slot) {
        records.sort_by_key(slot);
    }
}

struct Records<'a, 'data> {
    input: &'a Input<'data>,
    budget: &'a mut Budget,
    table: &'a FunctionTable<'data>,
    functions: &'a mut [Function],
}

impl Records<'_, '_> {
    fn funcs(&mut self, ext: &BtfExt<'_>, find: impl Fn(u32) -> Option<SectionIndex>) {
        for info in ext.func_infos() {
            let Some(section) = find(info.name_offset) else { continue };
            for record in info.records {
                let offset = u64::from(record.insn_offset);
                let Some(mut at) = self.table.around(section, offset) else { continue };
                // All functions that start here, for one may have several names.
                while let Some(place) = self.table.places().get(at) {
                    if (place.section, place.offset) != (section, offset) {
                        break;
                    }
                    if let Some(function) = self.functions.get_mut(at) {
                        function.type_id = Some(record.type_id.get());
                    }
                    at = at.saturating_add(1);
                }
            }
        }
    }

    fn lines(
        &mut self,
        ext: &BtfExt<'_>,
        find: impl Fn(u32) -> Option<SectionIndex>,
    ) -> Result<(), Error> {
        for info in ext.line_infos() {
            let Some(section) = find(info.name_offset) else { continue };
            let offsets = info.records.clone().map(|record| record.insn_offset);
            self.reserve::<LineInfo>(section, offsets, |function| &mut function.line_infos)?;
            for record in info.records {
                self.each(section, record.insn_offset, |function, slot| {
                    function.line_infos.push(LineInfo {
                        slot,
                        file_name: record.file_name_offset,
                        line_text: record.line_offset,
                        line: record.line(),
                        column: u16::try_from(record.column()).unwrap_or(u16::MAX),
                    });
                })?;
            }
        }
        Ok(())
    }

    fn core(
        &mut self,
        ext: &BtfExt<'_>,
        find: impl Fn(u32) -> Option<SectionIndex>,
    ) -> Result<(), Error> {
        for info in ext.core_relos() {
            let Some(section) = find(info.name_offset) else { continue };
            let offsets = info.records.clone().map(|record| record.insn_offset);
            self.reserve(section, offsets, |function| &mut function.core_relocations)?;
            for record in info.records {
                self.each(section, record.insn_offset, |function, slot| {
                    function.core_relocations.push(CoreRelocation {
                        slot,
                        kind: CoreKind(record.kind),
                        type_id: record.type_id.get(),
                        access: record.access_offset,
                    });
                })?;
            }
        }
        Ok(())
    }

    /// Makes room for the records at these offsets, so that each table is allocated once and in its size.
    fn reserve<T>(
        &mut self,
        section: SectionIndex,
        offsets: impl Iterator<Item = u32>,
        table: impl Fn(&mut Function) -> &mut Vec<T>,
    ) -> Result<(), Error> {
        let mut run: Option<(std::ops::Range<u64>, usize, usize)> = None;
        for offset in offsets {
            let offset = u64::from(offset);
            match &mut run {
                Some((range, _, count)) if range.contains(&offset) => {
                    *count = count.saturating_add(1);
                }
                _ => {
                    self.make_room(run.take(), &table)?;
                    run = self.table.around(section, offset).and_then(|first| {
                        let place = self.table.places().get(first)?;
                        Some((place.offset..place.end(), first, 1))
                    });
                }
            }
        }
        self.make_room(run, &table)
    }

    fn make_room<T>(
        &mut self,
        run: Option<(std::ops::Range<u64>, usize, usize)>,
        table: &impl Fn(&mut Function) -> &mut Vec<T>,
    ) -> Result<(), Error> {
        let Some((range, first, count)) = run else { return Ok(()) };
        let places = self.table.places().get(first..).unwrap_or_default();
        let section = places.first().map(|place| place.section);
        let names = places
            .iter()
            .take_while(|place| Some(place.section) == section && place.offset == range.start)
            .count();
        let functions = self.functions.iter_mut().skip(first).take(names);
        for function in functions {
            self.budget.charge(count.saturating_mul(size_of::<T>()))?;
            table(function).reserve_exact(count);
        }
        Ok(())
    }

    /// Calls `add` for every function that has the instruction at this offset.
    fn each(
        &mut self,
        section: SectionIndex,
        offset: u32,
        mut add: impl FnMut(&mut Function, usize),
    ) -> Result<(), Error> {
        let offset = u64::from(offset);
        let Some(mut at) = self.table.around(section, offset) else { return Ok(()) };
        let Some(start) = self.table.places().get(at).map(|place| place.offset) else {
            return Ok(());
        };
        let distance = offset.saturating_sub(start);
        if distance % SLOT != 0 {
            return Err(Error::RelocationPlace {
                section: self.input.section_name(section).to_owned(),
                offset,
                found: "the middle of an instruction".to_owned(),
                expected: "an instruction (a record of .BTF.ext)",
            });
        }
        let slot = usize::try_from(distance / SLOT).unwrap_or(usize::MAX);
        while let Some(place) = self.table.places().get(at) {
            if (place.section, place.offset) != (section, start) {
                break;
            }
            if let Some(function) = self.functions.get_mut(at) {
                add(function, slot);
            }
            at = at.saturating_add(1);
        }
        Ok(())
    }
}
