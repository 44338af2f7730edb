//! Strings of one blob in another.

use alloc::collections::BTreeMap;

use super::{BtfBuilder, BuildError};
use crate::Btf;

/// Copies strings of a blob into a builder, and knows where those went that were copied before.
///
/// Records and lines name strings by their offset. Many of them may name one long string, or ends of it, so that the text that they name is
/// far larger than the blob: a copy has no more than 16 times the bytes of its strings, and 1 MiB.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, StringCopier};
/// let mut builder = BtfBuilder::new();
/// let offset = builder.add_string("return 0;")?;
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
///
/// let mut other = BtfBuilder::new();
/// let mut copier = StringCopier::new(&btf);
/// let copy = copier.copy(offset, &mut other)?;
/// let other = Btf::parse(other.write(ByteOrder::NATIVE)?)?;
/// assert_eq!(other.string(copy), Some("return 0;"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct StringCopier<'btf> {
    from: &'btf Btf,
    /// New offsets by old ones.
    known: BTreeMap<u32, u32>,
    /// Bytes that may still be copied.
    left: usize,
}

impl<'btf> StringCopier<'btf> {
    /// Copies strings of this blob.
    pub fn new(from: &'btf Btf) -> Self {
        Self { from, known: BTreeMap::new(), left: from.most_text() }
    }

    /// The offset in the builder of the string at an offset in the blob. What does not exist there is the empty string.
    ///
    /// # Errors
    ///
    /// [`BuildError::SharedStrings`] if too much was copied, and those of [`BtfBuilder::add_string_bytes`]. All strings of one copier have to
    /// go to one builder.
    pub fn copy(&mut self, offset: u32, to: &mut BtfBuilder) -> Result<u32, BuildError> {
        if let Some(known) = self.known.get(&offset) {
            return Ok(*known);
        }
        let text = self.from.string_bytes(offset).unwrap_or_default();
        self.left = self.left.checked_sub(text.len()).ok_or(BuildError::SharedStrings)?;
        let copy = to.add_string_bytes(text)?;
        self.known.insert(offset, copy);
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ByteOrder;

    fn text(text: &[u8]) -> Btf {
        let mut builder = BtfBuilder::new();
        builder.add_string_bytes(text).unwrap();
        Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap()
    }

    #[test]
    fn a_string_is_copied_once_and_one_that_is_not_there_is_empty() {
        let from = text(b"li\xf6ne");
        let mut to = BtfBuilder::new();
        let mut strings = StringCopier::new(&from);
        let rows = [(1, 1), (3, 7), (1, 1), (0, 0), (6, 0), (7, 0), (u32::MAX, 0)];
        for (offset, copy) in rows {
            assert_eq!(strings.copy(offset, &mut to), Ok(copy), "{offset}");
        }
        let to = Btf::parse(to.write(ByteOrder::NATIVE).unwrap()).unwrap();
        assert_eq!(to.string_bytes(1), Some(&b"li\xf6ne"[..]));
        assert_eq!(to.string_bytes(7), Some(&b"\xf6ne"[..]));
    }

    #[test]
    fn ends_of_one_string_take_no_more_than_in_proportion() {
        let from = text(&alloc::vec![b'x'; 1 << 20]);
        let mut to = BtfBuilder::new();
        let mut strings = StringCopier::new(&from);
        for again in 0..1000 {
            strings.copy(1, &mut to).unwrap_or_else(|error| panic!("{again}: {error}"));
        }
        let failed = (2..100).find(|offset| strings.copy(*offset, &mut to).is_err());
        // The string and 16 of its ends are within 17 times its bytes.
        assert_eq!(failed, Some(18));
        assert_eq!(strings.copy(18, &mut to), Err(BuildError::SharedStrings));
    }
}
