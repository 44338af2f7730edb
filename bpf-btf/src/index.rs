//! Finding types by name.

use alloc::vec::Vec;

use zerocopy::FromBytes;

use crate::raw::RawType;
use crate::{Btf, TypeId};

/// How the own types of a blob are found by name.
pub(crate) enum NameIndex {
    /// The types themselves are sorted by name, those without a name first; holds the first id with a name.
    Sorted(u32),
    Hashed(Buckets),
}

/// Ids by the hash of their names, in one allocation: where each bucket ends, then the ids bucket by bucket.
pub(crate) struct Buckets {
    /// The upper so many bits of a hash are the number of a bucket.
    bits: u32,
    words: Vec<u32>,
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER)
}

#[inline]
fn finish(state: u64) -> u32 {
    (state >> 32) as u32
}

/// Hash of a name. Names of kernel types are short, so whole words matter more than quality.
#[inline]
pub(crate) fn hash(name: &[u8]) -> u32 {
    let mut state = 0;
    let mut words = name.chunks_exact(8);
    for word in words.by_ref() {
        state = mix(state, word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word)));
    }
    finish(mix(state, last_word(words.remainder())))
}

/// Up to 7 bytes as a word, zero from their end on.
fn last_word(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// The hash of the name at the start of `tail`, which ends at a nul byte; `None` for the empty name.
#[inline]
pub(crate) fn hash_name(tail: &[u8]) -> Option<u32> {
    let mut state = 0;
    let mut rest = tail;
    while let Some((word, next)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // The lowest mark is at the first nul byte.
        let marks = word.wrapping_sub(LOW) & !word & HIGH;
        if marks != 0 {
            let end = marks.trailing_zeros() & !7;
            let last = word & !(u64::MAX << end);
            return (last != 0 || rest.len() < tail.len()).then(|| finish(mix(state, last)));
        }
        state = mix(state, word);
        rest = next;
    }
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let last = last_word(rest.get(..end).unwrap_or_default());
    (last != 0 || rest.len() < tail.len()).then(|| finish(mix(state, last)))
}

/// What one look at a name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Length in bytes.
    pub(crate) len: usize,
    /// Hash of the whole name.
    pub(crate) hash: u32,
    /// Whether `___` may be in it; if not, it has no flavour.
    pub(crate) underscores: bool,
}

const UNDERSCORES: u64 = 0x5f5f_5f5f_5f5f_5f5f;

/// A mark in the upper bit of each byte that is zero, and perhaps of bytes above one.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// Looks at the name at the start of `tail`, which ends at a nul byte, eight bytes at a time.
#[inline]
pub(crate) fn look(tail: &[u8]) -> Look {
    let mut state = 0;
    let mut rest = tail;
    let mut before = 0;
    let mut underscores = false;
    while let Some((word, next)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        // A mark stays where the two bytes before, perhaps of the word before, have one too.
        let marks = zeros(word ^ UNDERSCORES);
        underscores |= marks & (marks << 8 | before >> 56) & (marks << 16 | before >> 48) != 0;
        before = marks;
        let ends = zeros(word);
        if ends != 0 {
            let bits = ends.trailing_zeros() & !7;
            let hash = finish(mix(state, word & !(u64::MAX << bits)));
            let len = tail.len().wrapping_sub(rest.len()).wrapping_add((bits >> 3) as usize);
            return Look { len, hash, underscores };
        }
        state = mix(state, word);
        rest = next;
    }
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let last = last_word(rest.get(..end).unwrap_or_default());
    let len = tail.len().wrapping_sub(rest.len()).wrapping_add(end);
    Look { len, hash: finish(mix(state, last)), underscores: true }
}

impl Buckets {
    fn build(btf: &Btf) -> Self {
        let own = btf.len().saturating_sub(btf.first_id().get());
        let mut hashes: Vec<(u32, u32)> = Vec::with_capacity(own as usize);
        for (id, raw) in btf.raw_types() {
            let name = raw.name_off.get();
            if name == 0 {
                continue;
            }
            if let Some(hash) = btf.string_tail(name).and_then(hash_name) {
                hashes.push((hash, id.get()));
            }
        }
        // About one id per bucket.
        let bits = u32::try_from(hashes.len()).unwrap_or(u32::MAX).max(2).ilog2();
        let buckets = 1_usize << bits;
        let mut words = alloc::vec![0_u32; buckets.saturating_add(hashes.len())];
        let (ends, ids) = words.split_at_mut(buckets);
        for (hash, _) in &hashes {
            if let Some(count) = ends.get_mut(bucket(*hash, bits)) {
                *count = count.wrapping_add(1);
            }
        }
        // Counts become the place of the first id of the bucket, and then, id by id, its end.
        let mut place = 0_u32;
        for end in &mut *ends {
            let count = *end;
            *end = place;
            place = place.wrapping_add(count);
        }
        for (hash, id) in &hashes {
            if let Some(end) = ends.get_mut(bucket(*hash, bits)) {
                if let Some(slot) = ids.get_mut(*end as usize) {
                    *slot = *id;
                }
                *end = end.wrapping_add(1);
            }
        }
        Self { bits, words }
    }

    /// Ids whose names may have a hash, in ascending order.
    fn find(&self, hash: u32) -> &[u32] {
        let number = bucket(hash, self.bits);
        let (ends, ids) = self.words.split_at_checked(1 << self.bits).unwrap_or_default();
        let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
        let end = ends.get(number).copied().unwrap_or(0);
        ids.get(start as usize..end as usize).unwrap_or_default()
    }
}

fn bucket(hash: u32, bits: u32) -> usize {
    (hash >> 32_u32.wrapping_sub(bits)) as usize
}

impl NameIndex {
    pub(crate) fn build(btf: &Btf) -> Self {
        match first_if_sorted(btf) {
            Some(first) => Self::Sorted(first),
            None => Self::Hashed(Buckets::build(btf)),
        }
    }

    /// The own types with a name in the order of ids.
    pub(crate) fn find<'a>(
        &'a self,
        btf: &'a Btf,
        name: &'a str,
    ) -> impl Iterator<Item = TypeId> + 'a {
        let wanted = name.as_bytes();
        let (sorted, hashed): (_, &[u32]) = match self {
            // Nothing is called by the empty name.
            _ if wanted.is_empty() => (0..0, &[]),
            Self::Sorted(first) => (equal_range(btf, *first, wanted), &[]),
            Self::Hashed(buckets) => (0..0, buckets.find(hash(wanted))),
        };
        sorted
            .chain(hashed.iter().copied())
            .filter(move |number| is_named(btf, *number, wanted))
            .map(TypeId::new)
    }
}

fn is_named(btf: &Btf, number: u32, name: &[u8]) -> bool {
    let raw =
        btf.record(TypeId::new(number)).and_then(|bytes| RawType::ref_from_prefix(bytes).ok());
    raw.is_some_and(|(raw, _)| !name.contains(&0) && btf.string_is(raw.name_off.get(), name))
}

fn name_of(btf: &Btf, number: u32) -> &[u8] {
    btf.record(TypeId::new(number))
        .and_then(|bytes| RawType::ref_from_prefix(bytes).ok())
        .and_then(|(raw, _)| btf.string_bytes(raw.name_off.get()))
        .unwrap_or_default()
}

/// The first id with a name if own types are sorted by name. Blobs that are not sorted say so within a few types.
fn first_if_sorted(btf: &Btf) -> Option<u32> {
    let mut first_named = btf.len();
    let mut last: &[u8] = &[];
    for number in btf.first_id().get()..btf.len() {
        let name = name_of(btf, number);
        if name < last {
            return None;
        }
        if last.is_empty() && !name.is_empty() {
            first_named = number;
        }
        last = name;
    }
    Some(first_named)
}

/// Ids with a name in sorted types.
fn equal_range(btf: &Btf, first: u32, wanted: &[u8]) -> core::ops::Range<u32> {
    let bound = |mut low: u32, before: &dyn Fn(&[u8]) -> bool| {
        let mut high = btf.len();
        while low < high {
            let middle = low.midpoint(high);
            if before(name_of(btf, middle)) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    };
    let start = bound(first, &|name| name < wanted);
    start..bound(start, &|name| name <= wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_hash_a_name_agree() {
        for len in 0..40 {
            let name = &b"abcdefghijklmnopqrstuvwxyz_0123456789\x80\xff\x01"[..len];
            let expected = (len > 0).then(|| hash(name));
            for tail in [&b"\0"[..], b"\0x", b"\0xyzxyzxyzxyzxyzxyz", b"\0\0\0\0\0\0\0\0\0"] {
                assert_eq!(hash_name(&[name, tail].concat()), expected, "{len}");
                let looked = look(&[name, tail].concat());
                assert_eq!((looked.len, looked.hash), (len, hash(name)));
            }
        }
    }

    #[test]
    fn three_underscores_are_seen_wherever_they_are() {
        for at in 0..24 {
            for count in 0..5 {
                let mut name = alloc::vec![b'a'; 40];
                name.iter_mut().skip(at).take(count).for_each(|byte| *byte = b'_');
                name.push(0);
                name.extend([b'z'; 8]);
                let looked = look(&name);
                assert_eq!(
                    looked,
                    Look { len: 40, hash: hash(&name[..40]), underscores: count > 2 }
                );
            }
        }
        assert!(look(b"a___b\0").underscores, "too short to be looked at in words");
    }
}
