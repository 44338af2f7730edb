//! The pass over a blob that somebody vouches for: where each type starts, and nothing else.
//!
//! What the types say of names and of other types is left to [`Scan::run`], which
//! [`Btf::validate`](crate::Btf::validate) makes up for.

use alloc::vec::Vec;

use crate::parse::{HEAD, SMALL_RECORD, Scan, words_of};
use crate::raw::MAX_VLEN;
use crate::{Error, Kind};

/// Words of a record: those behind its head in the lower byte, those of each element in the upper one.
type Size = u16;

/// Kinds without a record. None has 255 words of either sort.
const UNKNOWN: Size = Size::MAX;

/// Numbers that a kind can have.
const KINDS: usize = 1 << 7;

/// The kinds whose records are a head and nothing else, one bit each. More than half of a kernel's types are such, many of
/// them in a row: a processor that foresees them reads on before it has seen what the record is.
const HEADS: u32 = 1 << Kind::Ptr.number()
    | 1 << Kind::Fwd.number()
    | 1 << Kind::Typedef.number()
    | 1 << Kind::Volatile.number()
    | 1 << Kind::Const.number()
    | 1 << Kind::Restrict.number()
    | 1 << Kind::Func.number()
    | 1 << Kind::Float.number()
    | 1 << Kind::TypeTag.number();

/// How many types there are. A blob of 4 GiB has room for fewer than 32 bits can count.
fn count(offsets: &[u32]) -> u32 {
    u32::try_from(offsets.len()).unwrap_or(u32::MAX)
}

impl Scan<'_> {
    /// Offset of each type from the start of the blob, in the order of ids. Each record is of a known kind and lies within
    /// the section; its words may say anything.
    pub(crate) fn skim(&self) -> Result<Vec<u32>, Error> {
        let section = self.blob.get(self.types.clone()).unwrap_or_default();
        let words = words_of(section);
        let sizes = self.sizes();
        let mut offsets = Vec::with_capacity(section.len().div_ceil(SMALL_RECORD));
        let mut rest = words;
        while let Some((&[_, info, _], tail)) = rest.split_first_chunk::<HEAD>() {
            let info = info.get();
            let kind = info >> 24 & 0x7f;
            let next = if kind < u32::BITS && HEADS >> kind & 1 == 1 {
                tail
            } else {
                let size = sizes.get(kind as usize).copied().unwrap_or(UNKNOWN);
                if size == UNKNOWN {
                    let kind = kind as u8;
                    return Err(Error::UnknownKind { id: self.id(count(&offsets)), kind });
                }
                // At most 2^24 elements of 63 words.
                let elements = usize::from(size >> 8).wrapping_mul((info & MAX_VLEN) as usize);
                let len = usize::from(size & 0xff).wrapping_add(elements);
                let Some((_, next)) = tail.split_at_checked(len) else { break };
                next
            };
            let before = words.len().wrapping_sub(rest.len()).wrapping_mul(4);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the blob was checked to be smaller than 4 GiB"
            )]
            offsets.push(self.types.start.wrapping_add(before) as u32);
            rest = next;
        }
        if !rest.is_empty() || section.len() % 4 != 0 {
            let offset = words.len().wrapping_sub(rest.len()).wrapping_mul(4);
            return Err(Error::Truncated { id: self.id(count(&offsets)), offset });
        }
        if self.first_id.checked_add(count(&offsets)).is_none() {
            return Err(Error::TooManyTypes);
        }
        if offsets.capacity() / 2 > offsets.len() {
            offsets.shrink_to_fit();
        }
        Ok(offsets)
    }

    /// The size of the records of each kind.
    fn sizes(&self) -> [Size; KINDS] {
        core::array::from_fn(|number| {
            let kind = u8::try_from(number).unwrap_or(0);
            let size = match Kind::from_number(kind) {
                Kind::Void => None,
                Kind::Unknown(_) => self.unknown_layout(kind),
                known => Some(crate::words::sizes(known)),
            };
            let packed = size.and_then(|(fixed, element)| {
                Some(
                    Size::from(u8::try_from(element).ok()?) << 8
                        | Size::from(u8::try_from(fixed).ok()?),
                )
            });
            packed.unwrap_or(UNKNOWN)
        })
    }
}
