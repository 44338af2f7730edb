//! Reading a ring buffer in place: samples are views of the memory that the kernel shares, given back a batch at a time.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bpf_sys::abi::{MapFlags, MapType};
use bpf_sys::ring::{RingMap, RingRecord, RingWalk};
use bpf_sys::{AsMapFd, poll};
use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, ErrorKind, Result};
use crate::map::Map;

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
    ring: RingMap,
    corrupt: bool,
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
        let ring = RingMap::new(map.as_map_fd())
            .map_err(|source| Error::system(map.action(action), source))?;
        Ok(Self { map: map.try_clone()?, ring, corrupt: false })
    }

    /// The records that are there now, and those that programs finish meanwhile. They are given back to the kernel when the batch is dropped.
    ///
    /// Fails with [`ErrorKind::Corrupt`] when an earlier batch met positions or lengths that cannot be; that batch has skipped what was in the ring.
    pub fn batch(&mut self) -> Result<RingBatch<'_>> {
        if std::mem::take(&mut self.corrupt) {
            return Err(Error::new(ErrorKind::Corrupt, self.map.action("read ring buffer"))
                .with_reason("another reader has changed its position; records were skipped"));
        }
        Ok(RingBatch { walk: self.ring.walk(), corrupt: &mut self.corrupt })
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
        self.ring.size()
    }

    /// Bytes that are not read yet, with headers and padding.
    pub fn available(&self) -> usize {
        // The first word of a page is always there.
        self.ring.available().unwrap_or_default()
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
    walk: RingWalk<'ring>,
    /// Tells the next batch that this one met what cannot be.
    corrupt: &'ring mut bool,
}

impl RingBatch<'_> {
    /// The samples that have not been seen yet.
    pub fn iter(&self) -> Samples<'_> {
        Samples { walk: &self.walk }
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
        *self.corrupt = self.walk.error().is_some();
    }
}

/// The samples of a [`RingBatch`], in the order in which programs reserved them.
#[derive(Debug)]
pub struct Samples<'batch> {
    walk: &'batch RingWalk<'batch>,
}

impl<'batch> Iterator for Samples<'batch> {
    type Item = Sample<'batch>;

    #[inline]
    fn next(&mut self) -> Option<Sample<'batch>> {
        self.walk.next_record().map(|record| Sample { record })
    }
}

/// What a program wrote in one record: a view of the ring's memory.
///
/// Nothing is copied until it is asked for. There is no plain reference to the bytes, because the memory is shared: a second reader of the ring could free
/// the record, and the kernel write another there.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'batch> {
    record: RingRecord<'batch>,
}

impl Sample<'_> {
    /// Bytes of the sample.
    pub fn len(&self) -> usize {
        self.record.len()
    }

    /// True for a sample without bytes.
    pub fn is_empty(&self) -> bool {
        self.record.is_empty()
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
        if self.len() == size_of::<T>() { self.get(0) } else { None }
    }

    /// Copies bytes from `offset` on, as many as `bytes` has. False, and nothing copied, when they would reach beyond the end.
    #[inline]
    pub fn read(&self, offset: usize, bytes: &mut [u8]) -> bool {
        self.record.read(offset, bytes).is_ok()
    }

    /// Copies the whole sample to a buffer, whose former contents are lost; its memory is used again.
    pub fn copy_to(&self, buffer: &mut Vec<u8>) {
        buffer.resize(self.len(), 0);
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
