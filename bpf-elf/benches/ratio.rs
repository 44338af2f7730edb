//! Ratios to the floor from one run: `cargo bench -p bpf-elf --features unstable-btf --bench ratio [-- ROUNDS]`.
//!
//! [`testdata::Ratio`] tells how it measures. Heap and allocations are those of one spec.
#![expect(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that panics fails, and its output is what it is for"
)]

mod floor;
mod objects;
mod rows;

use std::alloc::System;

use bpf_elf::spec::CollectionSpec;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use testdata::{Job, Ratio, Side};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let rows = rows::rows();
    let rounds = match Job::of_arguments() {
        Job::Measure { rounds } => rounds,
        Job::Run(run) => {
            let row = &rows[run.row];
            return run.work(|side| move || row.work(side));
        }
    };
    println!("| object | bytes | {} | heap of the spec | allocations |", Ratio::COLUMNS);
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row.work(Side::Floor), row.work(Side::Ours), "{}: results differ", row.name);
        let ratio = Ratio::measure(number, rounds, row.target, |side| move || row.work(side));
        let region = Region::new(HEAP);
        let spec = CollectionSpec::parse(row.object()).unwrap();
        let heap = region.change();
        drop(spec);
        println!(
            "| {} | {} | {ratio} | {} | {} |",
            row.name,
            row.object().len(),
            heap.bytes_allocated.saturating_sub(heap.bytes_deallocated),
            heap.allocations + heap.reallocations,
        );
    }
}
