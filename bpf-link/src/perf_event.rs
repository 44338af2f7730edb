//! Perf events that the caller opened: counters, samples.

use std::os::fd::{AsFd, BorrowedFd};

use bpf_sys::abi::ProgramType;
use bpf_sys::{AsProgFd, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::Error;
use crate::event::{self, Event, PerfAttachMode};
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("programs on perf events", 4, 9),
    programs: &[ProgramType::PERF_EVENT, ProgramType::KPROBE, ProgramType::TRACEPOINT],
    privilege: PERFMON,
};

/// How to attach to a perf event.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PerfEventOptions {
    /// Value that `bpf_get_attach_cookie` returns in the program (since Linux 5.15).
    pub cookie: Option<u64>,
    /// Link or `ioctl`.
    pub attach: PerfAttachMode,
}

impl PerfEventOptions {
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

/// Attaches a program to an open perf event, and enables the event (since Linux 4.9).
///
/// The link holds a duplicate of the descriptor: the event stays open as long as the link.
#[doc(alias = "bpf_program__attach_perf_event_opts")]
pub fn attach_perf_event(
    program: &impl AsProgFd,
    event: &impl AsFd,
    options: &PerfEventOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), event.as_fd(), options)
}

fn attach_fd(
    program: ProgFd<'_>,
    event: BorrowedFd<'_>,
    options: &PerfEventOptions,
) -> Result<Link, Error> {
    let attempt = Attempt::new(program, &HOOK, "attaching to a perf event".to_owned());
    let event =
        event.try_clone_to_owned().map_err(|error| Error::from_io(attempt.action(), error))?;
    event::attach(&attempt, Event::new(event), options.cookie, options.attach)
}
