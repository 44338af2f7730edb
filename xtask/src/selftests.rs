//! `selftests`: preparation of programs held against libbpf's, on the kernel's own selftests of CO-RE.
//!
//! The selftests and libbpf come from Debian's package of the kernel's source. They stay in the cache: none of it is part of this
//! repository. The comparison itself is the test target `selftests` of bpf-elf.
mod build;
mod source;

use std::env;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::fixtures::LLVM;
use crate::initramfs::in_path;
use crate::process::{cargo, root};
use crate::progress::{Outcome, Steps};
use crate::{apt, kernel_btf, kernels};

/// Compare preparation with libbpf, on the kernel's selftests of CO-RE and on the fixtures
///
/// Fetches the kernel's source, compiles libbpf and what is compared into the cache, and prints a table.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kernel whose selftests and libbpf these are
    #[arg(long, default_value = SERIES)]
    series: String,
    /// Kernels whose types the objects are relocated against, beside the selftests' own
    #[arg(long, value_delimiter = ',', default_value = kernels::DEFAULT)]
    kernels: Vec<String>,
    /// Look for a newer source than the one in the cache
    #[arg(long)]
    refresh: bool,
    /// Ask the libbpf that this machine has installed, not the one of the source
    #[arg(long)]
    system_libbpf: bool,
}

/// A file or program that must be there, and the package that holds it.
const NEEDED: [(&str, &str); 7] = [
    ("cc", "gcc"),
    ("ar", "binutils"),
    ("xz", "xz-utils"),
    ("python3", "python3"),
    ("bpftool", "bpftool"),
    ("/usr/include/libelf.h", "libelf-dev"),
    ("/usr/include/zlib.h", "zlib1g-dev"),
];

/// The series that the tests take the selftests from.
const SERIES: &str = "6.12";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut test = prepare(args)?;
    let status = test.status().context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The step of `test`.
pub(crate) fn step(steps: &Steps) -> Result<Outcome> {
    let kernels = kernels::DEFAULT.split(',').map(str::to_owned).collect();
    let args = Args { series: SERIES.to_owned(), kernels, refresh: false, system_libbpf: false };
    steps.doing("fetching and compiling");
    let mut test = prepare(&args)?;
    let (output, status) = steps.watch(&mut test)?;
    if !status.success() {
        steps.say(output.trim_end());
        bail!("preparation differs from libbpf's, or could not be compared ({status})");
    }
    Ok(Outcome::good())
}

/// Fetches and compiles what is not there. Gives the command that compares.
fn prepare(args: &Args) -> Result<Command> {
    install(args)?;
    let cache = Cache::open()?;
    let started = Instant::now();
    let source = source::find(&cache, &args.series, args.refresh)?;
    let folder = build::all(&cache, &source, args.system_libbpf)?;
    let mut types = Vec::new();
    for name in &args.kernels {
        types.push(kernel_btf::folder(&cache, &kernels::resolve(&cache, name)?)?);
    }
    println!(
        "libbpf and selftests of {} in {:.1} s",
        source.name(),
        started.elapsed().as_secs_f32()
    );

    let mut test = cargo();
    test.args(["test", "-q", "-p", "bpf-elf", "--all-features", "--test", "selftests"]);
    // The working folder of a test is that of its crate: no path is relative.
    test.env("BPF_SELFTESTS", &folder).env("BPF_KERNELS", env::join_paths(types)?);
    Ok(test)
}

/// Installs what is missing.
fn install(args: &Args) -> Result<()> {
    let llvm = [("clang", "clang"), ("llvm-objcopy", "llvm")];
    let llvm = llvm.map(|(tool, package)| (format!("{tool}-{LLVM}"), format!("{package}-{LLVM}")));
    let libbpf = args.system_libbpf.then_some(("/usr/include/bpf/libbpf.h", "libbpf-dev"));
    let plain = NEEDED.into_iter().chain(libbpf);
    let missing: Vec<String> = plain
        .map(|(name, package)| (name.to_owned(), package.to_owned()))
        .chain(llvm)
        .filter(|(name, _)| !in_path(name))
        .map(|(_, package)| package)
        .collect();
    apt::install(&missing.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Where the source of the program that asks libbpf is.
fn oracle() -> std::path::PathBuf {
    root().join("testdata/oracle")
}
