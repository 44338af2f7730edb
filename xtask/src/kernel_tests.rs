//! The tests that need a kernel: built once as static programs, run on this machine and in guests.
//!
//! A crate may have two integration tests that plain `cargo test` leaves out: `kernel` may run on any machine (as root),
//! `guest` attaches to hooks that concern the whole machine, so it runs only in a guest.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::initramfs::{self, Payload};
use crate::kernels::Kernel;
use crate::libtest::{self, Counts};
use crate::metadata;
use crate::process::{self, cargo, quote};
use crate::progress::Steps;
use crate::qemu::{Ending, Guest, Host, Run};

/// The target of static programs. Naming it keeps their build apart from the machine's own.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What network tests attach to; absent ones are a note, not a failure.
const MODULES: [&str; 5] = ["veth", "dummy", "tun", "sch_ingress", "cls_bpf"];

/// A static test program.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) krate: String,
    pub(crate) test: String,
    pub(crate) path: PathBuf,
}

impl Binary {
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.krate, self.test)
    }
}

/// Crates whose work is most of what the tests do besides system calls: optimised a little, or an emulated guest takes several times as
/// long. All checks that a test has stay.
const OPTIMISED: [&str; 3] = ["bpf-asm", "bpf-btf", "bpf-elf"];

/// cargo, set to build static programs.
pub(crate) fn static_cargo(task: &[&str]) -> Command {
    let mut command = cargo();
    command.args(task).args(["--target", TARGET]);
    for package in OPTIMISED {
        command.arg("--config").arg(format!("profile.dev.package.{package}.opt-level=1"));
    }
    command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-C target-feature=+crt-static");
    command
}

/// The programs among cargo's JSON messages, as (package folder, target, path).
pub(crate) fn executables(messages: &str) -> Vec<(String, String, PathBuf)> {
    let string = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    };
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let path = PathBuf::from(string(&message, "/executable")?);
        let manifest = PathBuf::from(string(&message, "/manifest_path")?);
        let folder = manifest.parent()?.file_name()?.to_string_lossy().into_owned();
        Some((folder, string(&message, "/target/name")?, path))
    };
    messages.lines().filter_map(executable).collect()
}

/// Builds the test programs of every crate that has them.
pub(crate) fn build(steps: &Steps) -> Result<Vec<Binary>> {
    let tests = metadata::tests_named(&metadata::packages()?, &["kernel", "guest"]);
    if tests.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = static_cargo(&[
        "test",
        "--no-run",
        "--all-features",
        "--message-format=json-render-diagnostics",
    ]);
    let mut names: Vec<_> = tests.iter().map(|(_, test)| test.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        command.args(["--test", name]);
    }
    let mut crates: Vec<_> = tests.iter().map(|(krate, _)| krate.as_str()).collect();
    crates.dedup();
    for krate in crates {
        command.args(["-p", krate]);
    }
    let binaries: Vec<_> = executables(&steps.command(&mut command)?)
        .into_iter()
        .map(|(krate, test, path)| Binary { krate, test, path })
        .filter(|binary| tests.contains(&(binary.krate.clone(), binary.test.clone())))
        .collect();
    ensure!(
        binaries.len() == tests.len(),
        "cargo built {} of {} test programs",
        binaries.len(),
        tests.len()
    );
    for binary in &binaries {
        initramfs::check_program(&binary.path)?;
    }
    Ok(binaries)
}

/// Why the kernel tests cannot run on this machine; nothing when they can.
pub(crate) fn not_here() -> Option<String> {
    if !process::is_root() {
        return Some("not root".to_owned());
    }
    let tried = ["unshare", "bpftool"].into_iter().find(|program| !initramfs::in_path(program));
    if let Some(program) = tried {
        return Some(format!("{program} is not installed"));
    }
    let refused = process::capture(Command::new("bpftool").args(["prog", "show"])).err()?;
    Some(format!("bpf(2) does not work: {refused}"))
}

/// Runs one program on this machine, in mount and network namespaces of its own: bpffs, cgroup2 and `lo` as in a guest,
/// and nothing left behind.
pub(crate) fn run_here(
    steps: &Steps,
    binary: &Binary,
    busybox: &Path,
    arguments: &[String],
) -> Result<Counts> {
    let busybox = quote(&busybox.display().to_string());
    // What is hidden below a mount is still listed as mounted: it goes, in this namespace.
    let script = format!(
        "umount -R -l /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup \
         && mount -t bpf bpf /sys/fs/bpf && {busybox} ip link set lo up || exit 99
         ulimit -l unlimited 2>/dev/null
         exec \"$@\""
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--propagation", "private", "sh", "-c", &script, "sh"]);
    command.arg(&binary.path).args(["--test-threads=1", "--nocapture"]).args(arguments);
    let (output, status) = steps.watch(&mut command)?;
    let counts = judge(&binary.name(), &output, status.code());
    if !counts.failed.is_empty() {
        steps.say(output.trim_end());
    }
    Ok(counts)
}

/// Runs the programs in one guest. What it printed comes back with the counts.
pub(crate) fn run_in_guest(
    host: &Host,
    kernel: &Kernel,
    binaries: &[Binary],
    arguments: &[String],
    timeout: Duration,
) -> Result<(Counts, String, Run)> {
    let guest = Guest {
        payload: binaries
            .iter()
            .map(|binary| Payload {
                source: binary.path.clone(),
                destination: format!("t/{}", binary.name()),
            })
            .collect(),
        modules: MODULES.map(str::to_owned).to_vec(),
        timeout,
        // Without this 5.10 loads LSM programs but never runs them.
        append: "lsm=lockdown,yama,apparmor,bpf".to_owned(),
        ..Guest::new(kernel, &script(binaries, arguments))
    };
    let mut output = Vec::new();
    let run =
        host.run(&guest, host.accel(kernel)?, &mut |bytes| output.extend_from_slice(bytes))?;
    let output = String::from_utf8_lossy(&output).into_owned();
    let mut counts = sections(binaries, &output);
    match run.ending {
        Ending::Exited(0) => {}
        Ending::Exited(status) => {
            counts.add(Counts::failure(format!("the guest's script ended with {status}")));
        }
        Ending::TimedOut => counts.add(Counts::failure("the guest's time was over")),
        Ending::Died => counts.add(Counts::failure("the guest died")),
    }
    for failed in &mut counts.failed {
        *failed = format!("{}: {failed}", kernel.name);
    }
    Ok((counts, output, run))
}

const BEGIN: &str = "@binary ";
const END: &str = "@status ";

fn script(binaries: &[Binary], arguments: &[String]) -> String {
    let words: Vec<_> = arguments.iter().map(|argument| quote(argument)).collect();
    let arguments = words.join(" ");
    let mut script = String::from("export RUST_BACKTRACE=1\n");
    for binary in binaries {
        let name = binary.name();
        // Writing to a string does not fail.
        let _ = write!(
            script,
            "echo '{BEGIN}{name}'\n./{name} --test-threads=1 --nocapture {arguments}\nstatus=$?\n\
             echo\necho \"{END}$status\"\n"
        );
    }
    script.push_str("exit 0\n");
    script
}

/// Judges the output of each program by itself.
fn sections(binaries: &[Binary], output: &str) -> Counts {
    let mut counts = Counts::default();
    for binary in binaries {
        let heading = format!("{BEGIN}{}\n", binary.name());
        let Some((_, rest)) = output.split_once(&heading) else {
            counts.add(Counts::failure(format!("{} was not run", binary.name())));
            continue;
        };
        let (body, status) = match rest.split_once(END) {
            Some((body, status)) => {
                (body, status.lines().next().and_then(|text| text.trim().parse().ok()))
            }
            None => (rest, None),
        };
        counts.add(judge(&binary.name(), body, status));
    }
    counts
}

/// The tests of one program: no summary, no test at all, or a status that the summary does not explain is a failure.
fn judge(name: &str, output: &str, status: Option<i32>) -> Counts {
    let mut counts = libtest::parse(name, output);
    let status_text = status.map_or("no status".to_owned(), |status| format!("status {status}"));
    if !libtest::has_summary(output) {
        let last =
            output.lines().rev().find_map(|line| line.strip_prefix("test ")).unwrap_or("no test");
        let last = last.split(" ... ").next().unwrap_or(last);
        counts
            .failed
            .push(format!("{name} ended without a summary ({status_text}); last begun: {last}"));
    } else if status != Some(0) && counts.failed.is_empty() {
        counts.failed.push(format!("{name} ended with {status_text}"));
    } else if output.contains("running 0 tests\n") && output.contains("; 0 filtered out") {
        counts.failed.push(format!("{name} has no tests"));
    }
    counts
}

/// The kernels of a comma-separated list, fetched where they are missing.
pub(crate) fn kernels(host: &Host, names: &[String]) -> Result<Vec<Kernel>> {
    let resolve = |name: &String| crate::kernels::resolve(&host.cache, name);
    names.iter().map(resolve).collect::<Result<_>>().context("a guest kernel is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(test: &str) -> Binary {
        Binary { krate: "a".into(), test: test.into(), path: PathBuf::from("/x") }
    }

    const GOOD: &str = "\nrunning 1 test\ntest t ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";

    #[test]
    fn each_program_is_judged_by_its_summary_and_its_status() {
        let empty = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let failed = GOOD.replace("ok. 1 passed; 0 failed", "FAILED. 0 passed; 1 failed");
        let rows = [
            (GOOD, Some(0), 1, 0),
            (GOOD, Some(1), 1, 1),
            (GOOD, None, 1, 1),
            (&failed, Some(101), 0, 1),
            ("running 1 test\ntest t ... ", Some(139), 0, 1),
            (empty, Some(0), 0, 1),
            (&empty.replace("; 0 filtered", "; 3 filtered"), Some(0), 0, 0),
            ("sh: ./x: not found\n", Some(127), 0, 1),
        ];
        for (output, status, passed, failed) in rows {
            let counts = judge("x", output, status);
            assert_eq!(
                (counts.passed, counts.failed.len()),
                (passed, failed),
                "{output:?} {status:?}"
            );
        }
        let died = judge("x", "test a ... ok\ntest b ... ", None);
        assert_eq!(died.failed, ["x ended without a summary (no status); last begun: b"]);
    }

    #[test]
    fn programs_of_one_guest_are_told_apart() {
        let binaries = [binary("kernel"), binary("guest")];
        let both =
            format!("@binary a-kernel\n{GOOD}\n@status 0\n@binary a-guest\n{GOOD}\n@status 0\n");
        assert_eq!(sections(&binaries, &both), Counts { passed: 2, ..Counts::default() });
        // The guest died within the first one.
        let died = sections(&binaries, "@binary a-kernel\ntest t ... ");
        assert_eq!((died.passed, died.failed.len()), (0, 2));
        assert_eq!(died.failed[1], "a-guest was not run");
    }

    #[test]
    fn the_script_gives_the_status_of_each_program() {
        let folder = tempfile::tempdir().unwrap();
        for (test, text) in [("kernel", "echo out $*; exit 3"), ("guest", "exit 0")] {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join(binary(test).name());
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let script = script(&[binary("kernel"), binary("guest")], &["a b".to_owned()]);
        let output =
            process::capture(Command::new("sh").args(["-c", &script]).current_dir(folder.path()))
                .unwrap();
        let expected = "@binary a-kernel\nout --test-threads=1 --nocapture a b\n\n@status 3\n@binary a-guest\n\n@status 0\n";
        assert_eq!(output, expected);
    }

    #[test]
    fn executables_are_read_from_cargo_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/w/bpf-sys/Cargo.toml\",\
            \"target\":{\"name\":\"kernel\"},\"executable\":\"/t/kernel-1\"}\nwords\n\
            {\"reason\":\"compiler-artifact\",\"manifest_path\":\"/w/x/Cargo.toml\",\"target\":{\"name\":\"x\"},\"executable\":null}\n";
        assert_eq!(
            executables(messages),
            [("bpf-sys".to_owned(), "kernel".to_owned(), PathBuf::from("/t/kernel-1"))]
        );
    }
}
