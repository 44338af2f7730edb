//! A map from names to specs that keeps their order.
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Specs by name, in the order of their definition.
///
/// Names are unique. Two maps are equal when they hold equal specs under the same names in the same order.
#[derive(Clone)]
pub struct SpecMap<T> {
    entries: Vec<(Arc<str>, T)>,
    index: HashMap<Arc<str>, usize>,
}

impl<T> SpecMap<T> {
    /// An empty map.
    pub fn new() -> Self {
        Self { entries: Vec::new(), index: HashMap::new() }
    }

    /// An empty map with room for `count` specs.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { entries: Vec::with_capacity(count), index: HashMap::with_capacity(count) }
    }

    /// Makes room for `count` more specs, and not for more than that.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.entries.reserve_exact(count);
        self.index.reserve(count);
    }

    /// The number of specs.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no spec at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a spec has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The spec of this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        let &at = self.index.get(name)?;
        self.entries.get(at).map(|(_, value)| value)
    }

    /// The spec of this name, for editing.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let &at = self.index.get(name)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// The stored name, to be shared instead of copied.
    pub fn name(&self, name: &str) -> Option<Arc<str>> {
        self.index.get_key_value(name).map(|(key, _)| Arc::clone(key))
    }

    /// Adds a spec at the end, or replaces the one of the same name in its place and returns the old one.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: T) -> Option<T> {
        let name = name.into();
        if let Some(old) = self.get_mut(&name) {
            return Some(std::mem::replace(old, value));
        }
        self.index.insert(Arc::clone(&name), self.entries.len());
        self.entries.push((name, value));
        None
    }

    /// Takes a spec out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        let at = self.index.remove(name)?;
        let (_, value) = (at < self.entries.len()).then(|| self.entries.remove(at))?;
        for position in self.index.values_mut().filter(|position| **position > at) {
            *position = position.saturating_sub(1);
        }
        Some(value)
    }

    /// Gives a spec another name in its place. False if there is no such spec or the new name is taken.
    pub fn rename(&mut self, old: &str, new: impl Into<Arc<str>>) -> bool {
        let new = new.into();
        if self.contains(&new) {
            return false;
        }
        let Some(at) = self.index.remove(old) else { return false };
        if let Some((name, _)) = self.entries.get_mut(at) {
            *name = Arc::clone(&new);
        }
        self.index.insert(new, at);
        true
    }

    /// Names and specs, in order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { entries: self.entries.iter() }
    }

    /// Names and specs for editing, in order.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut { entries: self.entries.iter_mut() }
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator {
        self.entries.iter().map(|(name, _)| &**name)
    }

    /// The specs, in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The specs for editing, in order.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut T> + DoubleEndedIterator {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

impl<T> Default for SpecMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: PartialEq> PartialEq for SpecMap<T> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<T: fmt::Debug> fmt::Debug for SpecMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<Arc<str>>, T> FromIterator<(N, T)> for SpecMap<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(pairs: I) -> Self {
        let mut map = Self::new();
        map.extend(pairs);
        map
    }
}

impl<N: Into<Arc<str>>, T> Extend<(N, T)> for SpecMap<T> {
    fn extend<I: IntoIterator<Item = (N, T)>>(&mut self, pairs: I) {
        for (name, value) in pairs {
            self.insert(name, value);
        }
    }
}

/// Names and specs of a [`SpecMap`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    entries: std::slice::Iter<'a, (Arc<str>, T)>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (&'a str, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(name, value)| (&**name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

/// Names and specs of a [`SpecMap`], for editing.
#[derive(Debug)]
pub struct IterMut<'a, T> {
    entries: std::slice::IterMut<'a, (Arc<str>, T)>,
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = (&'a str, &'a mut T);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(name, value)| (&**name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T> ExactSizeIterator for IterMut<'_, T> {}

impl<'a, T> IntoIterator for &'a SpecMap<T> {
    type Item = (&'a str, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut SpecMap<T> {
    type Item = (&'a str, &'a mut T);
    type IntoIter = IterMut<'a, T>;

    fn into_iter(self) -> IterMut<'a, T> {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(map: &SpecMap<u32>) -> Vec<(&str, u32)> {
        map.iter().map(|(name, value)| (name, *value)).collect()
    }

    #[test]
    fn order_is_that_of_definition() {
        let mut map: SpecMap<u32> = [("b", 1), ("a", 2), ("c", 3)].into_iter().collect();
        assert_eq!(names(&map), [("b", 1), ("a", 2), ("c", 3)]);
        assert_eq!(map.insert("a", 9), Some(2));
        assert_eq!(names(&map), [("b", 1), ("a", 9), ("c", 3)]);
    }

    #[test]
    fn removal_keeps_the_others_reachable() {
        let mut map: SpecMap<u32> = [("b", 1), ("a", 2), ("c", 3)].into_iter().collect();
        assert_eq!(map.remove("b"), Some(1));
        assert_eq!(map.remove("b"), None);
        assert_eq!(map.get("a"), Some(&2));
        assert_eq!(map.get("c"), Some(&3));
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn a_rename_keeps_the_place_and_never_overwrites() {
        let mut map: SpecMap<u32> = [("b", 1), ("a", 2)].into_iter().collect();
        assert!(!map.rename("b", "a"));
        assert!(!map.rename("x", "y"));
        assert!(map.rename("b", "z"));
        assert_eq!(names(&map), [("z", 1), ("a", 2)]);
        assert_eq!(map.get("b"), None);
    }
}
