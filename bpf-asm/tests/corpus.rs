//! The kernel's BPF selftests as LLVM shows them: the text assembles to the bytes that it read.
//!
//! Needs `llvm-objdump-22` and the folder of compiled selftests. Not part of a plain `cargo test`: `cargo xtask selftests` runs it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and this one tells how much it compared"
)]

#[path = "oracle/objects.rs"]
mod objects;

use std::fs;
use std::path::PathBuf;

use bpf_asm::ByteOrder;
use objects::{compare, objects};

/// The kernel's selftests, where `BPF_CORPUS` says: a folder with `el` and `eb`, of which `BPF_CORPUS_SAMPLE` may name a part.
#[test]
fn the_corpus_reads_as_llvm_writes_it() {
    let corpus = PathBuf::from(std::env::var_os("BPF_CORPUS").expect("BPF_CORPUS names no folder"));
    let sample = std::env::var_os("BPF_CORPUS_SAMPLE")
        .map(|path| fs::read_to_string(path).expect("the names of a sample"));
    let wanted = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        sample.as_ref().is_none_or(|names| names.lines().any(|name| name == stem))
    };
    for (folder, order) in [("el", ByteOrder::Little), ("eb", ByteOrder::Big)] {
        let objects = objects(&corpus.join(folder));
        let counts =
            objects.iter().filter(|path| wanted(path)).map(|path| compare(path, order, false));
        let total = counts.fold(0usize, usize::saturating_add);
        println!("{folder}: {total} instructions");
        assert!(total > 10_000, "{folder}: {total}");
    }
}
