//! Fixtures for the tests of this workspace.
//!
//! Every object of [`OBJECTS`] comes from one C source in `testdata/bpf`, compiled by clang for both byte orders and checked in: reading
//! it needs no compiler and no file at run time, so that a test binary can run alone in a virtual machine.
//! `cargo xtask fixtures` compiles them again, `cargo xtask fixtures --check` tells whether sources and objects belong together.
//!
//! The rest is what tests of several crates share: of a running kernel [`requires`], [`in_guest`], [`open_fds`]; of other programs
//! [`built`], [`feed`], [`answer`], [`output`]; of benches beside a floor [`Ratio`].
//!
//! This crate depends on nothing and is not published. It holds no test of its own subject, and it is no place for code that a library
//! crate could use.
#![forbid(unsafe_code)]

mod kernel;
mod link;
mod objects;
mod process;
mod ratio;

pub use kernel::{in_guest, kernel_release, open_fds, parse_release, requires, skipped};
pub use link::{PARTS, linked, part};
pub use objects::{OBJECTS, Order, object, source};
pub use process::{answer, built, feed, output};
pub use ratio::{Job, Ratio, Run, Side};
