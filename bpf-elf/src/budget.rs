//! A bound on what reading may allocate.
use crate::Error;

/// What reading may still allocate.
///
/// A table may name the same bytes many times (strings that share a tail, functions with several symbols), and the records of a spec
/// are larger than those of a file. So whatever grows with the file is charged here, in full and before it is allocated.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

/// What every object may take, however small it is: small objects have the worst ratio of spec to file.
const FLOOR: usize = 960 * 1024;

/// Bytes for each byte of the file. With what the allocations of this crate leave unused at their ends, less than the 8 that are promised.
const FACTOR: usize = 7;

/// Bytes of an entry of a [`SpecMap`](crate::spec::SpecMap) besides the spec itself: the counts of a shared name, its place in the list,
/// and that in the index, which is up to two thirds empty.
const MAP_ENTRY: usize = 16 + 16 + 12;

impl Budget {
    /// The budget for a file of this length.
    pub(crate) fn new(input: usize) -> Self {
        Self { left: input.saturating_mul(FACTOR).saturating_add(FLOOR) }
    }

    /// Takes `bytes` out of the budget.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(bytes).ok_or(Error::TooLarge)?;
        Ok(())
    }

    /// Takes `count` records of type `T` out of the budget.
    pub(crate) fn records<T>(&mut self, count: usize) -> Result<(), Error> {
        self.charge(count.saturating_mul(size_of::<T>()))
    }

    /// Takes an entry of a map out of the budget: the spec and its name.
    pub(crate) fn entry<T>(&mut self, name: &str) -> Result<(), Error> {
        self.records::<T>(1)?;
        self.charge(MAP_ENTRY.saturating_add(name.len()))
    }

    /// Makes room for `more` records: exactly so many in an empty table, and else for at least twice as many as there are, so that a
    /// table that grows again and again is not moved each time.
    pub(crate) fn grow<T>(&mut self, table: &mut Vec<T>, more: usize) -> Result<(), Error> {
        let (old, needed) = (table.capacity(), table.len().saturating_add(more));
        if needed <= old {
            return Ok(());
        }
        let new = needed.max(old.saturating_mul(2));
        // For a moment there are both.
        self.records::<T>(new)?;
        table.reserve_exact(new.saturating_sub(table.len()));
        self.release::<T>(old);
        Ok(())
    }

    /// Puts back what was only needed for a time.
    pub(crate) fn release<T>(&mut self, count: usize) {
        self.left = self.left.saturating_add(count.saturating_mul(size_of::<T>()));
    }

    /// Copies a name.
    pub(crate) fn string(&mut self, text: &str) -> Result<String, Error> {
        self.charge(text.len())?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_comes_back_only_by_release() {
        let mut budget = Budget::new(10);
        assert!(budget.charge(FLOOR).is_ok());
        assert!(budget.charge(71).is_err());
        assert!(budget.records::<u64>(8).is_ok());
        assert!(budget.records::<u64>(1).is_err());
        budget.release::<u64>(1);
        assert!(budget.records::<u64>(1).is_ok());
        assert!(budget.records::<u64>(usize::MAX).is_err());
    }

    #[test]
    fn a_table_is_paid_for_by_its_size_and_moved_rarely() {
        let mut budget = Budget { left: 1000 };
        let mut table: Vec<u64> = Vec::new();
        // Rows: what is added, the capacity after it, and what is left.
        for (more, capacity, left) in
            [(0, 0, 1000), (3, 3, 976), (1, 6, 952), (2, 6, 952), (20, 26, 792)]
        {
            assert!(budget.grow(&mut table, more).is_ok());
            table.extend(vec![7; more]);
            assert_eq!((table.capacity(), budget.left), (capacity, left));
        }
        // The old table is there until its records have moved.
        assert!(budget.grow(&mut table, 50).is_ok());
        assert_eq!(budget.left, 792 - (76 - 26) * 8);
        table.extend([7; 50]);
        assert!(budget.grow(&mut table, 1).is_err());
        assert_eq!(table.capacity(), 76);
    }
}
