//! Objects: specifications loaded into a kernel, and the facade of the library.
#![forbid(unsafe_code)]

mod collection;
mod context;
mod error;
mod kallsyms;
mod kconfig;
mod map;
mod pin;
mod program;
mod ring_buffer;
mod variable;
mod verifier;

pub use bpf_elf::spec::{
    CollectionSpec, MapContents, MapEntry, MapSpec, Pinning, ProgramSpec, SpecMap, VariableSpec,
};
pub use bpf_sys::Errno;
pub use bpf_sys::abi::{
    AttachType, KernelVersion, MapFlags, MapId, MapType, ProgramFlags, ProgramId, ProgramType,
    UpdateFlags,
};

pub use self::collection::{Collection, LoadOptions, LogLevel, ProgramOptions};
pub use self::context::Context;
pub use self::error::{Error, ErrorKind};
pub use self::map::{
    Batch, Batches, Entries, Keys, Map, MapInfo, Mismatch, PerCpu, PerCpuMap, TypedMap,
};
pub use self::program::{Program, ProgramInfo, ProgramStats, TestRun, TestRunOutput};
pub use self::ring_buffer::{RingBatch, RingBuffer, Sample, Samples};
pub use self::variable::Variable;
pub use self::verifier::VerifierLog;

/// A text that a kernel structure holds, up to its NUL.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
