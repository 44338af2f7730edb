//! How much is looked at, so that no object and no target can make it take for ever.

use super::compat::TooDeep;
use crate::TypeId;

/// How many members, enumerators and types all relocations of an object may look at together: so many whatever the input is, for
/// each record, and for each byte of the object's types and of the targets. An object of the size of 1 MB gets about 20 million,
/// which take a second. Real ones need a hundred for a record.
const STEPS: u64 = 1 << 23;
const STEPS_PER_RECORD: u64 = 1 << 8;
const STEPS_PER_BYTE: u64 = 2;

/// Bytes of a name that count as one step more.
const NAME: usize = 64;

/// Steps for the typedefs and modifiers around a type, of which there may be 64.
const MODIFIED: u32 = 4;

/// How many steps it took to come from a type to what is under its typedefs and modifiers.
pub(super) fn steps_to(from: TypeId, under: Option<TypeId>) -> u32 {
    if under == Some(from) { 0 } else { MODIFIED }
}

/// How many steps reading a name takes beside the one for what has it.
pub(super) fn name_steps(len: usize) -> u32 {
    u32::try_from(len / NAME).unwrap_or(u32::MAX)
}

/// Takes steps from those that one search has.
pub(super) fn spend(budget: &mut u32, steps: u32) -> Result<(), TooDeep> {
    let left = budget.checked_sub(steps);
    *budget = left.unwrap_or(0);
    left.map(|_| ()).ok_or(TooDeep)
}

/// How many members, enumerators and types may be looked at by several searches together.
#[derive(Clone, Debug)]
pub(super) struct Work(u64);

impl Work {
    pub(super) const fn new(steps: u64) -> Self {
        Self(steps)
    }

    #[cfg(test)]
    pub(super) const fn left(&self) -> u64 {
        self.0
    }

    /// What so many records of an object may take before its types and targets are counted.
    pub(super) fn of(records: usize) -> Self {
        Self((records as u64).saturating_mul(STEPS_PER_RECORD).saturating_add(STEPS))
    }

    /// Adds what so many bytes of types may take. What has run out stays so: nobody knows what was not found.
    pub(super) fn add(&mut self, bytes: usize) {
        if !self.is_done() {
            let more = (bytes as u64).saturating_mul(STEPS_PER_BYTE);
            self.0 = self.0.saturating_add(more);
        }
    }

    /// Whether nothing is left, so that what was not found may yet be there.
    pub(super) const fn is_done(&self) -> bool {
        self.0 == 0
    }

    pub(super) fn spend(&mut self, steps: u32) {
        self.0 = self.0.saturating_sub(u64::from(steps));
    }

    /// A search that may take at most so many steps, and no more than there are.
    pub(super) fn search<T>(&mut self, most: u32, run: impl FnOnce(&mut u32) -> T) -> T {
        let given = u32::try_from(self.0).unwrap_or(u32::MAX).min(most);
        let mut left = given;
        let outcome = run(&mut left);
        self.spend(given.saturating_sub(left));
        outcome
    }
}
