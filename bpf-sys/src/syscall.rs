//! The call itself.
//!
//! # Safety
//!
//! `bpf(2)` reads and writes memory at addresses inside `union bpf_attr`, with lengths that may come from another field or from the object
//! that a descriptor names. [`bpf`] is therefore `unsafe`; its callers, one function per command, prove each address and length.
//! Two facts serve all of these proofs:
//!
//! - The kernel copies at most `size` bytes of the structure in and writes results only into fields that the command documents, all of them inside
//!   the structure of that command (kernel: `__sys_bpf` and `put_user` on `uattr`).
//! - A descriptor that is closed, or of another kind than the command wants, gives `EBADF` or `EINVAL` before any memory is touched.

#![expect(unsafe_code, reason = "bpf(2) has no safe form; the proofs are at the callers")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;
use zerocopy::IntoBytes;

use crate::abi::Command;
use crate::errno::{Errno, SysError};

/// How often a load that a signal interrupted is tried again. libbpf tries 5 times; a profiler's timer can interrupt more often.
const LOAD_ATTEMPTS: u32 = 32;

/// Calls `bpf(command, attr, size_of::<A>())`.
///
/// `BPF_PROG_LOAD` is repeated on `EAGAIN`, which the verifier gives when a signal is pending, and every command on `EINTR`.
///
/// # Safety
///
/// `A` must be the structure of `command`. Every address in `attr` that this command may follow must be zero where the kernel
/// skips a zero address, or point to memory of the length that the kernel uses for it: readable for input, and for output writable
/// without any other reference to it, for as long as the call lasts.
pub(crate) unsafe fn bpf<A: IntoBytes>(command: Command, attr: &mut A) -> Result<i32, SysError> {
    let mut attempts: u32 = 0;
    loop {
        // SAFETY: `attr` is an exclusive reference to `size_of::<A>()` bytes, all initialised (`A: IntoBytes`), which the kernel reads and
        // partly writes; any bytes are a valid `A`, because the attribute structures consist of integers only. Addresses inside are
        // the caller's obligation.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                libc::c_long::from(command.0),
                std::ptr::from_mut(attr),
                size_of::<A>(),
            )
        };
        if result >= 0 {
            // The kernel returns `int`.
            return i32::try_from(result).map_err(|_| SysError::bpf(command, Errno::EOVERFLOW));
        }
        let errno = Errno::last();
        attempts = attempts.saturating_add(1);
        let again =
            errno == Errno::EINTR || (command == Command::PROG_LOAD && errno == Errno::EAGAIN);
        if !again || attempts >= LOAD_ATTEMPTS {
            return Err(SysError::bpf(command, errno));
        }
    }
}

/// [`bpf`] for a command that returns a new descriptor.
///
/// # Safety
///
/// As for [`bpf`]; and `command` must return a new descriptor.
pub(crate) unsafe fn bpf_fd<A: IntoBytes>(
    command: Command,
    attr: &mut A,
) -> Result<OwnedFd, SysError> {
    // SAFETY: the caller's obligation.
    let fd = unsafe { bpf(command, attr) }?;
    // SAFETY: the command returned a new descriptor, which nobody else knows.
    unsafe { adopt(fd) }.map_err(|errno| SysError::bpf(command, errno))
}

/// Takes ownership of a new descriptor, and moves it above 2.
///
/// A process that was started without standard streams gets them as its next descriptors; a library that prints would then write into a map.
///
/// # Safety
///
/// `fd` must be open and owned by nobody.
pub(crate) unsafe fn adopt(fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: the caller's obligation.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    let copy = nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: F_DUPFD_CLOEXEC returned a new descriptor, which nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// A descriptor as the kernel's structures hold it.
pub(crate) fn raw(fd: impl AsFd) -> u32 {
    fn inner(fd: BorrowedFd<'_>) -> u32 {
        fd.as_raw_fd().unsigned_abs()
    }
    inner(fd.as_fd())
}

/// A descriptor in a field that is signed.
pub(crate) fn raw_signed(fd: impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}

/// The address of memory that the kernel reads; zero for an empty slice.
pub(crate) fn address<T>(slice: &[T]) -> u64 {
    if slice.is_empty() { 0 } else { slice.as_ptr().expose_provenance() as u64 }
}

/// The address of memory that the kernel writes; zero for an empty slice.
pub(crate) fn address_mut<T>(slice: &mut [T]) -> u64 {
    if slice.is_empty() { 0 } else { slice.as_mut_ptr().expose_provenance() as u64 }
}

/// The length of a buffer as the kernel's structures hold it; a larger one is an error of the caller.
pub(crate) fn length<T>(command: Command, slice: &[T]) -> Result<u32, SysError> {
    u32::try_from(slice.len()).map_err(|_| SysError::refused(command, "buffer longer than 4 GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adopted_descriptor_is_above_2_and_closes_on_exec() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let number = std::os::fd::IntoRawFd::into_raw_fd(file);
        // SAFETY: `into_raw_fd` gave up the ownership of an open descriptor.
        let fd = unsafe { adopt(number) }.unwrap();
        assert!(fd.as_raw_fd() > 2);
        let flags = nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_GETFD).unwrap();
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }

    #[test]
    fn an_empty_slice_has_the_address_zero() {
        assert_eq!(address::<u8>(&[]), 0);
        assert_eq!(address_mut::<u64>(&mut []), 0);
        assert_ne!(address(&[1u8]), 0);
    }

    #[test]
    fn an_unknown_command_is_an_error_of_the_kernel() {
        let mut attr = [0u64; 2];
        // SAFETY: no kernel has this command, so it follows no address.
        let error = unsafe { bpf(Command(0x7fff), &mut attr) }.unwrap_err();
        assert_eq!(error.command(), Some(Command(0x7fff)));
        assert!(matches!(error.errno, Errno::EINVAL | Errno::EPERM | Errno::ENOSYS), "{error}");
    }
}
