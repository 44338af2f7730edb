//! Just enough of ELF to find a section by its name.

use super::FileError;
use crate::ByteOrder;

/// First bytes of an ELF file.
pub(super) const MAGIC: &[u8] = b"\x7fELF";

/// A section without bytes in the file (`SHT_NOBITS`).
const NO_BITS: u64 = 8;

/// A compressed section (`SHF_COMPRESSED`).
const COMPRESSED: u64 = 0x800;

/// Says that the real number is in the first section header (`SHN_XINDEX`).
const EXTENDED: u64 = 0xffff;

/// Fields of the two classes: offset and width.
struct Layout {
    table: (usize, usize),
    entry_size: usize,
    count: usize,
    names: usize,
    flags: (usize, usize),
    offset: (usize, usize),
    size: (usize, usize),
    link: usize,
}

const ELF32: Layout = Layout {
    table: (0x20, 4),
    entry_size: 0x2e,
    count: 0x30,
    names: 0x32,
    flags: (8, 4),
    offset: (0x10, 4),
    size: (0x14, 4),
    link: 0x18,
};

const ELF64: Layout = Layout {
    table: (0x28, 8),
    entry_size: 0x3a,
    count: 0x3c,
    names: 0x3e,
    flags: (8, 8),
    offset: (0x18, 8),
    size: (0x20, 8),
    link: 0x28,
};

struct Elf<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
    layout: &'static Layout,
    /// Offset of the table of sections, and length of its entries.
    table: usize,
    entry: usize,
}

/// The bytes of the first section with a name; `None` if there is none.
pub(super) fn section<'a>(
    bytes: &'a [u8],
    wanted: &'static str,
) -> Result<Option<&'a [u8]>, FileError> {
    let bad = |what| FileError::Elf { what, len: bytes.len() };
    let elf = Elf::open(bytes).ok_or(bad("header"))?;
    if elf.table == 0 {
        return Ok(None);
    }
    let (count, names) = elf.shape().ok_or(bad("table of sections"))?;
    let (_, names) = elf.contents(names).ok_or(bad("names of sections"))?;
    for index in 0..count {
        let name = elf.field(index, 0, 4).ok_or(bad("table of sections"))?;
        let name = usize::try_from(name).ok().and_then(|name| names.get(name..));
        let is_wanted = name
            .and_then(|name| name.strip_prefix(wanted.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0));
        if is_wanted {
            let (flags, contents) = elf.contents(index).ok_or(bad("section"))?;
            if flags & COMPRESSED != 0 {
                return Err(FileError::CompressedSection { section: wanted });
            }
            return Ok(Some(contents));
        }
    }
    Ok(None)
}

impl<'a> Elf<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let order = match bytes.get(5)? {
            1 => ByteOrder::Little,
            2 => ByteOrder::Big,
            _ => return None,
        };
        let layout = match bytes.get(4)? {
            1 => &ELF32,
            2 => &ELF64,
            _ => return None,
        };
        let mut elf = Self { bytes, order, layout, table: 0, entry: 0 };
        elf.table = usize::try_from(elf.number(layout.table.0, layout.table.1)?).ok()?;
        elf.entry = usize::try_from(elf.number(layout.entry_size, 2)?).ok()?;
        Some(elf)
    }

    /// The number of `width` bytes at an offset.
    fn number(&self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(width)?)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.order {
            ByteOrder::Little => bytes.iter().rev().fold(0, push),
            ByteOrder::Big => bytes.iter().fold(0, push),
        })
    }

    /// A field of a section's header.
    fn field(&self, index: usize, at: usize, width: usize) -> Option<u64> {
        let header = self.table.checked_add(index.checked_mul(self.entry)?)?;
        self.number(header.checked_add(at)?, width)
    }

    /// How many sections there are, and which has their names.
    fn shape(&self) -> Option<(usize, usize)> {
        let mut count = self.number(self.layout.count, 2)?;
        let mut names = self.number(self.layout.names, 2)?;
        if count == 0 {
            count = self.field(0, self.layout.size.0, self.layout.size.1)?;
        }
        if names == EXTENDED {
            names = self.field(0, self.layout.link, 4)?;
        }
        // An entry of no bytes would be read again and again.
        let fits = self.bytes.len().checked_div(self.entry)?;
        let count = usize::try_from(count).ok().filter(|count| *count <= fits)?;
        Some((count, usize::try_from(names).ok()?))
    }

    /// Flags and bytes of a section.
    fn contents(&self, index: usize) -> Option<(u64, &'a [u8])> {
        let wide = |(at, width)| self.field(index, at, width);
        let flags = wide(self.layout.flags)?;
        if self.field(index, 4, 4)? == NO_BITS {
            return Some((flags, &[]));
        }
        let start = usize::try_from(wide(self.layout.offset)?).ok()?;
        let len = usize::try_from(wide(self.layout.size)?).ok()?;
        Some((flags, self.bytes.get(start..start.checked_add(len)?)?))
    }
}
