//! Reading a ring buffer in place: samples are views of the memory that the kernel shares, given back a batch at a time.

mod walk;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use bpf_sys::abi::{MapFlags, MapType};
use bpf_sys::memory::{ReadMapping, WriteMapping};
use bpf_sys::{AsMapFd, kernel, poll};
use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, ErrorKind, Result};
use crate::map::Map;

use self::walk::{Place, Ring, Walk};

/// The reader of a ring buffer map (Linux 5.8).
///
/// There should be one reader of a ring: a second one takes records away from the first.
///
/// ```no_run
/// # fn example(collection: &bpf_core::Collection) -> Result<(), bpf_core::Error> {
/// use bpf_core::RingBuffer;
/// let mut ring = RingBuffer::new(collection.map("events")?)?;
/// loop {
///     for sample in &ring.batch()? {
///         if let Some(time) = sample.get::<u64>(0) {
///             println!("{} bytes at {time}", sample.len());
///         }
///     }
///     ring.wait(None)?;
/// }
/// # }
/// ```
///
/// For an asynchronous runtime, [`AsFd`] gives a descriptor that is readable while there are records. With edge-triggered notification, take
/// batches until one is empty, and only then wait.
#[derive(Debug)]
pub struct RingBuffer {
    map: Map,
    memory: Memory,
    corrupt: bool,
}

/// The mapped pages of a ring.
#[derive(Debug)]
struct Memory {
    /// A page that begins with our position.
    consumer: WriteMapping,
    /// A page that begins with the kernel's position, then the data, twice.
    producer: ReadMapping,
    /// Bytes of data: a power of two.
    size: usize,
    page: usize,
}

impl RingBuffer {
    /// Maps the memory of a ring buffer.
    pub fn new(map: &Map) -> Result<Self> {
        let action = "read ring buffer";
        if map.map_type() != MapType::RINGBUF {
            let reason = format!("the map is of type {}", map.map_type());
            return Err(Error::new(ErrorKind::WrongType, map.action(action)).with_reason(reason));
        }
        if map.flags().contains(MapFlags::RB_OVERWRITE) {
            // Its records disappear without the reader's doing, so the positions mean something else.
            let kind = ErrorKind::WrongType;
            return Err(
                Error::new(kind, map.action(action)).with_reason("the ring overwrites its records")
            );
        }
        let failed = |source| Error::system(map.action(action), source);
        let page = kernel::page_size();
        let size = usize::try_from(map.max_entries()).unwrap_or(usize::MAX);
        let len = size.saturating_mul(2).saturating_add(page);
        let offset = u64::try_from(page).unwrap_or(u64::MAX);
        let consumer = WriteMapping::of_map(map.as_map_fd(), 0, page).map_err(failed)?;
        let producer = ReadMapping::of_map(map.as_map_fd(), offset, len).map_err(failed)?;
        let memory = Memory { consumer, producer, size, page };
        Ok(Self { map: map.try_clone()?, memory, corrupt: false })
    }

    /// The records that are there now, and those that programs finish meanwhile. They are given back to the kernel when the batch is dropped.
    ///
    /// Fails with [`ErrorKind::Corrupt`] when an earlier batch met positions or lengths that cannot be; that batch has skipped what was in the ring.
    pub fn batch(&mut self) -> Result<RingBatch<'_>> {
        if std::mem::take(&mut self.corrupt) {
            return Err(Error::new(ErrorKind::Corrupt, self.map.action("read ring buffer"))
                .with_reason("another reader has changed its position; records were skipped"));
        }
        // The kernel finishes a record, then looks whether the reader's position is there and it must be woken. We have stored our position, and look
        // for a record after that. Each side's store comes before its load; otherwise both could miss each other.
        fence(Ordering::SeqCst);
        let walk = Walk::new(&self.memory);
        Ok(RingBatch { ring: self, walk })
    }

    /// Waits until there are records, or the time is over (false). `None` waits for ever.
    ///
    /// A program that submits with the flag `BPF_RB_NO_WAKEUP` does not end a wait.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        poll::wait_readable(&self.map, timeout)
            .map_err(|source| Error::system(self.map.action("wait for ring buffer"), source))
    }

    /// Bytes of data that the ring can hold, with headers and padding.
    pub fn size(&self) -> usize {
        self.memory.size
    }

    /// Bytes that are not read yet, with headers and padding.
    pub fn available(&self) -> usize {
        self.memory.producer().wrapping_sub(self.memory.consumer())
    }
}

impl AsFd for RingBuffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

/// Records of a ring buffer, until it is dropped: see [`RingBuffer::batch`].
///
/// Iterate over a reference to it; a second iteration goes on where the first stopped.
#[derive(Debug)]
pub struct RingBatch<'ring> {
    ring: &'ring mut RingBuffer,
    walk: Walk,
}

impl RingBatch<'_> {
    /// The samples that have not been seen yet.
    pub fn iter(&self) -> Samples<'_> {
        Samples { memory: &self.ring.memory, walk: &self.walk }
    }
}

impl<'batch> IntoIterator for &'batch RingBatch<'_> {
    type Item = Sample<'batch>;
    type IntoIter = Samples<'batch>;

    fn into_iter(self) -> Samples<'batch> {
        self.iter()
    }
}

impl Drop for RingBatch<'_> {
    fn drop(&mut self) {
        self.walk.commit(&self.ring.memory);
        self.ring.corrupt = self.walk.is_corrupt();
    }
}

/// The samples of a [`RingBatch`], in the order in which programs reserved them.
#[derive(Debug)]
pub struct Samples<'batch> {
    memory: &'batch Memory,
    walk: &'batch Walk,
}

impl<'batch> Iterator for Samples<'batch> {
    type Item = Sample<'batch>;

    #[inline]
    fn next(&mut self) -> Option<Sample<'batch>> {
        let Place { offset, len } = self.walk.next(self.memory)?;
        Some(Sample { memory: self.memory, offset, len })
    }
}

/// What a program wrote in one record: a view of the ring's memory.
///
/// Nothing is copied until it is asked for. There is no plain reference to the bytes, because the memory is shared: a second reader of the ring could free
/// the record, and the kernel write another there.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'batch> {
    memory: &'batch Memory,
    /// From the start of the mapping.
    offset: usize,
    len: usize,
}

impl Sample<'_> {
    /// Bytes of the sample.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for a sample without bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value at `offset`; `None` when it would reach beyond the end.
    ///
    /// For a sample of one type, [`to`](Self::to) also compares the size.
    #[inline]
    pub fn get<T: FromBytes + IntoBytes>(&self, offset: usize) -> Option<T> {
        let mut value = T::new_zeroed();
        self.read(offset, value.as_mut_bytes()).then_some(value)
    }

    /// The whole sample as a value; `None` when it has another size.
    #[inline]
    pub fn to<T: FromBytes + IntoBytes>(&self) -> Option<T> {
        if self.len == size_of::<T>() { self.get(0) } else { None }
    }

    /// Copies bytes from `offset` on, as many as `bytes` has. False, and nothing copied, when they would reach beyond the end.
    #[inline]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> bool {
        if offset.checked_add(bytes.len()).is_none_or(|end| end > self.len) {
            return false;
        }
        self.memory.producer.read(self.offset.saturating_add(offset), bytes).is_ok()
    }

    /// Copies the whole sample to a buffer, whose former contents are lost; its memory is used again.
    pub fn copy_to(&self, buffer: &mut Vec<u8>) {
        buffer.resize(self.len, 0);
        // In bounds: the walk has looked.
        self.read(0, buffer);
    }

    /// A copy of the whole sample.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.copy_to(&mut bytes);
        bytes
    }
}

impl Ring for Memory {
    #[inline]
    fn size(&self) -> usize {
        self.size
    }

    // The accesses to the first word of a page cannot fail.
    fn consumer(&self) -> usize {
        self.consumer.load_usize(0).unwrap_or_default()
    }

    fn set_consumer(&self, position: usize) {
        if let Ok(place) = self.consumer.atomic_usize(0) {
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
