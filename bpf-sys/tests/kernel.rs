//! The commands against the running kernel, as root. Nothing here attaches to the kernel's own functions or to what others use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics; functions that tests share are no tests to clippy"
)]
#![cfg(target_os = "linux")]

#[path = "kernel/common.rs"]
mod common;
#[path = "kernel/features.rs"]
mod features;
#[path = "kernel/links.rs"]
mod links;
#[path = "kernel/maps.rs"]
mod maps;
#[path = "kernel/objects.rs"]
mod objects;
#[path = "kernel/programs.rs"]
mod programs;
#[path = "kernel/shared.rs"]
mod shared;
