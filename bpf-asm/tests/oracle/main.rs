//! Other programs' answers: LLVM's disassembler, the kernel's list of helpers.
//!
//! Needs `llvm-objdump-22` and `llvm-mc-22` of LLVM 22, `bpftool`, and a kernel with BTF. Not part of a plain
//! `cargo test`; run it with `cargo test -p bpf-asm --test oracle`.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod helpers;
mod llvm;
mod objects;

use std::process::Command;

/// What a program prints; it must be there and succeed.
#[track_caller]
fn output(command: &mut Command) -> String {
    let name = command.get_program().to_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{name:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}
