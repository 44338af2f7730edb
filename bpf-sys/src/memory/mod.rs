//! Memory that is shared with the kernel.
//!
//! # Safety
//!
//! The kernel, programs in it and other processes write to such memory at any time, so there is never a reference to plain bytes of it. It is
//! read and written by atomic operations on whole aligned words, relaxed unless said otherwise: a value that another side writes meanwhile may come in
//! parts, but each aligned `u8`, `u16`, `u32` or `usize` in it is whole. Offsets are checked against the length of the mapping.
//!
//! The language has no notion of a write by the kernel; an atomic load is what makes no assumption about it. Two threads of this process that access
//! overlapping but different ranges of one mapping may use atomic operations of different widths on the same bytes; the hardware defines this (each
//! operation is whole), and no width depends on anything but offset and length.

#![expect(unsafe_code, reason = "maps memory")]

mod file;
mod region;

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};

pub use file::{KernelBtf, SharedBytes, kernel_btf};
pub(crate) use region::Region;

use crate::errno::SysError;
use crate::map::MapFd;

/// An access beyond the end of a mapping, or at an offset that its type is not aligned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{size} bytes at offset {offset} of a mapping of {len} bytes: out of bounds or not aligned"
)]
#[non_exhaustive]
pub struct AccessError {
    /// Where.
    pub offset: usize,
    /// How many bytes.
    pub size: usize,
    /// Bytes of the mapping.
    pub len: usize,
}

/// The accesses that both kinds of mappings have.
macro_rules! reads {
    () => {
        /// Bytes of the mapping.
        #[inline]
        pub const fn len(&self) -> usize {
            self.0.len()
        }

        /// Whether the mapping is empty, which it never is.
        pub const fn is_empty(&self) -> bool {
            self.0.len() == 0
        }

        /// Copies bytes from the mapping. An aligned integer of at most a `usize` is read whole.
        #[inline]
        pub fn read(&self, offset: usize, out: &mut [u8]) -> Result<(), AccessError> {
            self.0.read(offset, out)
        }

        /// Reads an aligned integer whole; what its writer wrote before it is visible after (acquire).
        #[inline]
        pub fn load_u32(&self, offset: usize) -> Result<u32, AccessError> {
            self.0.load_u32(offset)
        }

        /// Reads an aligned machine word whole; what its writer wrote before it is visible after (acquire).
        #[inline]
        pub fn load_usize(&self, offset: usize) -> Result<usize, AccessError> {
            self.0.load_usize(offset)
        }
    };
}

/// A mapping that can only be read.
#[derive(Debug)]
pub struct ReadMapping(pub(crate) Region);

impl ReadMapping {
    /// Maps `len` bytes of a map, from `offset` on, which is a multiple of the page size: an array with
    /// [`MMAPABLE`](crate::abi::MapFlags::MMAPABLE), a ring buffer, an arena.
    ///
    /// Errors: `EINVAL` for a map that cannot be mapped or beyond its end, `ENODEV` or `ENOTSUPP` for other kinds.
    pub fn of_map(map: MapFd<'_>, offset: u64, len: usize) -> Result<Self, SysError> {
        Region::shared(map, offset, len, false).map(Self)
    }

    reads!();
}

/// A mapping that can be read and written.
#[derive(Debug)]
pub struct WriteMapping(pub(crate) Region);

impl WriteMapping {
    /// [`ReadMapping::of_map`], to be written as well.
    ///
    /// Errors: also `EPERM` for a frozen map, and for pages of a ring buffer that only the kernel writes.
    pub fn of_map(map: MapFd<'_>, offset: u64, len: usize) -> Result<Self, SysError> {
        Region::shared(map, offset, len, true).map(Self)
    }

    /// Memory of this process alone, all zero.
    pub fn anonymous(len: usize) -> Result<Self, SysError> {
        Region::anonymous(len).map(Self)
    }

    reads!();

    /// Copies bytes into the mapping. An aligned integer of at most a `usize` is written whole.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), AccessError> {
        // SAFETY: this type is only made of regions that are mapped writable.
        unsafe { self.0.write(offset, bytes) }
    }

    /// An aligned `u32` as an atomic.
    pub fn atomic_u32(&self, offset: usize) -> Result<&AtomicU32, AccessError> {
        let address = self.0.address(offset, 4, 4)?;
        // SAFETY: `address` points to 4 aligned bytes inside the region, which stays mapped as long as `self`, and is writable for this
        // type; nothing hands out references to it but to atomics.
        Ok(unsafe { AtomicU32::from_ptr(address.cast().as_ptr()) })
    }

    /// An aligned machine word as an atomic.
    #[inline]
    pub fn atomic_usize(&self, offset: usize) -> Result<&AtomicUsize, AccessError> {
        const SIZE: usize = size_of::<usize>();
        let address = self.0.address(offset, SIZE, SIZE)?;
        // SAFETY: as in `atomic_u32`, with `SIZE` bytes.
        Ok(unsafe { AtomicUsize::from_ptr(address.cast().as_ptr()) })
    }

    /// An aligned `u64` as an atomic.
    pub fn atomic_u64(&self, offset: usize) -> Result<&AtomicU64, AccessError> {
        let address = self.0.address(offset, 8, 8)?;
        // SAFETY: as in `atomic_u32`, with 8 bytes.
        Ok(unsafe { AtomicU64::from_ptr(address.cast().as_ptr()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_at_any_offset_and_length() {
        let mapping = WriteMapping::anonymous(4096).unwrap();
        let bytes: Vec<u8> = (1..=40).collect();
        for offset in 0..17 {
            for len in 0..bytes.len() {
                mapping.write(0, &[0; 64]).unwrap();
                mapping.write(offset, &bytes[..len]).unwrap();
                let mut all = [0xff; 64];
                mapping.read(0, &mut all).unwrap();
                let mut expected = [0; 64];
                expected[offset..offset + len].copy_from_slice(&bytes[..len]);
                assert_eq!(all, expected, "write of {len} at {offset}");
                let mut part = vec![0; len];
                mapping.read(offset, &mut part).unwrap();
                assert_eq!(part, &bytes[..len], "read of {len} at {offset}");
            }
        }
    }

    #[test]
    fn no_access_goes_beyond_the_mapping() {
        let mapping = WriteMapping::anonymous(4000).unwrap();
        assert_eq!(mapping.len(), 4000);
        let rows = [
            (0, 4000, true),
            (3999, 1, true),
            (4000, 0, true),
            (4000, 1, false),
            (3993, 8, false),
            (usize::MAX, 1, false),
            (0, 4001, false),
        ];
        for (offset, len, good) in rows {
            let mut buffer = vec![0; len];
            assert_eq!(mapping.read(offset, &mut buffer).is_ok(), good, "{len} at {offset}");
            assert_eq!(mapping.write(offset, &buffer).is_ok(), good, "{len} at {offset}");
        }
        let rows = [
            (0, true, true),
            (4, true, false),
            (2, false, false),
            (3996, true, false),
            (3992, true, true),
            (4000, false, false),
            (usize::MAX - 3, false, false),
        ];
        for (offset, four, eight) in rows {
            assert_eq!(mapping.atomic_u32(offset).is_ok(), four, "{offset}");
            assert_eq!(mapping.load_u32(offset).is_ok(), four, "{offset}");
            assert_eq!(mapping.atomic_u64(offset).is_ok(), eight, "{offset}");
        }
        let error = mapping.load_u32(4000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "4 bytes at offset 4000 of a mapping of 4000 bytes: out of bounds or not aligned"
        );
    }

    #[test]
    fn atomics_and_copies_see_the_same_bytes() {
        let mapping = WriteMapping::anonymous(64).unwrap();
        mapping.atomic_u32(8).unwrap().store(0x0102_0304, Ordering::Relaxed);
        assert_eq!(mapping.load_u32(8), Ok(0x0102_0304));
        assert_eq!(
            mapping.atomic_u64(8).unwrap().load(Ordering::Relaxed).to_ne_bytes()[..4],
            0x0102_0304u32.to_ne_bytes()
        );
        assert_eq!(mapping.load_usize(16), Ok(0));
    }

    #[test]
    fn an_empty_or_endless_mapping_is_an_error() {
        for len in [0, usize::MAX] {
            assert!(WriteMapping::anonymous(len).is_err(), "{len}");
        }
    }
}
