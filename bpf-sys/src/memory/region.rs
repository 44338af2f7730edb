//! A mapped range of addresses, and the accesses to it.

use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering, fence};

use nix::libc;

use super::AccessError;
use crate::errno::{Errno, SysError};

/// Bytes of a machine word: the widest access that works on read-only memory of every architecture.
const WORD: usize = size_of::<usize>();

/// A range of mapped memory, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Region {
    start: NonNull<u8>,
    len: NonZeroUsize,
}

// SAFETY: the memory belongs to the process, not to a thread, and all accesses through `&Region` are atomic.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// A range of a map or perf event, shared with the kernel.
    ///
    /// Private to the crate: a regular file would do no harm to memory, but its accesses could raise `SIGBUS`.
    pub(crate) fn shared(
        fd: impl AsFd,
        offset: u64,
        len: usize,
        writable: bool,
    ) -> Result<Self, SysError> {
        let protection =
            if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        Self::map(Some(fd.as_fd()), offset, len, protection, libc::MAP_SHARED)
    }

    /// Memory of this process, all zero.
    pub(crate) fn anonymous(len: usize) -> Result<Self, SysError> {
        Self::map(
            None,
            0,
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        )
    }

    /// A range of a file that nobody else's writes show in.
    pub(crate) fn private_read_only(fd: BorrowedFd<'_>, len: usize) -> Result<Self, SysError> {
        Self::map(Some(fd), 0, len, libc::PROT_READ, libc::MAP_PRIVATE)
    }

    fn map(
        fd: Option<BorrowedFd<'_>>,
        offset: u64,
        len: usize,
        protection: i32,
        flags: i32,
    ) -> Result<Self, SysError> {
        let invalid = SysError::other("mmap", Errno::EINVAL);
        // `mmap` would round a length up to whole pages, and overflow; no allocation of Rust is longer than `isize::MAX`.
        if len > isize::MAX.unsigned_abs() {
            return Err(SysError::other("mmap", Errno::ENOMEM));
        }
        let len = NonZeroUsize::new(len).ok_or(invalid)?;
        let offset = libc::off_t::try_from(offset).map_err(|_| invalid)?;
        let fd = fd.map_or(-1, |fd| fd.as_raw_fd());
        // SAFETY: without MAP_FIXED and with no address, the kernel chooses a range that nothing uses.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), len.get(), protection, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(SysError::last("mmap"));
        }
        match NonNull::new(start.cast::<u8>()) {
            Some(start) => Ok(Self { start, len }),
            // The kernel maps nothing at address zero unless told to.
            None => Err(invalid),
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len.get()
    }

    /// The address of `size` bytes at `offset`, which must be inside and a multiple of `align`.
    #[inline]
    pub(crate) fn address(
        &self,
        offset: usize,
        size: usize,
        align: usize,
    ) -> Result<NonNull<u8>, AccessError> {
        let inside = offset.checked_add(size).is_some_and(|end| end <= self.len());
        // The start is page-aligned, so offsets are aligned as addresses are.
        if inside && offset.checked_rem(align) == Some(0) {
            // SAFETY: `offset` is at most the length of the region, which is one mapping, not longer than `isize::MAX`.
            Ok(unsafe { self.start.add(offset) })
        } else {
            Err(AccessError { offset, size, len: self.len() })
        }
    }

    /// An aligned word, relaxed: the one load that the language allows on read-only memory, with an acquire fence after it.
    #[inline]
    pub(crate) fn load_u32(&self, offset: usize) -> Result<u32, AccessError> {
        let address = self.address(offset, 4, 4)?;
        // SAFETY: `address` points to 4 aligned bytes inside the region, which stays mapped as long as `self`. Nothing refers to them but as
        // atomics.
        let value = unsafe { AtomicU32::from_ptr(address.cast().as_ptr()) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Ok(value)
    }

    /// As [`load_u32`](Self::load_u32).
    #[inline]
    pub(crate) fn load_usize(&self, offset: usize) -> Result<usize, AccessError> {
        let address = self.address(offset, WORD, WORD)?;
        // SAFETY: as in `load_u32`, with `WORD` bytes.
        let value =
            unsafe { AtomicUsize::from_ptr(address.cast().as_ptr()) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        Ok(value)
    }

    /// Copies bytes out, each aligned unit whole.
    #[inline]
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) -> Result<(), AccessError> {
        let at = self.address(offset, out.len(), 1)?;
        if at.addr().get() & (WORD - 1) != 0 {
            // SAFETY: the range was checked, and `self` keeps it mapped.
            unsafe { Self::read_units(at, out) };
            return Ok(());
        }
        // What programs write mostly begins at a word and consists of words: a plain loop, which the compiler unrolls.
        let len = out.len();
        let mut words = out.chunks_exact_mut(WORD);
        let first = at.cast::<usize>();
        for (index, word) in words.by_ref().enumerate() {
            // SAFETY: `out` has more than `index` words, and as many bytes as the checked range.
            let place = unsafe { first.add(index) };
            // SAFETY: `place` is aligned, since the range begins at a word, and inside the region, which stays mapped as long as
            // `self`. Nothing refers to the memory but as atomics.
            let value = unsafe { AtomicUsize::from_ptr(place.as_ptr()) }.load(Ordering::Relaxed);
            word.copy_from_slice(&value.to_ne_bytes());
        }
        let rest = words.into_remainder();
        if !rest.is_empty() {
            // SAFETY: not beyond the end of the checked range, which is `len` bytes long.
            let at = unsafe { at.add(len.saturating_sub(rest.len())) };
            // SAFETY: the range was checked, and `self` keeps it mapped.
            unsafe { Self::read_units(at, rest) };
        }
        Ok(())
    }

    /// Copies as many bytes as `out` has from `at` on.
    ///
    /// # Safety
    ///
    /// So many bytes must be inside one region, which stays mapped for the call.
    unsafe fn read_units(at: NonNull<u8>, out: &mut [u8]) {
        let mut at = at;
        let mut rest = out;
        while let Some(width) = width(at, rest.len()) {
            let Some((chunk, tail)) = rest.split_at_mut_checked(width) else { break };
            // SAFETY (of the four arms): `at` starts at the caller's range and advances with `rest`, so `width` bytes are inside the
            // region; `width` divides the address. Nothing refers to the memory but as atomics.
            match width {
                1 => {
                    // SAFETY: see above.
                    let value = unsafe { AtomicU8::from_ptr(at.as_ptr()) }.load(Ordering::Relaxed);
                    chunk.copy_from_slice(&value.to_ne_bytes());
                }
                2 => {
                    // SAFETY: see above.
                    let value =
                        unsafe { AtomicU16::from_ptr(at.cast().as_ptr()) }.load(Ordering::Relaxed);
                    chunk.copy_from_slice(&value.to_ne_bytes());
                }
                // On 32-bit machines this is the word as well.
                4 => {
                    // SAFETY: see above.
                    let value =
                        unsafe { AtomicU32::from_ptr(at.cast().as_ptr()) }.load(Ordering::Relaxed);
                    chunk.copy_from_slice(&value.to_ne_bytes());
                }
                _ => {
                    // SAFETY: see above.
                    let value = unsafe { AtomicUsize::from_ptr(at.cast().as_ptr()) }
                        .load(Ordering::Relaxed);
                    chunk.copy_from_slice(&value.to_ne_bytes());
                }
            }
            // SAFETY: not beyond the end of the caller's range.
            at = unsafe { at.add(width) };
            rest = tail;
        }
    }

    /// Copies bytes in, each aligned unit whole.
    ///
    /// # Safety
    ///
    /// The region must be mapped writable.
    #[inline]
    pub(crate) unsafe fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), AccessError> {
        let mut at = self.address(offset, bytes.len(), 1)?;
        let mut rest = bytes;
        while let Some(width) = width(at, rest.len()) {
            let Some((chunk, tail)) = rest.split_at_checked(width) else { break };
            // SAFETY (of the four arms): as in `read`; and the memory is writable.
            match *chunk {
                [a] => {
                    // SAFETY: see above.
                    unsafe { AtomicU8::from_ptr(at.as_ptr()) }.store(a, Ordering::Relaxed);
                }
                [a, b] => {
                    // SAFETY: see above.
                    unsafe { AtomicU16::from_ptr(at.cast().as_ptr()) }
                        .store(u16::from_ne_bytes([a, b]), Ordering::Relaxed);
                }
                [a, b, c, d] => {
                    // SAFETY: see above.
                    unsafe { AtomicU32::from_ptr(at.cast().as_ptr()) }
                        .store(u32::from_ne_bytes([a, b, c, d]), Ordering::Relaxed);
                }
                _ => {
                    let mut word = [0; WORD];
                    word.copy_from_slice(chunk);
                    // SAFETY: see above.
                    unsafe { AtomicUsize::from_ptr(at.cast().as_ptr()) }
                        .store(usize::from_ne_bytes(word), Ordering::Relaxed);
                }
            }
            // SAFETY: not beyond the end of the checked range.
            at = unsafe { at.add(width) };
            rest = tail;
        }
        Ok(())
    }

    /// All bytes, for memory that nobody writes.
    ///
    /// # Safety
    ///
    /// Nothing may write to the memory as long as the region lives.
    pub(crate) unsafe fn as_slice(&self) -> &[u8] {
        // SAFETY: the region is readable, `len` bytes long, and lives as long as `self`; that it does not change is the caller's obligation.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len()) }
    }
}

/// The widest access at an address for at most `left` bytes; `None` when none are left.
#[inline]
fn width(at: NonNull<u8>, left: usize) -> Option<usize> {
    if left == 0 {
        return None;
    }
    let alignment = at.addr().get();
    [WORD, 4, 2, 1]
        .into_iter()
        .find(|&width| width <= left && alignment.checked_rem(width) == Some(0))
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `map` and is unmapped once; references into it borrow `self`. The call cannot fail for such a
        // range but for want of memory, and then the range stays mapped.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len()) };
    }
}
