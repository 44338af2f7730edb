//! Operations on one element.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use super::MapFd;
use crate::abi::raw::MapElemAttr;
use crate::abi::{Command, UpdateFlags};
use crate::errno::{Errno, SysError};
use crate::syscall::{address, address_mut, bpf, raw};

const CPU_FLAGS: UpdateFlags = UpdateFlags::CPU.with(UpdateFlags::ALL_CPUS);

fn check_key(command: Command, map: MapFd<'_>, key: &[u8]) -> Result<(), SysError> {
    if key.len() == map.shape().key_len() {
        Ok(())
    } else {
        Err(SysError::refused(command, "key of another length than the map's"))
    }
}

fn check_value(
    command: Command,
    map: MapFd<'_>,
    value: &[u8],
    flags: UpdateFlags,
) -> Result<(), SysError> {
    if value.len() == map.shape().value_buffer_size_with(flags) {
        Ok(())
    } else {
        Err(SysError::refused(command, "value buffer of another length than the map's values"))
    }
}

/// Absent is an answer, not an error.
fn present(result: Result<i32, SysError>) -> Result<bool, SysError> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.errno == Errno::ENOENT => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the value of `key` into `value`, and tells whether there is one: `BPF_MAP_LOOKUP_ELEM`, Linux 3.18.
///
/// `key` has the map's key size (none for queues, stacks and bloom filters), `value` the
/// [buffer size](super::MapShape::value_buffer_size_with) for `flags`: all CPUs' values for a per-CPU map, one with [`UpdateFlags::CPU`] (7.0).
/// A bloom filter takes the value to look for in `value`.
#[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
pub fn lookup(
    map: MapFd<'_>,
    key: &[u8],
    value: &mut [u8],
    flags: UpdateFlags,
) -> Result<bool, SysError> {
    read(Command::MAP_LOOKUP_ELEM, map, key, value, flags)
}

/// [`lookup`], and deletes the element: `BPF_MAP_LOOKUP_AND_DELETE_ELEM`, Linux 4.20 for queues and stacks, 5.14 for hash tables.
#[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_ELEM")]
pub fn lookup_and_delete(
    map: MapFd<'_>,
    key: &[u8],
    value: &mut [u8],
    flags: UpdateFlags,
) -> Result<bool, SysError> {
    read(Command::MAP_LOOKUP_AND_DELETE_ELEM, map, key, value, flags)
}

fn read(
    command: Command,
    map: MapFd<'_>,
    key: &[u8],
    value: &mut [u8],
    flags: UpdateFlags,
) -> Result<bool, SysError> {
    check_key(command, map, key)?;
    check_value(command, map, value, flags)?;
    if !flags.intersects(CPU_FLAGS) {
        return present(read_whole(command, map, key, value, flags));
    }
    // A kernel that does not know the flag might copy all CPUs' values before it looks at the flags.
    let mut all = vec![0; map.shape().value_buffer_size()];
    if let (Some(head), Some(given)) = (all.get_mut(..value.len()), Some(&*value)) {
        head.copy_from_slice(given);
    }
    let found = present(read_whole(command, map, key, &mut all, flags))?;
    if let Some(head) = all.get(..value.len()) {
        value.copy_from_slice(head);
    }
    Ok(found)
}

/// `value` has the full buffer size, and `key` the key size.
fn read_whole(
    command: Command,
    map: MapFd<'_>,
    key: &[u8],
    value: &mut [u8],
    flags: UpdateFlags,
) -> Result<i32, SysError> {
    let mut attr = MapElemAttr {
        map_fd: raw(map),
        key: address(key),
        value: address_mut(value),
        flags: flags.bits(),
        ..MapElemAttr::default()
    };
    // SAFETY: the structure is that of both commands. The kernel reads `key_size` bytes at `key`, and reads or writes at most
    // `bpf_map_value_size` bytes at `value`; both slices have these lengths (checked by the caller against the shape that the kernel gave for this
    // very map), and a size of zero makes the address zero. `value` is borrowed exclusively for the call.
    unsafe { bpf(command, &mut attr) }
}

/// Creates or replaces the value of `key`: `BPF_MAP_UPDATE_ELEM`, Linux 3.18.
///
/// Lengths are as for [`lookup`]. Errors: `EEXIST` with [`UpdateFlags::NOEXIST`], `ENOENT` with [`UpdateFlags::EXIST`], `E2BIG` when the map is full or
/// an array index too large, `EPERM` for a frozen map.
#[doc(alias = "BPF_MAP_UPDATE_ELEM")]
pub fn update(
    map: MapFd<'_>,
    key: &[u8],
    value: &[u8],
    flags: UpdateFlags,
) -> Result<(), SysError> {
    let command = Command::MAP_UPDATE_ELEM;
    check_key(command, map, key)?;
    check_value(command, map, value, flags)?;
    if !flags.intersects(CPU_FLAGS) {
        return update_whole(map, key, value, flags);
    }
    // As in `read`: a kernel that does not know the flag reads all CPUs' values first.
    let mut all = vec![0; map.shape().value_buffer_size().max(value.len())];
    if let Some(head) = all.get_mut(..value.len()) {
        head.copy_from_slice(value);
    }
    update_whole(map, key, &all, flags)
}

/// `value` has at least the full buffer size, and `key` the key size.
fn update_whole(
    map: MapFd<'_>,
    key: &[u8],
    value: &[u8],
    flags: UpdateFlags,
) -> Result<(), SysError> {
    let mut attr = MapElemAttr {
        map_fd: raw(map),
        key: address(key),
        value: address(value),
        flags: flags.bits(),
        ..MapElemAttr::default()
    };
    // SAFETY: the structure is that of the command. The kernel only reads, `key_size` bytes at `key` and at most `bpf_map_value_size`
    // bytes at `value`; both slices are at least that long, or empty with the address zero.
    unsafe { bpf(Command::MAP_UPDATE_ELEM, &mut attr) }.map(drop)
}

/// Deletes the element of `key`, and tells whether there was one: `BPF_MAP_DELETE_ELEM`, Linux 3.18.
///
/// Errors: `EINVAL` for arrays, whose elements cannot be deleted.
#[doc(alias = "BPF_MAP_DELETE_ELEM")]
pub fn delete(map: MapFd<'_>, key: &[u8]) -> Result<bool, SysError> {
    check_key(Command::MAP_DELETE_ELEM, map, key)?;
    let mut attr = MapElemAttr { map_fd: raw(map), key: address(key), ..MapElemAttr::default() };
    // SAFETY: the structure is that of the command. The kernel only reads `key_size` bytes at `key`, which has that length.
    present(unsafe { bpf(Command::MAP_DELETE_ELEM, &mut attr) })
}

/// Writes the key after `key`, or the first without one, to `next`, and tells whether there is one: `BPF_MAP_GET_NEXT_KEY`, Linux 3.18
/// (the first key: 4.12).
///
/// After a key that is not in the map comes the first key.
#[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
pub fn next_key(map: MapFd<'_>, key: Option<&[u8]>, next: &mut [u8]) -> Result<bool, SysError> {
    let command = Command::MAP_GET_NEXT_KEY;
    if let Some(key) = key {
        check_key(command, map, key)?;
    }
    check_key(command, map, next)?;
    let mut attr = MapElemAttr {
        map_fd: raw(map),
        key: key.map_or(0, address),
        value: address_mut(next),
        ..MapElemAttr::default()
    };
    // SAFETY: the structure is that of the command. The kernel reads `key_size` bytes at `key` unless the address is zero, and writes
    // `key_size` bytes at `next`; both slices have that length, and `next` is borrowed exclusively.
    present(unsafe { bpf(command, &mut attr) })
}

/// Forbids writes from user space for good: `BPF_MAP_FREEZE`, Linux 5.2.
///
/// Errors: `EBUSY` when mapped writable, `EBUSY` or `EPERM` when frozen already.
#[doc(alias = "BPF_MAP_FREEZE")]
pub fn freeze(map: MapFd<'_>) -> Result<(), SysError> {
    let mut attr = MapElemAttr { map_fd: raw(map), ..MapElemAttr::default() };
    // SAFETY: the structure starts like that of the command, which reads `map_fd` only and wants the rest zero.
    unsafe { bpf(Command::MAP_FREEZE, &mut attr) }.map(drop)
}
