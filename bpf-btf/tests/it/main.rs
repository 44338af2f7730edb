//! Tests of the crate on blobs made by hand. No privileges, no files.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

mod asm;
mod build;
mod c;
mod children;
mod context;
mod core;
mod core_limits;
mod dedup;
mod distill;
mod elf;
mod equal;
mod ext;
mod file;
mod fixtures;
mod kernel_rows;
mod kernel_rules;
mod lookup;
mod measure;
mod minimize;
mod mutation;
mod read;
mod rewrite;
mod sanitize;
mod sections;
mod story;
mod trusted;
mod value;
mod value_table;
mod views;
