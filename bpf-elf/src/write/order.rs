//! The order of sections, from lists that each know a part of it.

/// Adds the names of a list that are not in `all` yet, each behind the one that it follows in the list.
pub(super) fn merge<'a>(all: &mut Vec<&'a str>, list: impl Iterator<Item = &'a str>) {
    let mut behind = 0;
    for name in list {
        if let Some(at) = all.iter().position(|known| *known == name) {
            behind = behind.max(at.saturating_add(1));
        } else {
            all.insert(behind.min(all.len()), name);
            behind = behind.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_keeps_its_order() {
        let rows: &[(&[&[&str]], &[&str])] = &[
            (&[&["a", "b"], &["x", "a", "c"]], &["x", "a", "c", "b"]),
            (&[&[], &["a"]], &["a"]),
            (&[&["a", "a"], &["a"]], &["a"]),
            (&[&["a", "b"], &["b", "a"]], &["a", "b"]),
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
