//! Reads broken objects: every fixture with random mutations gives a spec or an error, never a panic, within bounded memory.
//!
//! Bound of the heap while reading: 8 times the input and 1 MiB. A worker process per object reads under an allocator that refuses what
//! goes beyond it, so a huge request ends the worker and not the machine; the worker notes the seed of each read before it starts, so
//! that whatever ends it (a refused allocation, an exhausted stack) is reported by seed and the rest still runs.
//!
//! - `BPF_MUTATIONS=100000` is the number of mutations of each object and byte order.
//! - `BPF_CORPUS` names a folder with objects in `el` and `eb`: then these are mutated and not the fixtures, of those of them that the file
//!   `BPF_CORPUS_SAMPLE` names one on each line.
//! - `BPF_MUTATION=packets/little/1234` reads a single mutation and leaves it in a file to look at.
#![forbid(unsafe_code)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test without the harness: its panics are failures, its output is the report"
)]

#[path = "../shared/harness.rs"]
mod harness;
mod mutate;
mod worker;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, io, thread};

use bpf_elf::spec::CollectionSpec;
use mutate::{CORPUS, Case, Source};
use testdata::{OBJECTS, Order, built};

#[global_allocator]
static HEAP: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// Mutations of each object and byte order when nothing else is asked for: some seconds without optimisation.
const DEFAULT: u64 = 500;

/// Reads that failed in one object before the rest of it is given up.
const ENOUGH: usize = 5;

const NAME: &str = "mutations_give_a_spec_or_an_error";

fn main() -> ExitCode {
    if let Some(job) = env::var_os(worker::JOB) {
        return worker::run(&HEAP, &job.to_string_lossy());
    }
    if let Ok(case) = env::var("BPF_MUTATION") {
        return one(&case);
    }
    if !harness::wants(NAME) {
        return ExitCode::SUCCESS;
    }
    all()
}

/// Everything, on all processors.
fn all() -> ExitCode {
    let count = match env::var("BPF_MUTATIONS") {
        Ok(text) => text.parse().expect("BPF_MUTATIONS is a number"),
        Err(_) => DEFAULT,
    };
    let cases: Vec<Case> = sources()
        .into_iter()
        .flat_map(|object| Order::BOTH.map(|order| Case { object: object.clone(), order }))
        .collect();
    let next = AtomicUsize::new(0);
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let part = mutations(case, count);
                    report.lock().expect("no panic while reporting").add(part);
                }
            });
        }
    });
    let report = report.into_inner().expect("no panic while reporting");
    println!(
        "test {NAME}: {} mutations of {} objects, {} specs, {} errors, {} failures",
        report.specs + report.errors,
        cases.len(),
        report.specs,
        report.errors,
        report.failures.len()
    );
    for failure in &report.failures {
        println!("  {failure}");
    }
    // Mutations that all fail at the first check would test nothing; the fixtures take some without harm.
    assert!(report.specs > 0 && report.errors > 0, "the mutations are too weak or too strong");
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The objects that are mutated.
fn sources() -> Vec<Source> {
    let Some(folder) = env::var_os(CORPUS) else {
        return OBJECTS.iter().copied().map(Source::Fixture).collect();
    };
    let list = env::var_os("BPF_CORPUS_SAMPLE").expect("BPF_CORPUS_SAMPLE names a list");
    let list = fs::read_to_string(list).expect("read the list of objects");
    // What does not compile for one byte order is not there.
    let exists = |name: &&str| {
        let path = |order| Path::new(&folder).join(order).join(name).with_extension("o");
        ["el", "eb"].into_iter().all(|order| path(order).exists())
    };
    list.lines().filter(exists).map(|name| Source::Corpus(name.to_owned())).collect()
}

#[derive(Default)]
struct Report {
    specs: u64,
    errors: u64,
    failures: Vec<String>,
}

impl Report {
    fn add(&mut self, part: Self) {
        self.specs += part.specs;
        self.errors += part.errors;
        self.failures.extend(part.failures);
    }
}

/// All mutations of one object, in as many worker processes as it takes.
fn mutations(case: &Case, count: u64) -> Report {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let note = folder.path().join("seed");
    let mut report = Report::default();
    let mut from = 0;
    while from < count && report.failures.len() < ENOUGH {
        let output = built(env::current_exe().expect("the path of this program"))
            .env(worker::JOB, format!("{case} {from} {count} {}", note.display()))
            .output()
            .expect("start a worker");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.split_once(' ') {
                Some(("specs", number)) => report.specs += number.parse::<u64>().expect("a number"),
                Some(("errors", number)) => {
                    report.errors += number.parse::<u64>().expect("a number");
                }
                Some(("panic", seed_and_message)) => {
                    report.failures.push(format!("panic in {case}/{seed_and_message}"));
                }
                _ => panic!("unknown line of a worker: {line}"),
            }
        }
        if output.status.success() {
            break;
        }
        let seed = worker::noted(&note).expect("the worker noted its seed");
        let message = String::from_utf8_lossy(&output.stderr);
        let message = message.lines().next().unwrap_or_default();
        report.failures.push(format!("{} in {case}/{seed}: {message}", output.status));
        from = seed + 1;
    }
    report
}

/// A single mutation, read in this process, with the usual messages of a panic.
fn one(text: &str) -> ExitCode {
    let (case, seed) = text.rsplit_once('/').expect("OBJECT/ORDER/SEED");
    let case: Case = case.parse().expect("OBJECT/ORDER/SEED");
    let seed = seed.parse().expect("the seed is a number");
    let bytes = case.mutation(&case.bytes(), seed);
    let path = env::temp_dir().join(format!("{}.o", text.replace(['/', ':'], "-")));
    fs::write(&path, &bytes).expect("write the mutation");
    println!("{}: {} bytes", path.display(), bytes.len());
    // Without the bound, which would end this process before it can tell.
    let before = HEAP.allocated();
    let result = CollectionSpec::parse(&bytes);
    println!(
        "at most {} bytes in use, {} at the end; the bound is {}",
        HEAP.max_allocated() - before,
        HEAP.allocated() - before,
        worker::bound(&bytes)
    );
    match result {
        Ok(spec) => println!(
            "{} programs, {} maps, {} variables",
            spec.programs.len(),
            spec.maps.len(),
            spec.variables.len()
        ),
        Err(error) => println!("error: {error}"),
    }
    io::Write::flush(&mut io::stdout()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}
