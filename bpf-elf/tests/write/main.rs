//! Specs written as objects and read again: the fixtures, and the objects of the folder `BPF_OBJECTS` if that is set.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic in a test is a failure"
)]

#[cfg(feature = "unstable-btf")]
mod by_hand;
mod corpus;
mod edits;
mod fixtures;
#[cfg(feature = "unstable-btf")]
mod types;
