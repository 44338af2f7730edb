//! `btf`: the reader of BTF held against bpftool, pahole and compilers, on other kernels than the running one.
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::kernels::{self, Kernel};
use crate::process::cargo;
use crate::progress::{Outcome, Steps};
use crate::{ending, kernel_btf, test};

/// Compare the BTF of kernels and their modules with what bpftool, pahole and compilers make of it
///
/// Takes the BTF out of the kernels' packages, as `kernels --btf` does, and prints what was compared.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Series (6.12), newest of a major version (7.x), or whole releases
    #[arg(value_delimiter = ',', default_value = kernels::DEFAULT)]
    kernels: Vec<String>,
    /// How many modules of each kernel, or `all`
    #[arg(long, default_value = "all", value_parser = modules)]
    modules: String,
    /// Only tests with this in their names: raw, text, layouts, holes, kept, linked
    #[arg(long)]
    only: Option<String>,
}

/// Modules of each kernel in the step of `test`.
const SAMPLE: &str = "6";
/// The test that links the selftests' objects.
const LINKED: &str = "linked";

fn modules(text: &str) -> Result<String, std::num::ParseIntError> {
    if text != "all" {
        text.parse::<usize>()?;
    }
    Ok(text.to_owned())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let kernels: Vec<_> =
        args.kernels.iter().map(|name| kernels::resolve(&cache, name)).collect::<Result<_>>()?;
    let mut command = comparison(&cache, &kernels, &args.modules)?;
    command.args(["--", "--nocapture"]).args(&args.only);
    let objects = objects(&cache);
    if objects.is_empty() {
        println!("no objects of `cargo xtask selftests` in the cache: none are linked");
        command.args(["--skip", LINKED]);
    } else {
        let objects = std::env::join_paths(objects).context("a folder has a colon")?;
        command.env("BPF_KERNEL_BTF_OBJECTS", objects);
    }
    let status = ending::status(&mut command).context("cannot start cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The comparison as a step of `test`: with some modules of each kernel.
pub(crate) fn step(steps: &Steps, kernels: &[Kernel]) -> Result<Outcome> {
    let cache = Cache::open()?;
    // A kernel from elsewhere has no place for its BTF.
    let (kernels, others): (Vec<_>, Vec<_>) =
        kernels.iter().cloned().partition(|kernel| kernel_btf::has_place(&cache, kernel));
    if kernels.is_empty() {
        return Ok(Outcome::Skipped("no kernel of the cache".to_owned()));
    }
    for kernel in others {
        steps.say(&format!("{}: no kernel of the cache, its BTF is not compared", kernel.name));
    }
    let mut command = comparison(&cache, &kernels, SAMPLE)?;
    // The selftests' objects are not part of a test run.
    command.args(["--", "--skip", LINKED]);
    let mut outcome = test::counted(steps, &mut command, "bpf-btf kernels_oracle")?;
    let mut command = verdicts(&cache, &kernels)?;
    if let (Outcome::Counted(counts), Outcome::Counted(more)) =
        (&mut outcome, test::counted(steps, &mut command, "bpf-elf compat_kernels")?)
    {
        counts.add(more);
    }
    Ok(outcome)
}

/// What `bpf-elf compat` says of the fixtures on these kernels.
fn verdicts(cache: &Cache, kernels: &[Kernel]) -> Result<Command> {
    let mut command = cargo();
    command
        .args(["test", "--release", "-p", "bpf-elf", "--features", "cli"])
        .args(["--test", "compat_kernels"])
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .env("BPF_KERNEL_BTF", folders(cache, kernels)?);
    Ok(command)
}

/// The folders with the BTF of kernels, as a search path.
fn folders(cache: &Cache, kernels: &[Kernel]) -> Result<OsString> {
    let folders: Vec<_> =
        kernels.iter().map(|kernel| kernel_btf::folder(cache, kernel)).collect::<Result<_>>()?;
    std::env::join_paths(folders).context("a folder of the cache has a colon")
}

/// Folders with the objects that `selftests` has built, of those that bpftool can link here: in this machine's byte order.
fn objects(cache: &Cache) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(cache.path("selftests-built")) else { return Vec::new() };
    let built = entries.flatten().map(|entry| entry.path());
    let here = built.filter(|folder| !folder.to_string_lossy().ends_with("-s390x"));
    let mut folders: Vec<_> = here.map(|folder| folder.join("objects")).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders
}

fn comparison(cache: &Cache, kernels: &[Kernel], modules: &str) -> Result<Command> {
    let mut command = cargo();
    // Optimised, since each kernel has a hundred thousand types; but with the checks that find an overflow.
    command
        .args(["test", "--release", "-p", "bpf-btf", "--test", "kernels_oracle"])
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
        .env("BPF_KERNEL_BTF", folders(cache, kernels)?)
        .env("BPF_KERNEL_BTF_MODULES", modules);
    Ok(command)
}
