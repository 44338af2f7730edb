//! `.BTF.ext`: what the compiler knows about functions, lines and types behind instructions.
//!
//! Records count bytes from the start of the section as the compiler, or a linker that left gaps, wrote it. So they are matched to
//! functions by their offset in the section, and what falls into a gap is dropped with the code that was there.

use bpf_btf::{BtfExt, Record, Records as BtfRecords};

use super::class::Class;
use super::functions::{FunctionTable, Functions, Group, SLOT};
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
    functions: &mut Functions,
) -> Result<(), Error> {
    let (Some(btf), Some(ext)) = (&input.btf, &input.btf_ext) else { return Ok(()) };
    let code = || input.sections().filter(|(_, class)| *class == Class::Code);
    // Of several sections of one name, the first one. The table is paid for with the sections.
    let mut sections = Vec::with_capacity(code().count());
    sections.extend(code().map(|(section, _)| (section.name, section.index)));
    sections.sort_unstable();
    let find = |name| {
        let name = btf.string(name)?;
        let at = sections.partition_point(|(known, _)| *known < name);
        sections.get(at).filter(|(known, _)| *known == name).map(|(_, section)| *section)
    };
    let mut records = Records { input, budget, table, functions };
    records.funcs(ext, find);
    records.lines(ext, find)?;
    records.core(ext, find)?;
    for function in functions.all_mut() {
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
    functions: &'a mut Functions,
}

impl Records<'_, '_> {
    /// A record is for all functions that start where it says, for one may have several names: the first gets it, and passes it on to the
    /// others once.
    fn funcs(&mut self, ext: &BtfExt<'_>, find: impl Fn(u32) -> Option<SectionIndex>) {
        let places = self.table.places();
        for info in ext.func_infos() {
            let Some(section) = find(info.name_offset) else { continue };
            for record in info.records {
                let offset = u64::from(record.insn_offset);
                let Some(place) = self.table.at(section, offset) else { continue };
                if let Some(function) = self.functions.get_mut(place) {
                    function.type_id = Some(record.type_id.get());
                }
            }
        }
        let mut first = None;
        for place in places {
            let Some(function) = self.functions.get_mut(place) else { continue };
            match first {
                Some((section, offset, type_id))
                    if (section, offset) == (place.section, place.offset) =>
                {
                    function.type_id = type_id;
                }
                _ => first = Some((place.section, place.offset, function.type_id)),
            }
        }
    }

    fn lines(
        &mut self,
        ext: &BtfExt<'_>,
        find: impl Fn(u32) -> Option<SectionIndex>,
    ) -> Result<(), Error> {
        let infos = ext.line_infos().map(|info| (find(info.name_offset), info.records));
        let offset = |record: &bpf_btf::LineInfo<'_>| record.insn_offset;
        self.add(
            infos,
            offset,
            |function| &mut function.line_infos,
            |slot, record| LineInfo {
                slot,
                file_name: record.file_name_offset,
                line_text: record.line_offset,
                line: record.line(),
                column: u16::try_from(record.column()).unwrap_or(u16::MAX),
            },
        )
    }

    fn core(
        &mut self,
        ext: &BtfExt<'_>,
        find: impl Fn(u32) -> Option<SectionIndex>,
    ) -> Result<(), Error> {
        let infos = ext.core_relos().map(|info| (find(info.name_offset), info.records));
        let offset = |record: &bpf_btf::CoreRelo| record.insn_offset;
        self.add(
            infos,
            offset,
            |function| &mut function.core_relocations,
            |slot, record| CoreRelocation {
                slot,
                kind: CoreKind(record.kind),
                type_id: record.type_id.get(),
                access: record.access_offset,
            },
        )
    }

    /// Makes an entry of each record, in the table of every function that has its instruction.
    ///
    /// Records mostly come in the order of the code: those of a function follow each other, and its table is allocated once and in its
    /// size.
    fn add<'r, R: Record<'r> + Clone, T>(
        &mut self,
        infos: impl Iterator<Item = (Option<SectionIndex>, BtfRecords<'r, R>)>,
        offset: impl Fn(&R) -> u32,
        table: impl Fn(&mut Function) -> &mut Vec<T>,
        entry: impl Fn(usize, R) -> T,
    ) -> Result<(), Error> {
        for (section, mut rest) in infos {
            let Some(section) = section else { continue };
            let mut last: Option<Group> = None;
            while let Some(first) = rest.first_offset() {
                last = self.table.group_around(last.as_ref(), section, u64::from(first));
                let Some(group) = &last else {
                    rest.next();
                    continue;
                };
                let records;
                (records, rest) = rest.split_within(group.code.clone());
                // The code of a function starts at a whole slot, and so must each record.
                let mut odd = 0;
                let places = self.table.places().get(group.places.clone());
                for place in places.unwrap_or_default() {
                    let Some(function) = self.functions.get_mut(place) else { continue };
                    let table = table(function);
                    self.budget.grow(table, records.len())?;
                    records.clone().for_each(|record| {
                        let offset = offset(&record);
                        odd |= u64::from(offset) % SLOT;
                        let distance = u64::from(offset).saturating_sub(group.code.start);
                        let slot = usize::try_from(distance / SLOT).unwrap_or(usize::MAX);
                        table.push(entry(slot, record));
                    });
                }
                if odd != 0 {
                    let mut offsets = records.map(|record| u64::from(offset(&record)));
                    let offset = offsets.find(|offset| offset % SLOT != 0);
                    return Err(Error::RelocationPlace {
                        section: self.input.section_name(section).to_owned(),
                        offset: offset.unwrap_or_default(),
                        found: "the middle of an instruction".to_owned(),
                        expected: "an instruction (a record of .BTF.ext)",
                    });
                }
            }
        }
        Ok(())
    }
}
