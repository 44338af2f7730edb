//! The same work without a library: plain loops over the words of a blob, with nothing checked but the bounds that safe
//! Rust checks. What these cost hardly anybody can save.

use bpf_btf::CoreRelo;
use zerocopy::FromBytes;
use zerocopy::native_endian::U32;

/// A blob in native order and where its parts are.
#[derive(Clone, Copy)]
pub(crate) struct Floor<'a> {
    types: &'a [U32],
    strings: &'a [u8],
}

/// Words behind the head of a record: fixed ones and those per element.
const WORDS: [(usize, usize); 20] = [
    (0, 0),
    (1, 0),
    (0, 0),
    (3, 0),
    (0, 3),
    (0, 3),
    (0, 2),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 0),
    (0, 2),
    (1, 0),
    (0, 3),
    (0, 0),
    (1, 0),
    (0, 0),
    (0, 3),
];

const STRUCT: u32 = 4;
const UNION: u32 = 5;

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
}

fn kind(info: u32) -> u32 {
    info >> 24 & 0x7f
}

fn vlen(info: u32) -> usize {
    size(info & 0x00ff_ffff)
}

fn name_at(strings: &[u8], offset: u32) -> &[u8] {
    let tail = &strings[size(offset)..];
    &tail[..tail.iter().position(|byte| *byte == 0).unwrap()]
}

/// FNV-1a of the name at the start of `tail`, byte by byte to its end.
fn hash(tail: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5;
    for byte in tail {
        if *byte == 0 {
            break;
        }
        hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    hash
}

fn is_at(strings: &[u8], offset: u32, name: &[u8]) -> bool {
    let at = size(offset);
    strings[at..].starts_with(name) && strings[at + name.len()] == 0
}

impl<'a> Floor<'a> {
    pub(crate) fn new(blob: &'a [u8]) -> Self {
        let word = |at: usize| size(u32::from_ne_bytes(blob[at..at + 4].try_into().unwrap()));
        let part = |at: usize| {
            let start = word(4) + word(at);
            &blob[start..start + word(at + 4)]
        };
        Self { types: <[U32]>::ref_from_bytes(part(8)).unwrap(), strings: part(16) }
    }

    /// Where each record begins, in words.
    pub(crate) fn offsets(&self) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.types.len() / 3);
        let mut at = 0;
        while at < self.types.len() {
            out.push(u32::try_from(at).unwrap());
            let info = self.types[at + 1].get();
            let (fixed, element) = WORDS[size(kind(info))];
            at += 3 + fixed + element * vlen(info);
        }
        out
    }

    fn name(&self, at: u32) -> &'a [u8] {
        name_at(self.strings, self.types[size(at)].get())
    }

    fn info(&self, at: u32) -> u32 {
        self.types[size(at) + 1].get()
    }

    /// The first structure with a name, looked for from the start.
    pub(crate) fn first(&self, offsets: &[u32], name: &[u8]) -> Option<usize> {
        offsets.iter().position(|at| kind(self.info(*at)) == STRUCT && self.name(*at) == name)
    }

    /// One index of all names, then each name: the sum of the numbers of the structures.
    pub(crate) fn names(&self, offsets: &[u32], names: &[String]) -> u64 {
        let mask = (offsets.len() * 3 / 2).next_power_of_two() - 1;
        let mut index = vec![0_u32; mask + 1];
        for (number, at) in (1_u32..).zip(offsets) {
            let name = &self.strings[size(self.types[size(*at)].get())..];
            if name[0] != 0 {
                let mut slot = size(hash(name)) & mask;
                while index[slot] != 0 {
                    slot = (slot + 1) & mask;
                }
                index[slot] = number;
            }
        }
        let find = |name: &String| {
            let mut slot = size(hash(name.as_bytes())) & mask;
            loop {
                let number = index[slot];
                let at = offsets[size(number.checked_sub(1)?)];
                let name_at = self.types[size(at)].get();
                if kind(self.info(at)) == STRUCT && is_at(self.strings, name_at, name.as_bytes()) {
                    return Some(number);
                }
                slot = (slot + 1) & mask;
            }
        };
        names.iter().filter_map(find).map(u64::from).sum()
    }

    /// Every type and its members, values and parameters: the sum of their numbers, `text` of each name's offset
    /// included.
    #[inline]
    fn visit(&self, text: impl Fn(u32) -> u64) -> u64 {
        let mut sum = 0_u64;
        let mut rest = self.types;
        while let [name, info, third, tail @ ..] = rest {
            sum += text(name.get()) + u64::from(third.get());
            let info = info.get();
            let (fixed, element) = WORDS[size(kind(info))];
            let (body, next) = tail.split_at(fixed + element * vlen(info));
            match kind(info) {
                STRUCT | UNION => {
                    let mask = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
                    for member in body.chunks_exact(3) {
                        sum += text(member[0].get())
                            + u64::from(member[1].get())
                            + u64::from(member[2].get() & mask);
                    }
                }
                // ENUM
                6 => {
                    let signed = info >> 31 == 1;
                    let extend = |word: u32| {
                        let sign = if signed && word >> 31 == 1 { u64::MAX << 32 } else { 0 };
                        sign | u64::from(word)
                    };
                    for value in body.chunks_exact(2) {
                        let bits = extend(value[1].get());
                        sum = sum.wrapping_add(text(value[0].get())).wrapping_add(bits);
                    }
                }
                // ENUM64
                19 => {
                    for value in body.chunks_exact(3) {
                        let bits = u64::from(value[2].get()) << 32 | u64::from(value[1].get());
                        sum = sum.wrapping_add(text(value[0].get())).wrapping_add(bits);
                    }
                }
                // FUNC_PROTO
                13 => {
                    for param in body.chunks_exact(2) {
                        sum += text(param[0].get()) + u64::from(param[1].get());
                    }
                }
                // ARRAY
                3 => {
                    sum += u64::from(body[0].get())
                        + u64::from(body[1].get())
                        + u64::from(body[2].get());
                }
                _ => {}
            }
            rest = next;
        }
        sum
    }

    /// Every type and its members, with the offsets of their names.
    pub(crate) fn walk(&self) -> u64 {
        self.visit(u64::from)
    }

    /// Every type and its members, with the lengths of their names.
    pub(crate) fn walk_names(&self) -> u64 {
        self.visit(|offset| name_at(self.strings, offset).len() as u64)
    }

    /// The byte offsets of fields, summed: one hash set of the names of the structures that `relos` begin at, one pass
    /// over the structures of `target`, then each relocation by the names of its members.
    pub(crate) fn relocate(
        &self,
        offsets: &[u32],
        relos: &[CoreRelo],
        target: &Self,
        target_offsets: &[u32],
    ) -> u64 {
        // Number of a local type, and of the target's; 0 is free.
        let mask = (relos.len() * 2).next_power_of_two() - 1;
        let mut roots = vec![(0_u32, 0_u32); mask + 1];
        let slot_of = |roots: &[(u32, u32)], name: &[u8]| {
            let mut slot = size(hash(name)) & mask;
            loop {
                let local = roots[slot].0;
                if local == 0 || self.name(offsets[size(local) - 1]) == name {
                    return slot;
                }
                slot = (slot + 1) & mask;
            }
        };
        for relo in relos {
            let id = relo.type_id.get();
            let slot = slot_of(&roots, self.name(offsets[size(id) - 1]));
            roots[slot].0 = id;
        }
        for (number, at) in (1..).zip(target_offsets) {
            if kind(target.info(*at)) == STRUCT {
                let slot = slot_of(&roots, target.name(*at));
                if roots[slot].0 != 0 {
                    roots[slot].1 = number;
                }
            }
        }
        let mut sum = 0;
        for relo in relos {
            let at = offsets[size(relo.type_id.get()) - 1];
            let access = name_at(self.strings, relo.access_offset);
            let mut numbers = access.split(|byte| *byte == b':').map(|digits| {
                digits.iter().fold(0, |number, digit| number * 10 + size(u32::from(*digit - b'0')))
            });
            let (Some(0), Some(index), None) = (numbers.next(), numbers.next(), numbers.next())
            else {
                continue;
            };
            let wanted = name_at(self.strings, self.types[size(at) + 3 + 3 * index].get());
            let root = roots[slot_of(&roots, self.name(at))].1;
            sum += target.member(target_offsets, root, wanted).unwrap_or(0) / 8;
        }
        sum
    }

    /// The bit offset of a member, also of anonymous members.
    fn member(&self, offsets: &[u32], number: u32, wanted: &[u8]) -> Option<u64> {
        let at = size(*offsets.get(size(number).checked_sub(1)?)?);
        let info = self.types[at + 1].get();
        if !matches!(kind(info), STRUCT | UNION) {
            return None;
        }
        let mask = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
        for member in self.types[at + 3..][..3 * vlen(info)].chunks_exact(3) {
            let bits = u64::from(member[2].get() & mask);
            let name = member[0].get();
            if name == 0 {
                if let Some(inner) = self.member(offsets, member[1].get(), wanted) {
                    return Some(bits + inner);
                }
            } else if is_at(self.strings, name, wanted) {
                return Some(bits);
            }
        }
        None
    }
}
