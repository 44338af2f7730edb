//! Ratios to the floor from one run: `cargo bench -p bpf-elf --features unstable-btf --bench ratio [-- ROUNDS]`.
//!
//! In each round the floor and the library do their work right after each other, so that what else runs on the machine meets both;
//! told are the medians and the shortest times, and the ratio of each. Where valgrind is installed each side is also run under it: the
//! user instructions of the work alone are the difference between doing it once and eleven times. Heap and allocations are those of
//! one spec.
#![expect(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that panics fails, and its output is what it is for"
)]

mod floor;
mod objects;
mod rows;

use std::alloc::System;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use bpf_elf::spec::CollectionSpec;
use rows::{Row, Side};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 61;

/// Median and shortest, in microseconds.
struct Times {
    median: f64,
    shortest: f64,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        Self { median: micros(times[times.len() / 2]), shortest: micros(times[0]) }
    }
}

fn interleaved(row: &Row, rounds: usize) -> (Times, Times) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        // Who goes first changes.
        let sides = [Side::Floor, Side::Ours];
        for at in [round % 2, 1 - round % 2] {
            let start = Instant::now();
            black_box(row.work(sides[at]));
            times[at].push(start.elapsed());
        }
    }
    let [floor, ours] = times;
    (Times::of(floor), Times::of(ours))
}

/// User instructions of a whole process that does one side of a row so many times.
fn instructions_of(row: usize, side: Side, times: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["run", &row.to_string(), &format!("{side:?}"), &times.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    let line = text.lines().find(|line| line.contains("I refs") || line.contains("I   refs"))?;
    line.split(':').nth(1)?.trim().replace(',', "").parse().ok()
}

fn instructions(row: usize, side: Side) -> Option<f64> {
    let once = instructions_of(row, side, 1)?;
    let more = instructions_of(row, side, 11)?;
    Some(more.checked_sub(once)? as f64 / 10.0)
}

fn main() {
    let arguments =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect::<Vec<_>>();
    let rows = rows::rows();
    if arguments.first().is_some_and(|first| first == "run") {
        let row = &rows[arguments[1].parse::<usize>().unwrap()];
        let side = if arguments[2] == "Floor" { Side::Floor } else { Side::Ours };
        for _ in 0..arguments[3].parse::<usize>().unwrap() {
            black_box(row.work(side));
        }
        return;
    }
    let rounds = arguments.first().map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    println!(
        "| object | bytes | floor, µs | ours, µs | ratio of medians, of the shortest | target \
         | instructions: floor | ours | ratio | heap of the spec | allocations |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row.work(Side::Floor), row.work(Side::Ours), "{}: results differ", row.name);
        let (floor, ours) = interleaved(row, rounds);
        let counted = (instructions(number, Side::Floor), instructions(number, Side::Ours));
        let counted = match counted {
            (Some(floor), Some(ours)) => {
                format!("{:.3} M | {:.3} M | ×{:.1}", floor / 1e6, ours / 1e6, ours / floor)
            }
            _ => "- | - | -".to_owned(),
        };
        let region = Region::new(HEAP);
        let spec = CollectionSpec::parse(row.object()).unwrap();
        let heap = region.change();
        drop(spec);
        println!(
            "| {} | {} | {:.1} ({:.1}) | {:.1} ({:.1}) | ×{:.1}, ×{:.1} | {} | {counted} | {} | {} |",
            row.name,
            row.object().len(),
            floor.median,
            floor.shortest,
            ours.median,
            ours.shortest,
            ours.median / floor.median,
            ours.shortest / floor.shortest,
            row.target.map_or("-".to_owned(), |target| format!("×{target}")),
            heap.bytes_allocated.saturating_sub(heap.bytes_deallocated),
            heap.allocations + heap.reallocations,
        );
    }
}
