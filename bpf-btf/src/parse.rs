//! The one pass that validates a blob and finds where each type starts.
//!
//! The rules are those of libbpf's reader: records within bounds, names within the strings, ids that exist, functions
//! with prototypes. What only the kernel refuses, such as a `DATASEC` of size 0, is left to it: clang's unlinked
//! objects contain such things.
//!
//! The pass only keeps the largest name and id that it sees. If one of them is too large, a second pass finds out whose.

use alloc::vec::Vec;

use zerocopy::FromBytes;
use zerocopy::native_endian::U32;

use crate::raw::{MAX_VLEN, RawType, record_layout};
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
fn words_of(bytes: &[u8]) -> &[U32] {
    let len = bytes.len() & !3;
    bytes.get(..len).and_then(|bytes| <[U32]>::ref_from_bytes(bytes).ok()).unwrap_or_default()
}

/// Average size of a record in kernels is 36 bytes; with half of that the offsets hardly ever grow.
const SMALL_RECORD: usize = 18;

/// Words of the head that all records have.
const HEAD: usize = 3;

impl Scan<'_> {
    /// Offset of each type from the start of the blob, in the order of ids.
    pub(crate) fn run(&self) -> Result<Vec<u32>, Error> {
        let section = self.blob.get(self.types.clone()).unwrap_or_default();
        let mut offsets: Vec<u32> = Vec::with_capacity(section.len().div_ceil(SMALL_RECORD));
        let words = words_of(section);
        let most = words.len().checked_div(HEAD).unwrap_or(0);
        let mut prototypes = Prototypes(alloc::vec![0; most.div_ceil(64)]);
        let (mut names, mut targets) = (0_u32, 0_u32);
        let mut forward_functions = false;
        let mut rest = words;
        let mut index = 0_u32;
        while let Some((&[name, info, third], tail)) = rest.split_first_chunk::<HEAD>() {
            let (name, info, target) = (name.get(), info.get(), third.get());
            let kind = (info >> 24 & 0x7f) as u8;
            let vlen = (info & MAX_VLEN) as usize;
            let Some((fixed, element)) = record_layout(kind).or_else(|| self.unknown_layout(kind))
            else {
                return Err(Error::UnknownKind { id: self.id(index), kind });
            };
            let len = usize::from(element).wrapping_mul(vlen).wrapping_add(usize::from(fixed));
            let Some((body, tail)) = tail.split_at_checked(len) else { break };

            names = names.max(name);
            match kind {
                // FUNC
                12 => {
                    targets = targets.max(target);
                    match target.checked_sub(self.first_id) {
                        Some(own) if own >= index => forward_functions = true,
                        Some(own) if prototypes.has(own) => {}
                        Some(_) => return Err(self.not_prototype(index, target)),
                        None => self.check_base_prototype(index, target)?,
                    }
                }
                // FUNC_PROTO
                13 => {
                    prototypes.add(index);
                    targets = targets.max(target);
                    for param in body.chunks_exact(2) {
                        if let [name, target] = param {
                            names = names.max(name.get());
                            targets = targets.max(target.get());
                        }
                    }
                }
                // PTR, TYPEDEF, the modifiers, VAR, DECL_TAG, TYPE_TAG.
                2 | 8..=11 | 14 | 17 | 18 => targets = targets.max(target),
                // STRUCT, UNION
                4 | 5 => {
                    for member in body.chunks_exact(3) {
                        if let [name, target, _] = member {
                            names = names.max(name.get());
                            targets = targets.max(target.get());
                        }
                    }
                }
                // ENUM, ENUM64
                6 | 19 => {
                    for value in body.chunks_exact(usize::from(element.max(1))) {
                        names = names.max(value.first().map_or(0, |name| name.get()));
                    }
                }
                // ARRAY
                3 => {
                    if let [element, index, _] = body {
                        targets = targets.max(element.get()).max(index.get());
                    }
                }
                // DATASEC
                15 => {
                    for entry in body.chunks_exact(3) {
                        targets = targets.max(entry.first().map_or(0, |target| target.get()));
                    }
                }
                // INT, FWD, FLOAT, and what is not known.
                _ => {}
            }
            let offset =
                self.types.start.wrapping_add(words.len().wrapping_sub(rest.len()).wrapping_mul(4));
            // The blob was checked to be smaller than 4 GiB.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "offsets in a blob of less than 4 GiB"
            )]
            offsets.push(offset as u32);
            index = index.wrapping_add(1);
            rest = tail;
        }
        if !rest.is_empty() || section.len() % 4 != 0 {
            let offset = words.len().wrapping_sub(rest.len()).wrapping_mul(4);
            return Err(Error::Truncated { id: self.id(index), offset });
        }
        let end = self.first_id.checked_add(index).ok_or(Error::TooManyTypes)?;
        if (names != 0 && names >= self.string_end) || targets >= end {
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

    /// The id of an own type. Where the sum does not fit, an error follows in any case.
    fn id(&self, index: u32) -> TypeId {
        TypeId::new(self.first_id.saturating_add(index))
    }

    fn not_prototype(&self, index: u32, target: u32) -> Error {
        Error::NotPrototype { id: self.id(index), target: TypeId::new(target) }
    }

    /// Words of a kind that only the blob's layout section knows.
    #[cold]
    fn unknown_layout(&self, kind: u8) -> Option<(u8, u8)> {
        // Kind 0 is never a record, whatever the layout section says.
        let entry = self.layout.chunks_exact(4).nth(usize::from(kind)).filter(|_| kind != 0)?;
        match entry {
            // Records consist of whole words.
            &[info_size, element_size, ..] if (info_size | element_size) % 4 == 0 => {
                Some((info_size >> 2, element_size >> 2))
            }
            _ => None,
        }
    }

    /// A function of split BTF may have a prototype of the base.
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
