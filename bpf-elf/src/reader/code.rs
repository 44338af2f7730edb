//! Instructions, and what they name.

use std::collections::HashMap;
use std::sync::Arc;

use bpf_asm::{
    PSEUDO_BTF_ID, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE,
    Register, Slot, decode_slots,
};

use super::class::Class;
use super::externs::ExternTable;
use super::functions::{FunctionPlace, FunctionTable, SLOT};
use super::input::Input;
use super::jump_tables;
use super::maps::MapTable;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Place, Relocation, SectionIndex, Symbol, SymbolKind};
use crate::spec::{ExternKind, Function, JumpTable, Reference, Target, Warning};

/// What instructions can name, ready to be looked up.
pub(super) struct Linker<'a, 'data> {
    pub(super) input: &'a Input<'data>,
    pub(super) functions: &'a FunctionTable<'data>,
    pub(super) maps: &'a MapTable,
    pub(super) externs: &'a ExternTable,
    /// The maps that hold data sections, by section index.
    pub(super) data: &'a [Option<Arc<str>>],
    pub(super) warnings: &'a mut Vec<Warning>,
}

/// An instruction that a relocation, or its own distance, ties to something.
#[derive(Clone, Copy)]
struct Site {
    section: SectionIndex,
    /// Bytes from the start of the section.
    offset: u64,
    slot: Slot,
}

impl Linker<'_, '_> {
    /// Reads all functions, in the order of the table, and hands each over.
    pub(super) fn read(
        &mut self,
        budget: &mut Budget,
        mut take: impl FnMut(&FunctionPlace<'_>, Function, &mut Budget) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let places = self.functions.places();
        let mut rest = places;
        while let Some(first) = rest.first() {
            let section = first.section;
            let (same, others) =
                rest.split_at(rest.partition_point(|place| place.section == section));
            rest = others;
            let relocations = self.input.relocations_of(section, budget)?;
            for place in same {
                let start =
                    relocations.partition_point(|relocation| relocation.offset < place.offset);
                let end = relocations.partition_point(|relocation| relocation.offset < place.end());
                let relocations = relocations.get(start..end).unwrap_or_default();
                let function = self.function(place, relocations, budget)?;
                take(place, function, budget)?;
            }
            budget.release::<Relocation>(relocations.capacity());
        }
        Ok(())
    }

    fn function(
        &mut self,
        place: &FunctionPlace<'_>,
        relocations: &[Relocation],
        budget: &mut Budget,
    ) -> Result<Function, Error> {
        let section = self.input.object.section(place.section);
        let range = usize::try_from(place.offset).ok().zip(usize::try_from(place.end()).ok());
        let code =
            section.zip(range).and_then(|(section, (start, end))| section.data.get(start..end));
        // The place was checked against the size of the section, which an executable section has in full.
        let code = code.unwrap_or_default();
        let slots = decode_slots(code, self.input.object.order()).unwrap_or_default();
        let mut function = Function::new(budget.string(place.name)?, slots);
        function.section = budget.string(self.input.section_name(place.section))?;
        function.linkage = place.linkage;
        function.hidden = place.hidden;

        budget.records::<Reference>(relocations.len())?;
        function.references.reserve_exact(relocations.len());
        let mut tables = HashMap::new();
        for relocation in relocations {
            let offset = relocation.offset.saturating_sub(place.offset);
            let slot = usize::try_from(offset / SLOT).unwrap_or(usize::MAX);
            let taken = function.references.last().is_some_and(|last| last.slot >= slot);
            let Some(found) = function.slots.get(slot).filter(|_| offset % SLOT == 0 && !taken)
            else {
                return Err(self.misplaced(place.section, relocation, "no instruction of its own"));
            };
            let site = Site { section: place.section, offset: relocation.offset, slot: *found };
            let target = match self.jump_table(
                place,
                site,
                relocation,
                &mut function,
                &mut tables,
                budget,
            )? {
                Some(index) => Target::JumpTable { index },
                None => self.resolve(site, relocation)?,
            };
            write(&mut function.slots, slot, &target);
            function.references.push(Reference::new(slot, target));
        }
        self.add_distances(place, &mut function, budget)?;
        Ok(function)
    }

    /// The index of the jump table that an instruction loads the address of, if it does.
    fn jump_table(
        &mut self,
        place: &FunctionPlace<'_>,
        site: Site,
        relocation: &Relocation,
        function: &mut Function,
        tables: &mut HashMap<usize, usize>,
        budget: &mut Budget,
    ) -> Result<Option<usize>, Error> {
        let symbol = self.input.symbol(site.section, relocation)?;
        let Place::Section(section) = symbol.place else { return Ok(None) };
        if self.input.class(section) != Class::JumpTables || !site.slot.is_ld_imm64() {
            return Ok(None);
        }
        let Some(section) = self.input.object.section(section) else { return Ok(None) };
        if let Some(&index) = tables.get(&relocation.symbol) {
            return Ok(Some(index));
        }
        let index = function.jump_tables.len();
        // The lists of tables grow by doubling.
        budget.records::<JumpTable>(3)?;
        budget.records::<[usize; 2]>(3)?;
        let table = jump_tables::read(self.input, budget, place, section, symbol, self.warnings)?;
        function.jump_tables.push(table);
        tables.insert(relocation.symbol, index);
        Ok(Some(index))
    }

    /// Calls within a section may have no relocation: the instruction has the distance. So have loads of a function's address.
    fn add_distances(
        &self,
        place: &FunctionPlace<'_>,
        function: &mut Function,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        let sites = distances(&function.slots, &function.references);
        if sites.is_empty() {
            return Ok(());
        }
        budget.records::<[usize; 2]>(sites.len())?;
        budget.records::<Reference>(sites.len())?;
        function.references.reserve_exact(sites.len());
        let start = i64::try_from(place.offset).unwrap_or(i64::MAX);
        for &at in &sites {
            let Some(&slot) = function.slots.get(at) else { continue };
            let offset = start.saturating_add(bytes(i64::try_from(at).unwrap_or(i64::MAX)));
            let target = offset.saturating_add(bytes(i64::from(slot.imm).saturating_add(1)));
            let offset = u64::try_from(offset).unwrap_or_default();
            let site = Site { section: place.section, offset, slot };
            let key = self.function_at(site, place.section, target)?;
            let target = if slot.is_call() {
                Target::Call { function: key }
            } else {
                Target::FunctionAddress { function: key }
            };
            write(&mut function.slots, at, &target);
            function.references.push(Reference::new(at, target));
        }
        function.references.sort_unstable_by_key(|reference| reference.slot);
        budget.release::<[usize; 2]>(sites.len());
        Ok(())
    }

    /// What a relocated instruction names. libbpf (`bpf_program__record_reloc`) goes by the instruction and the symbol, not by the
    /// type of the relocation: old compilers gave wrong ones.
    fn resolve(&self, site: Site, relocation: &Relocation) -> Result<Target, Error> {
        let symbol = self.input.symbol(site.section, relocation)?;
        let is_call = site.slot.is_call();
        if !is_call && !site.slot.is_ld_imm64() {
            let found = format!("opcode {:#04x}", site.slot.opcode.byte());
            return Err(self.misplaced(site.section, relocation, &found));
        }
        let section = match symbol.place {
            Place::Section(section) => section,
            Place::Undefined => return self.extern_symbol(site, relocation, symbol),
            Place::Reserved => return Err(self.wrong_target(site, symbol, "in no section")),
        };
        let value = i64::try_from(symbol.value).unwrap_or(i64::MAX);
        let imm = i64::from(site.slot.imm);
        if is_call {
            if self.input.class(section) != Class::Code {
                return Err(self.wrong_target(site, symbol, "not a function, and called"));
            }
            let target = value.saturating_add(bytes(imm.saturating_add(1)));
            return Ok(Target::Call { function: self.function_at(site, section, target)? });
        }
        match self.input.class(section) {
            Class::Code => {
                let function = self.function_at(site, section, value.saturating_add(imm))?;
                Ok(Target::FunctionAddress { function })
            }
            Class::Maps | Class::LegacyMaps => {
                // A name leads to its map, whatever the instruction holds; the section needs the offset in it.
                let offset = if symbol.kind == SymbolKind::Section { imm } else { 0 };
                let offset = u64::try_from(value.saturating_add(offset)).unwrap_or(u64::MAX);
                let found = self.maps.at(section, offset);
                let name = found.ok_or_else(|| self.wrong_target(site, symbol, "not a map"))?;
                Ok(Target::Map { name: Arc::clone(name) })
            }
            Class::Data(_) | Class::Arena => {
                let map = self.data.get(section.get()).and_then(Option::as_ref);
                let map =
                    map.ok_or_else(|| self.wrong_target(site, symbol, "in an empty section"))?;
                let offset = u32::try_from(value.saturating_add(imm));
                let outside = |_| self.wrong_target(site, symbol, "used outside of its section");
                Ok(Target::MapValue { map: Arc::clone(map), offset: offset.map_err(outside)? })
            }
            _ => Err(self.wrong_target(site, symbol, "in a section that programs cannot use")),
        }
    }

    fn extern_symbol(
        &self,
        site: Site,
        relocation: &Relocation,
        symbol: &Symbol,
    ) -> Result<Target, Error> {
        let Some((kind, name)) = self.externs.get(relocation.symbol) else {
            return Err(Error::Undefined {
                symbol: self.input.object.symbol_name(symbol)?.to_owned(),
                section: self.input.section_name(site.section).to_owned(),
                offset: site.offset,
            });
        };
        let name = Arc::clone(name);
        match (kind, site.slot.is_call()) {
            (ExternKind::Kfunc, true) => Ok(Target::Kfunc { name }),
            (ExternKind::Kfunc, false) => Ok(Target::KfuncAddress { name }),
            (ExternKind::Ksym, false) => Ok(Target::Ksym { name }),
            (ExternKind::Kconfig, false) => Ok(Target::Kconfig { name }),
            (_, true) => Err(self.wrong_target(site, symbol, "not a function, and called")),
        }
    }

    /// The key of the function that starts here.
    fn function_at(
        &self,
        site: Site,
        section: SectionIndex,
        target: i64,
    ) -> Result<Arc<str>, Error> {
        let place =
            u64::try_from(target).ok().and_then(|offset| self.functions.at(section, offset));
        let place = place.ok_or_else(|| Error::NoFunction {
            section: self.input.section_name(site.section).to_owned(),
            offset: site.offset,
            target_section: self.input.section_name(section).to_owned(),
            target,
        })?;
        Ok(Arc::clone(&place.key))
    }

    fn misplaced(&self, section: SectionIndex, relocation: &Relocation, found: &str) -> Error {
        Error::RelocationPlace {
            section: self.input.section_name(section).to_owned(),
            offset: relocation.offset,
            found: found.to_owned(),
            expected: "a 64-bit load or a call",
        }
    }

    fn wrong_target(&self, site: Site, symbol: &Symbol, problem: &'static str) -> Error {
        let name = self.input.object.symbol_name(symbol).unwrap_or_default();
        let target = match symbol.place {
            Place::Section(section) if name.is_empty() => {
                format!("section {:?}", self.input.section_name(section))
            }
            Place::Section(section) => {
                format!("symbol {name:?} of section {:?}", self.input.section_name(section))
            }
            _ => format!("symbol {name:?}"),
        };
        let section = self.input.section_name(site.section).to_owned();
        Error::RelocationTarget { section, offset: site.offset, target, problem }
    }
}

/// The slots of instructions that refer to a function by its distance, without a reference yet.
pub(crate) fn distances(slots: &[Slot], references: &[Reference]) -> Vec<usize> {
    let mut known = references.iter().peekable();
    let mut found = Vec::new();
    let mut next = 0_usize;
    let refers = |slot: &Slot| slot.is_ld_imm64() || slot.is_call();
    while let Some(rest) = slots.get(next..) {
        let Some(distance) = rest.iter().position(refers) else { break };
        let at = next.saturating_add(distance);
        let Some(slot) = slots.get(at) else { break };
        // The second half of a load is no instruction, whatever it looks like.
        next = at.saturating_add(if slot.is_ld_imm64() { 2 } else { 1 });
        if slot.is_pseudo_call() || slot.is_pseudo_func() {
            while known.next_if(|reference| reference.slot < at).is_some() {}
            if known.peek().is_none_or(|reference| reference.slot != at) {
                found.push(at);
            }
        }
    }
    found
}

/// Bytes of this many slots.
fn bytes(slots: i64) -> i64 {
    slots.saturating_mul(8)
}

/// Makes an instruction say what kind of thing it names, and takes the numbers out that only made sense in the file.
pub(crate) fn write(slots: &mut [Slot], at: usize, target: &Target) {
    let (src, imm, high) = match target {
        Target::Map { .. } => (PSEUDO_MAP_FD, 0, 0),
        Target::MapValue { offset, .. } => {
            (PSEUDO_MAP_VALUE, 0, i32::from_ne_bytes(offset.to_ne_bytes()))
        }
        Target::Kconfig { .. } | Target::JumpTable { .. } => (PSEUDO_MAP_VALUE, 0, 0),
        Target::Call { .. } => (PSEUDO_CALL, -1, 0),
        Target::FunctionAddress { .. } => (PSEUDO_FUNC, -1, 0),
        Target::Kfunc { .. } => (PSEUDO_KFUNC_CALL, -1, 0),
        Target::KfuncAddress { .. } => (PSEUDO_BTF_ID, 0, 0),
        // Whether the kernel wants a BTF id or an address here depends on the declaration.
        Target::Ksym { .. } => (Register::R0, 0, 0),
    };
    let Some(first) = slots.get_mut(at) else { return };
    first.set_src(src);
    first.imm = imm;
    if first.is_ld_imm64() {
        if let Some(second) = slots.get_mut(at.saturating_add(1)) {
            second.imm = high;
        }
    }
}
