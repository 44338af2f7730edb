//! Ring buffers: from programs to user space, from user space to programs, and those of perf events.
//!
//! There is no plain reference to the bytes of a record: another reader of the same ring, in this process or another, may free it at any time.
//! `next_record` copies it out of the shared memory into a buffer of its reader, which it borrows; [`RingMap::walk`] gives views, of which
//! parts are copied, and gives many records back at once.

mod perf;
mod reader;
mod user;
mod walk;

pub use perf::{PerfRecord, PerfRing};
pub use reader::{RingMap, RingRecord, RingWalk};
pub use user::{PushError, UserRing};

/// Set in a record's length while its writer is not done.
const BUSY: u32 = 1 << 31;
/// Set in a record's length when its writer gave it up.
const DISCARD: u32 = 1 << 30;
/// Bytes of a record's header: length, and a field of the kernel.
const HEADER: usize = 8;

/// Bytes that a record of `len` bytes takes, header and padding included.
fn footprint(len: usize) -> Option<usize> {
    len.checked_add(HEADER)?.checked_next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_take_whole_words_and_a_header() {
        let rows = [
            (0, Some(8)),
            (1, Some(16)),
            (8, Some(16)),
            (9, Some(24)),
            (usize::MAX, None),
            (usize::MAX - 8, None),
        ];
        for (len, total) in rows {
            assert_eq!(footprint(len), total, "{len}");
        }
    }
}
