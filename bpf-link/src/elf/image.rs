//! The container: byte order, section headers, bounded reads.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use thiserror::Error;

const HEADER_SIZE: usize = 64;
const SECTION_SIZE: usize = 64;

/// Why a file cannot be read as a 64-bit ELF image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ImageError {
    #[error("not an ELF file")]
    NotElf,
    #[error("ELF class {0} is not supported, only 64-bit files are")]
    Class(u8),
    #[error("unknown ELF data encoding {0}")]
    Encoding(u8),
    #[error("section header size {0} instead of 64")]
    SectionHeaderSize(u16),
    #[error("{len} bytes at offset {offset:#x} reach over the end of the file ({file} bytes)")]
    OutOfFile { offset: u64, len: u64, file: u64 },
    #[error("section {0} does not exist")]
    NoSection(u32),
    #[error("reading the file")]
    Io(#[from] io::Error),
}

/// Positioned reads of a thing of known length.
pub(crate) trait Source {
    fn len(&self) -> io::Result<u64>;
    /// Fills the buffer from `offset`, or fails.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl Source for &File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

/// Numbers at positions in bytes of either order; `None` outside of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], big: bool) -> Self {
        Fields { bytes, big }
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        let raw = self.array(at)?;
        Some(if self.big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) })
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        let raw = self.array(at)?;
        Some(if self.big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    pub(crate) fn u64(self, at: usize) -> Option<u64> {
        let raw = self.array(at)?;
        Some(if self.big { u64::from_be_bytes(raw) } else { u64::from_le_bytes(raw) })
    }

    /// The bytes of a NUL-terminated string, without the NUL. `None` if there is no NUL.
    pub(crate) fn string(self, at: usize) -> Option<&'a [u8]> {
        let rest = self.bytes.get(at..)?;
        rest.get(..rest.iter().position(|&byte| byte == 0)?)
    }
}

/// What the symbol lookup needs to know of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) kind: u32,
    pub(crate) addr: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) link: u32,
}

impl Section {
    fn decode(fields: Fields<'_>) -> Option<Self> {
        Some(Section {
            kind: fields.u32(4)?,
            addr: fields.u64(16)?,
            offset: fields.u64(24)?,
            size: fields.u64(32)?,
            link: fields.u32(40)?,
        })
    }
}

/// An ELF file with its section headers read.
#[derive(Debug)]
pub(crate) struct Image<S> {
    source: S,
    len: u64,
    big: bool,
    sections: Vec<Section>,
}

impl<S: Source> Image<S> {
    /// Reads the header and the section headers.
    pub(crate) fn new(source: S) -> Result<Self, ImageError> {
        let len = source.len()?;
        let mut image = Image { source, len, big: false, sections: Vec::new() };
        let header = match image.read(0, HEADER_SIZE as u64) {
            Err(ImageError::OutOfFile { .. }) => return Err(ImageError::NotElf),
            other => other?,
        };
        let ident = Fields::new(&header, false);
        if !header.starts_with(b"\x7fELF") {
            return Err(ImageError::NotElf);
        }
        match ident.u8(4) {
            Some(2) => {}
            class => return Err(ImageError::Class(class.unwrap_or(0))),
        }
        image.big = match ident.u8(5) {
            Some(1) => false,
            Some(2) => true,
            encoding => return Err(ImageError::Encoding(encoding.unwrap_or(0))),
        };
        let header = Fields::new(&header, image.big);
        let (Some(offset), Some(entry_size), Some(count)) =
            (header.u64(40), header.u16(58), header.u16(60))
        else {
            return Err(ImageError::NotElf);
        };
        if offset == 0 {
            return Ok(image);
        }
        if usize::from(entry_size) != SECTION_SIZE {
            return Err(ImageError::SectionHeaderSize(entry_size));
        }
        // With 0xff00 sections or more the header holds 0 and the first section's size the number.
        let count = match count {
            0 => {
                let first = image.read(offset, SECTION_SIZE as u64)?;
                Fields::new(&first, image.big).u64(32).unwrap_or(0)
            }
            count => count.into(),
        };
        let bytes = image.read(offset, count.saturating_mul(SECTION_SIZE as u64))?;
        image.sections = bytes
            .chunks_exact(SECTION_SIZE)
            .filter_map(|raw| Section::decode(Fields::new(raw, image.big)))
            .collect();
        Ok(image)
    }

    pub(crate) fn is_big_endian(&self) -> bool {
        self.big
    }

    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    pub(crate) fn section(&self, index: u32) -> Result<Section, ImageError> {
        usize::try_from(index)
            .ok()
            .and_then(|index| self.sections.get(index).copied())
            .ok_or(ImageError::NoSection(index))
    }

    pub(crate) fn section_bytes(&self, section: Section) -> Result<Vec<u8>, ImageError> {
        self.read(section.offset, section.size)
    }

    fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, ImageError> {
        let outside = || ImageError::OutOfFile { offset, len, file: self.len };
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(outside());
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| outside())?];
        self.source.fill(offset, &mut bytes)?;
        Ok(bytes)
    }
}
