//! Tests that attach to kernel functions and tracepoints: only in a virtual machine made for it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics; functions that tests share are no tests to clippy"
)]

#[path = "guest/tracing.rs"]
mod tracing;
