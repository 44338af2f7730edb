//! What llvm's tools and bpftool make of objects that were written or linked here: `cargo test -p bpf-elf --test tools`. Needs them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic in a test is a failure"
)]

mod link;
mod tools;
#[path = "../shared/view.rs"]
mod view;
mod write;
