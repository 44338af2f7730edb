//! BPF object files to specifications.
//!
//! An object file that a compiler made for the target BPF is read with libbpf's conventions into a
//! [`CollectionSpec`](spec::CollectionSpec): programs, maps, variables and externs as plain data, which can be looked at, edited and
//! checked without a kernel. [`prepare`] makes of it the bytes that a kernel takes.
//!
//! ```
//! use bpf_elf::spec::CollectionSpec;
//!
//! # let bytes = testdata::object("counter", testdata::Order::NATIVE);
//! let spec = CollectionSpec::parse(bytes)?;
//! for (name, program) in &spec.programs {
//!     println!("{name}: {:?}, {} slots", program.program_type, program.function.slots.len());
//! }
//! # assert!(!spec.programs.is_empty());
//! # Ok::<(), bpf_elf::Error>(())
//! ```
//!
//! - [`spec`]: what an object defines.
//! - [`section`]: what the name of a section says about the programs in it.
//! - [`diff`]: what changes from one spec to another.
//! - [`prepare`]: a program in one piece, relocated for the types of a kernel.
//! - [`compat`]: whether a kernel has what an object needs, by its BTF alone.
//!
//! The same bytes give the same spec on every system, and the same source gives the same spec in either byte order.
//!
//! This crate reads untrusted bytes: it does not panic, and the memory it takes is bounded by the length of the input. It makes no
//! system call besides reading the file and runs on any system. It does not load anything into a kernel, looks at no running kernel,
//! and prints nothing; the command-line tool `bpf-elf` (feature `cli`) is there to print.
#![forbid(unsafe_code)]

// Runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod budget;
pub mod compat;
pub mod diff;
mod elf_error;
mod emit;
mod error;
mod linker;
mod object;
mod options;
pub mod prepare;
mod reader;
pub mod section;
pub mod spec;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow in a test fails the test")]
mod testing;
mod write;

pub use elf_error::ElfError;
pub use error::{BtfError, Error};
pub use linker::{LinkError, Linker};
pub use object::btf_section;
pub use options::ReadOptions;
pub use write::WriteError;
