//! The order of sections, from lists that each know a part of it.

use std::collections::HashMap;
use std::hash::Hash;

/// Adds the names of a list that are not in `all` yet, each behind the one that it follows in the list.
pub(super) fn merge<N: Copy + Eq + Hash>(all: &mut Vec<N>, list: impl Iterator<Item = N>) {
    // Where names were before; `None` for those that come in.
    let mut places: HashMap<N, Option<usize>> = HashMap::with_capacity(all.len());
    places.extend(all.iter().enumerate().map(|(at, name)| (*name, Some(at))));
    let mut behind = 0;
    let mut new = Vec::new();
    for name in list {
        match places.get(&name) {
            Some(Some(at)) => behind = behind.max(at.saturating_add(1)),
            Some(None) => {}
            None => {
                places.insert(name, None);
                new.push((behind, name));
            }
        }
    }
    if new.is_empty() {
        return;
    }
    let old = std::mem::take(all);
    let mut new = new.into_iter().peekable();
    for (at, name) in old.into_iter().enumerate() {
        all.extend(
            std::iter::from_fn(|| new.next_if(|(behind, _)| *behind <= at)).map(|(_, name)| name),
        );
        all.push(name);
    }
    all.extend(new.map(|(_, name)| name));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::Hasher;

    use super::*;

    /// A name that counts how often it is compared.
    #[derive(Clone, Copy, Debug, Eq)]
    struct Counted<'a>(usize, &'a Cell<usize>);

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.1.set(self.1.get().saturating_add(1));
            self.0 == other.0
        }
    }

    impl Hash for Counted<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn long_lists_are_not_searched_from_their_start() {
        const COUNT: usize = 10_000;
        let compared = Cell::new(0);
        let name = |number| Counted(number, &compared);
        let mut all = Vec::new();
        merge(&mut all, (0..COUNT).filter(|number| number % 2 == 0).map(name));
        merge(&mut all, (0..COUNT).map(name));
        // A name is compared when it is looked up, put in, or has the hash of another: not with every name before it.
        assert!(compared.get() < 4 * COUNT, "{}", compared.get());
        assert_eq!(all, (0..COUNT).map(name).collect::<Vec<_>>());
    }

    #[test]
    fn each_list_keeps_its_order() {
        let rows: &[(&[&[&str]], &[&str])] = &[
            (&[&["a", "b"], &["x", "a", "c"]], &["x", "a", "c", "b"]),
            (&[&[], &["a"]], &["a"]),
            (&[&["a", "a"], &["a"]], &["a"]),
            (&[&["a", "b"], &["b", "a"]], &["a", "b"]),
            (&[&["a", "b", "c"], &["x", "b", "y", "x", "a", "z"]], &["x", "a", "b", "y", "z", "c"]),
            (&[&["a", "b"], &["b", "x"], &["a", "y"]], &["a", "y", "b", "x"]),
        ];
        for (lists, expected) in rows {
            let mut all = Vec::new();
            for list in *lists {
                merge(&mut all, list.iter().copied());
            }
            assert_eq!(all, *expected);
        }
    }
}
