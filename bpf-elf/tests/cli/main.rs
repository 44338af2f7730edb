//! The program `bpf-elf`, run: what each command prints, what it refuses, and its manners. `inspect` has its golden files in `golden.rs`.
#![forbid(unsafe_code)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: its panics are failures"
)]

mod btf;
mod diff;
mod disasm;
mod manners;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use testdata::{Order, object};

/// The program, started by `BPF_RUNNER` where that names what runs programs of this architecture.
fn program() -> Command {
    let path = env!("CARGO_BIN_EXE_bpf-elf");
    let mut command = match std::env::var_os("BPF_RUNNER") {
        None => Command::new(path),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(path);
            command
        }
    };
    command.env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start bpf-elf");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that does not read closes the pipe early.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("wait for bpf-elf")
}

/// What a command prints that succeeds without a word on standard error.
#[track_caller]
fn printed(arguments: &[&str], input: &[u8]) -> String {
    let output = run(arguments, input);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {messages}");
    assert_eq!(messages, "", "{arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn json(arguments: &[&str], input: &[u8]) -> Value {
    serde_json::from_str(&printed(arguments, input)).expect("JSON")
}

/// A fixture as a file.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl File {
    fn new(name: &str, order: Order) -> Self {
        Self::with(object(name, order))
    }

    fn with(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let path = folder.path().join("object.o");
        std::fs::write(&path, bytes).expect("write the object");
        Self { _folder: folder, path }
    }

    fn path(&self) -> &str {
        self.path.to_str().expect("a plain path")
    }
}
