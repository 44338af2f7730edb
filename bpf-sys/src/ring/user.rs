//! The writer of a user ring buffer (`BPF_MAP_TYPE_USER_RINGBUF`, Linux 6.1).

use std::sync::atomic::Ordering;

use super::{BUSY, DISCARD, HEADER, footprint};
use crate::abi::MapType;
use crate::errno::{Errno, SysError};
use crate::kernel;
use crate::map::MapFd;
use crate::memory::{AccessError, ReadMapping, WriteMapping};

/// A user ring buffer, mapped for writing.
///
/// There must be one writer per ring; records of two get mixed up.
#[derive(Debug)]
pub struct UserRing {
    /// One page, at its start the position up to which programs have read.
    consumer: ReadMapping,
    /// One page, at its start the position up to which records are written; then the data, mapped twice in a row.
    producer: WriteMapping,
    size: usize,
    page: usize,
}

/// Why a record was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// It never fits.
    #[error("record of {len} bytes in a ring of {size}")]
    TooLong {
        /// Bytes of the record.
        len: usize,
        /// Bytes of the ring.
        size: usize,
    },
    /// It does not fit now.
    #[error("ring is full")]
    Full,
    /// Something else wrote to the positions.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl UserRing {
    /// Maps a user ring buffer. Errors: `EINVAL` for a map of another kind.
    pub fn new(map: MapFd<'_>) -> Result<Self, SysError> {
        let invalid = SysError::other("mmap", Errno::EINVAL);
        if map.shape().map_type != MapType::USER_RINGBUF {
            return Err(invalid.with_note("map is not a user ring buffer"));
        }
        let page = kernel::page_size();
        let size = usize::try_from(map.shape().max_entries).map_err(|_| invalid)?;
        if !size.is_power_of_two() {
            return Err(invalid);
        }
        let consumer = ReadMapping::of_map(map, 0, page)?;
        let len = size.checked_mul(2).and_then(|len| len.checked_add(page)).ok_or(invalid)?;
        let producer = WriteMapping::of_map(map, u64::try_from(page).map_err(|_| invalid)?, len)?;
        Ok(Self { consumer, producer, size, page })
    }

    /// Bytes of data that the ring holds.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Writes a record, which a program sees when it next drains the ring.
    pub fn push(&mut self, record: &[u8]) -> Result<(), PushError> {
        let too_long = PushError::TooLong { len: record.len(), size: self.size };
        let total = footprint(record.len()).filter(|&total| total <= self.size).ok_or(too_long)?;
        let len = u32::try_from(record.len())
            .ok()
            .filter(|len| len & (BUSY | DISCARD) == 0)
            .ok_or(too_long)?;
        let written = self.producer.load_usize(0)?;
        let pending = written.wrapping_sub(self.consumer.load_usize(0)?);
        if self.size.checked_sub(pending).is_none_or(|free| free < total) {
            return Err(PushError::Full);
        }
        let start = self.page.saturating_add(written & self.size.saturating_sub(1));
        self.producer.write(start.saturating_add(HEADER), record)?;
        // The second half of the header is the kernel's.
        self.producer.write(start.saturating_add(4), &[0; 4])?;
        self.producer.atomic_u32(start)?.store(len, Ordering::Release);
        // Release: a program that sees the position sees the record.
        self.producer.atomic_usize(0)?.store(written.wrapping_add(total), Ordering::Release);
        Ok(())
    }
}
