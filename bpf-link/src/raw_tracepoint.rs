//! Raw tracepoints: the arguments as the kernel passes them, without the cost of formatting.

use std::ffi::CString;

use bpf_sys::abi::ProgramType;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::{Error, ErrorKind};
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("raw tracepoints", 4, 17),
    programs: &[ProgramType::RAW_TRACEPOINT, ProgramType::RAW_TRACEPOINT_WRITABLE],
    privilege: PERFMON,
};
const COOKIE: Feature = Feature::new("cookies of raw tracepoints", 6, 10);

/// How to attach to a raw tracepoint.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RawTracepointOptions {
    /// Value that `bpf_get_attach_cookie` returns in the program (since Linux 6.10).
    pub cookie: Option<u64>,
}

impl RawTracepointOptions {
    /// Sets the cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: u64) -> Self {
        self.cookie = Some(cookie);
        self
    }
}

/// Attaches a program to a raw tracepoint by its name without category: `sched_switch` (since Linux 4.17).
#[doc(alias = "BPF_RAW_TRACEPOINT_OPEN")]
#[doc(alias = "bpf_program__attach_raw_tracepoint_opts")]
pub fn attach_raw_tracepoint(
    program: &impl AsProgFd,
    name: &str,
    options: &RawTracepointOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), name, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    name: &str,
    options: &RawTracepointOptions,
) -> Result<Link, Error> {
    let attempt = Attempt::new(program, &HOOK, format!("attaching to raw tracepoint `{name}`"));
    let Ok(c_name) = CString::new(name) else {
        return Err(attempt.refuse(ErrorKind::Invalid).with_advice("the name holds a NUL"));
    };
    let cookie = options.cookie.unwrap_or(0);
    bpf_sys::link::open_raw_tracepoint(Some(&c_name), program, cookie).map(Link::object).map_err(
        |error| {
            let errno = error.errno;
            let feature = if options.cookie.is_some() { &COOKIE } else { &HOOK.feature };
            let failure = attempt.failed_without(feature, error);
            if errno == Errno::ENOENT {
                failure.with_advice("the name goes without category: `sched_switch`")
            } else {
                failure
            }
        },
    )
}
