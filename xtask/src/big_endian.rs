//! The crates that work on any system, on a big-endian one: built for s390x by the oldest compiler that they promise, their
//! tests run under user-mode QEMU. No kernel and no emulated machine: a system call is this machine's own.
//!
//! Doc tests stay out (Debian's package of that compiler has no rustdoc), and so do tests that plain `cargo test` leaves
//! out: what they need is not there.
use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};

use crate::cache::Cache;
use crate::initramfs::in_path;
use crate::libtest::Counts;
use crate::process::{self, cargo};
use crate::progress::{Outcome, Steps};
use crate::{apt, metadata, msrv, test};

/// Crates that read and write either byte order, whatever the host's is.
const CRATES: [&str; 3] = ["bpf-asm", "bpf-btf", "bpf-elf"];

/// Debian's name of the architecture, which packages have.
const ARCHITECTURE: &str = "s390x";
const TARGET: &str = "s390x-unknown-linux-gnu";
const LINKER: &str = "s390x-linux-gnu-gcc";
const EMULATOR: &str = "qemu-s390x-static";
/// How often each object is mutated: an emulator is some ten times slower than the machine.
const MUTATIONS: &str = "50";
/// Optimised a little, with every check that a test has: unoptimised code takes an emulator several times as long, and better optimised
/// code takes the compiler longer than it saves.
const OPTIMISED: (&str, &str) = ("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
/// A panic tells its place without it; what it costs is an eighth of the compiler's time.
const DEBUG: (&str, &str) = ("CARGO_PROFILE_DEV_DEBUG", "0");

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::new();
    steps.run("big-endian", step);
    if steps.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The step of `test`.
pub(crate) fn step(steps: &Steps) -> Result<Outcome> {
    tools()?;
    let compiler = msrv::for_architecture(&Cache::open()?, ARCHITECTURE)?;
    let target = metadata::target_folder()?.join("big-endian");
    let mut total = Counts::default();
    for package in CRATES {
        let mut command = cargo();
        command.env("RUSTC", &compiler).env("BPF_RUNNER", EMULATOR);
        command.env("BPF_MUTATIONS", MUTATIONS);
        command.env(OPTIMISED.0, OPTIMISED.1).env(DEBUG.0, DEBUG.1);
        for (key, value) in [
            ("LINKER", LINKER),
            ("RUNNER", EMULATOR),
            ("RUSTFLAGS", "-C target-feature=+crt-static"),
        ] {
            command.env(format!("CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_{key}"), value);
        }
        command.args(["test", "--no-fail-fast", "--ignore-rust-version", "--all-features"]);
        // The usual compiler's artefacts are not these.
        command.args(["--target", TARGET, "--target-dir"]).arg(&target);
        command.args(["--lib", "--bins", "--tests", "-p", package]);
        match test::counted(steps, &mut command, package)? {
            Outcome::Counted(counts) => total.add(counts),
            skipped @ Outcome::Skipped(_) => return Ok(skipped),
        }
    }
    Ok(Outcome::Counted(total))
}

/// The cross compiler that links, its C library, and the emulator.
pub(crate) fn tools() -> Result<()> {
    let needed = [(LINKER, "gcc-s390x-linux-gnu"), (EMULATOR, "qemu-user-static")];
    let mut packages: Vec<&str> =
        needed.iter().filter(|(tool, _)| !in_path(tool)).map(|(_, package)| *package).collect();
    if !has_c_library() {
        packages.push("libc6-dev-s390x-cross");
    }
    apt::install(&packages)?;
    for (tool, package) in needed {
        ensure!(in_path(tool), apt::missing(tool, package));
    }
    Ok(())
}

/// Whether the cross compiler finds a static C library: it prints a path when it does, else the bare name.
fn has_c_library() -> bool {
    let found = process::capture(Command::new(LINKER).arg("-print-file-name=libc.a"));
    found.is_ok_and(|path| path.trim_start().starts_with('/'))
}
