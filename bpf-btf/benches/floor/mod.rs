//! The same work without a library: words of the blob, and nothing checked. What these cost nobody can save.

use std::collections::HashMap;

/// A blob in native order and where its parts are.
pub(crate) struct Floor<'a> {
    pub(crate) types: &'a [u8],
    pub(crate) strings: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap()
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

impl<'a> Floor<'a> {
    pub(crate) fn new(blob: &'a [u8]) -> Self {
        let header = size(word(blob, 4));
        let part = |at: usize| {
            let start = header + size(word(blob, at));
            &blob[start..start + size(word(blob, at + 4))]
        };
        Self { types: part(8), strings: part(16) }
    }

    /// Where each record begins.
    pub(crate) fn offsets(&self) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.types.len() / 12);
        let mut at = 0;
        while at < self.types.len() {
            out.push(u32::try_from(at).unwrap());
            let info = word(self.types, at + 4);
            let (fixed, element) = WORDS[size(info >> 24 & 0x7f)];
            at += 12 + 4 * (fixed + element * size(info & 0x00ff_ffff));
        }
        out
    }

    fn name(&self, at: u32) -> &'a [u8] {
        let tail = &self.strings[size(word(self.types, size(at)))..];
        &tail[..tail.iter().position(|byte| *byte == 0).unwrap()]
    }

    fn kind(&self, at: u32) -> u32 {
        word(self.types, size(at) + 4) >> 24 & 0x7f
    }

    /// The first structure with a name, looked for from the start.
    pub(crate) fn first(&self, offsets: &[u32], name: &[u8]) -> Option<usize> {
        offsets.iter().position(|at| self.kind(*at) == 4 && self.name(*at) == name)
    }

    /// One index of all names, then each name.
    pub(crate) fn names(&self, offsets: &[u32], names: &[String]) -> usize {
        let mut index = HashMap::with_capacity(offsets.len());
        for (id, at) in offsets.iter().enumerate().filter(|(_, at)| self.kind(**at) == 4) {
            index.entry(self.name(*at)).or_insert(id);
        }
        names.iter().filter(|name| index.contains_key(name.as_bytes())).count()
    }

    /// Every word of every type but the strings.
    pub(crate) fn walk(&self, offsets: &[u32]) -> u64 {
        let mut sum = 0_u64;
        let ends = offsets.iter().skip(1).map(|at| size(*at)).chain([self.types.len()]);
        for (start, end) in offsets.iter().map(|at| size(*at)).zip(ends) {
            for bytes in self.types[start..end].chunks_exact(4) {
                sum += u64::from(word(bytes, 0) & 0xff);
            }
        }
        sum
    }
}
