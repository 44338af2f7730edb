//! What bpftool, clang and cc say of the same types: `cargo test -p bpf-btf --test oracle`. Needs them and a kernel with BTF.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

mod assertions;
mod c_header;
mod compiler;
mod dump;
#[path = "../it/elf.rs"]
mod elf;
mod gen_object;
mod linking;
mod min_core;
mod raw_dump;
mod round_trip;
