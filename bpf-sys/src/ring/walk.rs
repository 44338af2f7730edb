//! The walk over the records of a ring.
//!
//! The protocol (`kernel/bpf/ringbuf.c`): two positions only ever grow, the producer's by the kernel, the consumer's by us. A record is a header of
//! 8 bytes (length with two flag bits, page offset) and the sample, padded to 8 bytes. The data area is mapped twice in a row, so that a record
//! that wraps is still one range.

use std::cell::Cell;

use super::{BUSY, DISCARD, HEADER, footprint};
use crate::memory::AccessError;

/// What the walk needs of the shared memory.
pub(super) trait Ring {
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

/// Where a sample lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) len: usize,
}

/// One walk over the records between the two positions.
#[derive(Debug)]
pub(super) struct Walk {
    position: Cell<usize>,
    /// What we last saw of the producer's position.
    limit: Cell<usize>,
    /// Something was met that the kernel does not write: someone else writes to this ring's consumer position.
    wrong: Cell<Option<AccessError>>,
}

impl Walk {
    pub(super) fn new(ring: &impl Ring) -> Self {
        let position = ring.consumer();
        Self { position: Cell::new(position), limit: Cell::new(position), wrong: Cell::new(None) }
    }

    /// The next finished sample. `None` at the end, or where a program still writes.
    #[inline]
    pub(super) fn next(&self, ring: &impl Ring) -> Option<Place> {
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
            let wrong = |size| AccessError {
                offset: ring.start().wrapping_add(at),
                size,
                len: ring.size(),
            };
            let Some(header) = ring.header(at).filter(|_| available <= ring.size()) else {
                return self.stop(wrong(available));
            };
            if header & BUSY != 0 {
                return None;
            }
            let len = usize::try_from(header & !DISCARD).unwrap_or(usize::MAX);
            let Some(total) = footprint(len).filter(|&total| total <= available) else {
                return self.stop(wrong(len));
            };
            self.position.set(position.wrapping_add(total));
            if header & DISCARD == 0 {
                // Inside the two copies of the data area: `at` is below the size, `total` at most the size.
                let offset = ring.start().wrapping_add(at).wrapping_add(HEADER);
                return Some(Place { offset, len });
            }
        }
    }

    #[cold]
    fn stop(&self, wrong: AccessError) -> Option<Place> {
        self.wrong.set(Some(wrong));
        None
    }

    /// The position or length that cannot be, if the walk has met one.
    pub(super) fn error(&self) -> Option<AccessError> {
        self.wrong.get()
    }

    /// Gives back what was walked over; everything, if something was met that cannot be.
    pub(super) fn commit(&self, ring: &impl Ring) {
        let position = if self.error().is_some() { ring.producer() } else { self.position.get() };
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
            assert_eq!(walk.error().map(|error| error.len), Some(64), "{what}");
            walk.commit(&ring);
            assert_eq!(ring.consumer.get(), ring.producer.get(), "{what}");
        }
    }
}
