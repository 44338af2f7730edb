//! libbpf as the judge of merging: the types of many objects become the same types, in the same order.
//!
//! - Each object alone, neighbours, groups and all of a folder: the fixtures in both byte orders, the kernel's selftests, and the types
//!   with random changes that `selftests` of bpf-elf makes of some of them;
//! - the same as split BTF: on a base of other objects, and on the types of kernels.
//!
//! What libbpf refuses must be refused. `cargo xtask selftests` compiles what is needed: `BPF_DEDUP_ORACLE` names the program,
//! `BPF_DEDUP_OBJECTS` folders of objects and BTF, `BPF_DEDUP_BASES` files with the BTF of kernels.
#![forbid(unsafe_code)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

mod cases;
#[path = "../it/elf.rs"]
mod elf;
mod libbpf;
mod ours;

use std::path::PathBuf;

use ours::Ours;

/// How many differences are told.
const TOLD: usize = 20;

#[test]
fn types_are_merged_into_the_same_types_as_by_libbpf() {
    let directory = tempfile::tempdir().unwrap();
    let groups = cases::all(directory.path());
    let mut ours = Ours::default();
    let mut differences = Vec::new();
    for (name, cases) in &groups {
        let (mut types, mut merged) = (0, 0);
        let answers = libbpf::merge(directory.path(), cases);
        for (case, theirs) in cases.iter().zip(answers) {
            match ours.compare(case, theirs) {
                Ok((before, after)) => {
                    types += before;
                    merged += after;
                }
                Err(difference) => differences.push(format!("{case}: {difference}")),
            }
        }
        println!("{name}: {} merges of {types} types into {merged}", cases.len());
        assert!(types > merged && merged > 0, "{name} has nothing to merge");
    }
    let told = differences.iter().take(TOLD).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} differences:\n{told}", differences.len());
}

/// A search path out of the environment.
fn paths(variable: &str) -> Vec<PathBuf> {
    let paths = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("no {variable}: run `cargo xtask selftests`"));
    std::env::split_paths(&paths).collect()
}
