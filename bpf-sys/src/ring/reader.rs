//! The reader of a ring buffer (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).

use std::sync::atomic::{Ordering, fence};

use super::walk::{Place, Ring, Walk};
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
    memory: Memory,
    /// The record that was copied last.
    record: Vec<u8>,
}

/// The mapped pages of a ring.
#[derive(Debug)]
struct Memory {
    /// One page, at its start the position up to which records are read.
    consumer: WriteMapping,
    /// One page, at its start the position up to which records are written; then the data, mapped twice in a row, so that no record wraps.
    producer: ReadMapping,
    /// Bytes of data, a power of two.
    size: usize,
    page: usize,
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
        Ok(Self { memory: Memory { consumer, producer, size, page }, record: Vec::new() })
    }

    /// Bytes of data that the ring holds.
    pub const fn size(&self) -> usize {
        self.memory.size
    }

    /// Bytes that are written and not yet read, headers and records that are not finished included.
    pub fn available(&self) -> Result<usize, AccessError> {
        let Memory { producer, consumer, .. } = &self.memory;
        Ok(producer.load_usize(0)?.wrapping_sub(consumer.load_usize(0)?))
    }

    /// The next record, or `None` when there is none or its writer is not done. It is given back to the kernel at once.
    ///
    /// When it returns `None`, the next record wakes whoever waits for the map's descriptor to become readable. Errors: only when something else wrote to
    /// the positions; what was in the ring then is skipped.
    pub fn next_record(&mut self) -> Result<Option<&[u8]>, AccessError> {
        let Self { memory, record } = self;
        if memory.take(record)? {
            return Ok(Some(record));
        }
        see_what_came();
        Ok(memory.take(record)?.then_some(record))
    }

    /// The records that are there now, and those that programs finish meanwhile, as views of the ring's memory. They are given back to
    /// the kernel when the walk is dropped.
    ///
    /// When a walk has come to its end and is dropped, a record that the next one does not find wakes whoever waits for the map's
    /// descriptor to become readable.
    pub fn walk(&mut self) -> RingWalk<'_> {
        see_what_came();
        RingWalk::new(&self.memory)
    }
}

/// The kernel finishes a record, then looks whether the reader has come up to it and needs to be woken. This side stored its position, and
/// must look for the record after that, or both miss each other. A release store and a later load may change places; the fence keeps them.
fn see_what_came() {
    fence(Ordering::SeqCst);
}

/// Records of a ring buffer, until it is dropped: see [`RingMap::walk`].
#[derive(Debug)]
pub struct RingWalk<'ring> {
    memory: &'ring Memory,
    walk: Walk,
}

impl<'ring> RingWalk<'ring> {
    fn new(memory: &'ring Memory) -> Self {
        Self { memory, walk: Walk::new(memory) }
    }

    /// The next record. `None` at the end, where a program still writes, and where [`error`](Self::error) says what is wrong.
    #[inline]
    pub fn next_record(&self) -> Option<RingRecord<'_>> {
        let Place { offset, len } = self.walk.next(self.memory)?;
        Some(RingRecord { memory: self.memory, offset, len })
    }

    /// The position or length that cannot be, if the walk has met one: something else wrote to the positions. When the walk is dropped,
    /// what is in the ring is skipped.
    pub fn error(&self) -> Option<AccessError> {
        self.walk.error()
    }
}

impl Drop for RingWalk<'_> {
    fn drop(&mut self) {
        self.walk.commit(self.memory);
    }
}

/// What a program wrote in one record: a view of the ring's memory.
#[derive(Clone, Copy, Debug)]
pub struct RingRecord<'walk> {
    memory: &'walk Memory,
    /// From the start of the mapping.
    offset: usize,
    len: usize,
}

impl RingRecord<'_> {
    /// Bytes of the record, without header and padding.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True for a record without bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies bytes from `offset` on, as many as `bytes` has. An error, and nothing copied, when they would reach beyond the end.
    #[inline]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), AccessError> {
        if offset.checked_add(bytes.len()).is_none_or(|end| end > self.len) {
            return Err(AccessError { offset, size: bytes.len(), len: self.len });
        }
        self.memory.producer.read(self.offset.saturating_add(offset), bytes)
    }
}

impl Memory {
    /// Copies the next record and gives it back; false when there is none.
    fn take(&self, record: &mut Vec<u8>) -> Result<bool, AccessError> {
        let walk = RingWalk::new(self);
        let Some(found) = walk.next_record() else { return walk.error().map_or(Ok(false), Err) };
        record.resize(found.len(), 0);
        found.read(0, record)?;
        Ok(true)
    }
}

impl Ring for Memory {
    #[inline]
    fn size(&self) -> usize {
        self.size
    }

    // The accesses to the first word of a page cannot fail.
    #[inline]
    fn consumer(&self) -> usize {
        self.consumer.load_usize(0).unwrap_or_default()
    }

    #[inline]
    fn set_consumer(&self, position: usize) {
        if let Ok(place) = self.consumer.atomic_usize(0) {
            // Release: what was read is read before the kernel may write there again.
            place.store(position, Ordering::Release);
        }
    }

    #[inline]
    fn producer(&self) -> usize {
        self.producer.load_usize(0).unwrap_or_default()
    }

    #[inline]
    fn header(&self, offset: usize) -> Option<u32> {
        self.producer.load_u32(self.page.saturating_add(offset)).ok()
    }

    #[inline]
    fn start(&self) -> usize {
        self.page
    }
}
