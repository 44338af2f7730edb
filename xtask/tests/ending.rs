//! A signal to a task ends all that the task has started.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test: its panics are failures")]

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};

/// What stands for cargo: it starts a process, one that loses its parent, and one of another session that does not mind to be asked; each
/// writes its number.
const CARGO: &str = "#!/bin/sh
exec >/dev/null 2>&1
cd \"$(dirname \"$0\")\"
sh -c 'echo $$ >child; exec sleep 1000' &
sh -c 'sh -c \"echo \\$\\$ >orphan; exec sleep 1000\" &'
setsid sh -c 'trap \"\" TERM INT; echo $$ >deaf; while :; do sleep 1; done' &
echo $$ >own
wait
";

const WRITTEN: [&str; 4] = ["own", "child", "orphan", "deaf"];

/// Time that no machine needs.
const LONG: Duration = Duration::from_secs(120);

#[test]
fn a_signal_ends_a_task_and_all_that_it_has_started() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        check(signal);
    }
}

fn check(signal: Signal) {
    let folder = tempfile::tempdir().unwrap();
    let cargo = folder.path().join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut task = Command::new(env!("CARGO_BIN_EXE_xtask"));
    task.args(["test", "format", "lint"]).env("CARGO", &cargo).env("TMPDIR", folder.path());
    let mut task = task.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let started: Vec<u32> = WRITTEN.map(|name| number(&folder.path().join(name))).into();

    let number = Pid::from_raw(i32::try_from(task.id()).unwrap()).unwrap();
    kill_process(number, signal).unwrap();
    let status = end(&mut task);
    assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
    let left: Vec<_> = started.into_iter().filter(|process| lives(*process)).collect();
    assert!(left.is_empty(), "after {signal:?} these go on: {left:?}");
    // What the task has written for itself alone is gone too.
    let mut files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.retain(|name| !WRITTEN.iter().chain(&["cargo"]).any(|known| name == known));
    assert!(files.is_empty(), "{files:?}");
}

/// The number in a file that another process is about to write.
fn number(path: &Path) -> u32 {
    let started = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if let Some(number) = text.strip_suffix('\n') {
            return number.parse().unwrap();
        }
        assert!(started.elapsed() < LONG, "{} was not written", path.display());
        thread::sleep(Duration::from_millis(10));
    }
}

fn end(task: &mut Child) -> std::process::ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = task.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < LONG, "the task goes on");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process has not ended.
fn lives(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
