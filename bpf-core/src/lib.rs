//! Load BPF objects into a Linux kernel, attach them, and move data in and out.
//!
//! An object file that clang compiled becomes running kernel objects in four steps:
//!
//! 1. **ELF**: [`CollectionSpec::parse`] or [`CollectionSpec::open`] reads the file, by libbpf's conventions. No privileges, no system call.
//! 2. **Specifications**: [`CollectionSpec`] is plain data. Change it before it is loaded: constants, sizes of maps, which programs are loaded.
//! 3. **Objects**: [`Collection::load`] creates the maps, relocates the programs for the running kernel and has them verified.
//!    [`Map`], [`Program`], [`Variable`] and [`RingBuffer`] own descriptors; dropping them frees what nothing else holds.
//! 4. **Links**: [`Program::attach`] attaches by section name, the constructors in [`link`] to anything else. Dropping a link detaches.
//!
#![cfg_attr(feature = "link", doc = "```no_run")]
#![cfg_attr(not(feature = "link"), doc = "```ignore")]
//! use bpf_core::{Collection, CollectionSpec, LoadOptions, RingBuffer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut spec = CollectionSpec::open("exec.o")?;
//! spec.set_variable("min_uid", &1000_u32)?;
//!
//! let collection = Collection::load(&spec, &LoadOptions::new())?;
//! let _link = collection.program("on_exec")?.attach()?;
//!
//! let mut ring = RingBuffer::new(collection.map("events")?)?;
//! while ring.wait(None)? {
//!     for sample in &ring.batch()? {
//!         println!("process {}", sample.get::<u32>(0).unwrap_or_default());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Files
//!
//! A specification that was edited is written as an object file by [`CollectionSpec::write_elf`], and [`Linker`] makes one object of several. [`diff`]
//! tells what changes from one specification to another, [`SpecDigest`] whether anything does, and [`Listing`] shows code beside its source.
//!
//! # Errors
//!
//! Reading, editing, writing and linking need no kernel, and have errors of their own: [`ReadError`], [`EditError`], [`WriteError`], [`LinkError`].
//! What meets the kernel has one [`Error`] with a [`kind`](Error::kind): whether the process lacks a right, the kernel lacks a feature, or the verifier refused a program. The
//! message is one line with what was being done to what; [`Error::verifier_log`] has the whole log.
//!
//! # Rights
//!
//! Loading needs `CAP_BPF` and, depending on the program, `CAP_PERFMON` or `CAP_NET_ADMIN` (before 5.8 `CAP_SYS_ADMIN`); root has them all. Before 5.11,
//! maps count against `RLIMIT_MEMLOCK`: [`raise_memlock_limit`] raises it.
//!
//! # What this crate will not do
//!
//! - Run on anything but Linux, or compile C.
//! - Keep state outside of its values: no globals, no printing, no threads.
//! - Speak netlink.
//!
//! # Stability
//!
//! What is exported here is stable within a minor version of 0.x. Not so the feature `unstable-btf`: `bpf_core::btf` follows the kernel.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

#[cfg(feature = "link")]
mod attach;
mod collection;
mod context;
mod error;
mod kallsyms;
mod kconfig;
mod map;
mod modules;
mod pin;
mod program;
mod ring_buffer;
mod variable;
mod verifier;

#[doc(inline)]
pub use bpf_asm as asm;
#[cfg(feature = "unstable-btf")]
#[doc(inline)]
pub use bpf_btf as btf;
#[cfg(feature = "unstable-btf")]
#[doc(inline)]
pub use bpf_elf::{compat, prepare};
#[doc(inline)]
pub use bpf_elf::{diff, section, spec};
#[cfg(feature = "link")]
#[doc(inline)]
pub use bpf_link as link;
#[doc(inline)]
pub use bpf_sys as sys;

/// Why a file is not read as a specification.
#[doc(inline)]
pub use bpf_elf::Error as ReadError;
#[doc(inline)]
pub use bpf_elf::diff::SpecDiff;
#[doc(inline)]
pub use bpf_elf::prepare::ModuleSearch;
#[doc(inline)]
pub use bpf_elf::spec::{
    CollectionSpec, DigestError, EditError, Listing, MapContents, MapEntry, MapMut, MapPair,
    MapSpec, Pinning, ProgramMut, ProgramSpec, SpecDigest, SpecMap, VariableMut, VariableRef,
    VariableSpec,
};
#[doc(inline)]
pub use bpf_elf::{BtfError, ElfError, LinkError, Linker, ReadOptions, WriteError};
#[doc(inline)]
pub use bpf_sys::Errno;
#[doc(inline)]
pub use bpf_sys::abi::{
    AttachType, BtfId, KernelVersion, MapFlags, MapId, MapType, ProgramFlags, ProgramId,
    ProgramType, TestRunFlags, UpdateFlags,
};

pub use self::collection::{Collection, LoadOptions, LogLevel, ProgramOptions};
pub use self::context::Context;
pub use self::error::{Error, ErrorKind};
pub use self::map::{
    Batch, Batches, Entries, Keys, Map, MapInfo, Mismatch, PerCpu, PerCpuMap, TypedMap,
};
pub use self::program::{Program, ProgramInfo, ProgramStats, StatsGuard, TestRun, TestRunOutput};
pub use self::ring_buffer::{RingBatch, RingBuffer, Sample, Samples};
pub use self::variable::Variable;
pub use self::verifier::VerifierLog;

/// Raises `RLIMIT_MEMLOCK` of this process to infinity, as kernels before 5.11 need it for maps and programs of any size. Needs `CAP_SYS_RESOURCE`.
///
/// Newer kernels count memory by cgroup, and do not look at the limit.
pub fn raise_memlock_limit() -> Result<(), Error> {
    bpf_sys::kernel::raise_memlock_limit()
        .map_err(|source| Error::system("raise the memlock limit", source))
}

/// A text that a kernel structure holds, up to its NUL.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
