//! Types of a target that a local type may mean.

use alloc::vec::Vec;

use zerocopy::FromBytes;
use zerocopy::native_endian::U32;

use super::CoreKind;
use super::compat::kinds_compatible;
use super::names::essential;
use super::work::{Work, name_steps};
use crate::btf::Strings;
use crate::index::{hash, look};
use crate::{Btf, Kind, TypeId};

/// A local type at which accesses begin.
#[derive(Clone, Debug)]
pub(super) struct Root<'a> {
    pub(super) id: TypeId,
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) candidates: Vec<Candidate>,
}

/// A type of a target with the name, without flavours, and kind of a local type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Number of the target.
    pub(super) target: usize,
    pub(super) id: TypeId,
    /// Whether it is compatible with the local type, and whether its definition fits, once that was asked: every record of the
    /// local type gets the same answer.
    compatible: Option<bool>,
    matches: Option<bool>,
}

impl Candidate {
    pub(super) fn new(target: usize, id: TypeId) -> Self {
        Self { target, id, compatible: None, matches: None }
    }

    /// What was found before about the whole type.
    pub(super) fn fits(self, kind: CoreKind) -> Option<bool> {
        match kind {
            CoreKind::TypeMatches => self.matches,
            kind if kind.is_type() => self.compatible,
            _ => None,
        }
    }

    /// Keeps what was found.
    pub(super) fn keep(&mut self, kind: CoreKind, fits: bool) {
        match kind {
            CoreKind::TypeMatches => self.matches = Some(fits),
            kind if kind.is_type() => self.compatible = Some(fits),
            _ => {}
        }
    }
}

/// How many types of targets may be found and asked, whatever the records are, and for each record. A kernel has one type of a
/// name, and each module may have one more.
const CANDIDATES: usize = 1 << 18;
const CANDIDATES_PER_RECORD: usize = 64;

/// How many types of targets may be found and asked for so many records.
pub(super) fn most_candidates(records: usize) -> usize {
    records.saturating_mul(CANDIDATES_PER_RECORD).saturating_add(CANDIDATES)
}

/// What is looked for on behalf of a root.
struct Wanted<'a> {
    /// Without flavour.
    name: &'a [u8],
    kind: Kind,
    /// Number plus 1 of another root of the same name and kind, so that all of them take one slot; 0 for the last.
    next: usize,
}

/// The names of all roots, so that one pass over a target's types finds the candidates of all of them.
pub(super) struct NameSet<'a> {
    /// Open addressing by hash of the name without flavour: hash and number of a root plus 1, 0 is free.
    slots: Vec<(u32, u32)>,
    wanted: Vec<Wanted<'a>>,
    /// The kinds that roots may mean, one bit each.
    kinds: u32,
    /// One bit for each hash of the first four bytes of a name. Nearly all types of a kernel are refused by it, which
    /// costs one look at the name instead of reading the whole.
    prefixes: Vec<u64>,
}

const PREFIX_BITS: u32 = 16;

/// Looks at slots that count as one step. Nearly all names are found or missed with fewer.
const PROBES: u32 = 8;

/// The four bytes that a name begins with, zero from its end on.
fn prefix(bytes: [u8; 4]) -> u32 {
    let word = u32::from_le_bytes(bytes);
    let zeros = word.wrapping_sub(0x0101_0101) & !word & 0x8080_8080;
    // The lowest mark is at the first zero byte; without one all bits are kept.
    let end = zeros.trailing_zeros() & !7;
    if end >= 32 { word } else { word & !(u32::MAX << end) }
}

fn slot_of(prefix: u32) -> (usize, u64) {
    let bit = prefix.wrapping_mul(0x9e37_79b1) >> (32 - PREFIX_BITS);
    ((bit >> 6) as usize, 1 << (bit & 63))
}

/// The kinds that may stand for a kind, one bit each. Kinds that this crate does not know share bits with others.
fn kind_bits(kind: Kind) -> u32 {
    let bit = |kind: Kind| 1_u32.wrapping_shl(u32::from(kind.number()));
    // Enumerations of both widths stand for each other.
    if kind.is_any_enum() { bit(Kind::Enum) | bit(Kind::Enum64) } else { bit(kind) }
}

impl<'a> NameSet<'a> {
    /// The names of these roots, as many as there is work for.
    pub(super) fn new<'r>(roots: impl Iterator<Item = &'r Root<'a>>, work: &mut Work) -> Self
    where
        'a: 'r,
    {
        let wanted = |root: &Root<'a>| {
            work.spend(name_steps(root.name.len()));
            let name = essential(root.name.as_bytes());
            (!work.is_done()).then_some(Wanted { name, kind: root.kind, next: 0 })
        };
        let wanted = roots.map_while(wanted).collect::<Vec<_>>();
        let slots = alloc::vec![(0, 0); wanted.len().saturating_mul(2).next_power_of_two()];
        let kinds = wanted.iter().fold(0, |kinds, wanted| kinds | kind_bits(wanted.kind));
        let prefixes = alloc::vec![0; 1 << (PREFIX_BITS - 6)];
        let mut set = Self { slots, wanted, kinds, prefixes };
        for number in 0..set.wanted.len() {
            if work.is_done() {
                break;
            }
            set.insert(number, work);
        }
        set
    }

    fn insert(&mut self, number: usize, work: &mut Work) {
        let Some(&Wanted { name, kind, .. }) = self.wanted.get(number) else { return };
        let key = hash(name);
        let mut probes = 0_u32;
        for slot in self.probe(key) {
            let Some(&(taken, other)) = self.slots.get(slot) else { break };
            let Some(other) = (other as usize).checked_sub(1) else {
                if let Some(free) = self.slots.get_mut(slot) {
                    *free = (key, u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1));
                }
                break;
            };
            let same = self
                .wanted
                .get_mut(other)
                .filter(|other| taken == key && other.kind == kind && other.name == name);
            if let Some(other) = same {
                let next = core::mem::replace(&mut other.next, number.saturating_add(1));
                if let Some(wanted) = self.wanted.get_mut(number) {
                    wanted.next = next;
                }
                return;
            }
            probes = probes.saturating_add(1);
        }
        work.spend(probes / PROBES);
        let mut plain = [0; 4];
        let mut flavoured = [b'_'; 4];
        for (index, byte) in name.iter().take(4).enumerate() {
            for bytes in [&mut plain, &mut flavoured] {
                if let Some(place) = bytes.get_mut(index) {
                    *place = *byte;
                }
            }
        }
        for key in [plain, flavoured] {
            let (word, bit) = slot_of(prefix(key));
            if let Some(word) = self.prefixes.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn probe(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        (0..self.slots.len()).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }

    /// Whether a name that begins with these bytes may be in the set.
    fn may_have(&self, name: &[u8]) -> bool {
        let Some(first) = name.first_chunk::<4>() else { return true };
        let (word, bit) = slot_of(prefix(*first));
        self.prefixes.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Calls `found` with the number of each root and each own type of `target` that has its name and kind, until it says no
    /// or there is no more work.
    pub(super) fn search(
        &self,
        target: &Btf,
        work: &mut Work,
        mut found: impl FnMut(usize, TypeId) -> bool,
    ) {
        if self.wanted.is_empty() {
            return;
        }
        let (bytes, strings) = (target.bytes(), target.strings());
        let mut hits = Vec::with_capacity(BLOCK);
        let firsts = (target.first_id().get()..).step_by(BLOCK);
        for (first, block) in firsts.zip(target.offsets().chunks(BLOCK)) {
            self.sift(bytes, strings, block, &mut hits);
            for hit in hits.drain(..) {
                let id = TypeId::new(first.saturating_add(hit.index));
                let Some(tail) = strings.tail(hit.name) else { continue };
                let more = self.find(tail, hit.kind, work, |number| found(number, id));
                if !more || work.is_done() {
                    return;
                }
            }
        }
    }

    /// Adds the types of a block that may be of a name and kind of the set. Few are, so this does little else than read.
    #[inline(never)]
    fn sift(&self, bytes: &[u8], strings: Strings<'_>, block: &[u32], hits: &mut Vec<Hit>) {
        let kinds = self.kinds;
        for (index, offset) in (0..).zip(block) {
            let start = *offset as usize;
            let head = bytes.get(start..start.wrapping_add(HEAD));
            let Some(Ok([name, info])) = head.map(<[U32; 2]>::ref_from_bytes) else { continue };
            let (name, info) = (name.get(), info.get());
            if kinds >> (info >> 24 & 0x1f) & 1 == 0 {
                continue;
            }
            if name != 0 && strings.tail(name).is_some_and(|tail| self.may_have(tail)) {
                hits.push(Hit { index, name, kind: Kind::from_info(info) });
            }
        }
    }

    /// Calls `found` with the number of each root whose name is, without flavour, the one at the start of `tail`, until it
    /// says no.
    fn find(
        &self,
        tail: &[u8],
        kind: Kind,
        work: &mut Work,
        mut found: impl FnMut(usize) -> bool,
    ) -> bool {
        let looked = look(tail);
        work.spend(name_steps(looked.len));
        let mut name = tail.get(..looked.len).unwrap_or_default();
        let mut wanted = looked.hash;
        if looked.underscores {
            name = essential(name);
            wanted = hash(name);
        }
        if name.is_empty() {
            return true;
        }
        let mut probes = 0_u32;
        for slot in self.probe(wanted) {
            match self.slots.get(slot) {
                None | Some((_, 0)) => break,
                Some((hash, number)) if *hash == wanted => {
                    let mut next = *number as usize;
                    while let Some(number) = next.checked_sub(1) {
                        let root = self.wanted.get(number);
                        // All further ones are of the same name and kind.
                        let same = |root: &&Wanted<'_>| {
                            root.name == name && kinds_compatible(root.kind, kind)
                        };
                        let Some(root) = root.filter(same) else { break };
                        if !found(number) {
                            return false;
                        }
                        next = root.next;
                    }
                }
                Some(_) => {}
            }
            probes = probes.saturating_add(1);
        }
        work.spend(probes / PROBES);
        true
    }
}

/// A type that may be of a name of the set.
struct Hit {
    /// Where in its block.
    index: u32,
    /// Offset of the name.
    name: u32,
    kind: Kind,
}

/// Types that are looked at together.
const BLOCK: usize = 512;

/// Bytes of a record with its name and kind.
const HEAD: usize = 8;

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn prefixes_end_with_the_name() {
        for (bytes, expected) in [
            (*b"task", u32::from_le_bytes(*b"task")),
            (*b"u8\0x", u32::from_le_bytes(*b"u8\0\0")),
            (*b"a\0\0z", u32::from_le_bytes(*b"a\0\0\0")),
            (*b"\0abc", 0),
            (*b"abc\0", u32::from_le_bytes(*b"abc\0")),
            ([1, 0, 1, 0], 1),
            ([0x80, 0x81, 0, 1], 0x8180),
        ] {
            assert_eq!(prefix(bytes), expected, "{bytes:?}");
        }
    }
}
