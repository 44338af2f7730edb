//! Names that are nearly the same.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::names::essential_name;
use super::text::{MAX, name};
use super::work::{Work, name_steps};
use crate::{Btf, Kind};

/// At most so many names are given.
const COUNT: usize = 3;

/// At most so many bytes may differ.
const MAX_DISTANCE: usize = 6;

/// Fields of the table of distances that count as one step.
const FIELDS: usize = 8;

/// The names of a blob's types, read once for each kind.
#[derive(Debug, Default)]
pub(super) struct Names {
    kinds: BTreeMap<u8, OfKind>,
}

/// Names without flavours of the types of one kind.
#[derive(Debug, Default)]
struct OfKind {
    /// One after the other.
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
    /// What was asked before, and what is nearest to it.
    known: BTreeMap<String, Vec<String>>,
}

impl Names {
    /// The names of types that may stand for a kind that are nearest to a name, as [`nearest`] finds them.
    pub(super) fn nearest(
        &mut self,
        btf: &Btf,
        kind: Kind,
        wanted: &str,
        work: &mut Work,
    ) -> Vec<String> {
        // Enumerations of both widths stand for each other.
        let kind = if kind == Kind::Enum64 { Kind::Enum } else { kind };
        let number = kind.number();
        let names = self.kinds.entry(number).or_insert_with(|| OfKind::read(btf, kind, work));
        if let Some(known) = names.known.get(wanted) {
            return known.clone();
        }
        let found = nearest(wanted, names.iter(), work);
        names.known.insert(wanted.into(), found.clone());
        found
    }
}

impl OfKind {
    fn read(btf: &Btf, kind: Kind, work: &mut Work) -> Self {
        let mut names = Self::default();
        for (_, found) in btf.types() {
            if work.is_done() {
                break;
            }
            work.spend(1);
            let theirs = found.kind();
            if theirs != kind && !(kind.is_any_enum() && theirs.is_any_enum()) {
                continue;
            }
            let found = name(btf, found.name_offset());
            work.spend(name_steps(found.len()));
            // No kernel has longer ones.
            if !found.is_empty() && found.len() <= MAX {
                names.text.push_str(essential_name(found));
                names.ends.push(names.text.len());
            }
        }
        names
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(self.ends.iter().copied());
        ranges.filter_map(|(start, end)| self.text.get(start..end))
    }
}

/// The names that differ least from `wanted`, best first: at most three, none that has little in common with it. Nothing is near to
/// a name that is too long for a text, and no such name is near.
pub(super) fn nearest<'a>(
    wanted: &str,
    names: impl Iterator<Item = &'a str>,
    work: &mut Work,
) -> Vec<String> {
    if wanted.len() > MAX {
        return Vec::new();
    }
    let limit = (wanted.len() / 3).clamp(1, MAX_DISTANCE);
    let bare = wanted.trim_matches('_');
    let mut row = Vec::new();
    let mut best: Vec<(usize, &str)> = Vec::new();
    for name in names {
        if work.is_done() {
            break;
        }
        work.spend(name_steps(name.len()).saturating_add(1));
        // Kernels like to rename a member by underscores: `state` became `__state`.
        let renamed = name.trim_matches('_') == bare;
        if name.is_empty()
            || name.len() > MAX
            || (name.len().abs_diff(wanted.len()) > limit && !renamed)
        {
            continue;
        }
        let distance = if renamed {
            Some(1)
        } else {
            let (distance, fields) = distance(wanted.as_bytes(), name.as_bytes(), limit, &mut row);
            work.spend(u32::try_from(fields / FIELDS).unwrap_or(u32::MAX));
            distance
        };
        let Some(distance) = distance else { continue };
        let worst = best.last().map_or(usize::MAX, |(distance, _)| *distance);
        if (best.len() == COUNT && distance >= worst)
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

/// How many bytes have to be added, removed or replaced, if they are no more than `limit`; and how many fields of the table that took.
/// The memory of `row` is used again.
fn distance(a: &[u8], b: &[u8], limit: usize, row: &mut Vec<usize>) -> (Option<usize>, usize) {
    row.clear();
    row.extend(0..=b.len());
    let mut fields = row.len();
    for (i, from) in a.iter().enumerate() {
        // What is farther from the diagonal differs too much.
        let start = i.saturating_sub(limit);
        let skipped = row.get_mut(..=start).and_then(<[_]>::last_mut);
        let mut diagonal = skipped.as_deref().copied().unwrap_or(0);
        let mut left = limit.saturating_add(1);
        if let Some(skipped) = skipped {
            if start == 0 {
                left = i.saturating_add(1);
            }
            *skipped = left;
        }
        let mut least = left;
        let width = limit.saturating_mul(2).saturating_add(1);
        let cells = row.iter_mut().skip(start.saturating_add(1));
        for (to, cell) in b.iter().skip(start).zip(cells).take(width) {
            let replaced = diagonal.saturating_add(usize::from(from != to));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = left;
            least = least.min(left);
            fields = fields.saturating_add(1);
        }
        if least > limit {
            return (None, fields);
        }
    }
    (row.last().copied().filter(|distance| *distance <= limit), fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        nearest(wanted, names.into_iter(), &mut Work::new(u64::MAX))
    }

    #[test]
    fn nearest_names_come_first() {
        let names = ["__state", "state2", "stats", "state_x", "something", "state"];
        assert_eq!(
            near("state", names.into_iter().filter(|name| *name != "state")),
            ["__state", "state2", "stats"]
        );
        assert!(near("state", ["completely_other"]).is_empty());
        assert_eq!(
            near("longer_name_here", ["longer_nam_here", "longer_name"]),
            ["longer_nam_here"]
        );
    }

    #[test]
    fn distances_are_told_up_to_a_limit() {
        let rows = [
            ("kitten", "sitting", 3),
            ("", "ab", 2),
            ("ab", "", 2),
            ("same", "same", 0),
            ("abcdefghij", "bcdefghijk", 2),
            ("abcdefghij", "cdefghijab", 4),
            ("aaaaaaaaaaaa", "bbbbbbbbbbbb", 12),
            ("xxabcdefghijkl", "abcdefghijklyy", 4),
        ];
        let mut row = Vec::new();
        for (a, b, expected) in rows {
            for limit in 1..15 {
                let (found, _) = distance(a.as_bytes(), b.as_bytes(), limit, &mut row);
                assert_eq!(found, (expected <= limit).then_some(expected), "{a} {b} {limit}");
            }
        }
    }

    #[test]
    fn names_that_are_too_long_for_a_text_are_not_compared() {
        let [just, over] = [MAX, MAX + 1].map(|len| "n".repeat(len));
        assert_eq!(near(&just[1..], [just.as_str()]), [just.as_str()]);
        assert!(near(&just, [over.as_str()]).is_empty());
        assert!(near(&over, [just.as_str()]).is_empty());
    }
}
