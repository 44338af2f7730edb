//! Tracepoints, with arguments as `events/CATEGORY/NAME/format` describes them.

use bpf_sys::abi::ProgramType;
use bpf_sys::perf;
use bpf_sys::{AsProgFd, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::Error;
use crate::event::{self, PerfAttachMode};
use crate::link::Link;
use crate::tracefs::Tracefs;

static HOOK: Hook = Hook {
    feature: Feature::new("programs on tracepoints", 4, 7),
    programs: &[ProgramType::TRACEPOINT],
    privilege: PERFMON,
};

/// How to attach to a tracepoint.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TracepointOptions {
    /// Value that `bpf_get_attach_cookie` returns in the program (since Linux 5.15).
    pub cookie: Option<u64>,
    /// Link or `ioctl`.
    pub attach: PerfAttachMode,
}

impl TracepointOptions {
    /// Sets the cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: u64) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// Sets link or `ioctl`.
    #[must_use]
    pub fn with_attach(mut self, attach: PerfAttachMode) -> Self {
        self.attach = attach;
        self
    }
}

/// Attaches a program to a tracepoint: `sched`, `sched_switch` (since Linux 4.7).
///
/// Needs a mounted trace file system for the tracepoint's id. Falls back to `ioctl` before Linux 5.15, except with a cookie.
#[doc(alias = "bpf_program__attach_tracepoint_opts")]
pub fn attach_tracepoint(
    program: &impl AsProgFd,
    category: &str,
    name: &str,
    options: &TracepointOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), category, name, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    category: &str,
    name: &str,
    options: &TracepointOptions,
) -> Result<Link, Error> {
    let attempt =
        Attempt::new(program, &HOOK, format!("attaching to tracepoint `{category}/{name}`"));
    let id = Tracefs::find()
        .and_then(|tracefs| tracefs.event_id(category, name))
        .map_err(|error| error.into_error(attempt.action()))?;
    let event = event::open(&attempt, &perf::Event::Tracepoint(id), event::ANY_PROCESS)?;
    event::attach(&attempt, event, options.cookie, options.attach)
}
