//! The ring of a perf event: what `bpf_perf_event_output` writes (Linux 4.4).

use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use crate::errno::{Errno, SysError};
use crate::kernel;
use crate::memory::{AccessError, Region, WriteMapping};

/// Offset of `data_head` in `struct perf_event_mmap_page`; `data_tail` follows.
const HEAD: usize = 1024;
const TAIL: usize = 1032;
/// Bytes of `struct perf_event_header`.
const HEADER: usize = 8;
const RECORD_LOST: u32 = 2;
const RECORD_SAMPLE: u32 = 9;

/// A record of a perf event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PerfRecord<'a> {
    /// What a program wrote, perhaps with a few bytes after it, since the kernel rounds up.
    Sample(&'a [u8]),
    /// So many records were lost because the ring was full.
    Lost(u64),
    /// A record of another type, whole.
    Other {
        /// `PERF_RECORD_...`
        record_type: u32,
        /// What follows the header.
        bytes: &'a [u8],
    },
}

/// The ring of a perf event, mapped for reading.
#[derive(Debug)]
pub struct PerfRing {
    mapping: WriteMapping,
    page: usize,
    /// Bytes of data, a power of two.
    size: usize,
    record: Vec<u8>,
}

impl PerfRing {
    /// Maps the ring of an event, with room for `size` bytes, a power of two pages.
    ///
    /// Errors: `EINVAL` for a size that is none, `EPERM` above the limit `perf_event_mlock_kb`.
    pub fn new(event: BorrowedFd<'_>, size: usize) -> Result<Self, SysError> {
        let invalid = SysError::other("mmap", Errno::EINVAL);
        let page = kernel::page_size();
        if !size.is_power_of_two() || size < page {
            return Err(invalid.with_note("perf ring is not a power of two pages"));
        }
        let region = Region::shared(event, 0, size.checked_add(page).ok_or(invalid)?, true)?;
        Ok(Self { mapping: WriteMapping(region), page, size, record: Vec::new() })
    }

    /// The next record, or `None` when there is none.
    ///
    /// Errors: only when something else wrote to the positions.
    pub fn next_record(&mut self) -> Result<Option<PerfRecord<'_>>, AccessError> {
        let head = self.mapping.atomic_u64(HEAD)?.load(Ordering::Acquire);
        let tail = self.mapping.atomic_u64(TAIL)?.load(Ordering::Relaxed);
        if head == tail {
            return Ok(None);
        }
        let mut header = [0; HEADER];
        self.copy(tail, &mut header)?;
        let [t0, t1, t2, t3, _, _, s0, s1] = header;
        let record_type = u32::from_ne_bytes([t0, t1, t2, t3]);
        let total = usize::from(u16::from_ne_bytes([s0, s1]));
        let bad = AccessError { offset: 0, size: total, len: self.size };
        let len = total.checked_sub(HEADER).filter(|_| total <= self.size).ok_or(bad)?;
        let mut record = std::mem::take(&mut self.record);
        record.resize(len, 0);
        let copied = self.copy(tail.wrapping_add(8), &mut record);
        self.record = record;
        copied?;
        // Release: the copy above is done before the kernel may write there again.
        let next = tail.wrapping_add(u64::try_from(total).unwrap_or(0));
        self.mapping.atomic_u64(TAIL)?.store(next, Ordering::Release);
        Ok(Some(parse(record_type, &self.record).ok_or(bad)?))
    }

    /// Copies bytes from `position` on, around the end of the ring if need be.
    fn copy(&self, position: u64, out: &mut [u8]) -> Result<(), AccessError> {
        let mask = u64::try_from(self.size.saturating_sub(1)).unwrap_or(0);
        let start = usize::try_from(position & mask).unwrap_or(0);
        let first = out.len().min(self.size.saturating_sub(start));
        let (head, tail) = out.split_at_mut(first);
        self.mapping.read(self.page.saturating_add(start), head)?;
        self.mapping.read(self.page, tail)
    }
}

fn parse(record_type: u32, bytes: &[u8]) -> Option<PerfRecord<'_>> {
    match record_type {
        RECORD_SAMPLE => {
            let (size, data) = bytes.split_first_chunk()?;
            let size = usize::try_from(u32::from_ne_bytes(*size)).ok()?;
            data.get(..size).map(PerfRecord::Sample)
        }
        RECORD_LOST => {
            let (_, count) = bytes.split_first_chunk::<8>()?;
            count.first_chunk().map(|count| PerfRecord::Lost(u64::from_ne_bytes(*count)))
        }
        _ => Some(PerfRecord::Other { record_type, bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_samples_losses_or_something_else() {
        let sample = [&4u32.to_ne_bytes()[..], b"data"].concat();
        let long = [&5u32.to_ne_bytes()[..], b"data"].concat();
        let lost = [7u64.to_ne_bytes(), 9u64.to_ne_bytes()].concat();
        let rows = [
            (RECORD_SAMPLE, &sample[..], Some(PerfRecord::Sample(b"data"))),
            (RECORD_SAMPLE, &long, None),
            (RECORD_SAMPLE, b"abc", None),
            (RECORD_LOST, &lost, Some(PerfRecord::Lost(9))),
            (RECORD_LOST, &lost[..12], None),
            (77, b"x", Some(PerfRecord::Other { record_type: 77, bytes: b"x" })),
        ];
        for (record_type, bytes, expected) in rows {
            assert_eq!(parse(record_type, bytes), expected, "{record_type} {bytes:?}");
        }
    }

    #[test]
    fn records_are_read_around_the_end() {
        let page = kernel::page_size();
        let mapping = WriteMapping::anonymous(page * 2).unwrap();
        let mut ring = PerfRing { mapping, page, size: page, record: Vec::new() };
        let record = [
            &RECORD_SAMPLE.to_ne_bytes()[..],
            &0u16.to_ne_bytes(),
            &24u16.to_ne_bytes(),
            &10u32.to_ne_bytes(),
            b"0123456789ab",
        ]
        .concat();
        let start = page - 16;
        ring.mapping.write(page + start, &record[..16]).unwrap();
        ring.mapping.write(page, &record[16..]).unwrap();
        let (head, tail) =
            (u64::try_from(page + start + 24).unwrap(), u64::try_from(page + start).unwrap());
        ring.mapping.atomic_u64(HEAD).unwrap().store(head, Ordering::Relaxed);
        ring.mapping.atomic_u64(TAIL).unwrap().store(tail, Ordering::Relaxed);
        assert_eq!(ring.next_record(), Ok(Some(PerfRecord::Sample(b"0123456789"))));
        assert_eq!(ring.next_record(), Ok(None));
        // A size that cannot be.
        ring.mapping.atomic_u64(HEAD).unwrap().store(head + 8, Ordering::Relaxed);
        assert!(ring.next_record().is_err());
    }
}
