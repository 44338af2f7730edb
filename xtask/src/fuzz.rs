//! `fuzz`: the fuzz targets of the crates, each run for a while, beginning with what the fixtures hold.
//!
//! The layout is that of cargo-fuzz, which works on it as well (`cargo fuzz run TARGET` in a crate's folder). Here the
//! targets are built without it: libFuzzer comes with the crate libfuzzer-sys, LLVM's coverage pass with the compiler. No
//! address sanitizer: the crates have no unsafe code.
mod seeds;

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail, ensure};

use crate::kernel_tests::{TARGET, executables};
use crate::libtest::Counts;
use crate::progress::{Outcome, Steps};
use crate::{cache, ending, metadata, process};

/// Run the fuzz targets, seeded with the fixtures
///
/// What they find on the way stays in the target folder (fuzz/corpus); an input that fails is kept in fuzz/artifacts, and printed packed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these targets; without any, all
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 20, conflicts_with = "inputs")]
    seconds: u64,
    /// Only these inputs, once each, for one target: what a run said that fails
    #[arg(long = "input", value_name = "FILE")]
    inputs: Vec<PathBuf>,
}

/// Crates with fuzz targets, each in the folder `fuzz` of its crate.
const CRATES: [&str; 3] = ["bpf-asm", "bpf-btf", "bpf-elf"];

/// How much each target does as a part of the tests. That two runs do as much does not mean that they try the same: where hash tables and
/// memory lie is random, and leads elsewhere. So an input that failed is printed.
const STEP: Limit<'static> = Limit::Runs(100_000);

/// What a target tries, and when it ends.
#[derive(Clone, Copy, Debug)]
enum Limit<'a> {
    /// After so many inputs, beginning with the same seed and with nothing kept of earlier runs.
    Runs(u32),
    /// After so many seconds, with other inputs each time, beginning where the last run ended.
    Seconds(u64),
    /// After each of these inputs.
    Inputs(&'a [PathBuf]),
}

/// The example that prints instructions.
const LISTING: &str = "listing";

/// What cargo-fuzz sets too: counters at each edge, compared values as hints, checks of arithmetic in fast code.
const FLAGS: [&str; 11] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions",
    "-Coverflow-checks",
    "-Cdebuginfo=line-tables-only",
    "-Cforce-frame-pointers",
];

/// A fuzz target, built.
#[derive(Debug)]
struct Target {
    name: String,
    program: PathBuf,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut steps = Steps::new();
    steps.run("fuzz", |steps| {
        if args.inputs.is_empty() {
            return all(steps, &args.targets, Limit::Seconds(args.seconds));
        }
        ensure!(args.targets.len() == 1, "an input is for one target: name it");
        let inputs: Result<Vec<_>> = args.inputs.iter().map(|input| absolute(input)).collect();
        all(steps, &args.targets, Limit::Inputs(&inputs?))
    });
    if steps.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot find {}", path.display()))
}

/// The step of `test`: every target, for a short while.
pub(crate) fn step(steps: &Steps) -> Result<Outcome> {
    all(steps, &[], STEP)
}

fn all(steps: &Steps, names: &[String], limit: Limit<'_>) -> Result<Outcome> {
    let folder = metadata::target_folder()?.join("fuzz");
    let mut targets = Vec::new();
    for name in CRATES {
        targets.extend(build(steps, name, &folder)?);
    }
    // The program that prints instructions as text makes seeds.
    let listing = targets.iter().position(|target| target.name == LISTING);
    let listing = listing.map(|index| targets.swap_remove(index).program);
    let listing = listing.context("no program that prints instructions was built")?;
    targets.sort_by(|left, right| left.name.cmp(&right.name));
    if let Some(name) = names.iter().find(|name| !has(&targets, name)) {
        let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
        bail!("no target {name}, only {}", names.join(", "));
    }
    targets.retain(|target| names.is_empty() || names.contains(&target.name));
    seeds::write(&process::root().join("testdata/elf"), &folder.join("seeds"), &listing)?;
    Ok(Outcome::Counted(in_parallel(steps, &targets, &folder, limit)))
}

/// Runs the targets, as many at a time as there are processors: each keeps one busy.
fn in_parallel(steps: &Steps, targets: &[Target], folder: &Path, limit: Limit<'_>) -> Counts {
    let queue = Mutex::new(targets.iter());
    let total = Mutex::new(Counts::default());
    let workers = available_parallelism().map_or(1, NonZero::get);
    let next = || queue.lock().ok().and_then(|mut queue| queue.next());
    let work = || {
        while let Some(target) = next() {
            let counts = fuzz(steps, target, folder, limit).unwrap_or_else(|error| {
                steps.say(&format!("--- fuzz {}\n{error:#}", target.name));
                Counts::failure(format!("fuzz {}", target.name))
            });
            if let Ok(mut total) = total.lock() {
                total.add(counts);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap_or_else(|_| Counts::failure("fuzz: a thread ended by a panic"))
}

fn has(targets: &[Target], name: &str) -> bool {
    targets.iter().any(|target| target.name == name)
}

/// Builds the targets of a crate, and its examples where it has some.
fn build(steps: &Steps, krate: &str, folder: &Path) -> Result<Vec<Target>> {
    let mut command = process::cargo();
    command.args(["build", "--release", "--bins", "--examples"]);
    command.arg("--message-format=json-render-diagnostics").arg("--manifest-path");
    command.arg(process::root().join(krate).join("fuzz/Cargo.toml"));
    command.arg("--target-dir").arg(folder.join("build"));
    // Naming the target keeps the flags away from build scripts. The passes are for compilers that experiment.
    command.args(["--target", TARGET]).env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    let built = executables(&steps.command(&mut command)?);
    ensure!(!built.is_empty(), "{krate} has no fuzz target");
    Ok(built.into_iter().map(|(_, name, program)| Target { name, program }).collect())
}

/// Runs one target; a failing input is an error with what the target said about it.
fn fuzz(steps: &Steps, target: &Target, folder: &Path, limit: Limit<'_>) -> Result<Counts> {
    let part = |name: &str| -> Result<PathBuf> {
        let path = folder.join(name).join(&target.name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    };
    let (seeds, artifacts) = (part("seeds")?, part("artifacts")?);
    let mut command = Command::new(&target.program);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    // A slow input is a finding too: nothing here needs seconds.
    command.args(["-timeout=5", "-rss_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"]);
    let words = process::root().join("bpf-asm/fuzz/text.dict");
    if target.name == "text" {
        command.arg(format!("-dict={}", words.display()));
    }
    match limit {
        Limit::Runs(runs) => {
            let empty = part("step")?;
            fs::remove_dir_all(&empty)
                .with_context(|| format!("cannot empty {}", empty.display()))?;
            // New inputs go to the first folder.
            command.args(["-seed=1".into(), format!("-runs={runs}")]).arg(part("step")?).arg(seeds);
        }
        Limit::Seconds(seconds) => {
            command.arg(format!("-max_total_time={seconds}")).arg(part("corpus")?).arg(seeds);
        }
        Limit::Inputs(inputs) => {
            command.args(inputs);
        }
    }
    let before = files(&artifacts)?;
    let output = match steps.command(&mut command) {
        Ok(output) => output,
        Err(error) => {
            let new: Vec<_> =
                files(&artifacts)?.into_iter().filter(|path| !before.contains(path)).collect();
            bail!("{error:#}{}", packed(&target.name, &new)?);
        }
    };
    let number = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", |rest| rest.trim_start_matches(':').trim()).to_owned()
    };
    let coverage = output.lines().rev().find_map(|line| line.split_once(" cov: "));
    let coverage = coverage.and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("?");
    let runs = number("stat::number_of_executed_units");
    steps.say(&format!("         {}: {runs} runs, {coverage} edges", target.name));
    Ok(Counts::one())
}

/// What is in a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()
    });
    entries.with_context(|| format!("cannot read {}", folder.display()))
}

/// Inputs as text that gives them back elsewhere: where the tests of a commit run, what they leave behind is lost.
fn packed(target: &str, inputs: &[PathBuf]) -> Result<String> {
    let pack = "gzip -9cn \"$0\" | base64 -w 120";
    let tell = |input| {
        let text = process::capture(Command::new("sh").args(["-c", pack]).arg(input))?;
        Ok(format!(
            "\nThis input fails. To have it again: base64 -d <<E | gunzip >INPUT; cargo xtask fuzz {target} --input INPUT\n{text}E"
        ))
    };
    inputs.iter().map(tell).collect()
}

/// The instructions on standard input as text.
fn print(listing: &Path, order: &str, code: &Path) -> Result<Vec<u8>> {
    let input = fs::File::open(code).with_context(|| format!("cannot read {}", code.display()))?;
    let mut command = Command::new(listing);
    command.arg(order).stdin(Stdio::from(input)).stdout(Stdio::piped());
    let output = ending::output(&mut command);
    let output = output.with_context(|| format!("cannot start {}", listing.display()))?;
    ensure!(output.status.success(), "no listing of {}", code.display());
    Ok(output.stdout)
}

/// A seed: the name of its file, and its bytes.
fn seed(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(name);
    cache::write(&path, bytes)?;
    Ok(path)
}
