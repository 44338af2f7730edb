//! Names without flavours, and names that are nearly the same.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use super::work::name_steps;

/// A type's name without its flavour: `task_struct___old` means `task_struct`.
///
/// The flavour begins at the last `___` that has no further underscore and at least one character on either side
/// (libbpf: `bpf_core_essential_name_len`).
pub fn essential_name(name: &str) -> &str {
    name.get(..essential_len(name.as_bytes())).unwrap_or(name)
}

pub(super) fn essential(name: &[u8]) -> &[u8] {
    name.get(..essential_len(name)).unwrap_or(name)
}

/// The bytes of the name at the start of `tail`, which ends at a nul byte.
pub(super) fn name_at(tail: &[u8]) -> &[u8] {
    CStr::from_bytes_until_nul(tail).map(CStr::to_bytes).unwrap_or_default()
}

/// Whether the names at the start of two tails are equal without flavours, where no name equals only no name; and how many
/// steps it took to read them.
pub(super) fn same_essential(ours: &[u8], theirs: &[u8]) -> (bool, u32) {
    let first = |tail: &[u8]| tail.first().copied().unwrap_or(0);
    if first(ours) != first(theirs) {
        return (false, 0);
    }
    let (ours, theirs) = (name_at(ours), name_at(theirs));
    let steps = name_steps(ours.len().saturating_add(theirs.len()));
    (ours == theirs || essential(ours) == essential(theirs), steps)
}

fn essential_len(name: &[u8]) -> usize {
    let separator =
        |window: &[u8]| matches!(window, [a, b'_', b'_', b'_', c] if *a != b'_' && *c != b'_');
    name.windows(5).rposition(separator).map_or(name.len(), |at| at.saturating_add(1))
}

/// The names that differ least from `wanted`, best first: at most three, none that has little in common with it.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    const COUNT: usize = 3;
    let limit = (wanted.len() / 3).clamp(1, 6);
    let mut best: Vec<(usize, &str)> = Vec::new();
    for name in names {
        // Kernels like to rename a member by underscores: `state` became `__state`.
        let renamed = name.trim_matches('_') == wanted.trim_matches('_');
        if name.is_empty() || (name.len().abs_diff(wanted.len()) > limit && !renamed) {
            continue;
        }
        let distance = if renamed { 1 } else { distance(wanted.as_bytes(), name.as_bytes()) };
        let worst = best.last().map_or(usize::MAX, |(distance, _)| *distance);
        if distance > limit
            || (best.len() == COUNT && distance >= worst)
            || best.iter().any(|(_, other)| *other == name)
        {
            continue;
        }
        best.truncate(COUNT.saturating_sub(1));
        let at = best.partition_point(|(other, _)| *other <= distance);
        best.insert(at, (distance, name));
    }
    let least = best.first().map_or(0, |(distance, _)| *distance);
    best.retain(|(distance, _)| *distance <= least.saturating_add(1));
    best.into_iter().map(|(_, name)| String::from(name)).collect()
}

/// How many bytes have to be added, removed or replaced.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(from != to));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavours_are_cut_at_the_last_lone_triple_underscore() {
        let rows = [
            ("task_struct", "task_struct"),
            ("task_struct___old", "task_struct"),
            ("a___b", "a"),
            ("a___b___c", "a___b"),
            ("a____b", "a____b"),
            ("a___", "a___"),
            ("___a", "___a"),
            ("a___b____c", "a"),
            ("", ""),
            ("x___y__z", "x"),
        ];
        for (name, essential) in rows {
            assert_eq!(essential_name(name), essential, "{name}");
        }
    }

    #[test]
    fn nearest_names_come_first() {
        let names = ["__state", "state2", "stats", "state_x", "something", "state"];
        assert_eq!(
            nearest("state", names.into_iter().filter(|name| *name != "state")),
            ["__state", "state2", "stats"]
        );
        assert!(nearest("state", ["completely_other"].into_iter()).is_empty());
        assert_eq!(
            nearest("longer_name_here", ["longer_nam_here", "longer_name"].into_iter()),
            ["longer_nam_here"]
        );
        assert_eq!(
            (distance(b"kitten", b"sitting"), distance(b"", b"ab"), distance(b"ab", b"")),
            (3, 2, 2)
        );
    }
}
