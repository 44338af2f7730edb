//! Tests against the running kernel that change nothing outside their own process: maps, loads, test runs, own sockets. They need root.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics; functions that tests share are no tests to clippy"
)]

#[path = "kernel/btf_rules.rs"]
mod btf_rules;
#[path = "kernel/by_hand.rs"]
mod by_hand;
#[path = "kernel/compat.rs"]
mod compat;
#[cfg(feature = "unstable-btf")]
#[path = "kernel/context_params.rs"]
mod context_params;
#[path = "kernel/data.rs"]
mod data;
#[path = "kernel/disassembly.rs"]
mod disassembly;
#[path = "kernel/kinds.rs"]
mod kinds;
#[path = "kernel/linked.rs"]
mod linked;
#[path = "kernel/maps.rs"]
mod maps;
#[path = "kernel/nested.rs"]
mod nested;
#[path = "kernel/own_btf.rs"]
mod own_btf;
#[path = "kernel/pairs.rs"]
mod pairs;
#[path = "kernel/per_cpu_data.rs"]
mod per_cpu_data;
#[path = "kernel/pins.rs"]
mod pins;
#[path = "kernel/programs.rs"]
mod programs;
#[path = "kernel/refused.rs"]
mod refused;
#[path = "kernel/relocations.rs"]
mod relocations;
#[path = "kernel/ring.rs"]
mod ring;
#[path = "kernel/support.rs"]
mod support;
#[path = "kernel/written.rs"]
mod written;
