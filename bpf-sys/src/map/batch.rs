//! Operations on many elements in one call.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use super::MapFd;
use crate::abi::raw::BatchAttr;
use crate::abi::{Command, UpdateFlags};
use crate::errno::{Errno, SysError};
use crate::syscall::{address, address_mut, bpf, raw};

/// The least room for a position: hash tables write a `u32` bucket number, whatever the key size.
const MIN_POSITION: usize = 8;

/// How far a walk over a map has come.
///
/// It belongs to the map of the first call that it is given to; with another map, the walk goes on somewhere.
#[derive(Clone, Debug, Default)]
pub struct BatchCursor {
    position: Vec<u8>,
    started: bool,
}

impl BatchCursor {
    /// The start of a map.
    pub const fn new() -> Self {
        Self { position: Vec::new(), started: false }
    }
}

/// What one call brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Elements in the buffers.
    pub count: usize,
    /// Whether the walk is at its end.
    pub done: bool,
}

/// An error after some elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error} after {count} elements")]
#[non_exhaustive]
pub struct BatchError {
    /// Elements that the kernel dealt with before the error.
    pub count: usize,
    /// The error.
    pub error: SysError,
}

impl From<BatchError> for SysError {
    fn from(error: BatchError) -> Self {
        error.error
    }
}

/// Reads elements into `keys` and `values`, from where `cursor` is: `BPF_MAP_LOOKUP_BATCH`, Linux 5.6.
///
/// The buffers hold keys of the map's key size, and values of its [buffer size](super::MapShape::value_buffer_size), one after the other; the shorter one
/// limits the number. Of the flags, only [`UpdateFlags::LOCK`] has a meaning here. Errors: `ENOSPC` when a hash bucket holds more elements than there is room for (retry with more room).
#[doc(alias = "BPF_MAP_LOOKUP_BATCH")]
pub fn lookup_batch(
    map: MapFd<'_>,
    cursor: &mut BatchCursor,
    keys: &mut [u8],
    values: &mut [u8],
    elem_flags: UpdateFlags,
) -> Result<Batch, SysError> {
    walk(Command::MAP_LOOKUP_BATCH, map, cursor, keys, values, elem_flags)
}

/// [`lookup_batch`], and deletes the elements: `BPF_MAP_LOOKUP_AND_DELETE_BATCH`, Linux 5.6, hash tables only.
#[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_BATCH")]
pub fn lookup_and_delete_batch(
    map: MapFd<'_>,
    cursor: &mut BatchCursor,
    keys: &mut [u8],
    values: &mut [u8],
    elem_flags: UpdateFlags,
) -> Result<Batch, SysError> {
    walk(Command::MAP_LOOKUP_AND_DELETE_BATCH, map, cursor, keys, values, elem_flags)
}

fn walk(
    command: Command,
    map: MapFd<'_>,
    cursor: &mut BatchCursor,
    keys: &mut [u8],
    values: &mut [u8],
    elem_flags: UpdateFlags,
) -> Result<Batch, SysError> {
    check_flags(command, elem_flags)?;
    let key_len = map.shape().key_len();
    let count = room(command, keys.len(), key_len)?.min(room(
        command,
        values.len(),
        map.shape().value_buffer_size(),
    )?);
    if count == 0 {
        return Err(SysError::refused(command, "buffers too short for one element"));
    }
    let needed = key_len.max(MIN_POSITION);
    if cursor.position.len() < needed {
        cursor.position.resize(needed, 0);
    }
    let position = address_mut(&mut cursor.position);
    let mut attr = BatchAttr {
        in_batch: if cursor.started { position } else { 0 },
        out_batch: position,
        keys: address_mut(keys),
        values: address_mut(values),
        count,
        map_fd: raw(map),
        elem_flags: elem_flags.bits(),
        flags: 0,
    };
    // SAFETY: the structure is that of both commands. The kernel writes at most `count` keys of `key_size` bytes and `count` values of
    // `bpf_map_value_size` bytes, for which `keys` and `values` have room (`room` rounds down, with the sizes of this very map). It
    // reads from `in_batch` (unless zero), then writes to `out_batch`, the key size or 4 bytes; `position` has room for both, and reading ends before
    // writing starts (kernel: `generic_map_lookup_batch`, `__htab_map_lookup_and_delete_batch`). All three buffers are borrowed exclusively and do not
    // overlap.
    let result = unsafe { bpf(command, &mut attr) };
    let found = usize::try_from(attr.count.min(count)).unwrap_or(0);
    match result {
        Ok(_) => {
            cursor.started = true;
            Ok(Batch { count: found, done: false })
        }
        Err(error) if error.errno == Errno::ENOENT => {
            cursor.started = true;
            Ok(Batch { count: found, done: true })
        }
        Err(error) => Err(error),
    }
}

/// Creates or replaces elements, and tells how many: `BPF_MAP_UPDATE_BATCH`, Linux 5.6.
///
/// Errors: as for [`update`](super::update), with the number of elements before the one that failed; `EINVAL` for flags other than
/// [`UpdateFlags::LOCK`].
#[doc(alias = "BPF_MAP_UPDATE_BATCH")]
pub fn update_batch(
    map: MapFd<'_>,
    keys: &[u8],
    values: &[u8],
    elem_flags: UpdateFlags,
) -> Result<usize, BatchError> {
    let command = Command::MAP_UPDATE_BATCH;
    check_flags(command, elem_flags).map_err(none_done)?;
    let count = exact(command, keys.len(), map.shape().key_len())?;
    if exact(command, values.len(), map.shape().value_buffer_size())? != count {
        return Err(refused(command, "another number of values than of keys"));
    }
    let attr = BatchAttr {
        keys: address(keys),
        values: address(values),
        count,
        map_fd: raw(map),
        elem_flags: elem_flags.bits(),
        ..BatchAttr::default()
    };
    // SAFETY: the kernel reads `count` keys of `key_size` bytes and `count` values of at most `bpf_map_value_size` bytes; `exact` made sure that
    // the slices hold just that.
    unsafe { change(command, attr) }
}

/// Deletes elements, and tells how many: `BPF_MAP_DELETE_BATCH`, Linux 5.6.
///
/// Errors: `ENOENT` at the first key that is not in the map, with the number of elements deleted before.
#[doc(alias = "BPF_MAP_DELETE_BATCH")]
pub fn delete_batch(
    map: MapFd<'_>,
    keys: &[u8],
    elem_flags: UpdateFlags,
) -> Result<usize, BatchError> {
    let command = Command::MAP_DELETE_BATCH;
    check_flags(command, elem_flags).map_err(none_done)?;
    let count = exact(command, keys.len(), map.shape().key_len())?;
    let attr = BatchAttr {
        keys: address(keys),
        count,
        map_fd: raw(map),
        elem_flags: elem_flags.bits(),
        ..BatchAttr::default()
    };
    // SAFETY: the kernel reads `count` keys of `key_size` bytes, which `exact` made sure of, and no values.
    unsafe { change(command, attr) }
}

/// # Safety
///
/// `attr` must hold addresses of `count` keys, and of `count` values when `command` reads values.
unsafe fn change(command: Command, mut attr: BatchAttr) -> Result<usize, BatchError> {
    let count = attr.count;
    // The kernel leaves the count alone when it refuses the call as a whole.
    let refused_at = |attr: &BatchAttr| if attr.count == count { 0 } else { attr.count };
    if count == 0 {
        return Ok(0);
    }
    // SAFETY: the caller's obligation; `in_batch` and `out_batch` are zero, and these commands do not use them.
    match unsafe { bpf(command, &mut attr) } {
        Ok(_) => Ok(usize::try_from(attr.count.min(count)).unwrap_or(0)),
        Err(error) => {
            Err(BatchError { count: usize::try_from(refused_at(&attr)).unwrap_or(0), error })
        }
    }
}

/// Flags for CPUs (7.0) make values shorter; the buffers here are for all CPUs' values.
fn check_flags(command: Command, flags: UpdateFlags) -> Result<(), SysError> {
    if flags.intersects(UpdateFlags::CPU | UpdateFlags::ALL_CPUS) {
        return Err(SysError::refused(command, "flags for CPUs in a batch"));
    }
    Ok(())
}

/// How many elements of `size` bytes fit into `len` bytes.
fn room(command: Command, len: usize, size: usize) -> Result<u32, SysError> {
    let Some(count) = len.checked_div(size) else {
        return Err(SysError::refused(command, "the map has no keys or values"));
    };
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many elements of `size` bytes `len` bytes are; a rest is an error.
fn exact(command: Command, len: usize, size: usize) -> Result<u32, BatchError> {
    let count = room(command, len, size).map_err(none_done)?;
    if len.checked_rem(size) != Some(0) {
        return Err(refused(command, "buffer is not a multiple of the element's size"));
    }
    Ok(count)
}

const fn refused(command: Command, note: &'static str) -> BatchError {
    none_done(SysError::refused(command, note))
}

const fn none_done(error: SysError) -> BatchError {
    BatchError { count: 0, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_elements() {
        let command = Command::MAP_UPDATE_BATCH;
        let rows = [
            (0, 4, Some(0), Some(0)),
            (8, 4, Some(2), Some(2)),
            (9, 4, Some(2), None),
            (3, 4, Some(0), None),
            (8, 0, None, None),
        ];
        for (len, size, rounded, whole) in rows {
            assert_eq!(room(command, len, size).ok(), rounded, "{len}/{size}");
            assert_eq!(exact(command, len, size).ok(), whole, "{len}/{size}");
        }
    }

    #[test]
    fn the_error_says_how_far_it_came() {
        let error =
            BatchError { count: 3, error: SysError::bpf(Command::MAP_DELETE_BATCH, Errno::ENOENT) };
        assert_eq!(
            error.to_string(),
            "bpf(BPF_MAP_DELETE_BATCH): ENOENT (no such file, object or element) after 3 elements"
        );
        assert_eq!(SysError::from(error).errno, Errno::ENOENT);
    }
}
