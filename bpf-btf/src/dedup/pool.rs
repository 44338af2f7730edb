//! All records of a blob and its bases, with one offset for each name.

use alloc::vec::Vec;

use crate::build::strings::StringTable;
use crate::{Btf, BuildError, Kind, TypeId, words};

#[derive(Debug)]
pub(super) struct Pool {
    words: Vec<u32>,
    /// Where each record begins in the words, by id; one more at the end.
    starts: Vec<usize>,
    /// Id of the first type that may be merged: the base stays as it is.
    pub(super) first: u32,
}

/// Gives equal names equal offsets: that in the lowest base that has the name.
struct Interner {
    bases: Vec<StringTable>,
    own: StringTable,
}

impl Interner {
    fn intern(&mut self, text: &[u8]) -> Result<u32, BuildError> {
        if text.is_empty() {
            return Ok(0);
        }
        match self.bases.iter_mut().find_map(|base| base.lookup(text)) {
            Some(offset) => Ok(offset),
            None => self.own.add_bytes(text),
        }
    }
}

impl Pool {
    /// The records, and the strings that the own ones use.
    pub(super) fn new(btf: &Btf) -> Result<(Self, StringTable), BuildError> {
        let mut levels = core::iter::successors(Some(btf), |btf| btf.base()).collect::<Vec<_>>();
        levels.reverse();
        let first_string = |level: &Btf| level.base().map_or(0, Btf::string_end);
        let bases = levels.iter().take(levels.len().saturating_sub(1));
        let bases = bases.map(|base| StringTable::import(first_string(base), base.own_strings()));
        let own = StringTable::new(btf.base().map(Btf::string_end));
        let mut interner = Interner { bases: bases.collect(), own };
        let mut pool =
            Self { words: Vec::new(), starts: alloc::vec![0], first: btf.first_id().get() };
        for level in levels {
            // Each string is looked for once, however many use it; 0 is not yet.
            let mut known = alloc::vec![0_u32; level.own_strings().len()];
            let first_string = first_string(level);
            for (id, _) in level.types() {
                let start = pool.words.len();
                pool.starts.push(start);
                pool.words.extend(crate::rewrite::words_of(level, id));
                let mut failed = None;
                let record = pool.words.get_mut(start..).unwrap_or_default();
                words::map_names(record, &mut |offset| {
                    let place = offset.checked_sub(first_string).map(|place| place as usize);
                    let known = place.and_then(|place| known.get_mut(place));
                    if let Some(known) = known.as_deref().filter(|known| **known != 0) {
                        return *known;
                    }
                    let text = level.string_bytes(offset).unwrap_or_default();
                    let offset = interner.intern(text).unwrap_or_else(|error| {
                        failed = Some(error);
                        0
                    });
                    if let Some(known) = known {
                        *known = offset;
                    }
                    offset
                });
                if let Some(error) = failed {
                    return Err(error);
                }
            }
        }
        pool.starts.push(pool.words.len());
        Ok((pool, interner.own))
    }

    /// The number that the next type would have.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX).saturating_sub(1)
    }

    fn range(&self, id: u32) -> Option<core::ops::Range<usize>> {
        let index = id as usize;
        Some(*self.starts.get(index)?..*self.starts.get(index.checked_add(1)?)?)
    }

    /// The words of a record; none for `void`.
    pub(super) fn record(&self, id: u32) -> &[u32] {
        self.range(id).and_then(|range| self.words.get(range)).unwrap_or_default()
    }

    pub(super) fn record_mut(&mut self, id: u32) -> &mut [u32] {
        match self.range(id) {
            Some(range) => self.words.get_mut(range).unwrap_or_default(),
            None => &mut [],
        }
    }

    pub(super) fn info(&self, id: u32) -> u32 {
        self.record(id).get(1).copied().unwrap_or(0)
    }

    pub(super) fn kind(&self, id: u32) -> Kind {
        Kind::from_info(self.info(id))
    }

    pub(super) fn vlen(&self, id: u32) -> u32 {
        self.info(id) & crate::raw::MAX_VLEN
    }

    /// Offset of the name.
    pub(super) fn name(&self, id: u32) -> u32 {
        self.record(id).first().copied().unwrap_or(0)
    }

    /// The types that a type refers to.
    pub(super) fn targets(&self, id: u32) -> Vec<u32> {
        let mut out = Vec::new();
        words::for_each_target(self.record(id), &mut |target| out.push(target));
        out
    }

    /// Hash of all words of a record that are no ids.
    pub(super) fn hash_but_targets(&self, id: u32) -> u32 {
        let mut hash = 0;
        words::for_each_but_targets(self.record(id), &mut |word| hash = mix(hash, word));
        hash
    }

    /// Hash of all words of a record.
    pub(super) fn hash(&self, id: u32) -> u32 {
        self.record(id).iter().fold(0, |hash, word| mix(hash, *word))
    }

    /// Whether this is `struct name;`, `union name;` or `enum name;`.
    pub(super) fn is_enum_fwd(&self, id: u32) -> bool {
        self.kind(id).is_any_enum() && self.vlen(id) == 0 && self.name(id) != 0
    }

    /// The kind that a forward declaration stands for.
    pub(super) fn fwd_kind(&self, id: u32) -> Kind {
        if self.info(id) >> 31 == 1 { Kind::Union } else { Kind::Struct }
    }
}

pub(super) fn mix(hash: u32, word: u32) -> u32 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b1)
}

/// Types by hash: chains through one slot per type.
#[derive(Debug)]
pub(super) struct Table {
    heads: Vec<u32>,
    next: Vec<u32>,
}

impl Table {
    pub(super) fn new(len: u32) -> Self {
        let len = len as usize;
        Self { heads: alloc::vec![0; len.next_power_of_two()], next: alloc::vec![0; len] }
    }

    fn slot(&self, hash: u32) -> usize {
        // The number of slots is a power of two; the high bits of the product are the good ones.
        (hash ^ hash >> 15) as usize & self.heads.len().wrapping_sub(1)
    }

    pub(super) fn insert(&mut self, hash: u32, id: u32) {
        let slot = self.slot(hash);
        if let (Some(head), Some(next)) = (self.heads.get_mut(slot), self.next.get_mut(id as usize))
        {
            *next = core::mem::replace(head, id);
        }
    }

    /// The first type in the chain of a hash; 0 for none.
    pub(super) fn first(&self, hash: u32) -> u32 {
        self.heads.get(self.slot(hash)).copied().unwrap_or(0)
    }

    /// The next type in the chain; 0 for none.
    pub(super) fn after(&self, id: u32) -> u32 {
        self.next.get(id as usize).copied().unwrap_or(0)
    }
}

/// An id as the interface has it.
pub(super) fn type_id(id: u32) -> TypeId {
    TypeId::new(id)
}
