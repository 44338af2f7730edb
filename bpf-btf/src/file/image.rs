//! Compressed kernels.

use core::ops::Range;

use super::FileError;

/// The compression that the feature `gzip` reads.
pub(super) const GZIP: &str = "gzip";

/// First bytes of what is compressed (kernel: `lib/decompress.c`).
const COMPRESSIONS: [(&str, &[u8]); 7] = [
    (GZIP, &[0x1f, 0x8b]),
    ("xz", &[0xfd, b'7', b'z', b'X', b'Z', 0]),
    ("zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
    ("lz4", &[0x02, 0x21, 0x4c, 0x18]),
    ("lzma", &[0x5d, 0, 0]),
    ("lzo", &[0x89, b'L', b'Z', b'O']),
    ("bzip2", b"BZh"),
];

/// How something is compressed.
pub(super) fn compression(bytes: &[u8]) -> Option<&'static str> {
    COMPRESSIONS.iter().find(|(_, magic)| bytes.starts_with(magic)).map(|(name, _)| *name)
}

/// Where the kernel is in an image for x86 (kernel: `Documentation/arch/x86/boot.rst`); `None` for anything else.
pub(super) fn payload(image: &[u8]) -> Result<Option<Range<usize>>, FileError> {
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Ok(None);
    }
    let word = |at: usize| {
        let bytes = image.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let range = || {
        // 0 stands for 4 sectors of 512 bytes, besides the first.
        let sectors = match image.get(0x1f1)? {
            0 => 4,
            sectors => usize::from(*sectors),
        };
        let start = sectors.checked_add(1)?.checked_mul(512)?.checked_add(word(0x248)?)?;
        let end = start.checked_add(word(0x24c)?)?;
        // The payload is behind the header, so each layer is smaller.
        (end <= image.len()).then_some(start..end)
    };
    range().map(Some).ok_or(FileError::ImageCut)
}
