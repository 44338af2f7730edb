//! Will it load there? What an object needs of a kernel, held against the BTF of that kernel.
//!
//! [`check`] takes a spec and a [`TargetKernel`]: the BTF of a kernel and of its modules, from anywhere. It needs no running kernel and
//! runs on any system. The answer is a [`Report`] of [`Finding`]s for the maps, the programs and the object as a whole:
//! accesses that CO-RE cannot relocate, kernel functions and variables, attach targets, members of `struct_ops`, and the
//! types of maps and programs, attach types, helpers, flags and instructions that the kernel does not have.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bpf_elf::compat::{TargetKernel, check};
//! use bpf_elf::spec::CollectionSpec;
//!
//! let spec = CollectionSpec::open("filter.o")?;
//! let btf = bpf_btf::Btf::parse(std::fs::read("5.10.0-46-cloud-amd64.btf")?)?;
//! let kernel = TargetKernel::new("5.10", btf);
//! let report = check(&spec, &kernel);
//! for program in &report.programs {
//!     for finding in &program.findings {
//!         println!("{}: {:?}: {}", program.name, finding.severity, finding.text);
//!     }
//! }
//! assert!(!report.breaks());
//! # Ok(()) }
//! ```
//!
//! What is missing fails a program only where the verifier comes upon it, so the paths of each program are followed with the
//! numbers that CO-RE puts into it, those of frozen read-only data, and symbols that are null: behind a guard the same
//! finding is a [`Severity::Note`].
//!
//! # What BTF does not tell
//!
//! The configuration of the kernel, the privileges of the loader, what the verifier thinks of the program otherwise, which program types
//! may use a helper, whether a function can be traced or its error be changed, addresses of symbols without a type. Where an answer
//! depends on such a thing and nothing else, it is [`Severity::Unknown`]; without any sign of a problem there is no finding.
//!
//! This module names types of `bpf_btf` and, like that crate, is exempt from semver.

mod check;
mod code;
mod finding;
mod kernel;
mod map;
mod paths;
mod program;
mod reach;
mod report;
mod struct_ops;
mod target;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow in a test fails the test")]
mod tests;
mod version;
mod vocabulary;

pub use check::check;
pub use finding::{Finding, FindingKind, Place, Severity};
pub use kernel::TargetKernel;
pub use report::{ProgramReport, Report};
