//! Probe events of the trace file system: how a kprobe or uprobe is made on kernels without the PMUs of that name
//! (before Linux 4.17), or where the PMU is not usable.
//!
//! Such an event is global state of the system: it stays when its maker dies. So its name says which process made it,
//! and the owner here removes it when dropped.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::tracefs::{Tracefs, TracefsError};

/// The longest name of an event, without the NUL (`MAX_EVENT_NAME_LEN` in `kernel/trace/trace.h`).
const NAME_MAX: usize = 63;
/// What the names of our events start with.
const PREFIX: &str = "bpf_link";

/// Which probe to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKind {
    Kprobe,
    Uprobe,
}

impl ProbeKind {
    /// The PMU, and the start of the file that events are made in.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            ProbeKind::Kprobe => "kprobe",
            ProbeKind::Uprobe => "uprobe",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            ProbeKind::Kprobe => "kprobe_events",
            ProbeKind::Uprobe => "uprobe_events",
        }
    }

    const fn group(self, on_return: bool) -> &'static str {
        match (self, on_return) {
            (ProbeKind::Kprobe, false) => "kprobes",
            (ProbeKind::Kprobe, true) => "kretprobes",
            (ProbeKind::Uprobe, false) => "uprobes",
            (ProbeKind::Uprobe, true) => "uretprobes",
        }
    }
}

/// What to probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition<'a> {
    pub(crate) kind: ProbeKind,
    pub(crate) on_return: bool,
    /// How many calls a kretprobe can follow at a time.
    pub(crate) max_active: Option<u32>,
    /// The readable part of the event's name.
    pub(crate) subject: &'a str,
    /// The number at the end of the event's name.
    pub(crate) offset: u64,
    /// The place, in the syntax of the file: `SYMBOL+OFFSET`, or `PATH:OFFSET(REFERENCE_COUNTER)`.
    pub(crate) location: &'a str,
}

impl Definition<'_> {
    /// The line that makes the event.
    fn line(&self, group: &str, name: &str) -> String {
        let kind = if self.on_return { "r" } else { "p" };
        let max_active = self.max_active.map(|calls| calls.to_string()).unwrap_or_default();
        format!("{kind}{max_active}:{group}/{name} {}", self.location)
    }
}

/// A probe event of ours. Dropping removes it.
#[derive(Debug)]
pub(crate) struct ProbeEvent {
    file: PathBuf,
    group: &'static str,
    name: String,
    removed: bool,
}

impl ProbeEvent {
    /// Makes the event.
    pub(crate) fn create(tracefs: &Tracefs, probe: &Definition<'_>) -> Result<Self, TracefsError> {
        let group = probe.kind.group(probe.on_return);
        // Another pid namespace may hold a process with our number, and the kernel joins probes of one name to one
        // event instead of refusing the second.
        let name = loop {
            let name = event_name(process::id(), next_number(), probe.subject, probe.offset);
            if !tracefs.has_event(group, &name) {
                break name;
            }
        };
        let file = tracefs.path(probe.kind.file());
        write_line(&file, &probe.line(group, &name))?;
        Ok(ProbeEvent { file, group, name, removed: false })
    }

    pub(crate) fn id(&self, tracefs: &Tracefs) -> Result<u64, TracefsError> {
        tracefs.event_id(self.group, &self.name)
    }

    /// Removes the event. Fails while a perf event uses it.
    pub(crate) fn remove(mut self) -> Result<(), TracefsError> {
        self.removed = true;
        self.write_removal()
    }

    /// Leaves the event where it is.
    pub(crate) fn keep(mut self) {
        self.removed = true;
    }

    fn write_removal(&self) -> Result<(), TracefsError> {
        write_line(&self.file, &format!("-:{}/{}", self.group, self.name))
    }
}

impl Drop for ProbeEvent {
    fn drop(&mut self) {
        if !self.removed {
            // Nobody is left to tell; `Link::detach` is for those who want to know.
            let _ = self.write_removal();
        }
    }
}

fn next_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// `bpf_link_PID_NUMBER_SUBJECT_0xOFFSET`, where the subject gives way when the name gets too long.
fn event_name(pid: u32, number: u32, subject: &str, offset: u64) -> String {
    let start = format!("{PREFIX}_{pid}_{number}_");
    let end = format!("_{offset:#x}");
    let room = NAME_MAX.saturating_sub(start.len()).saturating_sub(end.len());
    let subject =
        subject.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(room);
    start.chars().chain(subject).chain(end.chars()).collect()
}

fn write_line(file: &Path, line: &str) -> Result<(), TracefsError> {
    let failed = |source: io::Error| TracefsError::Write {
        path: file.to_owned(),
        line: line.to_owned(),
        source,
    };
    // Without truncation: that would remove the events of everybody.
    let mut opened = OpenOptions::new().append(true).open(file).map_err(failed)?;
    // In one write: each is parsed by itself.
    opened.write_all(format!("{line}\n").as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_process_number_and_place_in_63_characters() {
        let check = |pid, number, subject: &str, offset, expected: &str| {
            let name = event_name(pid, number, subject, offset);
            assert_eq!(name, expected, "{subject}");
            assert!(name.len() <= NAME_MAX, "{name}");
        };
        check(12, 3, "do_unlinkat", 0, "bpf_link_12_3_do_unlinkat_0x0");
        check(12, 3, "do_unlinkat", 16, "bpf_link_12_3_do_unlinkat_0x10");
        check(1, 0, "f.isra.0", 1, "bpf_link_1_0_f_isra_0_0x1");
        check(1, 0, "/usr/lib/libc-2.so", 1, "bpf_link_1_0__usr_lib_libc_2_so_0x1");
        check(1, 0, "ü/\n", 1, "bpf_link_1_0_____0x1");
        let long = "x".repeat(200);
        let room = "x".repeat(63 - "bpf_link_1_0__0x1".len());
        check(1, 0, &long, 1, &format!("bpf_link_1_0_{room}_0x1"));
        let widest = event_name(u32::MAX, u32::MAX, &long, u64::MAX);
        assert_eq!(widest.len(), NAME_MAX);
        assert!(widest.ends_with("x_0xffffffffffffffff"), "the offset stays whole: {widest}");
    }

    fn kprobe(on_return: bool, max_active: Option<u32>, location: &str) -> Definition<'_> {
        let kind = ProbeKind::Kprobe;
        Definition { kind, on_return, max_active, subject: "f", offset: 4, location }
    }

    #[test]
    fn a_definition_is_one_line_of_the_files_syntax() {
        for (on_return, max_active, location, expected) in [
            (false, None, "f+0x10", "p:g/n f+0x10"),
            (true, None, "f", "r:g/n f"),
            (true, Some(64), "f", "r64:g/n f"),
            (false, None, "/bin/sh:0x40(0x80)", "p:g/n /bin/sh:0x40(0x80)"),
        ] {
            assert_eq!(kprobe(on_return, max_active, location).line("g", "n"), expected);
        }
    }

    #[test]
    fn every_event_gets_another_number() {
        assert_ne!(next_number(), next_number());
    }

    #[test]
    fn an_event_is_appended_and_removed_when_dropped() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("events")).unwrap();
        let file = root.path().join("kprobe_events");
        std::fs::write(&file, "p:others/one f\n").unwrap();
        let tracefs = Tracefs::at(root.path());
        let make = || ProbeEvent::create(&tracefs, &kprobe(true, None, "f+0x4")).unwrap();
        let (first, second) = (make(), make());
        let names = [first.name.clone(), second.name.clone()];
        drop(first);
        second.remove().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let [a, b] = names;
        let expected = format!(
            "p:others/one f\nr:kretprobes/{a} f+0x4\nr:kretprobes/{b} f+0x4\n-:kretprobes/{a}\n-:kretprobes/{b}\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn a_line_that_cannot_be_written_is_named() {
        let root = tempfile::tempdir().unwrap();
        let tracefs = Tracefs::at(&root.path().join("none"));
        let error = ProbeEvent::create(&tracefs, &kprobe(false, None, "f+0x4")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(" f+0x4` to `"), "{text}");
    }
}
