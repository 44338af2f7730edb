//! What bpftool, pahole and compilers say of the BTF of other kernels than the running one, and of their modules.
//!
//! `cargo xtask btf` takes the BTF out of the kernels' packages and runs this: `BPF_KERNEL_BTF` holds the folders, one for
//! each kernel, as a search path; `BPF_KERNEL_BTF_MODULES` says how many modules of each are compared.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

#[path = "../oracle/assertions.rs"]
mod assertions;
#[path = "../oracle/dump.rs"]
mod dump;
#[path = "../it/elf.rs"]
mod elf;
mod holes;
mod kept;
mod kernels;
mod layouts;
mod linked;
#[path = "../oracle/linking.rs"]
mod linking;
mod raw;
#[path = "../oracle/round_trip.rs"]
mod round_trip;
mod text;
