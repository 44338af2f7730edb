//! The kernel's BPF interface: the vocabulary on any system, `bpf(2)` on Linux.
//!
//! - [`abi`]: constants, flags, ids and structures. No feature, any system.
//! - With the feature `syscall`, on Linux: safe functions, one per command of `bpf(2)`, in `map`, `prog`, `link`, `btf`, `object` and
//!   `system`; descriptors with a type per kind of object; `kernel` and `feature` for what the running kernel is and can do; `memory` and `ring` for memory that is shared
//!   with the kernel; `perf`, `socket` and `poll` for the calls that attaching and reading need beside `bpf(2)`.
//!
//! Functions only translate: one call of the kernel (or a few, where a length must be asked for first), its result, its error number. Every new
//! descriptor is closed on exec and above 2.
//!
//! The proofs rest on Linux 5.0 or newer; where an older kernel would write beyond a buffer, the call is refused.
//!
//! All unsafe code of the workspace is here. From safe code, nothing in this crate can make the kernel touch memory that it was not lent.
//!
//! What this crate will not do: read ELF or BTF, apply relocations, decide what to fall back to, speak netlink, keep global state.

pub mod abi;

#[cfg(all(feature = "syscall", target_os = "linux"))]
mod errno;
#[cfg(all(feature = "syscall", target_os = "linux"))]
mod fd;
#[cfg(all(feature = "syscall", target_os = "linux"))]
mod syscall;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod btf;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod feature;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod kernel;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod link;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod map;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod object;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod prog;
#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod system;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod memory;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod perf;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod poll;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod ring;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub mod socket;

#[cfg(all(feature = "syscall", target_os = "linux"))]
pub use {
    errno::{Call, Errno, SysError},
    fd::{
        AsMapFd, AsProgFd, BtfFd, LinkFd, OwnedBtfFd, OwnedLinkFd, OwnedProgFd, OwnedTokenFd,
        ProgFd, TokenFd,
    },
    map::{MapFd, MapShape, OwnedMapFd},
};
