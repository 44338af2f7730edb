//! The reader of a ring buffer (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).

use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::{BUSY, DISCARD, HEADER, footprint};
use crate::abi::{MapFlags, MapType};
use crate::errno::{Errno, SysError};
use crate::kernel;
use crate::map::MapFd;
use crate::memory::{AccessError, ReadMapping, WriteMapping};

/// A ring buffer, mapped for reading.
///
/// There should be one reader per ring; a second one takes records away from the first, and does no other harm.
#[derive(Debug)]
pub struct RingMap {
    /// One page, at its start the position up to which records are read.
    consumer: WriteMapping,
    /// One page, at its start the position up to which records are written; then the data, mapped twice in a row, so that no record wraps.
    producer: ReadMapping,
    /// Bytes of data, a power of two.
    size: usize,
    page: usize,
    /// The record that was read last.
    record: Vec<u8>,
}

impl RingMap {
    /// Maps a ring buffer.
    ///
    /// Errors: `EINVAL` for a map of another kind, `EOPNOTSUPP` for a ring that overwrites its oldest records ([`MapFlags::RB_OVERWRITE`]).
    pub fn new(map: MapFd<'_>) -> Result<Self, SysError> {
        let invalid = SysError::other("mmap", Errno::EINVAL);
        if map.shape().map_type != MapType::RINGBUF {
            return Err(invalid.with_note("map is not a ring buffer"));
        }
        if map.shape().flags.contains(MapFlags::RB_OVERWRITE) {
            return Err(SysError::other("mmap", Errno::EOPNOTSUPP)
                .with_note("ring buffer overwrites its records"));
        }
        let page = kernel::page_size();
        let size = usize::try_from(map.shape().max_entries).map_err(|_| invalid)?;
        if !size.is_power_of_two() {
            return Err(invalid);
        }
        let consumer = WriteMapping::of_map(map, 0, page)?;
        let len = size.checked_mul(2).and_then(|len| len.checked_add(page)).ok_or(invalid)?;
        let producer = ReadMapping::of_map(map, u64::try_from(page).map_err(|_| invalid)?, len)?;
        Ok(Self { consumer, producer, size, page, record: Vec::new() })
    }

    /// Bytes of data that the ring holds.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Bytes that are written and not yet read, headers and records that are not finished included.
    pub fn available(&self) -> Result<usize, AccessError> {
        Ok(self.producer.load_usize(0)?.wrapping_sub(self.consumer.load_usize(0)?))
    }

    /// The next record, or `None` when there is none or its writer is not done.
    ///
    /// When it returns `None`, the next record wakes whoever waits for the map's descriptor to become readable. Errors: only when something else wrote to
    /// the positions.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, AccessError> {
        loop {
            let position = self.consumer.load_usize(0)?;
            let Some(header) = self.ready(position)? else { return Ok(None) };
            let len = usize::try_from(header & !(BUSY | DISCARD)).unwrap_or(usize::MAX);
            let start = self.offset(position);
            let bad = AccessError { offset: start, size: len, len: self.size };
            let total = footprint(len).filter(|&total| total <= self.size).ok_or(bad)?;
            let keep = header & DISCARD == 0;
            if keep {
                self.record.resize(len, 0);
                self.producer.read(start.saturating_add(HEADER), &mut self.record)?;
            }
            // Release: the copy above is done before the kernel may write there again.
            self.position()?.store(position.wrapping_add(total), Ordering::Release);
            if keep {
                return Ok(Some(&self.record));
            }
        }
    }

    /// The header of the record at `position`, when there is one and it is finished.
    fn ready(&self, position: usize) -> Result<Option<u32>, AccessError> {
        if let Some(header) = self.peek(position)? {
            return Ok(Some(header));
        }
        // The kernel finishes a record, then looks whether the reader has come up to it and needs to be woken. This side stored its position, and
        // must look for the record after that, or both miss each other. A release store and a later load may change places; the fence keeps them.
        fence(Ordering::SeqCst);
        self.peek(position)
    }

    fn peek(&self, position: usize) -> Result<Option<u32>, AccessError> {
        if self.producer.load_usize(0)? == position {
            return Ok(None);
        }
        let header = self.producer.load_u32(self.offset(position))?;
        Ok((header & BUSY == 0).then_some(header))
    }

    /// Where the record at `position` lies in the mapping.
    fn offset(&self, position: usize) -> usize {
        // The size is a power of two, and much smaller than the address space.
        self.page.saturating_add(position & self.size.saturating_sub(1))
    }

    /// The reader's position, an `unsigned long` of the kernel.
    fn position(&self) -> Result<&AtomicUsize, AccessError> {
        self.consumer.atomic_usize(0)
    }
}
