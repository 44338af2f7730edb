//! Names without flavours, and names that are nearly the same.

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
}
