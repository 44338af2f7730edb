//! Reading a ring buffer in place: samples are views of the memory that the kernel shares, given back a batch at a time.
//!
//! The protocol (`kernel/bpf/ringbuf.c`): two positions only ever grow, the producer's by the kernel, the consumer's by us. A record is a header of
//! 8 bytes (length with two flag bits, page offset) and the sample, padded to 8 bytes. The data area is mapped twice in a row, so that a record
//! that wraps is still one range.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use bpf_sys::abi::MapType;
use bpf_sys::memory::{ReadMapping, WriteMapping};
use bpf_sys::{AsMapFd, kernel, poll};
use zerocopy::{FromBytes, IntoBytes};

use crate::error::{Error, ErrorKind, Result};
use crate::map::Map;

/// A record is reserved, and the program still writes to it.
const BUSY: u32 = 1 << 31;
/// The program gave the record up.
const DISCARD: u32 = 1 << 30;
/// Bytes of the header of a record.
const HEADER: usize = 8;

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
        self.ring.corrupt = self.walk.corrupt.get();
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
    pub fn get<T: FromBytes + IntoBytes>(&self, offset: usize) -> Option<T> {
        let mut value = T::new_zeroed();
        self.read(offset, value.as_mut_bytes()).then_some(value)
    }

    /// The whole sample as a value; `None` when it has another size.
    pub fn to<T: FromBytes + IntoBytes>(&self) -> Option<T> {
        if self.len == size_of::<T>() { self.get(0) } else { None }
    }

    /// Copies bytes from `offset` on, as many as `bytes` has. False, and nothing copied, when they would reach beyond the end.
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

/// What the walk needs of the shared memory.
trait Ring {
    /// Bytes of the data area: a power of two.
    fn size(&self) -> usize;
    /// Our position.
    fn consumer(&self) -> usize;
    /// Gives everything before `position` back to the kernel, after all reads of it.
    fn set_consumer(&self, position: usize);
    /// The kernel's position; records before it are seen with their headers.
    fn producer(&self) -> usize;
    /// The first word of the header at `offset` of the data area, before anything else of its record.
    fn header(&self, offset: usize) -> Option<u32>;
    /// Where the data area begins.
    fn start(&self) -> usize;
}

impl Ring for Memory {
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

    fn producer(&self) -> usize {
        self.producer.load_usize(0).unwrap_or_default()
    }

    fn header(&self, offset: usize) -> Option<u32> {
        self.producer.load_u32(self.page.saturating_add(offset)).ok()
    }

    fn start(&self) -> usize {
        self.page
    }
}

/// Where a sample lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    offset: usize,
    len: usize,
}

/// One walk over the records between the two positions.
#[derive(Debug)]
struct Walk {
    position: Cell<usize>,
    /// What we last saw of the producer's position.
    limit: Cell<usize>,
    corrupt: Cell<bool>,
}

impl Walk {
    fn new(ring: &impl Ring) -> Self {
        let position = ring.consumer();
        Self {
            position: Cell::new(position),
            limit: Cell::new(position),
            corrupt: Cell::new(false),
        }
    }

    /// The next finished sample. `None` at the end, or where a program still writes.
    fn next(&self, ring: &impl Ring) -> Option<Place> {
        loop {
            let position = self.position.get();
            if position == self.limit.get() {
                self.limit.set(ring.producer());
                if position == self.limit.get() {
                    return None;
                }
            }
            let available = self.limit.get().wrapping_sub(position);
            let at = position & ring.size().wrapping_sub(1);
            let Some(header) = ring.header(at).filter(|_| available <= ring.size()) else {
                return self.stop();
            };
            if header & BUSY != 0 {
                return None;
            }
            let len = usize::try_from(header & !DISCARD).unwrap_or(usize::MAX);
            let total = len.checked_add(HEADER).and_then(|total| total.checked_next_multiple_of(8));
            let Some(total) = total.filter(|&total| total <= available) else {
                return self.stop();
            };
            self.position.set(position.wrapping_add(total));
            if header & DISCARD == 0 {
                // Inside the two copies of the data area: `at` is below the size, `total` at most the size.
                let offset = ring.start().wrapping_add(at).wrapping_add(HEADER);
                return Some(Place { offset, len });
            }
        }
    }

    /// The positions or lengths cannot be: someone else writes to this ring's consumer position.
    #[cold]
    fn stop(&self) -> Option<Place> {
        self.corrupt.set(true);
        None
    }

    /// Gives back what was walked over.
    fn commit(&self, ring: &impl Ring) {
        let position = if self.corrupt.get() { ring.producer() } else { self.position.get() };
        if position != ring.consumer() {
            ring.set_consumer(position);
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use super::*;

    /// A ring in ordinary memory, written by [`Fake::push`] as the kernel writes it.
    struct Fake {
        bytes: Vec<u8>,
        size: usize,
        producer: Cell<usize>,
        consumer: Cell<usize>,
        commits: Cell<u32>,
    }

    impl Fake {
        fn new(size: usize, start: usize) -> Self {
            Self {
                bytes: vec![0; size * 2],
                size,
                producer: Cell::new(start),
                consumer: Cell::new(start),
                commits: Cell::new(0),
            }
        }

        /// Writes a byte to both copies of the data area.
        fn poke(&mut self, position: usize, byte: u8) {
            let at = position % self.size;
            self.bytes[at] = byte;
            self.bytes[at + self.size] = byte;
        }

        fn poke_header(&mut self, position: usize, header: u32) {
            for (at, byte) in (0..).zip(header.to_ne_bytes()) {
                self.poke(position.wrapping_add(at), byte);
            }
        }

        fn push(&mut self, sample: &[u8], flags: u32) -> usize {
            let start = self.producer.get();
            self.poke_header(start, u32::try_from(sample.len()).unwrap() | flags);
            for (at, &byte) in (HEADER..).zip(sample) {
                self.poke(start.wrapping_add(at), byte);
            }
            self.producer.set(start.wrapping_add((HEADER + sample.len()).next_multiple_of(8)));
            start
        }
    }

    impl Ring for Fake {
        fn size(&self) -> usize {
            self.size
        }
        fn consumer(&self) -> usize {
            self.consumer.get()
        }
        fn set_consumer(&self, position: usize) {
            self.consumer.set(position);
            self.commits.set(self.commits.get() + 1);
        }
        fn producer(&self) -> usize {
            self.producer.get()
        }
        fn header(&self, offset: usize) -> Option<u32> {
            let bytes = self.bytes.get(offset..)?.get(..4)?;
            Some(u32::from_ne_bytes(bytes.try_into().unwrap()))
        }
        fn start(&self) -> usize {
            0
        }
    }

    /// All samples of one batch, then commit.
    fn drain(ring: &Fake) -> Vec<Vec<u8>> {
        let walk = Walk::new(ring);
        let samples = std::iter::from_fn(|| walk.next(ring));
        let samples = samples
            .map(|Place { offset, len }| ring.bytes[offset..offset + len].to_vec())
            .collect();
        walk.commit(ring);
        samples
    }

    #[test]
    fn samples_come_in_order_and_are_given_back_at_once() {
        let mut ring = Fake::new(64, 0);
        ring.push(b"one", 0);
        ring.push(b"", 0);
        ring.push(b"sixteen bytes ..", 0);
        assert_eq!(drain(&ring), [&b"one"[..], b"", b"sixteen bytes .."]);
        assert_eq!((ring.consumer.get(), ring.commits.get()), (ring.producer.get(), 1));
        assert!(drain(&ring).is_empty());
        assert_eq!(ring.commits.get(), 1, "nothing read, nothing stored");
    }

    #[test]
    fn records_that_wrap_are_one_slice() {
        // The last rows: positions that wrap themselves.
        for start in [0, 8, 48, 56, usize::MAX - 7, usize::MAX - 15] {
            let mut ring = Fake::new(64, start);
            ring.push(b"0123456789abcdef0123456789", 0);
            assert_eq!(drain(&ring), [b"0123456789abcdef0123456789"], "start {start}");
        }
    }

    #[test]
    fn discarded_records_are_skipped_and_given_back() {
        let mut ring = Fake::new(128, 64);
        ring.push(b"dropped", DISCARD);
        ring.push(b"kept", 0);
        ring.push(b"dropped too", DISCARD);
        assert_eq!(drain(&ring), [b"kept"]);
        assert_eq!(ring.consumer.get(), ring.producer.get());
    }

    #[test]
    fn a_record_that_is_still_written_ends_the_batch() {
        let mut ring = Fake::new(128, 0);
        ring.push(b"first", 0);
        let busy = ring.push(b"second", BUSY);
        ring.push(b"third", 0);
        assert_eq!(drain(&ring), [b"first"]);
        assert_eq!(ring.consumer.get(), busy);
        ring.poke_header(busy, 6);
        assert_eq!(drain(&ring), [&b"second"[..], b"third"]);
    }

    #[test]
    fn impossible_lengths_and_positions_end_the_walk_and_skip_the_ring() {
        type Edit = fn(&mut Fake);
        let rows: [(&str, Edit); 4] = [
            ("length beyond the producer", |ring| ring.poke_header(0, 1000)),
            ("largest length", |ring| ring.poke_header(0, DISCARD - 1)),
            ("largest discarded length", |ring| ring.poke_header(0, !BUSY)),
            ("consumer ahead of the producer", |ring| ring.consumer.set(ring.producer.get() + 8)),
        ];
        for (what, edit) in rows {
            let mut ring = Fake::new(64, 0);
            ring.push(b"sample", 0);
            edit(&mut ring);
            let walk = Walk::new(&ring);
            assert_eq!(walk.next(&ring), None, "{what}");
            assert!(walk.corrupt.get(), "{what}");
            walk.commit(&ring);
            assert_eq!(ring.consumer.get(), ring.producer.get(), "{what}");
        }
    }
}
