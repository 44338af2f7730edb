//! BTF in the files in which it comes.

mod elf;
mod error;
#[cfg(feature = "std")]
mod folder;
#[cfg(feature = "gzip")]
mod gzip;
mod image;

use alloc::borrow::Cow;

use crate::{Btf, BtfBytes, ByteOrder, Error, relocate_base};

pub use error::FileError;
#[cfg(feature = "std")]
pub use error::OpenError;
#[cfg(feature = "std")]
pub use folder::BtfFolder;

/// The ELF section with the types.
const SECTION: &str = ".BTF";

/// The ELF section with the types of a base that a split blob was made for.
const BASE_SECTION: &str = ".BTF.base";

impl Btf {
    /// The types in the contents of a file, whichever form it has:
    ///
    /// - BTF as it is, which is not copied,
    /// - an ELF file of any class and byte order with a section `.BTF`: an object, a `vmlinux`,
    /// - a compressed kernel for x86 (`bzImage`, `vmlinuz`), or a `vmlinux` or any of the above compressed: by gzip with the feature
    ///   `gzip`; other compressions are an error that names them.
    ///
    /// ```
    /// use bpf_btf::{Btf, BtfBuilder, ByteOrder};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let raw = BtfBuilder::new().write(ByteOrder::Big)?;
    /// assert_eq!(Btf::parse_file(raw)?.byte_order(), ByteOrder::Big);
    /// # Ok(()) }
    /// ```
    pub fn parse_file(contents: impl Into<BtfBytes>) -> Result<Self, FileError> {
        let contents = contents.into();
        match unpack(contents.as_slice())? {
            Unpacked::Raw => Ok(Self::parse(contents)?),
            Unpacked::Plain(bytes) => Ok(Self::parse(bytes.into_owned())?),
            Unpacked::Elf(file) => {
                let bytes = elf::section(&file, SECTION)?.ok_or(FileError::NoSection)?;
                Ok(Self::parse(bytes.to_vec())?)
            }
        }
    }

    /// The types of a kernel module on those of its kernel, in a file of the forms that [`parse_file`](Self::parse_file)
    /// knows, such as one of `/sys/kernel/btf` or a `.ko`.
    ///
    /// A module that brings along what it needs of the kernel (`.BTF.base`, Linux 6.11) is made to fit `base`, which may be
    /// of another build of the kernel; others fit the very kernel they were built for only.
    pub fn parse_split_file(contents: impl Into<BtfBytes>, base: &Self) -> Result<Self, FileError> {
        let contents = contents.into();
        match unpack(contents.as_slice())? {
            Unpacked::Raw => Ok(Self::parse_split(contents, base)?),
            Unpacked::Plain(bytes) => Ok(Self::parse_split(bytes.into_owned(), base)?),
            Unpacked::Elf(file) => {
                let bytes = elf::section(&file, SECTION)?.ok_or(FileError::NoSection)?.to_vec();
                let Some(own_base) = elf::section(&file, BASE_SECTION)? else {
                    return Ok(Self::parse_split(bytes, base)?);
                };
                let split = Self::parse_split(bytes, &Self::parse(own_base.to_vec())?)?;
                let moved = relocate_base(&split, base)?.write(ByteOrder::NATIVE);
                Ok(Self::parse_split(moved.map_err(crate::RelocateError::from)?, base)?)
            }
        }
    }
}

/// What is in a file.
enum Unpacked<'a> {
    /// The file itself is BTF.
    Raw,
    /// BTF that was packed.
    Plain(Cow<'a, [u8]>),
    Elf(Cow<'a, [u8]>),
}

/// How often something may be packed into something else.
const MAX_LAYERS: usize = 4;

fn unpack(file: &[u8]) -> Result<Unpacked<'_>, FileError> {
    if crate::header::order_of(file).is_ok() {
        return Ok(Unpacked::Raw);
    }
    let mut bytes = Cow::Borrowed(file);
    for _ in 0..MAX_LAYERS {
        if crate::header::order_of(&bytes).is_ok() {
            return Ok(Unpacked::Plain(bytes));
        }
        if bytes.starts_with(elf::MAGIC) {
            return Ok(Unpacked::Elf(bytes));
        }
        bytes = match image::payload(&bytes)? {
            Some(range) => Cow::Owned(bytes.get(range).ok_or(FileError::ImageCut)?.to_vec()),
            None => Cow::Owned(decompress(&bytes)?),
        };
    }
    Err(FileError::Layers)
}

/// The contents of something compressed.
fn decompress(bytes: &[u8]) -> Result<alloc::vec::Vec<u8>, FileError> {
    match image::compression(bytes) {
        #[cfg(feature = "gzip")]
        Some(image::GZIP) => gzip::decompress(bytes),
        Some(name) => Err(FileError::Compression { name }),
        // Says what is wrong with what should be BTF.
        None => match crate::header::order_of(bytes) {
            Err(error) => Err(error.into()),
            Ok(_) => Err(FileError::Btf(Error::TooShort { len: bytes.len() })),
        },
    }
}
