//! A map from names to specs that keeps their order.
use std::fmt;
use std::sync::Arc;

use super::positions::Positions;

/// Specs by name, in the order of their definition.
///
/// Names are unique. Two maps are equal when they hold equal specs under the same names in the same order.
#[derive(Clone)]
pub struct SpecMap<T> {
    entries: Vec<(Arc<str>, T)>,
    index: Positions,
}

impl<T> SpecMap<T> {
    /// An empty map.
    pub fn new() -> Self {
        Self { entries: Vec::new(), index: Positions::default() }
    }

    /// An empty map with room for `count` specs.
    pub(crate) fn with_capacity(count: usize) -> Self {
        let mut map = Self::new();
        map.reserve(count);
        map
    }

    /// Makes room for `count` more specs, and not for more than that.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.entries.reserve_exact(count);
        self.index.reserve(&self.entries, self.entries.len().saturating_add(count));
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
        self.position(name).is_some()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.index.find(&self.entries, name)
    }

    /// The spec of this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.entries.get(self.position(name)?).map(|(_, value)| value)
    }

    /// The spec of this name, for editing.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let at = self.position(name)?;
        self.entries.get_mut(at).map(|(_, value)| value)
    }

    /// The spec at this position in the order, for editing.
    pub(crate) fn at_mut(&mut self, position: usize) -> Option<&mut T> {
        self.entries.get_mut(position).map(|(_, value)| value)
    }

    /// The stored name, to be shared instead of copied.
    pub fn name(&self, name: &str) -> Option<Arc<str>> {
        self.entries.get(self.position(name)?).map(|(name, _)| Arc::clone(name))
    }

    /// Adds a spec at the end, or replaces the one of the same name in its place and returns the old one.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: T) -> Option<T> {
        let name = name.into();
        if let Some(old) = self.get_mut(&name) {
            return Some(std::mem::replace(old, value));
        }
        self.entries.push((name, value));
        self.index.added(&self.entries);
        None
    }

    /// Takes a spec out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        let at = self.position(name)?;
        let (_, value) = (at < self.entries.len()).then(|| self.entries.remove(at))?;
        self.index.moved(&self.entries);
        Some(value)
    }

    /// Gives a spec another name in its place. False if there is no such spec or the new name is taken.
    pub fn rename(&mut self, old: &str, new: impl Into<Arc<str>>) -> bool {
        let new = new.into();
        if self.contains(&new) {
            return false;
        }
        let Some(at) = self.position(old) else { return false };
        self.index.leaves(&self.entries, old);
        if let Some((name, _)) = self.entries.get_mut(at) {
            *name = new;
        }
        self.index.renamed(&self.entries, at);
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

    /// The same steps with a list that is searched by a loop.
    #[test]
    fn many_names_are_found_as_few_are() {
        let mut map: SpecMap<u32> = SpecMap::with_capacity(20);
        let mut list: Vec<(String, u32)> = Vec::new();
        let name = |number: u32| format!("name_{}", number % 97);
        for step in 0..2000_u32 {
            let key = name(step.wrapping_mul(31));
            let at = list.iter().position(|(known, _)| *known == key);
            match step % 5 {
                0 | 1 => {
                    let old = at.map(|at| std::mem::replace(&mut list[at].1, step));
                    assert_eq!(map.insert(key.as_str(), step), old);
                    if old.is_none() {
                        list.push((key, step));
                    }
                }
                2 if step % 3 == 0 => {
                    assert_eq!(map.remove(&key), at.map(|at| list.remove(at).1));
                }
                3 => {
                    let new = name(step.wrapping_mul(17) + 1);
                    let free = list.iter().all(|(known, _)| *known != new);
                    assert_eq!(map.rename(&key, new.as_str()), free && at.is_some());
                    if let (true, Some(at)) = (free, at) {
                        list[at].0 = new;
                    }
                }
                _ => assert_eq!(map.get(&key).copied(), at.map(|at| list[at].1)),
            }
            assert!(list.iter().all(|(key, value)| map.get(key) == Some(value)), "step {step}");
            let expected = list.iter().map(|(key, value)| (key.as_str(), *value));
            assert_eq!(names(&map), expected.collect::<Vec<_>>(), "step {step}");
        }
        assert!(map.len() > 40, "{}", map.len());
    }
}
