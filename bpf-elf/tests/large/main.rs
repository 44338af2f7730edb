//! Inputs that are large in one way: what is done with one of four times the size may take no more than in proportion.
//!
//! Time is not asserted, since it depends on the machine: what is allocated on the way is, which grows with the square where work does
//! that copies. Times are printed: `BPF_LARGE=1048576 cargo test --release -p bpf-elf --test large` shows them for inputs of a MiB.
#![forbid(unsafe_code)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test without the harness: its panics are failures, its output is the report"
)]

mod code;
#[path = "../shared/harness.rs"]
mod harness;
mod inputs;
#[path = "../../src/testing.rs"]
#[allow(dead_code, reason = "the unit tests need more of it")]
mod testing;
mod types;

use std::convert::Infallible;
use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bpf_asm::ByteOrder;
use bpf_btf::{Btf, BtfFeatures};
use bpf_elf::Linker;
use bpf_elf::compat::{TargetKernel, check};
use bpf_elf::diff::SpecDiff;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, prepare_btf, prepare_program};
use bpf_elf::spec::CollectionSpec;
use inputs::INPUTS;

#[global_allocator]
static HEAP: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// The size when nothing else is asked for.
const DEFAULT: usize = 64 << 10;

/// Programs that are looked at one by one: each is prepared with all that it calls, so that all of them together may be large.
const PROGRAMS: usize = 16;

/// How much more than four times as much four times the input may take.
const SLACK: f64 = 1.6;

/// Below this, what is allocated says nothing.
const SMALL: usize = 1 << 20;

/// What grows faster up to a bound of its own: jump tables to the memory that reading may take at most, candidates of types to how
/// many are asked at most.
const BOUNDED: [&str; 2] = ["jump tables that overlap", "relocations of types"];

const NAME: &str = "large_inputs_take_no_more_than_in_proportion";

type Work = fn(&Subject) -> bool;

/// An input, and what it was read as.
struct Subject {
    bytes: Vec<u8>,
    spec: Option<CollectionSpec>,
    kernel: Option<TargetKernel>,
}

const WORK: [(&str, Work); 8] = [
    ("read", |subject| CollectionSpec::parse(&subject.bytes).is_ok()),
    ("types", |subject| with(subject, types)),
    ("prepare", |subject| with(subject, prepare)),
    ("write", |subject| with(subject, |spec| spec.write_elf().is_ok())),
    ("link", link),
    ("digest", |subject| with(subject, |spec| !spec.digest().to_string().is_empty())),
    ("list+diff", |subject| with(subject, look)),
    ("check", |subject| {
        let both = subject.spec.as_ref().zip(subject.kernel.as_ref());
        both.is_some_and(|(spec, kernel)| !check(spec, kernel).programs.is_empty())
    }),
];

fn with(subject: &Subject, work: impl FnOnce(&CollectionSpec) -> bool) -> bool {
    subject.spec.as_ref().is_some_and(work)
}

/// BTF for an old kernel, and for the newest.
fn types(spec: &CollectionSpec) -> bool {
    [BtfFeatures::NONE, BtfFeatures::ALL].map(|features| prepare_btf(spec, &features).is_ok())
        == [true; 2]
}

fn prepare(spec: &CollectionSpec) -> bool {
    let types = prepare_btf(spec, &BtfFeatures::ALL).ok().flatten();
    let kernel = types.and_then(|types| Btf::parse(types).ok());
    let no_modules = || Ok::<_, Infallible>(Vec::new());
    let core = kernel.as_ref().map(|kernel| {
        let Ok(core) = CoreResolution::new(spec, kernel, no_modules);
        core
    });
    let mut options = PrepareOptions::new();
    if let Some(core) = &core {
        options = options.with_core(core);
    }
    let names = spec.programs.names().take(PROGRAMS);
    names.filter(|name| black_box(prepare_program(spec, name, &options)).is_ok()).count() > 0
}

fn link(subject: &Subject) -> bool {
    let linker = Linker::new().add("large", subject.bytes.as_slice());
    linker.and_then(|linker| linker.link()).is_ok()
}

fn look(spec: &CollectionSpec) -> bool {
    for name in spec.programs.names().take(PROGRAMS) {
        black_box(spec.listing(name).map(|listing| listing.to_string()));
    }
    let mut other = spec.clone();
    if let Some(map) = other.maps.values_mut().next() {
        map.max_entries += 1;
    }
    let diff = SpecDiff::new(spec, &other);
    SpecDiff::new(spec, spec).is_empty() && (diff.is_empty() || !diff.to_string().is_empty())
}

/// What some work took.
struct Cost {
    done: bool,
    time: Duration,
    allocated: usize,
}

fn measure(work: impl FnOnce() -> bool) -> Cost {
    let (before, start) = (HEAP.total_allocated(), Instant::now());
    let done = work();
    Cost { done, time: start.elapsed(), allocated: HEAP.total_allocated() - before }
}

fn subject(bytes: Vec<u8>) -> Subject {
    let spec = CollectionSpec::parse(&bytes).ok();
    let types = spec.as_ref().and_then(|spec| prepare_btf(spec, &BtfFeatures::ALL).ok()?);
    let kernel = types.and_then(|types| Btf::parse(types).ok());
    let kernel = kernel.map(|kernel| TargetKernel::new("own", kernel));
    Subject { bytes, spec, kernel }
}

fn main() -> ExitCode {
    if !harness::wants(NAME) {
        return ExitCode::SUCCESS;
    }
    let asked = env::var("BPF_LARGE").ok();
    let size = asked.as_ref().map_or(DEFAULT, |text| text.parse().expect("a number of bytes"));
    let only = env::var("BPF_LARGE_ONLY").unwrap_or_default();
    let mut failures = Vec::new();
    for (name, input) in INPUTS.iter().filter(|(name, _)| name.contains(&only)) {
        let order = ByteOrder::Little;
        let (small, large) = (subject(input(order, size / 4)), subject(input(order, size)));
        if asked.is_some() {
            let error = CollectionSpec::parse(&large.bytes).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            println!("{name}: {} bytes {error}", large.bytes.len());
        }
        for (what, work) in WORK {
            let (less, more) = (measure(|| work(&small)), measure(|| work(&large)));
            if asked.is_some() {
                println!(
                    "  {what:10} {:>9.2} ms {:>9.2} ms {:>11} bytes {}",
                    less.time.as_secs_f64() * 1e3,
                    more.time.as_secs_f64() * 1e3,
                    more.allocated,
                    if more.done { "" } else { "error" },
                );
            }
            let growth = more.allocated as f64 / less.allocated.max(1) as f64;
            let proportion = large.bytes.len() as f64 / small.bytes.len() as f64;
            let bounded = BOUNDED.contains(name);
            if !bounded
                && less.done
                && more.done
                && more.allocated > SMALL
                && growth > proportion * SLACK
            {
                let (less, more) = (less.allocated, more.allocated);
                failures.push(format!("{name}: {what} allocates {less} bytes, then {more}"));
            }
        }
    }
    println!("test {NAME}: {} inputs of {size} bytes, {} failures", INPUTS.len(), failures.len());
    for failure in &failures {
        println!("  {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
