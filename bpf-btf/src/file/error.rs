//! Errors of files.

use crate::{Error, RelocateError};

/// Why a file gives no types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file, or the section of it, is not BTF.
    #[error(transparent)]
    Btf(#[from] Error),
    /// The ELF file has no section `.BTF`.
    #[error("the ELF file has no section .BTF: was it built with debug information for BTF?")]
    NoSection,
    /// The ELF file is cut off or says things about its sections that cannot be.
    #[error("the {what} of the ELF file does not fit its {len} bytes")]
    Elf {
        /// What does not fit: `header`, `table of sections`, `names of sections`, `section`.
        what: &'static str,
        /// Length of the file in bytes.
        len: usize,
    },
    /// The ELF section is compressed.
    #[error("the section {section} of the ELF file is compressed, which is not supported")]
    CompressedSection {
        /// Name of the section.
        section: &'static str,
    },
    /// The compressed kernel is cut off.
    #[error("the image of a kernel is cut off")]
    ImageCut,
    /// The file, or the kernel in it, is compressed in a way that this build does not read.
    #[error("compressed by {name}, which this build does not read: decompress it first")]
    Compression {
        /// The compression: `gzip` (without the feature), `xz`, `zstd`, `lz4`, `lzma`, `lzo` or `bzip2`.
        name: &'static str,
    },
    /// The compressed data is broken.
    #[error("the gzip data is broken or cut off")]
    Gzip,
    /// Packed too often.
    #[error("packed into too many layers")]
    Layers,
    /// The types of a module do not fit the kernel.
    #[error("the module does not fit the kernel")]
    Relocate(#[from] RelocateError),
}

/// Why a file or folder could not be read.
#[cfg(feature = "std")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: std::path::PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file has no types that can be read.
    #[error("cannot read BTF from {}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        source: FileError,
    },
    /// The folder has no file for the kernel itself.
    #[error("{} has no file vmlinux", path.display())]
    NoKernel {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The folder has no file for the module.
    #[error("{} has no file for the module `{module}`", path.display())]
    NoModule {
        /// The folder.
        path: std::path::PathBuf,
        /// Name of the module.
        module: std::string::String,
    },
}
