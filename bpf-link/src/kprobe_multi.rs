//! Many kernel functions by one link.

use std::ffi::{CStr, CString};

use bpf_sys::abi::{AttachType, KprobeMultiFlags, ProgramType};
use bpf_sys::link::{KprobeTargets, LinkCreate, LinkOptions, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::{Error, ErrorKind};
use crate::glob;
use crate::link::Link;
use crate::traceable::{self, Found};

static HOOK: Hook = Hook {
    feature: Feature::new("kprobe multi links", 5, 18),
    programs: &[ProgramType::KPROBE],
    privilege: PERFMON,
};
const SESSION: Feature = Feature::new("kprobe sessions", 6, 10);

/// The functions that a kprobe multi link is for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum KernelFunctions<'a> {
    /// By name, as in `available_filter_functions` of the trace file system.
    Names(&'a [&'a str]),
    /// By address.
    Addresses(&'a [u64]),
    /// All traceable functions whose whole name matches: `*` stands for any characters, `?` for one. Needs a mounted trace
    /// file system. Before Linux 6.5, names that several functions have are left out.
    Matching(&'a str),
}

/// When the program of a multi link runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MultiMode {
    /// When a function is entered.
    #[default]
    Entry,
    /// When a function returns.
    Return,
    /// At both, with a cookie between the two; at entry the program decides whether it runs at the return (kernel functions since
    /// Linux 6.10, user space since 6.13). The program must be loaded for it.
    Session,
}

/// How to attach to many kernel functions.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KprobeMultiOptions {
    /// When the program runs.
    pub mode: MultiMode,
    /// One value per function, in the order of the functions, that `bpf_get_attach_cookie` returns; or none.
    pub cookies: Vec<u64>,
}

impl KprobeMultiOptions {
    /// Sets when the program runs.
    #[must_use]
    pub fn with_mode(mut self, mode: MultiMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets one cookie per function.
    #[must_use]
    pub fn with_cookies(mut self, cookies: impl Into<Vec<u64>>) -> Self {
        self.cookies = cookies.into();
        self
    }
}

/// Attaches a program to many kernel functions at once (since Linux 5.18, with `CONFIG_FPROBE`).
///
/// The program is of type kprobe and was loaded for `TRACE_KPROBE_MULTI`, or `TRACE_KPROBE_SESSION` for a session. All or nothing: one
/// unknown function fails the whole link.
#[doc(alias = "bpf_program__attach_kprobe_multi_opts")]
pub fn attach_kprobe_multi(
    program: &impl AsProgFd,
    functions: KernelFunctions<'_>,
    options: &KprobeMultiOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), functions, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    functions: KernelFunctions<'_>,
    options: &KprobeMultiOptions,
) -> Result<Link, Error> {
    let pattern = match functions {
        KernelFunctions::Names(names) => return attach_names(program, names, options),
        KernelFunctions::Addresses(addresses) => {
            return attach_targets(program, KprobeTargets::Addresses(addresses), options);
        }
        KernelFunctions::Matching(pattern) => pattern,
    };
    // The kernel finds a plain name faster than we do in its list.
    if !glob::is_pattern(pattern) {
        return attach_names(program, &[pattern], options);
    }
    let action = format!("attaching to the kernel functions `{pattern}`");
    match traceable::matching(&action, pattern)? {
        found if found.is_empty() => Err(traceable::nothing(&action, pattern)),
        Found::Addresses(addresses) => {
            attach_targets(program, KprobeTargets::Addresses(&addresses), options)
        }
        Found::Names(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            attach_names(program, &names, options)
        }
    }
}

fn attach_names(
    program: ProgFd<'_>,
    names: &[&str],
    options: &KprobeMultiOptions,
) -> Result<Link, Error> {
    let names: Result<Vec<CString>, _> = names.iter().map(|name| CString::new(*name)).collect();
    let Ok(names) = names else {
        return Err(Error::new("attaching to kernel functions", ErrorKind::Invalid)
            .with_advice("a name holds a NUL"));
    };
    let names: Vec<&CStr> = names.iter().map(CString::as_c_str).collect();
    attach_targets(program, KprobeTargets::Symbols(&names), options)
}

fn attach_targets(
    program: ProgFd<'_>,
    targets: KprobeTargets<'_>,
    options: &KprobeMultiOptions,
) -> Result<Link, Error> {
    let count = match targets {
        KprobeTargets::Symbols(names) => names.len(),
        KprobeTargets::Addresses(addresses) => addresses.len(),
        _ => 0,
    };
    let attempt = Attempt::new(program, &HOOK, format!("attaching to {count} kernel functions"));
    let invalid = |advice: &str| Err(attempt.refuse(ErrorKind::Invalid).with_advice(advice));
    if count == 0 {
        return invalid("no function is given");
    }
    if !options.cookies.is_empty() && options.cookies.len() != count {
        return invalid("the number of cookies is not that of the functions");
    }
    let (attach_type, flags) = match options.mode {
        MultiMode::Entry => (AttachType::TRACE_KPROBE_MULTI, KprobeMultiFlags::NONE),
        MultiMode::Return => (AttachType::TRACE_KPROBE_MULTI, KprobeMultiFlags::RETURN),
        MultiMode::Session => (AttachType::TRACE_KPROBE_SESSION, KprobeMultiFlags::NONE),
    };
    let mut create = LinkCreate::new(LinkSource::Program(program), Where::None, attach_type);
    create.options = LinkOptions::KprobeMulti { targets, cookies: &options.cookies, flags };
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let session = options.mode == MultiMode::Session;
        let feature = if session { &SESSION } else { &HOOK.feature };
        let failure = attempt.failed_without(feature, error);
        match (errno, failure.kind()) {
            (Errno::ESRCH, _) => failure.with_advice("a function is unknown, or given twice"),
            (Errno::EOPNOTSUPP, _) => failure.with_advice("the kernel needs CONFIG_FPROBE"),
            (Errno::EINVAL, ErrorKind::Invalid) => failure.with_advice(
                "the program must be loaded for trace_kprobe_multi (or trace_kprobe_session), and the functions be traceable",
            ),
            _ => failure,
        }
    })
}
