//! Ratios to the floor from one run: `cargo bench -p bpf-btf --bench ratio [-- ROUNDS]`.
//!
//! [`testdata::Ratio`] tells how it measures.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that panics fails, and its output is what it is for"
)]

mod floor;
mod rows;

use rows::Input;
use testdata::{Job, Ratio, Side};

/// The ratios of time that are aimed at.
const TARGETS: [(&str, f64); 5] = [
    ("open kernel BTF, trusted", 1.1),
    ("1000 names", 1.2),
    ("visit every type and its members", 1.3),
    ("CO-RE of 24 relocations", 1.5),
    ("CO-RE of 4,250 relocations", 2.0),
];

fn main() {
    let input = Input::new();
    let rows = rows::rows(&input);
    let rounds = match Job::of_arguments() {
        Job::Measure { rounds } => rounds,
        Job::Run(run) => return run.work(|side| rows[run.row].prepare(side)),
    };
    println!("| row | {} |", Ratio::COLUMNS);
    println!("|---|---|---|---|---|---|---|---|");
    for (number, row) in rows.iter().enumerate() {
        let [floor, ours] = Side::BOTH.map(|side| row.prepare(side)());
        assert_eq!(floor, ours, "{}: results differ", row.name);
        let target = TARGETS.iter().find(|(name, _)| *name == row.name).map(|(_, target)| *target);
        let ratio = Ratio::measure(number, rounds, target, |side| row.prepare(side));
        println!("| {} | {ratio} |", row.name);
    }
}
