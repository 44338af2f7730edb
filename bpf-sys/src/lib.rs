//! The kernel's BPF interface: the vocabulary on any system, `bpf(2)` on Linux.
//!
//! - [`abi`]: constants, flags and ids. No feature, any system.
//!
//! What this crate will not do: read ELF or BTF, apply relocations, decide what to fall back to, speak netlink.

pub mod abi;
