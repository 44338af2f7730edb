//! The one pass that validates a blob and finds where each type starts.
//!
//! The rules are those of libbpf's reader: records within bounds, names within the strings, ids that exist, functions
//! with prototypes. What only the kernel refuses, such as a `DATASEC` of size 0, is left to it: clang's unlinked
//! objects contain such things.
//!
//! The pass only keeps whether names exist and the largest id that it sees. If something is wrong, a second pass finds out
//! with which type.

use alloc::vec::Vec;

use zerocopy::FromBytes;
use zerocopy::native_endian::U32;

use crate::header::Header;
use crate::raw::{MAX_VLEN, RawType};
use crate::words::{for_each_name, for_each_target};
use crate::{Btf, Error, Kind, TypeId};

/// What the pass needs to know about the blob and its base.
pub(crate) struct Scan<'a> {
    pub(crate) blob: &'a [u8],
    /// Start and end of the type section.
    pub(crate) types: core::ops::Range<usize>,
    /// Entries of the layout section.
    pub(crate) layout: &'a [u8],
    pub(crate) first_id: u32,
    pub(crate) base: Option<&'a Btf>,
    /// End of the string offsets, those of the base included.
    pub(crate) string_end: u32,
}

/// The ids of own prototypes that were seen so far, one bit each.
struct Prototypes(Vec<u64>);

impl Prototypes {
    fn add(&mut self, index: u32) {
        if let Some(word) = self.0.get_mut((index >> 6) as usize) {
            *word |= 1 << (index & 63);
        }
    }

    fn has(&self, index: u32) -> bool {
        self.0.get((index >> 6) as usize).is_some_and(|word| word >> (index & 63) & 1 == 1)
    }
}

/// All whole words of some bytes.
pub(crate) fn words_of(bytes: &[u8]) -> &[U32] {
    let len = bytes.len() & !3;
    bytes.get(..len).and_then(|bytes| <[U32]>::ref_from_bytes(bytes).ok()).unwrap_or_default()
}

/// The words of so many elements, and what follows them. There are at most 2^24 elements of 63 words.
#[inline]
fn split(words: &[U32], count: usize, size: usize) -> Option<(&[U32], &[U32])> {
    words.split_at_checked(count.wrapping_mul(size))
}

/// Adds an offset for which there was no room.
#[cold]
#[inline(never)]
fn grow(offsets: &mut Vec<u32>, offset: u32) {
    offsets.push(offset);
}

/// Average size of a record in kernels is 36 bytes; with half of that the offsets hardly ever grow.
pub(crate) const SMALL_RECORD: usize = 18;

/// Words of the head that all records have.
pub(crate) const HEAD: usize = 3;

/// What is known of names and ids so far.
#[derive(Clone, Copy)]
struct Seen {
    /// Whether some name is beyond the strings.
    bad_name: bool,
    /// The largest id. How many types there are is known only in the end.
    target: u32,
}

impl Seen {
    #[inline]
    fn target(self, target: U32) -> Self {
        Self { target: self.target.max(target.get()), ..self }
    }

    /// Elements that begin with the name and the id of a type. The first bad name ends it, which also keeps the compiler
    /// from preparing for many elements: most records have few.
    #[inline]
    fn elements<const N: usize>(mut self, mut body: &[U32], name_end: u32) -> Self {
        while let Some((element, rest)) = body.split_first_chunk::<N>() {
            if let [name, target, ..] = element.as_slice() {
                if name.get() >= name_end {
                    return Self { bad_name: true, ..self };
                }
                self = self.target(*target);
            }
            body = rest;
        }
        self
    }

    /// Elements that begin with a name and hold no id.
    #[inline]
    fn values<const N: usize>(self, body: &[U32], name_end: u32) -> Self {
        let bad = body
            .chunks_exact(N)
            .any(|value| value.first().is_some_and(|name| name.get() >= name_end));
        Self { bad_name: self.bad_name | bad, ..self }
    }
}

const INT: u8 = 1;
const PTR: u8 = 2;
const ARRAY: u8 = 3;
const STRUCT: u8 = 4;
const UNION: u8 = 5;
const ENUM: u8 = 6;
const FWD: u8 = 7;
const TYPEDEF: u8 = 8;
const VOLATILE: u8 = 9;
const CONST: u8 = 10;
const RESTRICT: u8 = 11;
const FUNC: u8 = 12;
const FUNC_PROTO: u8 = 13;
const VAR: u8 = 14;
const DATASEC: u8 = 15;
const FLOAT: u8 = 16;
const DECL_TAG: u8 = 17;
const TYPE_TAG: u8 = 18;
const ENUM64: u8 = 19;

impl<'a> Scan<'a> {
    /// The pass over a blob in native order, whose sections are where its header says.
    pub(crate) fn new(blob: &'a [u8], header: &Header, base: Option<&'a Btf>) -> Self {
        let strings = blob.get(header.strings.clone()).unwrap_or_default();
        let first_string = base.map_or(0, Btf::string_end);
        Self {
            blob,
            types: header.types.clone(),
            layout: blob.get(header.layout.clone()).unwrap_or_default(),
            first_id: base.map_or(1, Btf::len),
            base,
            // Whoever opened the blob saw that the sum fits.
            string_end: first_string
                .saturating_add(u32::try_from(strings.len()).unwrap_or(u32::MAX)),
        }
    }
}

impl Scan<'_> {
    /// Offset of each type from the start of the blob, in the order of ids.
    pub(crate) fn run(&self) -> Result<Vec<u32>, Error> {
        let section = self.blob.get(self.types.clone()).unwrap_or_default();
        let words = words_of(section);
        let most = words.len().checked_div(HEAD).unwrap_or(0);
        // Written from the start, and cut to the number of types. The system gives zeros, which take no memory until then.
        let mut offsets = alloc::vec![0_u32; section.len().div_ceil(SMALL_RECORD)];
        let mut prototypes = Prototypes(alloc::vec![0; most.div_ceil(64)]);
        // 0 always is a name: none.
        let name_end = self.string_end.max(1);
        let mut seen = Seen { bad_name: false, target: 0 };
        let mut forward_functions = false;
        let mut rest = words;
        let mut index = 0_u32;
        while let Some((&[name, info, third], tail)) = rest.split_first_chunk::<HEAD>() {
            let (info, target) = (info.get(), third.get());
            let kind = (info >> 24 & 0x7f) as u8;
            let vlen = (info & MAX_VLEN) as usize;
            seen.bad_name |= name.get() >= name_end;
            // Each kind finds its own end: where the processor guesses the kind right it also knows where the next record
            // starts, and reads on.
            let next = match kind {
                FUNC => {
                    seen = seen.target(third);
                    match target.checked_sub(self.first_id) {
                        Some(own) if own >= index => forward_functions = true,
                        Some(own) if prototypes.has(own) => {}
                        Some(_) => return Err(self.not_prototype(index, target)),
                        None => self.check_base_prototype(index, target)?,
                    }
                    tail
                }
                FUNC_PROTO => {
                    prototypes.add(index);
                    let Some((body, next)) = split(tail, vlen, 2) else { break };
                    seen = seen.target(third).elements::<2>(body, name_end);
                    next
                }
                PTR | CONST | TYPEDEF | VOLATILE | RESTRICT | TYPE_TAG => {
                    seen = seen.target(third);
                    tail
                }
                STRUCT | UNION => {
                    let Some((body, next)) = split(tail, vlen, 3) else { break };
                    seen = seen.elements::<3>(body, name_end);
                    next
                }
                ARRAY => {
                    let Some((&[element, index, _], next)) = tail.split_first_chunk() else {
                        break;
                    };
                    seen = seen.target(element).target(index);
                    next
                }
                _ => match self.rare(kind, vlen, third, tail, seen) {
                    Some((next, now)) => {
                        seen = now;
                        next
                    }
                    None if kind == 0 || (kind > ENUM64 && self.unknown_layout(kind).is_none()) => {
                        return Err(Error::UnknownKind { id: self.id(index), kind });
                    }
                    None => break,
                },
            };
            let offset =
                self.types.start.wrapping_add(words.len().wrapping_sub(rest.len()).wrapping_mul(4));
            // The blob was checked to be smaller than 4 GiB.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "offsets in a blob of less than 4 GiB"
            )]
            let offset = offset as u32;
            match offsets.get_mut(index as usize) {
                Some(place) => *place = offset,
                None => grow(&mut offsets, offset),
            }
            index = index.wrapping_add(1);
            rest = next;
        }
        if !rest.is_empty() || section.len() % 4 != 0 {
            let offset = words.len().wrapping_sub(rest.len()).wrapping_mul(4);
            return Err(Error::Truncated { id: self.id(index), offset });
        }
        offsets.truncate(index as usize);
        let end = self.first_id.checked_add(index).ok_or(Error::TooManyTypes)?;
        if seen.bad_name || seen.target >= end {
            return Err(self.blame(&offsets, end));
        }
        if forward_functions {
            self.check_functions(&offsets, &prototypes)?;
        }
        if offsets.capacity() / 2 > offsets.len() {
            offsets.shrink_to_fit();
        }
        Ok(offsets)
    }

    /// What follows the record of a kind that is not common, and what is known then.
    #[inline(never)]
    fn rare<'w>(
        &self,
        kind: u8,
        vlen: usize,
        third: U32,
        tail: &'w [U32],
        seen: Seen,
    ) -> Option<(&'w [U32], Seen)> {
        let (fixed, element) = match kind {
            INT | VAR | DECL_TAG => (1, 0),
            ENUM => (0, 2),
            DATASEC | ENUM64 => (0, 3),
            FWD | FLOAT => (0, 0),
            _ => self.unknown_layout(kind)?,
        };
        let (_, elements) = tail.split_at_checked(fixed)?;
        let (body, next) = split(elements, vlen, element)?;
        let name_end = self.string_end.max(1);
        let seen = match kind {
            VAR | DECL_TAG => seen.target(third),
            ENUM => seen.values::<2>(body, name_end),
            ENUM64 => seen.values::<3>(body, name_end),
            DATASEC => body
                .chunks_exact(3)
                .filter_map(<[U32]>::first)
                .fold(seen, |seen, target| seen.target(*target)),
            _ => seen,
        };
        Some((next, seen))
    }

    /// The id of an own type. Where the sum does not fit, an error follows in any case.
    pub(crate) fn id(&self, index: u32) -> TypeId {
        TypeId::new(self.first_id.saturating_add(index))
    }

    #[cold]
    fn not_prototype(&self, index: u32, target: u32) -> Error {
        Error::NotPrototype { id: self.id(index), target: TypeId::new(target) }
    }

    /// Words of a kind that only the blob's layout section knows: behind the head, and of each element.
    #[cold]
    pub(crate) fn unknown_layout(&self, kind: u8) -> Option<(usize, usize)> {
        // Kind 0 is never a record, whatever the layout section says.
        let entry = self.layout.chunks_exact(4).nth(usize::from(kind)).filter(|_| kind != 0)?;
        match entry {
            // Records consist of whole words.
            &[info_size, element_size, ..] if (info_size | element_size) % 4 == 0 => {
                Some((usize::from(info_size >> 2), usize::from(element_size >> 2)))
            }
            _ => None,
        }
    }

    /// A function of split BTF may have a prototype of the base.
    #[inline(never)]
    fn check_base_prototype(&self, index: u32, target: u32) -> Result<(), Error> {
        let found = self.base.and_then(|base| base.get(TypeId::new(target)));
        match found.map(|found| found.kind()) {
            Some(Kind::FuncProto) => Ok(()),
            _ => Err(self.not_prototype(index, target)),
        }
    }

    /// Functions whose prototypes come after them, which the pass could not check.
    fn check_functions(&self, offsets: &[u32], prototypes: &Prototypes) -> Result<(), Error> {
        for (index, offset) in (0..).zip(offsets) {
            let raw =
                self.blob.get(*offset as usize..).and_then(|at| RawType::ref_from_prefix(at).ok());
            let Some((raw, _)) =
                raw.filter(|(raw, _)| Kind::from_info(raw.info.get()) == Kind::Func)
            else {
                continue;
            };
            let target = raw.size_or_type.get();
            if target.checked_sub(self.first_id).is_some_and(|own| !prototypes.has(own)) {
                return Err(self.not_prototype(index, target));
            }
        }
        Ok(())
    }

    /// The first type with a name or an id that does not exist.
    #[cold]
    fn blame(&self, offsets: &[u32], end: u32) -> Error {
        let ends = offsets.iter().skip(1).map(|next| *next as usize).chain([self.types.end]);
        for ((index, start), next) in (0..).zip(offsets).zip(ends) {
            let record = self.blob.get(*start as usize..next).unwrap_or_default();
            let words = words_of(record).iter().map(|word| word.get()).collect::<Vec<_>>();
            let mut fault = None;
            let id = self.id(index);
            for_each_name(&words, &mut |offset| {
                if offset != 0 && offset >= self.string_end {
                    fault = fault.take().or(Some(Error::StringOffset { id, offset }));
                }
            });
            for_each_target(&words, &mut |target| {
                if target >= end {
                    fault = fault
                        .take()
                        .or(Some(Error::NoSuchTarget { id, target: TypeId::new(target) }));
                }
            });
            if let Some(fault) = fault {
                return fault;
            }
        }
        Error::TooManyTypes
    }
}
