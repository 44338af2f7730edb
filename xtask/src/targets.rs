//! `targets`: the crates that work on any system, built for systems that this machine is not; and the proof that
//! those that promise `no_std` keep it.
//!
//! The compiler is the oldest that the crates promise, from Debian, since its packages hold standard libraries of other
//! targets. Nothing is linked: a library needs no linker.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cache::Cache;
use crate::ending;
use crate::libtest::Counts;
use crate::metadata;
use crate::msrv;
use crate::process::{cargo, describe};
use crate::progress::{Outcome, Steps};

/// Crates that need no kernel to do their work.
const ANYWHERE: [&str; 4] = ["bpf-asm", "bpf-btf", "bpf-elf", "bpf-sys"];
/// Crates that promise to need no more than `core` and `alloc`.
const NO_STD: [&str; 2] = ["bpf-asm", "bpf-btf"];
/// One that makes no such promise: the proof must fail on it, or it proves nothing.
const STD: &str = "bpf-elf";

/// Where a target's standard library comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// Debian's name of the architecture.
    Architecture(&'static str),
    Wasm,
}

const TARGETS: [(&str, Source); 3] = [
    ("aarch64-unknown-linux-gnu", Source::Architecture("arm64")),
    ("s390x-unknown-linux-gnu", Source::Architecture("s390x")),
    ("wasm32-unknown-unknown", Source::Wasm),
];

/// A crate with a panic handler, which `std` has too: the compiler refuses both in one crate, however deep `std` hides.
const PROBE: &str = "#![no_std]\nextern crate CRATE as _;\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }\n";

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("targets", step);
    if steps.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The step of `test`.
pub(crate) fn step(steps: &Steps) -> Result<Outcome> {
    let mut total = Counts::default();
    for name in NO_STD {
        ensure!(!links_std(steps, name)?, "{name} promises no_std, and something in it needs std");
        total.add(Counts::one());
    }
    ensure!(links_std(steps, STD)?, "the proof of no_std would let {STD} pass, which uses std");
    let cache = Cache::open()?;
    for (target, source) in TARGETS {
        let rustc = match source {
            Source::Architecture(name) => msrv::for_architecture(&cache, name)?,
            Source::Wasm => msrv::for_wasm(&cache)?,
        };
        steps.doing(target);
        total.add(build(steps, target, &rustc)?);
    }
    Ok(Outcome::Counted(total))
}

fn build(steps: &Steps, target: &str, rustc: &Path) -> Result<Counts> {
    let mut command = cargo();
    command.env("RUSTC", rustc).args(["build", "--lib", "--ignore-rust-version"]);
    command.args(["--target", target, "--target-dir"]);
    // Another compiler's artefacts are not those of this machine's.
    command.arg(metadata::target_folder()?.join("targets"));
    for name in ANYWHERE {
        command.args(["-p", name]);
    }
    Ok(match steps.command(&mut command) {
        Ok(_) => Counts::one(),
        Err(error) => {
            steps.say(&format!("{error:#}"));
            Counts::failure(describe(&command))
        }
    })
}

/// Whether a crate without default features, or anything it depends on, needs the standard library.
fn links_std(steps: &Steps, name: &str) -> Result<bool> {
    let mut command = cargo();
    command.args(["build", "--lib", "--no-default-features", "-p", name]);
    command.arg("--message-format=json-render-diagnostics");
    let messages = steps.command(&mut command)?;
    let library = library(&messages, name)
        .with_context(|| format!("cargo does not tell where the library of {name} is"))?;
    let dependencies = library.parent().context("a library in no folder")?.join("deps");
    let name = name.replace('-', "_");
    let mut command = Command::new("rustc");
    command.args([
        "--edition=2024",
        "--crate-type=lib",
        "--crate-name=probe",
        "--emit=metadata",
        "-o",
    ]);
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    command.arg(scratch.path().join("libprobe.rmeta")).arg("--extern");
    command.arg(format!("{name}={}", library.display()));
    command.arg("-L").arg(format!("dependency={}", dependencies.display())).arg("-");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ending::spawn(&mut command).context("cannot start rustc")?;
    let mut input = child.stdin.take().context("rustc without standard input")?;
    input.write_all(PROBE.replace("CRATE", &name).as_bytes()).context("rustc took no source")?;
    drop(input);
    let output = child.wait_with_output().context("rustc did not end")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let twice = errors.contains("E0152") && errors.contains("panic_impl");
    ensure!(
        output.status.success() || twice,
        "the probe of {name} failed for another reason: {errors}"
    );
    Ok(twice)
}

/// The library that cargo's messages name for a package.
fn library(messages: &str, name: &str) -> Option<PathBuf> {
    let file = format!("lib{}.rlib", name.replace('-', "_"));
    messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str);
        files.map(PathBuf::from).find(|path| path.file_name().is_some_and(|last| *last == *file))
    })
}
