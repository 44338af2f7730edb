//! Other programs' answers: LLVM's disassembler, the kernel's list of helpers.
//!
//! Needs `llvm-objdump-22` and `llvm-mc-22` of LLVM 22, `bpftool`, and a kernel with BTF. Not part of a plain
//! `cargo test`; run it with `cargo test -p bpf-asm --test oracle`.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod helpers;
mod llvm;
mod objects;
