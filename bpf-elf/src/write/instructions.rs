//! Instructions with their relocations, as clang writes them.

use bpf_asm::{ByteOrder, PSEUDO_CALL, Register, Slot};

use super::Writer;
use super::code::{FunctionId, Placed, SLOT};
use super::error::WriteError;
use crate::emit::{OutRelocation, R_BPF_64_32, R_BPF_64_64, SectionId, SymbolId};
use crate::spec::{Linkage, Reference, Target};

/// What an instruction and its relocation hold.
#[derive(Clone, Copy)]
struct Patch {
    src: Register,
    imm: i32,
    symbol: Option<SymbolId>,
}

impl Patch {
    /// A 64-bit load of the address of a symbol, and what is added to it.
    fn load(symbol: SymbolId, imm: i32) -> Self {
        Self { src: Register::R0, imm, symbol: Some(symbol) }
    }

    /// A call of a symbol; the number leads from the symbol to the function, less one.
    fn call(symbol: SymbolId, imm: i32) -> Self {
        Self { src: PSEUDO_CALL, imm, symbol: Some(symbol) }
    }
}

impl Writer<'_> {
    /// Writes all instructions, and the relocations of those that name something.
    pub(super) fn relocate(&mut self) -> Result<(), WriteError> {
        for at in 0..self.code.sections.len() {
            let count = self.code.sections.get(at).map_or(0, |section| section.functions.len());
            let mut bytes: Vec<u8> = Vec::new();
            let mut relocations = Vec::new();
            for index in 0..count {
                let id = FunctionId { section: at, index };
                let Some(placed) = self.code.get(id).copied().filter(|placed| !placed.alias) else {
                    continue;
                };
                let start = usize::try_from(placed.offset).map_err(|_| WriteError::TooLarge)?;
                // What another object overrode once is a gap.
                bytes.resize(start.max(bytes.len()), 0);
                let mut slots = placed.function.slots.clone();
                for reference in &placed.function.references {
                    let patch = self.patch(id, &placed, reference)?;
                    let slot = reference.slot;
                    if let Some(symbol) = patch.symbol {
                        let call = slots.get(slot).is_some_and(|slot| slot.is_call());
                        let kind = if call { R_BPF_64_32 } else { R_BPF_64_64 };
                        let offset = placed.offset.saturating_add(bytes_of(slot));
                        relocations.push(OutRelocation { offset, kind, symbol });
                    }
                    apply(&mut slots, slot, patch);
                }
                bytes.extend(encode(&slots, self.spec.byte_order));
            }
            let section = self.code_sections.get(at).copied();
            if let Some(section) = section.and_then(|id| self.elf.section_mut(id)) {
                section.bytes = bytes;
                section.relocations = relocations;
            }
        }
        Ok(())
    }

    /// What the instruction of a reference holds.
    fn patch(
        &mut self,
        id: FunctionId,
        placed: &Placed<'_>,
        reference: &Reference,
    ) -> Result<Patch, WriteError> {
        let fail = |problem| WriteError::Reference {
            function: placed.key.to_owned(),
            slot: reference.slot,
            problem,
        };
        let slot = placed.function.slots.get(reference.slot).copied();
        let slot = slot.ok_or_else(|| fail("it is beyond the end"))?;
        let (is_call, is_load) = (slot.is_call(), slot.is_ld_imm64());
        let calls = matches!(reference.target, Target::Call { .. } | Target::Kfunc { .. });
        if calls && !is_call {
            return Err(fail("it is no call"));
        }
        if !calls && !is_load {
            return Err(fail("it is no 64-bit load"));
        }
        match &reference.target {
            Target::Map { name } => {
                let symbol = self.maps.get(&**name).copied();
                Ok(Patch::load(symbol.ok_or_else(|| fail("the map has no definition"))?, 0))
            }
            Target::MapValue { map, offset } => {
                let place = self.data.get(&**map);
                let place = place.ok_or_else(|| fail("the map is not a section of variables"))?;
                let (variable, section) = (place.variable(*offset), place.section);
                let (symbol, addend) = match variable {
                    Some((symbol, addend)) => (symbol, addend),
                    None => (self.elf.section_symbol(section), *offset),
                };
                let addend = i32::try_from(addend);
                Ok(Patch::load(symbol, addend.map_err(|_| fail("the value is too far away"))?))
            }
            Target::JumpTable { index } => {
                let tables = self.jump_tables.get(&(id.section, id.index));
                let symbol = tables.and_then(|tables| tables.get(*index)).copied();
                Ok(Patch::load(symbol.ok_or_else(|| fail("there is no such jump table"))?, 0))
            }
            Target::Call { function } => {
                let here = placed.offset.saturating_add(bytes_of(reference.slot));
                self.call(id, here, function).ok_or_else(|| fail("the function is too far away"))
            }
            Target::FunctionAddress { function } => {
                self.address(function).ok_or_else(|| fail("the function is too far away"))
            }
            Target::Kfunc { name } => {
                let symbol = self.externs.get(&**name).copied();
                Ok(Patch::call(symbol.ok_or_else(|| fail("there is no such extern"))?, -1))
            }
            Target::KfuncAddress { name } | Target::Ksym { name } | Target::Kconfig { name } => {
                let symbol = self.externs.get(&**name).copied();
                Ok(Patch::load(symbol.ok_or_else(|| fail("there is no such extern"))?, 0))
            }
        }
    }

    /// A call of a function from a place in a section. Static functions have no symbol that a relocation can name: those of the same
    /// section are a distance away, others have a place in theirs.
    fn call(&mut self, from: FunctionId, here: u64, key: &str) -> Option<Patch> {
        let id = self.code.find(key)?;
        let placed = self.code.get(id)?;
        if placed.linkage != Linkage::Static {
            return Some(Patch::call(self.function_symbol(id)?, -1));
        }
        let target = i64::try_from(placed.offset / SLOT).ok()?;
        if id.section != from.section {
            let section = self.section_of(id)?;
            let imm = i32::try_from(target.checked_sub(1)?).ok()?;
            return Some(Patch::call(self.elf.section_symbol(section), imm));
        }
        let here = i64::try_from(here / SLOT).ok()?;
        let imm = i32::try_from(target.checked_sub(here)?.checked_sub(1)?).ok()?;
        Some(Patch { src: PSEUDO_CALL, imm, symbol: None })
    }

    /// A load of the address of a function.
    fn address(&mut self, key: &str) -> Option<Patch> {
        let id = self.code.find(key)?;
        let placed = self.code.get(id)?;
        if placed.linkage != Linkage::Static {
            return Some(Patch::load(self.function_symbol(id)?, 0));
        }
        let imm = i32::try_from(placed.offset).ok()?;
        let section = self.section_of(id)?;
        Some(Patch::load(self.elf.section_symbol(section), imm))
    }

    fn section_of(&self, id: FunctionId) -> Option<SectionId> {
        self.code_sections.get(id.section).copied()
    }
}

fn bytes_of(slot: usize) -> u64 {
    u64::try_from(slot).unwrap_or(u64::MAX).saturating_mul(SLOT)
}

fn apply(slots: &mut [Slot], at: usize, patch: Patch) {
    let Some(first) = slots.get_mut(at) else { return };
    first.set_src(patch.src);
    first.imm = patch.imm;
    if first.is_ld_imm64() {
        if let Some(second) = slots.get_mut(at.saturating_add(1)) {
            second.imm = 0;
        }
    }
}

fn encode(slots: &[Slot], order: ByteOrder) -> Vec<u8> {
    bpf_asm::encode_slots(slots, order)
}
