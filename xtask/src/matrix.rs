//! `matrix`: the kernel tests in a guest of each kernel.
use std::process::ExitCode;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use anyhow::Result;

use crate::cache::Cache;
use crate::kernel_tests::{self, Binary};
use crate::kernels::{self, Kernel};
use crate::libtest::Counts;
use crate::progress::{Outcome, Steps};
use crate::qemu::{Host, Run};

/// Run the kernel tests in a guest of each kernel, and show a table
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Series (6.12), newest of a major version (7.x), or paths of a vmlinuz
    #[arg(long, value_delimiter = ',', default_value = kernels::DEFAULT)]
    kernels: Vec<String>,
    /// Guests at a time: two on a small machine, more on a large one
    #[arg(long)]
    jobs: Option<usize>,
    /// Seconds after which a guest is ended
    #[arg(long, default_value_t = TIMEOUT)]
    timeout: u64,
    /// Only these crates' tests
    #[arg(short, long)]
    package: Vec<String>,
    /// Show what the tests print, not only when they fail
    #[arg(long)]
    show: bool,
    /// Arguments of the test programs, such as a part of the tests' names
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// What a guest may take for all tests, emulated on a busy machine.
pub(crate) const TIMEOUT: u64 = 900;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let host = Host::open(Cache::open()?)?;
    let kernels = kernel_tests::kernels(&host, &args.kernels)?;
    let mut steps = Steps::new();
    let mut binaries = Vec::new();
    let built = steps.run("build the kernel tests", |steps| {
        binaries = kernel_tests::build(steps)?;
        Ok(Outcome::good())
    });
    if !args.package.is_empty() {
        binaries.retain(|binary| args.package.contains(&binary.krate));
    }
    if built {
        let plan = Plan {
            jobs: args.jobs.unwrap_or_else(jobs),
            timeout: Duration::from_secs(args.timeout),
            arguments: args.arguments.clone(),
            show: args.show,
        };
        guests(&mut steps, &host, &kernels, &binaries, &plan)?;
    }
    Ok(if steps.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How the guests are run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) jobs: usize,
    pub(crate) timeout: Duration,
    pub(crate) arguments: Vec<String>,
    pub(crate) show: bool,
}

/// How many guests this machine bears at a time: an emulated one keeps one to two CPUs busy.
pub(crate) fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get().min(2).max(cpus.get() / 2))
}

/// One step per kernel, several at a time.
pub(crate) fn guests(
    steps: &mut Steps,
    host: &Host,
    kernels: &[Kernel],
    binaries: &[Binary],
    plan: &Plan,
) -> Result<()> {
    if binaries.is_empty() {
        steps.record(
            "guests",
            Duration::ZERO,
            Ok(Outcome::Skipped("no crate has kernel tests".to_owned())),
        );
        return Ok(());
    }
    // Decide once, before several guests would try at the same time.
    if let Some(kernel) = kernels.first() {
        host.accel(kernel)?;
    }
    // A newer kernel has more to be tested: it comes first, or the others would end before it.
    let queue = Mutex::new(kernels.iter().rev());
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, kernels.len().max(1)) {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || {
                let next = || queue.lock().ok().and_then(|mut kernels| kernels.next());
                while let Some(kernel) = next() {
                    let result = kernel_tests::run_in_guest(
                        host,
                        kernel,
                        binaries,
                        &plan.arguments,
                        plan.timeout,
                    );
                    let _ = sender.send((kernel, result));
                }
            });
        }
        drop(sender);
        for (kernel, result) in receiver {
            report(steps, kernel, result, plan.show);
        }
    });
    steps.sort_last(&kernels.iter().map(step_name).collect::<Vec<_>>());
    Ok(())
}

fn step_name(kernel: &Kernel) -> String {
    format!("guest {} ({})", kernel.name, kernel.release)
}

fn report(steps: &mut Steps, kernel: &Kernel, result: Result<(Counts, String, Run)>, show: bool) {
    let name = step_name(kernel);
    match result {
        Ok((counts, output, run)) => {
            if show || !counts.failed.is_empty() {
                steps.say(&format!("--- {name}: what the tests printed\n{}", output.trim_end()));
            }
            for note in &run.notes {
                steps.say(&format!("{name}: {note}"));
            }
            if let Some(failure) = run.failure() {
                steps.say(&format!("--- {name}: {failure}"));
            }
            steps.record(&name, run.wall, Ok(Outcome::Counted(counts)));
        }
        Err(error) => {
            steps.record(&name, Duration::ZERO, Err(error));
        }
    }
}
