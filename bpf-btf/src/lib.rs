//! BPF Type Format: read, build, print, relocate.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
