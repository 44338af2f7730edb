//! Things looked up by name, in a table that takes no more room than it needs.

use crate::Error;
use crate::budget::Budget;

/// Values sorted by name. Where several have one name, any of them is found.
pub(super) struct ByName<'a, T>(Vec<(&'a str, T)>);

impl<'a, T: Copy> ByName<'a, T> {
    /// A table of at most `most` values. What it takes of the budget is given back by [`drop`](Self::drop).
    pub(super) fn new(
        most: usize,
        values: impl Iterator<Item = Result<(&'a str, T), Error>>,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        budget.records::<(&str, T)>(most)?;
        let mut table = Vec::with_capacity(most);
        for value in values.take(most) {
            table.push(value?);
        }
        table.sort_unstable_by_key(|(name, _)| *name);
        Ok(Self(table))
    }

    /// The value of this name.
    pub(super) fn get(&self, name: &str) -> Option<T> {
        let at = self.0.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.0.get(at).map(|(_, value)| *value)
    }

    /// Gives the memory back.
    pub(super) fn drop(self, budget: &mut Budget) {
        budget.release::<(&str, T)>(self.0.capacity());
    }
}
