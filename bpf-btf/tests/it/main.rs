//! Tests of the crate on blobs made by hand. No privileges, no files.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

mod asm;
mod build;
mod core;
mod ext;
mod lookup;
mod measure;
mod mutation;
mod read;
mod sanitize;
mod sections;
mod story;
mod views;
