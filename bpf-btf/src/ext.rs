//! `.BTF.ext`: function, line and relocation records of an object.

use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::header::{MAGIC, order_of, u32_at};
use crate::{ByteOrder, TypeId};

/// Why a `.BTF.ext` section could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtError {
    /// The section ends before its header does.
    #[error("section of {len} bytes is too short for a .BTF.ext header")]
    TooShort {
        /// Length of the section in bytes.
        len: usize,
    },
    /// The first two bytes are not the BTF magic in either byte order.
    #[error("magic of .BTF.ext is not {MAGIC:#06x}")]
    Magic,
    /// The version is not 1.
    #[error("version {version} of .BTF.ext is not known")]
    Version {
        /// The version in the header.
        version: u8,
    },
    /// The header has flags; none are defined.
    #[error("flags {flags:#04x} of .BTF.ext are not known")]
    Flags {
        /// The flags in the header.
        flags: u8,
    },
    /// The header does not reach the end of the line records' place.
    #[error("header length {len} of .BTF.ext is not possible")]
    HeaderLength {
        /// The length in the header.
        len: u32,
    },
    /// A part does not lie within the section.
    #[error("{part} records at offset {offset} with {len} bytes do not fit the .BTF.ext section")]
    Part {
        /// Which part: `func_info`, `line_info` or `core_relo`.
        part: &'static str,
        /// Offset in bytes from the end of the header.
        offset: u32,
        /// Length in bytes.
        len: u32,
    },
    /// Records are shorter than this part's fields, or not a multiple of 4 bytes.
    #[error("{part} records of {size} bytes are not possible")]
    RecordSize {
        /// Which part.
        part: &'static str,
        /// The record size in bytes.
        size: u32,
    },
    /// The part of a section reaches beyond its end.
    #[error("{part} records of a section are cut off at offset {offset}")]
    Truncated {
        /// Which part.
        part: &'static str,
        /// Offset in bytes from the start of the part.
        offset: usize,
    },
    /// A section is listed without any record.
    #[error("{part} lists a section without records at offset {offset}")]
    NoRecords {
        /// Which part.
        part: &'static str,
        /// Offset in bytes from the start of the part.
        offset: usize,
    },
}

/// A validated `.BTF.ext` section in either byte order. Section names are offsets in the strings of the object's BTF.
///
/// ```
/// use bpf_btf::{BtfExt, ByteOrder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A short header, and one function record: type 5 at the start of the section whose name is at string offset 7.
/// let words = [24_u32, 0, 20, 20, 0, 8, 7, 1, 0, 5].map(u32::to_le_bytes).concat();
/// let section = [[0x9f, 0xeb, 1, 0].as_slice(), &words].concat();
/// let ext = BtfExt::parse(&section)?;
/// for section in ext.func_infos() {
///     for record in section.records {
///         assert_eq!((section.name_offset, record.insn_offset, record.type_id.get()), (7, 0, 5));
///     }
/// }
/// let big = ext.to_bytes(ByteOrder::Big);
/// assert_eq!(BtfExt::parse(&big)?.byte_order(), ByteOrder::Big);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BtfExt<'a> {
    order: ByteOrder,
    func: Part<'a>,
    line: Part<'a>,
    core: Part<'a>,
}

/// One of the three parts: its blocks behind the record size.
#[derive(Clone, Copy, Debug, Default)]
struct Part<'a> {
    record_size: u32,
    blocks: &'a [u8],
}

/// Header up to and including the place of the line records.
const SHORT_HEADER: u32 = 24;
/// Header with the place of the relocations.
const FULL_HEADER: u32 = 32;
/// String offset of the section's name and number of records.
const BLOCK_HEAD: usize = 8;

impl<'a> BtfExt<'a> {
    /// Validates a section.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ExtError> {
        let short = ExtError::TooShort { len: bytes.len() };
        let order = match order_of(bytes) {
            Ok(order) => order,
            Err(crate::Error::TooShort { .. }) => return Err(short),
            Err(_) => return Err(ExtError::Magic),
        };
        let version = *bytes.get(2).ok_or(short.clone())?;
        let flags = *bytes.get(3).ok_or(short.clone())?;
        if version != 1 {
            return Err(ExtError::Version { version });
        }
        if flags != 0 {
            return Err(ExtError::Flags { flags });
        }
        let field = |offset| u32_at(bytes, offset, order).ok_or(short.clone());
        let header_len = field(4)?;
        if header_len < SHORT_HEADER {
            return Err(ExtError::HeaderLength { len: header_len });
        }
        let body = bytes.get(header_len as usize..).ok_or(short.clone())?;
        let part = |part, at: usize, smallest| {
            let offset = field(at)?;
            let len = field(at.saturating_add(4))?;
            let cut = body.get(offset as usize..).and_then(|tail| tail.get(..len as usize));
            Part::parse(part, cut.ok_or(ExtError::Part { part, offset, len })?, smallest, order)
        };
        let func = part("func_info", 8, FuncInfo::SIZE)?;
        let line = part("line_info", 16, LineInfo::SIZE)?;
        let core = if header_len < FULL_HEADER {
            Part::default()
        } else {
            part("core_relo", 24, CoreRelo::SIZE)?
        };
        Ok(Self { order, func, line, core })
    }

    /// Byte order of the section.
    pub fn byte_order(&self) -> ByteOrder {
        self.order
    }

    /// The section in a byte order: with the long header (32 bytes), its parts one after the other, every record as large as it
    /// was. What larger records hold beyond the fields known here is taken to be words of 4 bytes, as all of it is so far. To
    /// write records for other types and strings, see [`Rewritten::write_ext`](crate::Rewritten::write_ext).
    pub fn to_bytes(&self, order: ByteOrder) -> Vec<u8> {
        let parts = [self.func, self.line, self.core];
        let mut out = order.u16_bytes(MAGIC).to_vec();
        out.extend_from_slice(&[1, 0]);
        out.extend_from_slice(&order.u32_bytes(FULL_HEADER));
        let mut offset = 0_usize;
        for part in parts {
            for number in [offset, part.len()] {
                // All parts came from a section with lengths of 32 bits.
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                out.extend_from_slice(&order.u32_bytes(number));
            }
            offset = offset.saturating_add(part.len());
        }
        for part in parts.into_iter().filter(|part| part.len() > 0) {
            out.extend_from_slice(&order.u32_bytes(part.record_size));
            for word in part.blocks.chunks_exact(4).filter_map(|word| word.first_chunk()) {
                out.extend_from_slice(&order.u32_bytes(self.order.u32(*word)));
            }
        }
        out
    }

    /// Size in bytes of each function record: 8, more from newer compilers, 0 without any.
    pub fn func_info_size(&self) -> u32 {
        self.func.record_size
    }

    /// Size in bytes of each line record: 16, more from newer compilers, 0 without any.
    pub fn line_info_size(&self) -> u32 {
        self.line.record_size
    }

    /// Function records by section.
    pub fn func_infos(&self) -> impl Iterator<Item = SectionInfo<FuncInfos<'a>>> + use<'a> {
        self.func.sections(self.order)
    }

    /// Line records by section.
    pub fn line_infos(&self) -> impl Iterator<Item = SectionInfo<LineInfos<'a>>> + use<'a> {
        self.line.sections(self.order)
    }

    /// CO-RE relocations by section.
    pub fn core_relos(&self) -> impl Iterator<Item = SectionInfo<CoreRelos<'a>>> + use<'a> {
        self.core.sections(self.order)
    }
}

impl<'a> Part<'a> {
    /// Bytes with the record size; 0 for a part without records.
    fn len(&self) -> usize {
        if self.blocks.is_empty() { 0 } else { self.blocks.len().saturating_add(4) }
    }

    fn parse(
        part: &'static str,
        bytes: &'a [u8],
        smallest: u32,
        order: ByteOrder,
    ) -> Result<Self, ExtError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let record_size = u32_at(bytes, 0, order).ok_or(ExtError::Truncated { part, offset: 0 })?;
        if record_size < smallest || record_size % 4 != 0 {
            return Err(ExtError::RecordSize { part, size: record_size });
        }
        let parsed = Self { record_size, blocks: bytes.get(4..).unwrap_or_default() };
        let mut rest = parsed.blocks;
        while !rest.is_empty() {
            let offset = bytes.len().saturating_sub(rest.len());
            let truncated = ExtError::Truncated { part, offset };
            let count = u32_at(rest, 4, order).ok_or(truncated.clone())?;
            if count == 0 {
                return Err(ExtError::NoRecords { part, offset });
            }
            rest = parsed.cut_block(rest, order).ok_or(truncated)?.2;
        }
        Ok(parsed)
    }

    /// Name offset and records of the first block, and what follows it.
    fn cut_block(&self, blocks: &'a [u8], order: ByteOrder) -> Option<(u32, &'a [u8], &'a [u8])> {
        let name = u32_at(blocks, 0, order)?;
        let count = u32_at(blocks, 4, order)?;
        let len = u64::from(count).checked_mul(u64::from(self.record_size))?;
        let (records, rest) =
            blocks.get(BLOCK_HEAD..)?.split_at_checked(usize::try_from(len).ok()?)?;
        Some((name, records, rest))
    }

    fn sections<R: Record<'a>>(
        self,
        order: ByteOrder,
    ) -> impl Iterator<Item = SectionInfo<Records<'a, R>>> + use<'a, R> {
        let mut rest = self.blocks;
        core::iter::from_fn(move || {
            let (name, records, tail) = self.cut_block(rest, order)?;
            rest = tail;
            let records = Records {
                rest: records,
                size: self.record_size as usize,
                order,
                record: PhantomData,
            };
            Some(SectionInfo { name_offset: name, records })
        })
    }
}

/// The records of one ELF section.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SectionInfo<R> {
    /// Offset of the ELF section's name in the strings of the object's BTF.
    pub name_offset: u32,
    /// The records in the order of the file.
    pub records: R,
}

/// Records of one kind. No step allocates.
#[derive(Clone, Debug)]
pub struct Records<'a, R> {
    rest: &'a [u8],
    size: usize,
    order: ByteOrder,
    record: PhantomData<R>,
}

/// Function records of one section.
pub type FuncInfos<'a> = Records<'a, FuncInfo<'a>>;
/// Line records of one section.
pub type LineInfos<'a> = Records<'a, LineInfo<'a>>;
/// Relocations of one section.
pub type CoreRelos<'a> = Records<'a, CoreRelo>;

/// A record of `.BTF.ext`.
pub trait Record<'a>: Sized {
    /// Reads the record at the start of `bytes`; `None` when they are too few.
    fn read(bytes: &'a [u8], order: ByteOrder) -> Option<Self>;
}

/// The first four numbers, and what follows them.
#[inline]
fn four_words(bytes: &[u8], order: ByteOrder) -> Option<([u32; 4], &[u8])> {
    let (head, tail) = bytes.split_first_chunk::<16>()?;
    let words: [[u8; 4]; 4] = zerocopy::transmute!(*head);
    Some((words.map(|word| order.u32(word)), tail))
}

impl<'a, R> Records<'a, R> {
    /// Offset of the instruction of the first record, in bytes from the start of the section.
    #[inline]
    pub fn first_offset(&self) -> Option<u32> {
        u32_at(self.rest, 0, self.order)
    }

    /// The records up to the first one with an instruction outside of a piece of code, and the others. The code is given in
    /// bytes from the start of the section.
    ///
    /// A compiler writes the records of a function one after the other: this finds them without reading more of them than that.
    #[inline]
    pub fn split_within(self, code: core::ops::Range<u64>) -> (Self, Self) {
        let within = |offset: u32| code.contains(&u64::from(offset));
        let count = match self.order {
            ByteOrder::Little => self.count_while(u32::from_le_bytes, within),
            ByteOrder::Big => self.count_while(u32::from_be_bytes, within),
        };
        let (first, rest) =
            self.rest.split_at_checked(count.saturating_mul(self.size)).unwrap_or((self.rest, &[]));
        (self.of(first), self.of(rest))
    }

    #[inline]
    fn count_while(&self, read: fn([u8; 4]) -> u32, within: impl Fn(u32) -> bool) -> usize {
        let offsets = self.rest.chunks_exact(self.size.max(1)).map_while(<[u8]>::first_chunk::<4>);
        offsets.take_while(|bytes| within(read(**bytes))).count()
    }

    fn of(&self, rest: &'a [u8]) -> Self {
        Self { rest, size: self.size, order: self.order, record: PhantomData }
    }
}

impl<'a, R: Record<'a>> Iterator for Records<'a, R> {
    type Item = R;

    #[inline]
    fn next(&mut self) -> Option<R> {
        let (record, rest) =
            self.rest.split_at_checked(self.size).filter(|(record, _)| !record.is_empty())?;
        self.rest = rest;
        R::read(record, self.order)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.rest.len().checked_div(self.size).unwrap_or(0);
        (count, Some(count))
    }

    /// Asks for the byte order once, not for each record.
    #[inline]
    fn fold<B, F: FnMut(B, R) -> B>(self, init: B, add: F) -> B {
        let records = self.rest.chunks_exact(self.size.max(1));
        match self.order {
            ByteOrder::Little => {
                records.map_while(|bytes| R::read(bytes, ByteOrder::Little)).fold(init, add)
            }
            ByteOrder::Big => {
                records.map_while(|bytes| R::read(bytes, ByteOrder::Big)).fold(init, add)
            }
        }
    }
}

impl<'a, R: Record<'a>> ExactSizeIterator for Records<'a, R> {}

/// Where a function begins (`struct bpf_func_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FuncInfo<'a> {
    /// Offset in bytes from the start of the section. (The kernel counts in instructions.)
    pub insn_offset: u32,
    /// The function.
    pub type_id: TypeId,
    /// What a larger record holds beyond these fields, as it is in the file.
    pub tail: &'a [u8],
}

impl FuncInfo<'_> {
    const SIZE: u32 = 8;
}

impl<'a> Record<'a> for FuncInfo<'a> {
    fn read(bytes: &'a [u8], order: ByteOrder) -> Option<Self> {
        Some(Self {
            insn_offset: u32_at(bytes, 0, order)?,
            type_id: TypeId::new(u32_at(bytes, 4, order)?),
            tail: bytes.get(Self::SIZE as usize..)?,
        })
    }
}

/// Source line of an instruction (`struct bpf_line_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineInfo<'a> {
    /// Offset in bytes from the start of the section. (The kernel counts in instructions.)
    pub insn_offset: u32,
    /// Offset of the file's name in the strings of the object's BTF.
    pub file_name_offset: u32,
    /// Offset of the line's text in the strings of the object's BTF.
    pub line_offset: u32,
    /// Line number in the upper 22 bits, column in the lower 10.
    pub line_column: u32,
    /// What a larger record holds beyond these fields, as it is in the file.
    pub tail: &'a [u8],
}

impl LineInfo<'_> {
    const SIZE: u32 = 16;

    /// Number of the line, from 1.
    pub fn line(&self) -> u32 {
        self.line_column >> 10
    }

    /// Number of the column, from 1; 0 when it is not known.
    pub fn column(&self) -> u32 {
        self.line_column & 0x3ff
    }
}

impl<'a> Record<'a> for LineInfo<'a> {
    #[inline]
    fn read(bytes: &'a [u8], order: ByteOrder) -> Option<Self> {
        let (words, tail) = four_words(bytes, order)?;
        let [insn_offset, file_name_offset, line_offset, line_column] = words;
        Some(Self { insn_offset, file_name_offset, line_offset, line_column, tail })
    }
}

/// CO-RE relocation (`struct bpf_core_relo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreRelo {
    /// Offset in bytes of the instruction from the start of the section.
    pub insn_offset: u32,
    /// The local type at which the access begins.
    pub type_id: TypeId,
    /// Offset of the access string, such as `0:1:2`, in the strings of the object's BTF.
    pub access_offset: u32,
    /// What is asked for (`enum bpf_core_relo_kind`).
    pub kind: u32,
}

impl CoreRelo {
    const SIZE: u32 = 16;

    /// A relocation record.
    pub const fn new(insn_offset: u32, type_id: TypeId, access_offset: u32, kind: u32) -> Self {
        Self { insn_offset, type_id, access_offset, kind }
    }
}

impl Record<'_> for CoreRelo {
    #[inline]
    fn read(bytes: &[u8], order: ByteOrder) -> Option<Self> {
        let ([insn_offset, type_id, access_offset, kind], _) = four_words(bytes, order)?;
        Some(Self { insn_offset, type_id: TypeId::new(type_id), access_offset, kind })
    }
}
