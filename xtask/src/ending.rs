//! The end of a task by a signal: what it has started ends with it.
//!
//! A signal that is sent to this process alone reaches none of its children, and cargo hands it on to nobody: tests and emulators would go
//! on. So this process adopts whoever loses its parent, and when it has to end it first ends all that descend from it.
use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command, ExitCode, ExitStatus, Output};
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// The signal that ends this process. Whoever starts a process holds it: none is started behind the back of whoever ends them.
static SIGNAL: RwLock<Option<i32>> = RwLock::new(None);

/// How long processes are asked before they are killed: one that installs packages should not stop in the middle.
const ASKED: Duration = Duration::from_secs(2);
/// How long this process may take to clean up behind itself.
const CLEANING: Duration = Duration::from_secs(10);

/// From here on, a signal ends all that this process has started, and then this process.
pub(crate) fn listen() -> Result<()> {
    set_child_subreaper(Some(getpid())).context("cannot adopt the children of children")?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot listen to signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            *SIGNAL.write().unwrap_or_else(PoisonError::into_inner) = Some(signal);
            let started = Instant::now();
            end_children();
            // Whatever waited for a child fails now, up to `main`, and removes its files on the way.
            thread::sleep(CLEANING.saturating_sub(started.elapsed()));
            die(signal);
        }
    });
    Ok(())
}

/// The signal that ends this process.
pub(crate) fn signal() -> Option<i32> {
    *SIGNAL.read().unwrap_or_else(PoisonError::into_inner)
}

/// The last thing that this process does: when a signal ends it, its parent shall see that.
pub(crate) fn exit(code: ExitCode) -> ExitCode {
    if let Some(signal) = signal() {
        end_children();
        die(signal);
    }
    code
}

fn die(signal: i32) {
    let _ = emulate_default_handler(signal);
}

/// Starts a process, unless this one is about to end.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let signal = SIGNAL.read().unwrap_or_else(PoisonError::into_inner);
    match *signal {
        None => command.spawn(),
        Some(signal) => Err(io::Error::other(format!("signal {signal} ends this task"))),
    }
}

/// Runs a process to its end.
pub(crate) fn status(command: &mut Command) -> io::Result<ExitStatus> {
    spawn(command)?.wait()
}

/// Runs a process to its end, and gives what it wrote to where the command has a pipe.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    spawn(command)?.wait_with_output()
}

/// Ends a child and all that it has started.
pub(crate) fn kill(child: &mut Child) -> io::Result<()> {
    let mut stopped = BTreeSet::new();
    // What stands still starts nothing that this would overlook.
    while let Some(process) = next_after(&stopped, child.id()) {
        send(process, Signal::STOP);
        stopped.insert(process);
    }
    for process in stopped {
        send(process, Signal::KILL);
    }
    child.wait().map(drop)
}

/// A process of the family that is not among these.
fn next_after(known: &BTreeSet<u32>, eldest: u32) -> Option<u32> {
    let mut family = descendants(eldest).into_iter().chain([eldest]);
    family.find(|process| !known.contains(process))
}

/// Asks all descendants to end, and kills those that do not.
fn end_children() {
    let mut asked = BTreeSet::new();
    let started = Instant::now();
    loop {
        let left = descendants(std::process::id());
        if left.is_empty() || started.elapsed() > CLEANING {
            return;
        }
        for process in left {
            if started.elapsed() > ASKED {
                send(process, Signal::KILL);
            } else if asked.insert(process) {
                send(process, Signal::TERM);
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn send(process: u32, signal: Signal) {
    // One that has ended meanwhile needs no signal.
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}

/// All living processes that descend from one.
fn descendants(eldest: u32) -> BTreeSet<u32> {
    let mut parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            Some((process, parent(&std::fs::read_to_string(entry.path().join("stat")).ok()?)?))
        })
        .collect();
    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        parents.retain(|(process, parent)| {
            let descends = *parent == eldest || found.contains(parent);
            if descends {
                found.insert(*process);
            }
            !descends
        });
        if found.len() == before {
            return found;
        }
    }
}

/// The parent in the text of /proc/PID/stat, of a process that has not ended.
fn parent(stat: &str) -> Option<u32> {
    // The name stands in brackets, and may have some of its own.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| !["Z", "X"].contains(&state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_a_process_is_behind_its_name() {
        for (stat, expected) in [
            ("12 (sh) S 7 12 1", Some(7)),
            ("12 (a) R 9 ) (b) R 7 12 1", Some(7)),
            ("12 (sh) Z 7 12 1", None),
            ("12 (sh) S", None),
            ("", None),
        ] {
            assert_eq!(parent(stat), expected, "{stat}");
        }
    }

    #[test]
    fn a_process_is_ended_with_those_that_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'sleep 1000 & sleep 1000' & setsid sleep 1000"]);
        let mut child = spawn(&mut command).unwrap();
        let family = loop {
            let family = descendants(child.id());
            if family.len() == 4 {
                break family;
            }
            thread::sleep(Duration::from_millis(10));
        };
        kill(&mut child).unwrap();
        let gone = |process: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
            stat.map_or(true, |stat| parent(&stat).is_none())
        };
        // The signal is on its way when the call returns.
        let started = Instant::now();
        while !family.iter().all(gone) {
            assert!(started.elapsed() < Duration::from_secs(60), "{family:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
