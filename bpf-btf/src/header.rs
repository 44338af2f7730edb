//! The header of a blob and the places of its sections.

use core::ops::Range;

use alloc::vec::Vec;

use crate::{ByteOrder, Error};

/// First two bytes of BTF and `.BTF.ext`.
pub(crate) const MAGIC: u16 = 0xeb9f;

/// Shortest header: up to and including `str_len`.
pub(crate) const HEADER_LEN: u32 = 24;

/// Header with `layout_off` and `layout_len`.
pub(crate) const LAYOUT_HEADER_LEN: u32 = 32;

/// Where things are in a blob; all ranges lie within it.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) order: ByteOrder,
    /// Length of the header itself in bytes.
    pub(crate) len: u32,
    pub(crate) types: Range<usize>,
    pub(crate) strings: Range<usize>,
    /// One entry of 4 bytes per kind: `u8 info_sz, u8 elem_sz, u16 flags`. Empty when there is none.
    pub(crate) layout: Range<usize>,
}

/// The byte order that the magic tells.
pub(crate) fn order_of(blob: &[u8]) -> Result<ByteOrder, Error> {
    let magic = *blob.first_chunk::<2>().ok_or(Error::TooShort { len: blob.len() })?;
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .find(|order| order.u16(magic) == MAGIC)
        .ok_or(Error::Magic { magic: u16::from_le_bytes(magic) })
}

/// The `u32` at a byte offset.
pub(crate) fn u32_at(blob: &[u8], offset: usize, order: ByteOrder) -> Option<u32> {
    blob.get(offset..)?.first_chunk::<4>().map(|bytes| order.u32(*bytes))
}

impl Header {
    pub(crate) fn parse(blob: &[u8]) -> Result<Self, Error> {
        let total = blob.len();
        // Offsets of types are kept in 32 bits.
        if u32::try_from(total).is_err() {
            return Err(Error::TooLarge { len: total });
        }
        let order = order_of(blob)?;
        let short = Error::TooShort { len: total };
        let version = *blob.get(2).ok_or(short.clone())?;
        let flags = *blob.get(3).ok_or(short.clone())?;
        if version != 1 {
            return Err(Error::Version { version });
        }
        if flags != 0 {
            return Err(Error::Flags { flags });
        }
        let field = |offset| u32_at(blob, offset, order).ok_or(short.clone());
        let header_len = field(4)?;
        if header_len < HEADER_LEN {
            return Err(Error::HeaderLength { len: header_len });
        }
        if header_len as usize > total {
            return Err(short);
        }
        let place = |section, at: usize| {
            let offset = field(at)?;
            let len = field(at.saturating_add(4))?;
            let start = (header_len as usize).checked_add(offset as usize);
            let end = start.and_then(|start| start.checked_add(len as usize));
            match (start, end) {
                (Some(start), Some(end)) if end <= total => Ok(start..end),
                _ => Err(Error::Section { section, offset, len, total }),
            }
        };
        let types = place("type", 8)?;
        let strings = place("string", 16)?;
        let layout = if header_len >= LAYOUT_HEADER_LEN { place("layout", 24)? } else { 0..0 };
        let type_offset = field(8)?;
        if type_offset % 4 != 0 {
            return Err(Error::Unaligned { offset: type_offset });
        }
        for (first, second, a, b) in [
            ("type", "string", &types, &strings),
            ("layout", "type", &layout, &types),
            ("layout", "string", &layout, &strings),
        ] {
            if !a.is_empty() && !b.is_empty() && a.start < b.end && b.start < a.end {
                return Err(Error::Overlap { first, second });
            }
        }
        if !layout.is_empty() {
            let (offset, len) = (field(24)?, field(28)?);
            if offset % 4 != 0 || len % 4 != 0 {
                return Err(Error::Layout { offset, len });
            }
        }
        Ok(Self { order, len: header_len, types, strings, layout })
    }

    /// A copy of the blob with every number in the other byte order. Swapping twice gives the same bytes.
    pub(crate) fn swapped(&self, blob: &[u8]) -> Vec<u8> {
        let mut out = blob.to_vec();
        if let Some(magic) = out.get_mut(..2) {
            magic.reverse();
        }
        // What follows the fields known here has no known width and stays as it is.
        let known = self.len.min(LAYOUT_HEADER_LEN) as usize;
        swap_words(out.get_mut(4..known).unwrap_or_default());
        swap_words(out.get_mut(self.types.clone()).unwrap_or_default());
        for entry in out.get_mut(self.layout.clone()).unwrap_or_default().chunks_exact_mut(4) {
            if let Some(flags) = entry.get_mut(2..) {
                flags.reverse();
            }
        }
        out
    }
}

/// Reverses each word of 4 bytes. All fields of all type records are such words.
fn swap_words(bytes: &mut [u8]) {
    for word in bytes.chunks_exact_mut(4) {
        word.reverse();
    }
}
