//! Commands that serve no single object: statistics, tokens.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::abi::Command;
use crate::abi::raw::{EnableStatsAttr, TokenCreateAttr};
use crate::errno::SysError;
use crate::fd::OwnedTokenFd;
use crate::syscall::{bpf_fd, raw};

/// Counts runs and time of every program in the system as long as the descriptor is open: `BPF_ENABLE_STATS`, Linux 5.8.
#[doc(alias = "BPF_ENABLE_STATS")]
pub fn enable_run_time_stats() -> Result<OwnedFd, SysError> {
    let mut attr = EnableStatsAttr::default();
    // SAFETY: the structure is that of the command; it holds no address. The command returns a new descriptor.
    unsafe { bpf_fd(Command::ENABLE_STATS, &mut attr) }
}

/// A token with the rights that a BPF file system delegates: `BPF_TOKEN_CREATE`, Linux 6.9.
///
/// Errors: `ENOENT` when it delegates nothing, `EOPNOTSUPP` in the first user namespace, `EPERM`.
#[doc(alias = "BPF_TOKEN_CREATE")]
pub fn create_token(bpf_fs: impl AsFd) -> Result<OwnedTokenFd, SysError> {
    fn inner(bpf_fs: BorrowedFd<'_>) -> Result<OwnedTokenFd, SysError> {
        let mut attr = TokenCreateAttr { flags: 0, bpffs_fd: raw(bpf_fs) };
        // SAFETY: the structure is that of the command; it holds no address. The command returns a new descriptor.
        unsafe { bpf_fd(Command::TOKEN_CREATE, &mut attr) }.map(OwnedTokenFd::from)
    }
    inner(bpf_fs.as_fd())
}

/// [`create_token`] with the descriptor -1, for a probe.
pub(crate) fn create_token_of_nothing() -> Result<OwnedFd, SysError> {
    let mut attr = TokenCreateAttr { flags: 0, bpffs_fd: u32::MAX };
    // SAFETY: the structure is that of the command; it holds no address. The command returns a new descriptor.
    unsafe { bpf_fd(Command::TOKEN_CREATE, &mut attr) }
}
