//! BPF object files to specifications.
//!
//! An object file that a compiler made for the target BPF is read with libbpf's conventions into a
//! [`CollectionSpec`](spec::CollectionSpec): programs, maps, variables and externs as plain data.
//!
//! This crate reads untrusted bytes: it does not panic, and the memory it takes is bounded by the length of the input. It makes no
//! system call besides reading the file, runs on any system, and takes either byte order. It does not load anything into a kernel,
//! looks at no running kernel, and prints nothing.
#![forbid(unsafe_code)]

mod budget;
mod elf_error;
mod error;
mod object;
mod options;
pub mod prepare;
mod reader;
pub mod section;
pub mod spec;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow in a test fails the test")]
mod testing;

pub use elf_error::ElfError;
pub use error::{BtfError, Error};
pub use options::ReadOptions;
