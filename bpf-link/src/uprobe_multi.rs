//! Many places of an executable or library by one link.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use bpf_sys::abi::{AttachType, ProgramType, UprobeMultiFlags};
use bpf_sys::link::{LinkCreate, LinkOptions, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::elf::{Image, SymbolError};
use crate::error::{Error, ErrorKind};
use crate::glob;
use crate::kprobe_multi::MultiMode;
use crate::link::Link;
use crate::probe_point::ProbePoint;
use crate::uprobe::{self, UprobeProcess};

static HOOK: Hook = Hook {
    feature: Feature::new("uprobe multi links", 6, 6),
    programs: &[ProgramType::KPROBE],
    privilege: PERFMON,
};
const SESSION: Feature = Feature::new("uprobe sessions", 6, 13);

/// How to attach to many places of a file.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UprobeMultiOptions {
    /// When the program runs.
    pub mode: MultiMode,
    /// Which processes.
    pub process: UprobeProcess,
    /// One value per place, in the order of the places, that `bpf_get_attach_cookie` returns; or none.
    pub cookies: Vec<u64>,
    /// One file offset of a reference counter per place; or none.
    pub reference_counters: Vec<u64>,
}

impl UprobeMultiOptions {
    /// Sets when the program runs.
    #[must_use]
    pub fn with_mode(mut self, mode: MultiMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets which processes are probed.
    #[must_use]
    pub fn with_process(mut self, process: UprobeProcess) -> Self {
        self.process = process;
        self
    }

    /// Sets one cookie per place.
    #[must_use]
    pub fn with_cookies(mut self, cookies: impl Into<Vec<u64>>) -> Self {
        self.cookies = cookies.into();
        self
    }

    /// Sets one file offset of a reference counter per place.
    #[must_use]
    pub fn with_reference_counters(mut self, offsets: impl Into<Vec<u64>>) -> Self {
        self.reference_counters = offsets.into();
        self
    }
}

/// Attaches a program to many places of an executable or library at once (since Linux 6.6).
///
/// The program is of type kprobe and was loaded for `TRACE_UPROBE_MULTI`, or `TRACE_UPROBE_SESSION` for a session. The binary is
/// found as in [`attach_uprobe`](crate::attach_uprobe).
#[doc(alias = "bpf_program__attach_uprobe_multi")]
pub fn attach_uprobe_multi(
    program: &impl AsProgFd,
    binary: impl AsRef<Path>,
    points: &[ProbePoint],
    options: &UprobeMultiOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), binary.as_ref(), points, options)
}

/// The functions of an executable or library whose whole name matches, for [`attach_uprobe_multi`]: `*` stands for any
/// characters, `?` for one.
///
/// Each place is given once, as a file offset in ascending order. The binary is found as in
/// [`attach_uprobe`](crate::attach_uprobe). No match is an error of kind [`ErrorKind::NotFound`].
pub fn binary_functions(binary: impl AsRef<Path>, pattern: &str) -> Result<Vec<ProbePoint>, Error> {
    let binary = binary.as_ref();
    let action = format!("looking for the functions `{pattern}` of `{}`", binary.display());
    let (_, file) = uprobe::open(&action, binary)?;
    let offsets = Image::new(&file)
        .map_err(SymbolError::from)
        .and_then(|image| image.function_offsets(|name| glob::matches(pattern.as_bytes(), name)))
        .map_err(|error| uprobe::symbol_failed(&action, error))?;
    if offsets.is_empty() {
        return Err(Error::new(action, ErrorKind::NotFound));
    }
    Ok(offsets.into_iter().map(ProbePoint::absolute).collect())
}

fn attach_fd(
    program: ProgFd<'_>,
    binary: &Path,
    points: &[ProbePoint],
    options: &UprobeMultiOptions,
) -> Result<Link, Error> {
    let count = points.len();
    let action = format!("attaching to {count} places of `{}`", binary.display());
    let attempt = Attempt::new(program, &HOOK, action);
    let invalid = |advice: &str| Err(attempt.refuse(ErrorKind::Invalid).with_advice(advice));
    if count == 0 {
        return invalid("no place is given");
    }
    for (values, advice) in [
        (&options.cookies, "the number of cookies is not that of the places"),
        (&options.reference_counters, "the number of reference counters is not that of the places"),
    ] {
        if !values.is_empty() && values.len() != count {
            return invalid(advice);
        }
    }
    let (path, file) = uprobe::open(attempt.action(), binary)?;
    let offsets = uprobe::file_offsets(attempt.action(), &file, points)?;
    let Ok(c_path) = CString::new(path.as_os_str().as_bytes()) else {
        return invalid("the path holds a NUL");
    };
    let (attach_type, flags) = match options.mode {
        MultiMode::Entry => (AttachType::TRACE_UPROBE_MULTI, UprobeMultiFlags::NONE),
        MultiMode::Return => (AttachType::TRACE_UPROBE_MULTI, UprobeMultiFlags::RETURN),
        MultiMode::Session => (AttachType::TRACE_UPROBE_SESSION, UprobeMultiFlags::NONE),
    };
    let mut create = LinkCreate::new(LinkSource::Program(program), Where::None, attach_type);
    create.options = LinkOptions::UprobeMulti {
        path: &c_path,
        offsets: &offsets,
        ref_ctr_offsets: &options.reference_counters,
        cookies: &options.cookies,
        pid: match options.process {
            UprobeProcess::Any => 0,
            UprobeProcess::Current => std::process::id(),
            UprobeProcess::Pid(pid) => pid,
        },
        flags,
    };
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let session = options.mode == MultiMode::Session;
        let feature = if session { &SESSION } else { &HOOK.feature };
        let failure = attempt.failed_without(feature, error);
        match (errno, failure.kind()) {
            (Errno::ESRCH, _) => failure.with_advice("there is no such process"),
            (Errno::EINVAL, ErrorKind::Invalid) => failure.with_advice(
                "the program must be loaded for trace_uprobe_multi (or trace_uprobe_session)",
            ),
            _ => failure,
        }
    })
}
