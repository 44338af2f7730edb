//! A bound on what reading may allocate.
use crate::Error;

/// What reading may still allocate.
///
/// A table may name the same bytes many times (strings that share a tail, functions with several symbols), so that a small file
/// can describe a huge spec. Whatever is copied more than once is charged here before it is allocated.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

/// What every object may take, however small it is: small objects have the worst ratio of spec to file.
const FLOOR: usize = 512 * 1024;

/// Bytes of spec for each byte of the file.
const FACTOR: usize = 6;

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

    /// Takes what a [`SpecMap`](crate::spec::SpecMap) with room for it needs for one more spec: the spec, its key, the index.
    pub(crate) fn entry<T>(&mut self, key: &str) -> Result<(), Error> {
        /// Two counters and a pointer with length of the key; a slot of a hash table that may be half empty.
        const OVERHEAD: usize = 2 * 8 + 16 + 64;
        self.charge(size_of::<T>())?;
        self.charge(OVERHEAD.saturating_add(key.len()))
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
    fn what_is_spent_does_not_come_back() {
        let mut budget = Budget::new(10);
        assert!(budget.charge(FLOOR).is_ok());
        assert!(budget.charge(61).is_err());
        assert!(budget.charge(60).is_ok());
        assert!(budget.charge(1).is_err());
    }
}
