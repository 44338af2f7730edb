//! Places jumps, and makes those longer that do not reach.

use alloc::string::String;
use alloc::vec::Vec;

use super::LongJumps;
use crate::code::distance;
use crate::{BuildError, Code, Condition, Instruction, Operand, Register, Slot, Width};

/// A jump with the old index of its target.
#[derive(Clone, Debug)]
pub(super) struct Jump {
    pub(super) slot: usize,
    pub(super) target: usize,
    pub(super) label: String,
}

/// Writes the distance of every jump. All jumps stay short if they can.
pub(super) fn place(
    code: &mut Code,
    mut jumps: Vec<Jump>,
    long_jumps: LongJumps,
) -> Result<(), BuildError> {
    let too_far = jumps.iter().find(|jump| {
        !distance(jump.slot, jump.target).is_some_and(|d| reaches(code.slots.get(jump.slot), d))
    });
    match (too_far, long_jumps) {
        (Some(jump), LongJumps::Refuse) => {
            return Err(BuildError::JumpTooFar {
                slot: jump.slot,
                label: jump.label.clone(),
                distance: distance(jump.slot, jump.target).unwrap_or(i64::MAX),
            });
        }
        // Slots will move, so what was given as a distance needs its target as well.
        (Some(_), LongJumps::ViaGotol) => add_plain_jumps(code, &mut jumps)?,
        (None, _) => {}
    }
    let layout = Layout::new(&code.slots, jumps);
    code.slots = layout.emit(&code.slots)?;
    for symbol in code.functions.iter_mut().chain(&mut code.labels) {
        symbol.slot = layout.moved(symbol.slot);
    }
    for reference in &mut code.references {
        reference.slot = layout.moved(reference.slot);
    }
    Ok(())
}

/// Whether the encoding of this jump holds the distance.
fn reaches(slot: Option<&Slot>, distance: i64) -> bool {
    let long = slot.is_some_and(|slot| is_long(*slot));
    if long { i32::try_from(distance).is_ok() } else { i16::try_from(distance).is_ok() }
}

/// Whether the distance is in the immediate.
fn is_long(slot: Slot) -> bool {
    matches!(
        Instruction::decode(&[slot]),
        Some(Instruction::JumpLong { .. } | Instruction::CallFunction { .. })
    ) || slot.is_pseudo_func()
}

fn add_plain_jumps(code: &Code, jumps: &mut Vec<Jump>) -> Result<(), BuildError> {
    let mut plain = Vec::new();
    for (slot, instruction) in code.instructions() {
        let relative = match instruction {
            Some(
                Instruction::Jump { distance }
                | Instruction::MayGoto { distance }
                | Instruction::JumpIf { distance, .. },
            ) => i64::from(distance),
            Some(
                Instruction::JumpLong { distance }
                | Instruction::CallFunction { distance }
                | Instruction::LdImm64 { value: crate::Imm64::Function { distance }, .. },
            ) => i64::from(distance),
            _ => continue,
        };
        if jumps.binary_search_by_key(&slot, |jump| jump.slot).is_ok()
            || code.references.binary_search_by_key(&slot, |reference| reference.slot).is_ok()
        {
            continue;
        }
        let target = i64::try_from(slot)
            .ok()
            .and_then(|slot| slot.checked_add(relative)?.checked_add(1))
            .and_then(|target| usize::try_from(target).ok())
            .filter(|target| *target <= code.slots.len())
            .ok_or(BuildError::JumpOutside { slot })?;
        plain.push(Jump { slot, target, label: String::new() });
    }
    jumps.append(&mut plain);
    jumps.sort_by_key(|jump| jump.slot);
    Ok(())
}

/// Which jumps go the long way, and where that moves slots.
struct Layout {
    /// In the order of their slots.
    jumps: Vec<Jump>,
    /// Same indexes as `jumps`: slots that come after the jump, in front of the next instruction.
    extra: Vec<usize>,
    /// Same indexes as `jumps`: whether a `gotol` does it.
    long: Vec<bool>,
    /// Same indexes as `jumps`, and one more: sum of `extra` of all jumps before.
    before: Vec<usize>,
}

impl Layout {
    fn new(slots: &[Slot], jumps: Vec<Jump>) -> Self {
        let mut layout = Self {
            extra: alloc::vec![0; jumps.len()],
            long: alloc::vec![false; jumps.len()],
            before: alloc::vec![0; jumps.len().saturating_add(1)],
            jumps,
        };
        // Making one jump longer can put another out of reach; the number of long jumps only grows.
        while layout.lengthen(slots) {
            let mut sum = 0usize;
            for (before, extra) in layout.before.iter_mut().skip(1).zip(&layout.extra) {
                sum = sum.saturating_add(*extra);
                *before = sum;
            }
        }
        layout
    }

    /// Marks the jumps that do not reach. False if all do.
    fn lengthen(&mut self, slots: &[Slot]) -> bool {
        let mut changed = false;
        for index in 0..self.jumps.len() {
            let Some(jump) = self.jumps.get(index) else { continue };
            let slot = slots.get(jump.slot);
            let reached = self.distance(jump, 0).is_some_and(|distance| reaches(slot, distance));
            let (Some(long), Some(extra)) = (self.long.get_mut(index), self.extra.get_mut(index))
            else {
                continue;
            };
            if !reached && !*long && !slot.is_some_and(|slot| is_long(*slot)) {
                *long = true;
                *extra = slot.map_or(0, |slot| extra_slots(*slot));
                changed = true;
            }
        }
        changed
    }

    /// The new index of a slot.
    fn moved(&self, slot: usize) -> usize {
        let jumps_before = self.jumps.partition_point(|jump| jump.slot < slot);
        slot.saturating_add(self.before.get(jumps_before).copied().unwrap_or(0))
    }

    /// New distance to the target from the slot that is `extra` slots behind the jump.
    fn distance(&self, jump: &Jump, extra: usize) -> Option<i64> {
        distance(self.moved(jump.slot).saturating_add(extra), self.moved(jump.target))
    }

    fn emit(&self, slots: &[Slot]) -> Result<Vec<Slot>, BuildError> {
        let total = self.before.last().copied().unwrap_or(0);
        let mut emitted = Vec::with_capacity(slots.len().saturating_add(total));
        let mut jumps = self.jumps.iter().zip(&self.extra).zip(&self.long).peekable();
        for (index, slot) in slots.iter().enumerate() {
            let Some(((jump, extra), long)) = jumps.next_if(|((jump, _), _)| jump.slot == index)
            else {
                emitted.push(*slot);
                continue;
            };
            let distance = self.distance(jump, *extra).unwrap_or(i64::MAX);
            let failure =
                || BuildError::JumpTooFar { slot: index, label: jump.label.clone(), distance };
            if *long {
                let distance = i32::try_from(distance).map_err(|_| failure())?;
                emit_long(&mut emitted, *slot, distance);
            } else if is_long(*slot) {
                let imm = i32::try_from(distance).map_err(|_| failure())?;
                emitted.push(slot.with_imm(imm));
            } else {
                let offset = i16::try_from(distance).map_err(|_| failure())?;
                emitted.push(slot.with_offset(offset));
            }
        }
        Ok(emitted)
    }
}

/// Slots that [`emit_long`] adds to the one that is there.
fn extra_slots(slot: Slot) -> usize {
    match Instruction::decode(&[slot]) {
        Some(Instruction::JumpIf { condition, .. }) if condition.inverse().is_some() => 1,
        Some(Instruction::JumpIf { .. } | Instruction::MayGoto { .. }) => 2,
        _ => 0,
    }
}

/// The same jump with a `gotol`, which is its last slot.
fn emit_long(emitted: &mut Vec<Slot>, slot: Slot, distance: i32) {
    match Instruction::decode(&[slot]) {
        Some(Instruction::JumpIf { width, condition, dst, operand, .. }) => {
            emit_condition(emitted, width, condition, dst, operand);
        }
        Some(Instruction::MayGoto { .. }) => {
            emitted.extend([Slot::may_goto(1), Slot::jump(1)]);
        }
        _ => {}
    }
    emitted.push(Slot::jump_long(distance));
}

/// Falls through to the next slot if the condition holds, and skips it otherwise.
fn emit_condition(
    emitted: &mut Vec<Slot>,
    width: Width,
    condition: Condition,
    dst: Register,
    operand: Operand,
) {
    match condition.inverse() {
        Some(inverse) => emitted.push(Slot::jump_if(width, inverse, dst, operand, 1)),
        None => {
            emitted.extend([Slot::jump_if(width, condition, dst, operand, 1), Slot::jump(1)]);
        }
    }
}
