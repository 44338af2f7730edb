//! Finding types by name.

use alloc::vec::Vec;

use crate::raw::RawType;
use crate::{Btf, TypeId};

/// How the own types of a blob are found by name.
pub(crate) enum NameIndex {
    /// The types themselves are sorted by name, those without a name first; holds the first id with a name.
    Sorted(u32),
    /// Hash of the name in the upper half, id in the lower, sorted.
    Hashed(Vec<u64>),
}

/// Hash of a name. Names of kernel types are short, so whole words matter more than quality.
pub(crate) fn hash(name: &[u8]) -> u32 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = u64::try_from(name.len()).unwrap_or(u64::MAX);
    let (words, rest) = name.as_chunks_8();
    for word in words {
        state = (state.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER);
    }
    let mut last = [0; 8];
    if let Some(start) = last.get_mut(..rest.len()) {
        start.copy_from_slice(rest);
    }
    state = (state.rotate_left(5) ^ u64::from_le_bytes(last)).wrapping_mul(MULTIPLIER);
    (state >> 32) as u32
}

/// `slice::as_chunks`, which this crate's oldest compiler does not have.
trait AsChunks {
    fn as_chunks_8(&self) -> (&[[u8; 8]], &[u8]);
}

impl AsChunks for [u8] {
    fn as_chunks_8(&self) -> (&[[u8; 8]], &[u8]) {
        let (words, rest) = self.split_at(self.len() & !7);
        (zerocopy::FromBytes::ref_from_bytes(words).unwrap_or_default(), rest)
    }
}

impl NameIndex {
    pub(crate) fn build(btf: &Btf) -> Self {
        if let Some(first) = first_if_sorted(btf) {
            return Self::Sorted(first);
        }
        let first = btf.first_id().get();
        let named = (first..btf.len()).filter_map(|number| {
            let name = name_of(btf, number);
            (!name.is_empty()).then(|| u64::from(hash(name)) << 32 | u64::from(number))
        });
        let mut entries = Vec::with_capacity(btf.len().saturating_sub(first) as usize);
        entries.extend(named);
        entries.sort_unstable();
        Self::Hashed(entries)
    }

    /// The own types with a name in the order of ids.
    pub(crate) fn find<'a>(
        &'a self,
        btf: &'a Btf,
        name: &'a str,
    ) -> impl Iterator<Item = TypeId> + 'a {
        let wanted = name.as_bytes();
        let (sorted, hashed): (_, &[u64]) = match self {
            // Nothing is called by the empty name.
            _ if wanted.is_empty() => (0..0, &[]),
            Self::Sorted(first) => (equal_range(btf, *first, wanted), &[]),
            Self::Hashed(entries) => {
                let hash = u64::from(hash(wanted));
                let start = entries.partition_point(|entry| entry >> 32 < hash);
                let tail = entries.get(start..).unwrap_or_default();
                let count = tail.iter().take_while(|entry| **entry >> 32 == hash).count();
                (0..0, tail.get(..count).unwrap_or_default())
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the id")]
        let hashed = hashed.iter().map(|entry| *entry as u32);
        sorted.chain(hashed).filter(move |number| name_of(btf, *number) == wanted).map(TypeId::new)
    }
}

fn name_of(btf: &Btf, number: u32) -> &[u8] {
    btf.record(TypeId::new(number))
        .and_then(|bytes| <RawType as zerocopy::FromBytes>::ref_from_prefix(bytes).ok())
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
