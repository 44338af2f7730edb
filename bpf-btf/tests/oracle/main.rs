//! What bpftool says of the same bytes: `cargo test -p bpf-btf --test oracle`. Needs bpftool and a kernel with BTF.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics fails"
)]

mod raw_dump;
