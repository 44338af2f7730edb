//! Kprobes: any instruction of the kernel; kretprobes: the return of a function.

use std::ffi::CString;

use bpf_sys::abi::ProgramType;
use bpf_sys::perf::{self, KprobePlace};
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::{Error, ErrorKind};
use crate::event::{self, Event, PerfAttachMode};
use crate::kallsyms;
use crate::link::Link;
use crate::pmu;
use crate::probe_event::{Definition, ProbeKind};
use crate::probe_options::ProbeEventSource;
use crate::probe_point::ProbePoint;

static HOOK: Hook = Hook {
    feature: Feature::new("programs on kprobes", 4, 1),
    programs: &[ProgramType::KPROBE],
    privilege: PERFMON,
};

/// How to attach to a kprobe or kretprobe.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KprobeOptions {
    /// Value that `bpf_get_attach_cookie` returns in the program (since Linux 5.15).
    pub cookie: Option<u64>,
    /// For kretprobes: how many calls of the function can be under way at a time; more are missed. The kernel's default
    /// depends on the number of CPUs. Makes the event through the trace file system.
    pub max_active: Option<u32>,
    /// What the event is made with.
    pub source: ProbeEventSource,
    /// Link or `ioctl`.
    pub attach: PerfAttachMode,
}

impl KprobeOptions {
    /// Sets the cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: u64) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// Sets how many calls a kretprobe can follow at a time.
    #[must_use]
    pub fn with_max_active(mut self, calls: u32) -> Self {
        self.max_active = Some(calls);
        self
    }

    /// Sets what the event is made with.
    #[must_use]
    pub fn with_source(mut self, source: ProbeEventSource) -> Self {
        self.source = source;
        self
    }

    /// Sets link or `ioctl`.
    #[must_use]
    pub fn with_attach(mut self, attach: PerfAttachMode) -> Self {
        self.attach = attach;
        self
    }
}

/// Attaches a program to an instruction of the kernel, in general the start of a function (since Linux 4.1).
///
/// The function is one of `/proc/kallsyms`, in a module as `MODULE:FUNCTION`. Before Linux 4.17 it falls back to a
/// probe event of the trace file system, before 5.15 to `ioctl`.
#[doc(alias = "bpf_program__attach_kprobe_opts")]
pub fn attach_kprobe(
    program: &impl AsProgFd,
    point: &ProbePoint,
    options: &KprobeOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), point, false, options)
}

/// Attaches a program to the return of a kernel function (since Linux 4.1). As [`attach_kprobe`], without an offset.
#[doc(alias = "bpf_program__attach_kprobe_opts")]
pub fn attach_kretprobe(
    program: &impl AsProgFd,
    point: &ProbePoint,
    options: &KprobeOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), point, true, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    point: &ProbePoint,
    on_return: bool,
    options: &KprobeOptions,
) -> Result<Link, Error> {
    let what = if on_return { "kretprobe" } else { "kprobe" };
    let attempt = Attempt::new(program, &HOOK, format!("attaching to {what} `{point}`"));
    let invalid = |advice: &str| Err(attempt.refuse(ErrorKind::Invalid).with_advice(advice));
    if let ProbePoint::Symbol { name, offset } = point {
        if !is_kernel_symbol(name) {
            return invalid("not a name of a kernel function");
        }
        if on_return && *offset != 0 {
            return invalid("a return has no offset");
        }
    }
    let source = match (options.max_active, options.source) {
        (Some(_), _) if !on_return => return invalid("max_active is for kretprobes"),
        (Some(_), ProbeEventSource::Pmu) => {
            return invalid("max_active needs the trace file system");
        }
        (Some(_), _) => ProbeEventSource::Tracefs,
        (None, source) => source,
    };
    let event = match source {
        ProbeEventSource::Tracefs => by_tracefs(&attempt, point, on_return, options.max_active),
        _ if pmu::exists(ProbeKind::Kprobe) => by_pmu(&attempt, point, on_return),
        ProbeEventSource::Auto => by_tracefs(&attempt, point, on_return, None),
        ProbeEventSource::Pmu => Err(attempt.refuse(pmu::feature(ProbeKind::Kprobe).missing())),
    }
    .map_err(|error| explain(error, point))?;
    event::attach(&attempt, event, options.cookie, options.attach)
}

fn by_pmu(attempt: &Attempt<'_>, point: &ProbePoint, on_return: bool) -> Result<Event, Error> {
    let symbol;
    let place = match point {
        ProbePoint::Absolute(address) => KprobePlace::Address(*address),
        ProbePoint::Symbol { name, offset } => {
            let Ok(name) = CString::new(name.as_str()) else {
                return Err(attempt.refuse(ErrorKind::Invalid));
            };
            symbol = name;
            KprobePlace::Symbol(&symbol, *offset)
        }
    };
    let event = perf::Event::Kprobe { place, at_return: on_return };
    event::open(attempt, &event, event::ANY_PROCESS)
}

fn by_tracefs(
    attempt: &Attempt<'_>,
    point: &ProbePoint,
    on_return: bool,
    max_active: Option<u32>,
) -> Result<Event, Error> {
    let (subject, offset) = match point {
        ProbePoint::Symbol { name, offset } => (name.as_str(), *offset),
        ProbePoint::Absolute(address) => ("address", *address),
    };
    let definition = Definition {
        kind: ProbeKind::Kprobe,
        on_return,
        max_active,
        subject,
        offset,
        location: &point.to_string(),
    };
    event::open_probe_event(attempt, &definition, event::ANY_PROCESS)
}

/// Number 99 everywhere but on MIPS and SPARC, where the advice is missed.
const EADDRNOTAVAIL: Errno = Errno(99);

/// The mechanisms and kernels differ in what they answer to a name that they do not take; the list of symbols tells.
fn explain(error: Error, point: &ProbePoint) -> Error {
    let ProbePoint::Symbol { name, offset } = point else { return error };
    let several =
        "several functions have this name: probe the one to use by its address in /proc/kallsyms";
    match error.errno() {
        Some(EADDRNOTAVAIL) => error.with_kind(ErrorKind::Invalid).with_advice(several),
        Some(Errno::EINVAL | Errno::ENOENT) => match kallsyms::count(name) {
            Some(0) => error
                .with_kind(ErrorKind::NotFound)
                .with_advice("the kernel has no symbol of that name, see /proc/kallsyms"),
            Some(1) if *offset == 0 => error.with_kind(ErrorKind::Invalid).with_advice(
                "the function cannot be probed, see /sys/kernel/debug/kprobes/blacklist",
            ),
            Some(2..) => error.with_advice(several),
            _ => error,
        },
        Some(Errno::EILSEQ) => error.with_advice("no instruction starts at this offset"),
        _ => error,
    }
}

/// Characters of kernel symbols, and the `:` between module and function. Whatever else there is must not reach the
/// trace file system, where a line break starts another command.
fn is_kernel_symbol(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | ':');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_symbols_reach_the_kernel() {
        for (name, good) in [
            ("do_unlinkat", true),
            ("__x64_sys_getpid", true),
            ("f.isra.0", true),
            ("nf_conntrack:nf_conntrack_in", true),
            ("", false),
            ("1f", false),
            ("f g", false),
            ("f\np:x y", false),
            ("f+1", false),
            ("../f", false),
            ("f\0", false),
        ] {
            assert_eq!(is_kernel_symbol(name), good, "{name:?}");
        }
    }
}
