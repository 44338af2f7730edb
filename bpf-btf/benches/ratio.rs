//! Ratios to the floor from one run: `cargo bench -p bpf-btf --bench ratio [-- ROUNDS]`.
//!
//! In each round the floor and the library do their work right after each other, so that what else runs on the machine
//! meets both; told are the medians and the shortest times, and the ratio of each. On a busy machine the longer of two
//! pieces of work is interrupted more often, which the shortest times do not show. Where valgrind is installed each side is also run under it: the
//! user instructions of the work alone are the difference between doing it once and three times.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that panics fails, and its output is what it is for"
)]

mod floor;
mod rows;

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use rows::{Input, Row, Work};

const ROUNDS: usize = 61;

/// The ratios of time that are aimed at.
const TARGETS: [(&str, f64); 5] = [
    ("open kernel BTF, trusted", 1.1),
    ("1000 names", 1.2),
    ("visit every type and its members", 1.3),
    ("CO-RE of 24 relocations", 1.5),
    ("CO-RE of 4,250 relocations", 2.0),
];

fn time(work: Work<'_>) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

/// Median and shortest.
struct Times {
    median: f64,
    shortest: f64,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { median: micros(times[times.len() / 2]), shortest: micros(times[0]) }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The times of the floor and of the library.
fn interleaved(row: &Row<'_>, rounds: usize) -> (Times, Times) {
    let mut floor = Vec::new();
    let mut ours = Vec::new();
    for round in 0..rounds {
        let works = ((row.floor)(), (row.ours)());
        // Who goes first changes.
        if round % 2 == 0 {
            floor.push(time(works.0));
            ours.push(time(works.1));
        } else {
            ours.push(time(works.1));
            floor.push(time(works.0));
        }
    }
    (Times::of(floor), Times::of(ours))
}

/// User instructions of a whole process that does one side of a row so many times.
fn instructions_of(row: usize, side: &str, times: usize) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["run", &row.to_string(), side, &times.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    let line = text.lines().find(|line| line.contains("I refs") || line.contains("I   refs"))?;
    line.split(':').nth(1)?.trim().replace(',', "").parse().ok()
}

fn instructions(row: usize, side: &str) -> Option<f64> {
    let once = instructions_of(row, side, 1)?;
    let thrice = instructions_of(row, side, 3)?;
    Some((thrice - once) as f64 / 2.0)
}

/// Does one side of a row and nothing else, for valgrind.
fn run(rows: &[Row<'_>], arguments: &[String]) {
    let row = &rows[arguments[1].parse::<usize>().unwrap()];
    let times = arguments[3].parse::<usize>().unwrap();
    // As much is prepared for one time as for three.
    for (count, _) in (0..3).enumerate() {
        let work = if arguments[2] == "floor" { (row.floor)() } else { (row.ours)() };
        if count < times {
            black_box(work());
        }
    }
}

fn main() {
    let arguments =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect::<Vec<_>>();
    let input = Input::new();
    let rows = rows::rows(&input);
    if arguments.first().is_some_and(|first| first == "run") {
        return run(&rows, &arguments);
    }
    let rounds = arguments.first().map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    println!(
        "| row | floor, µs | ours, µs | ratio of medians, of the shortest | target \
         | instructions: floor | ours | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (number, row) in rows.iter().enumerate() {
        assert_eq!((row.floor)()(), (row.ours)()(), "{}: results differ", row.name);
        let (floor, ours) = interleaved(row, rounds);
        let target = TARGETS.iter().find(|(name, _)| *name == row.name);
        let counted = (instructions(number, "floor"), instructions(number, "ours"));
        let counted = match counted {
            (Some(floor), Some(ours)) => {
                format!("{:.2} M | {:.2} M | ×{:.2}", floor / 1e6, ours / 1e6, ours / floor)
            }
            _ => "- | - | -".to_owned(),
        };
        println!(
            "| {} | {:.0} ({:.0}) | {:.0} ({:.0}) | ×{:.2}, ×{:.2} | {} | {counted} |",
            row.name,
            floor.median,
            floor.shortest,
            ours.median,
            ours.shortest,
            ours.median / floor.median,
            ours.shortest / floor.shortest,
            target.map_or("-".to_owned(), |(_, target)| format!("×{target}")),
        );
    }
}
