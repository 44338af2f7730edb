//! `test`: everything that must hold, the same on a developer's machine and where commits are judged.
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::cache::Cache;
use crate::kernel_tests::{self, Binary};
use crate::kernels::{self, Kernel};
use crate::libtest::{self, Counts};
use crate::matrix::{self, Plan};
use crate::metadata::{self, Package};
use crate::process::{cargo, describe, root};
use crate::progress::{Outcome, Steps};
use crate::qemu::Host;
use crate::{
    api, big_endian, btf, fixtures, fuzz, initramfs, msrv, selftests, targets, tools, walls,
};

/// Run every check and every test: on this machine, then in guests
///
/// What is missing is installed (as root) or named. Without arguments all steps run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these steps: tools, format, lint, doc, walls, api, unit, mutations, alone, oracle, core-oracle, corpus, msrv, targets, big-endian, fuzz, fixtures, kernel, btf, guests
    steps: Vec<String>,
    /// Kernels of the guests
    #[arg(long, value_delimiter = ',', default_value = kernels::DEFAULT)]
    kernels: Vec<String>,
}

/// Name and work of a step.
type Step = (&'static str, fn(&Steps) -> Result<Outcome>);
/// The steps that run on their own; `kernel`, `btf` and `guests` follow them.
const STEPS: [Step; 17] = [
    ("tools", |_| tools::ensure().map(|()| Outcome::good())),
    ("format", |steps| {
        steps
            .command(cargo().args(["fmt", "--all", "--check", "--", "--color", "never"]))
            .map(|_| Outcome::good())
    }),
    ("lint", lint),
    ("doc", doc),
    ("walls", |_| walls::run().map(|()| Outcome::good())),
    ("api", api::step),
    ("unit", unit),
    ("mutations", mutations),
    ("alone", alone),
    ("oracle", oracle),
    ("core-oracle", selftests::step),
    ("corpus", selftests::corpus_step),
    ("msrv", |steps| msrv::run(steps).map(|()| Outcome::good())),
    ("targets", targets::step),
    ("big-endian", big_endian::step),
    ("fuzz", fuzz::step),
    ("fixtures", |_| fixtures::check(&root().join("testdata")).map(|()| Outcome::good())),
];
/// Mutations of each object in each byte order: 100,000 of each fixture.
const MUTATIONS: &str = "50000";
/// What other tests of the same crate draw in: the most of what would be optimised for nothing.
const UNUSED: [&str; 5] =
    ["clap_builder", "criterion", "proptest", "regex-automata", "regex-syntax"];
/// Tests that plain `cargo test` leaves out and that have steps of their own.
const ELSEWHERE: [&str; 7] =
    ["kernel", "guest", "selftests", "corpus", "kernels_oracle", "dedup_oracle", "compat_kernels"];
/// The one of the oracle tests that loads programs.
const LOADING: &str = "xlated";
const KERNEL: &str = "kernel";
const GUESTS: &str = "guests";
const BTF: &str = "btf";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    for name in &args.steps {
        let known = STEPS.iter().map(|(step, _)| *step).chain([KERNEL, BTF, GUESTS]);
        if !known.into_iter().any(|step| step == name) {
            bail!("no step {name}");
        }
    }
    let wanted = |name: &str| args.steps.is_empty() || args.steps.iter().any(|step| step == name);
    let mut steps = Steps::new();
    // The network is slow and the processors are not needed for it: kernels come while the rest is built.
    let names = args.kernels.clone();
    let fetching =
        (wanted(GUESTS) || wanted(BTF)).then(|| std::thread::spawn(move || fetch(&names)));
    for (name, step) in STEPS {
        if wanted(name) {
            steps.run(name, step);
        }
    }
    let mut binaries = Vec::new();
    if wanted(KERNEL) || wanted(GUESTS) {
        steps.run("build the kernel tests", |steps| {
            binaries = kernel_tests::build(steps)?;
            Ok(Outcome::good())
        });
    }
    if wanted(KERNEL) {
        steps.run(KERNEL, |steps| here(steps, &binaries));
    }
    if let Some(fetching) = fetching {
        let mut kernels = Vec::new();
        steps.run("fetch the guest kernels", |_| {
            kernels = fetching
                .join()
                .unwrap_or_else(|_| bail!("the thread that fetches kernels ended by a panic"))?;
            Ok(Outcome::good())
        });
        if wanted(BTF) {
            steps.run(BTF, |steps| btf::step(steps, &kernels));
        }
        if wanted(GUESTS) {
            in_guests(&mut steps, &kernels, &binaries);
        }
    }
    Ok(if steps.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fetch(names: &[String]) -> Result<Vec<Kernel>> {
    let cache = Cache::open()?;
    names.iter().map(|name| kernels::resolve(&cache, name)).collect()
}

fn lint(steps: &Steps) -> Result<Outcome> {
    // Tests that plain `cargo test` leaves out are not among all targets: they are named by a pattern.
    for targets in [&["--all-targets"][..], &["--test", "*"]] {
        let mut command = cargo();
        command
            .args(["clippy", "--workspace", "--all-features"])
            .args(targets)
            .args(["--", "-D", "warnings"]);
        steps.command(&mut command)?;
    }
    Ok(Outcome::good())
}

fn doc(steps: &Steps) -> Result<Outcome> {
    let mut command = cargo();
    command.env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--all-features",
    ]);
    steps.command(&mut command).map(|_| Outcome::good())
}

/// All tests that need no privileges.
fn unit(steps: &Steps) -> Result<Outcome> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    counted(steps, &mut command, "unit")
}

/// Broken objects in the numbers that the reader promises to stand: a few minutes where a plain `cargo test` takes seconds.
fn mutations(steps: &Steps) -> Result<Outcome> {
    let mut command = cargo();
    // Optimised, or it takes an hour; but with the checks that turn a silent overflow into a panic.
    command.args(["test", "--release", "-p", "bpf-elf", "--test", "mutation"]);
    // The command-line tool is not needed, and would take long to optimise, as other tests' tools would.
    command.args(["--features", "unstable-btf"]);
    for package in UNUSED {
        command.arg("--config").arg(format!("profile.release.package.{package}.opt-level=0"));
    }
    command.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true").env("BPF_MUTATIONS", MUTATIONS);
    // It has no harness, and so no summary: its status tells.
    steps.command(&mut command).map(|_| Outcome::good())
}

/// Runs `cargo test` and counts; a status that no failed test explains is a failure of its own.
pub(crate) fn counted(
    steps: &Steps,
    command: &mut std::process::Command,
    source: &str,
) -> Result<Outcome> {
    let (output, status) = steps.watch(command)?;
    let mut counts = libtest::parse_all(source, &output);
    if status.success() != counts.failed.is_empty() || !libtest::has_summary(&output) {
        counts.failed.push(format!("{source}: `{}` ended with {status}", describe(command)));
    }
    if !counts.failed.is_empty() {
        steps.say(output.trim_end());
    }
    Ok(Outcome::Counted(counts))
}

/// Each library by itself: what the others ask of a shared dependency must not hide a missing feature.
fn alone(steps: &Steps) -> Result<Outcome> {
    let packages = metadata::packages()?;
    let mut total = Counts::default();
    for package in metadata::libraries(&packages) {
        // Without default features the two are the same.
        let default = package.default_features.then_some(&[][..]);
        for features in default.into_iter().chain([&["--no-default-features"][..]]) {
            // First without, then with what its tests draw in.
            for task in [&["clippy", "--lib"][..], &["test"]] {
                let mut command = cargo();
                command.args(task).args(["-p", &package.name]).args(features);
                if task.contains(&"clippy") {
                    command.args(["--", "-D", "warnings"]);
                }
                match steps.command(&mut command) {
                    Ok(_) => total.add(Counts::one()),
                    Err(error) => {
                        steps.say(&format!("{error:#}"));
                        total.add(Counts::failure(describe(&command)));
                    }
                }
            }
        }
    }
    Ok(Outcome::Counted(total))
}

/// Tests that hold ours against other programs' answers.
fn oracle(steps: &Steps) -> Result<Outcome> {
    let packages = metadata::packages()?;
    let others = |package: &Package| {
        let targets =
            package.targets.iter().filter(|target| target.kind == "test" && !target.tested);
        let names = targets
            .map(|target| target.name.clone())
            .filter(|name| !ELSEWHERE.contains(&name.as_str()));
        names.map(|name| (package.name.clone(), name)).collect::<Vec<_>>()
    };
    let tests: Vec<_> = packages.iter().flat_map(others).collect();
    if tests.is_empty() {
        return Ok(Outcome::Skipped("no crate has such tests".to_owned()));
    }
    let mut total = Counts::default();
    for (krate, test) in tests {
        if let Some(reason) = kernel_tests::not_here().filter(|_| test == LOADING) {
            total.skipped.push(libtest::Skip { test, reason });
            continue;
        }
        let mut command = cargo();
        command.args(["test", "--all-features", "-p", &krate, "--test", &test]);
        let source = format!("{krate} {test}");
        match counted(steps, &mut command, &source) {
            Ok(Outcome::Counted(counts)) => total.add(counts),
            Ok(Outcome::Skipped(_)) => {}
            Err(error) => {
                steps.say(&format!("{error:#}"));
                total.add(Counts::failure(source));
            }
        }
    }
    Ok(Outcome::Counted(total))
}

/// The kernel tests on this machine's own kernel, where that is allowed.
fn here(steps: &Steps, binaries: &[Binary]) -> Result<Outcome> {
    let binaries: Vec<_> = binaries.iter().filter(|binary| binary.test == "kernel").collect();
    if binaries.is_empty() {
        return Ok(Outcome::Skipped("no crate has kernel tests".to_owned()));
    }
    if let Some(reason) = kernel_tests::not_here() {
        return Ok(Outcome::Skipped(format!("{reason}; the guests run them")));
    }
    let busybox = initramfs::busybox(&Cache::open()?)?;
    let mut total = Counts::default();
    for binary in binaries {
        steps.doing(&binary.name());
        total.add(kernel_tests::run_here(steps, binary, &busybox, &[])?);
    }
    Ok(Outcome::Counted(total))
}

fn in_guests(steps: &mut Steps, kernels: &[Kernel], binaries: &[Binary]) {
    let plan = Plan {
        jobs: matrix::jobs(),
        timeout: Duration::from_secs(matrix::TIMEOUT),
        arguments: Vec::new(),
        show: false,
    };
    let host = Cache::open().and_then(Host::open);
    if let Err(error) = host.and_then(|host| matrix::guests(steps, &host, kernels, binaries, &plan))
    {
        steps.record(GUESTS, Duration::ZERO, Err(error));
    }
}
