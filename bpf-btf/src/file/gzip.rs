//! gzip (RFC 1952).

use alloc::vec::Vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate};

use super::FileError;

/// Deflate makes of one byte at most so many.
const MAX_RATIO: usize = 1032;

/// Method: deflate.
const DEFLATE: u8 = 8;

const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// The contents of the first member of a gzip file. Its checksum and length are checked; what follows it is not looked at.
pub(super) fn decompress(bytes: &[u8]) -> Result<Vec<u8>, FileError> {
    let mut rest = body(bytes).ok_or(FileError::Gzip)?;
    let limit = rest.len().saturating_mul(MAX_RATIO);
    // Mostly the length at the end is right.
    let guess = rest.last_chunk::<4>().map_or(0, |len| u32::from_le_bytes(*len));
    let mut contents = alloc::vec![0; limit.min(guess as usize)];
    let mut state = alloc::boxed::Box::<DecompressorOxide>::default();
    let mut written = 0_usize;
    loop {
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, used, new) = inflate(&mut state, rest, &mut contents, written, flags);
        rest = rest.get(used..).ok_or(FileError::Gzip)?;
        written = written.saturating_add(new);
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput if contents.len() < limit => {
                let larger = contents.len().saturating_mul(2).max(1 << 12).min(limit);
                contents.resize(larger, 0);
            }
            _ => return Err(FileError::Gzip),
        }
    }
    contents.truncate(written);
    let (crc, rest) = rest.split_first_chunk::<4>().ok_or(FileError::Gzip)?;
    let len = rest.first_chunk::<4>().ok_or(FileError::Gzip)?;
    let is_whole = u32::from_le_bytes(*crc) == crc32(&contents)
        && u64::from(u32::from_le_bytes(*len)) == contents.len() as u64 & 0xffff_ffff;
    if is_whole { Ok(contents) } else { Err(FileError::Gzip) }
}

/// What follows the header.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (&[_, _, method, flags, ..], mut rest) = bytes.split_first_chunk::<10>()?;
    if method != DEFLATE || flags >> 5 != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (len, tail) = rest.split_first_chunk::<2>()?;
        rest = tail.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end.checked_add(1)?..)?;
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// The checksum of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        TABLE.get(index as usize).copied().unwrap_or(0) ^ crc >> 8
    })
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "the compiler runs it, with indexes below 256"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}
