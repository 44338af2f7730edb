//! eBPF instructions: decode, encode, assemble, print.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
