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
#[path = "../shared/program.rs"]
mod program;

use std::path::PathBuf;

use program::printed;
use serde_json::Value;
use testdata::{Order, object};

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
