//! Uprobes: any instruction of a file that processes execute; uretprobes: the return of a function.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use bpf_sys::abi::ProgramType;
use bpf_sys::perf::{self, Scope};
use bpf_sys::{AsProgFd, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::binary_path;
use crate::elf::{Image, ImageError, SymbolError};
use crate::error::{Error, ErrorKind};
use crate::event::{self, Event, PerfAttachMode};
use crate::link::Link;
use crate::pmu;
use crate::probe_event::{Definition, ProbeKind};
use crate::probe_options::ProbeEventSource;
use crate::probe_point::ProbePoint;

static HOOK: Hook = Hook {
    feature: Feature::new("programs on uprobes", 4, 1),
    programs: &[ProgramType::KPROBE],
    privilege: PERFMON,
};

/// Which processes a uprobe is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UprobeProcess {
    /// All that execute the file.
    #[default]
    Any,
    /// Only this one.
    Current,
    /// Only the one with this id in the caller's pid namespace.
    Pid(u32),
}

/// How to attach to a uprobe or uretprobe.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UprobeOptions {
    /// Value that `bpf_get_attach_cookie` returns in the program (since Linux 5.15).
    pub cookie: Option<u64>,
    /// Which processes.
    pub process: UprobeProcess,
    /// File offset of a 16-bit counter that the kernel keeps above zero while the probe exists: the semaphore of a USDT
    /// probe (since Linux 4.20).
    pub reference_counter: Option<u64>,
    /// What the event is made with.
    pub source: ProbeEventSource,
    /// Link or `ioctl`.
    pub attach: PerfAttachMode,
}

impl UprobeOptions {
    /// Sets the cookie.
    #[must_use]
    pub fn with_cookie(mut self, cookie: u64) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// Sets which processes are probed.
    #[must_use]
    pub fn with_process(mut self, process: UprobeProcess) -> Self {
        self.process = process;
        self
    }

    /// Sets the file offset of the reference counter.
    #[must_use]
    pub fn with_reference_counter(mut self, offset: u64) -> Self {
        self.reference_counter = Some(offset);
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

/// Attaches a program to an instruction of an executable or library (since Linux 4.1).
///
/// A `binary` without `/` is searched: with `.so` in the name in `LD_LIBRARY_PATH` and the library folders, otherwise in `PATH`,
/// `/usr/bin` and `/usr/sbin`. Functions are looked up in the symbol tables of the 64-bit ELF file; for a stripped file give
/// the offset in the file.
#[doc(alias = "bpf_program__attach_uprobe_opts")]
pub fn attach_uprobe(
    program: &impl AsProgFd,
    binary: impl AsRef<Path>,
    point: &ProbePoint,
    options: &UprobeOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), binary.as_ref(), point, false, options)
}

/// Attaches a program to the return of a function of an executable or library (since Linux 4.1). As
/// [`attach_uprobe`], where the point is the start of a function.
#[doc(alias = "bpf_program__attach_uprobe_opts")]
pub fn attach_uretprobe(
    program: &impl AsProgFd,
    binary: impl AsRef<Path>,
    point: &ProbePoint,
    options: &UprobeOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), binary.as_ref(), point, true, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    binary: &Path,
    point: &ProbePoint,
    on_return: bool,
    options: &UprobeOptions,
) -> Result<Link, Error> {
    let what = if on_return { "uretprobe" } else { "uprobe" };
    let action = format!("attaching to {what} `{point}` of `{}`", binary.display());
    let attempt = Attempt::new(program, &HOOK, action);
    if on_return && matches!(point, ProbePoint::Symbol { offset: 1.., .. }) {
        let advice = "a return has no offset";
        return Err(attempt.refuse(ErrorKind::Invalid).with_advice(advice));
    }
    let (path, file) = open(attempt.action(), binary)?;
    let offsets = file_offsets(attempt.action(), &file, std::slice::from_ref(point))?;
    let offset = offsets.first().copied().unwrap_or_default();
    let target = Target {
        path: &path,
        file: &file,
        offset,
        on_return,
        reference_counter: options.reference_counter.filter(|offset| *offset != 0),
        scope: match options.process {
            UprobeProcess::Any => event::ANY_PROCESS,
            UprobeProcess::Current => Scope::Process(0),
            UprobeProcess::Pid(pid) => Scope::Process(pid),
        },
    };
    let event = match options.source {
        ProbeEventSource::Tracefs => by_tracefs(&attempt, &target),
        _ if pmu::exists(ProbeKind::Uprobe) => by_pmu(&attempt, &target),
        ProbeEventSource::Auto => by_tracefs(&attempt, &target),
        ProbeEventSource::Pmu => Err(attempt.refuse(pmu::feature(ProbeKind::Uprobe).missing())),
    }?;
    event::attach(&attempt, event, options.cookie, options.attach)
}

/// The file behind a name, by the search rules.
pub(crate) fn open(action: &str, binary: &Path) -> Result<(PathBuf, File), Error> {
    let path = binary_path::resolve(binary).ok_or_else(|| {
        Error::new(action, ErrorKind::NotFound).with_advice(binary_path::searched(binary))
    })?;
    match File::open(&path) {
        Ok(file) => Ok((path, file)),
        Err(error) => Err(Error::from_io(action, error)),
    }
}

/// The offsets in the file that points mean. The file is read only if one is a symbol.
pub(crate) fn file_offsets(
    action: &str,
    file: &File,
    points: &[ProbePoint],
) -> Result<Vec<u64>, Error> {
    let mut image = None;
    let mut resolve = |point: &ProbePoint| match point {
        ProbePoint::Absolute(offset) => Ok(*offset),
        ProbePoint::Symbol { name, offset } => {
            let image = match &mut image {
                Some(image) => image,
                none => none.insert(Image::new(file)?),
            };
            image.function_offset(name)?.checked_add(*offset).ok_or(SymbolError::Offset(*offset))
        }
    };
    let offsets: Result<Vec<u64>, SymbolError> = points.iter().map(&mut resolve).collect();
    offsets.map_err(|error| symbol_failed(action, error))
}

pub(crate) fn symbol_failed(action: &str, error: SymbolError) -> Error {
    let advice = error.to_string();
    match error {
        SymbolError::Image(ImageError::Io(error)) => Error::from_io(action, error),
        SymbolError::NotFound(_) | SymbolError::NoSymbols => {
            Error::new(action, ErrorKind::NotFound)
        }
        SymbolError::Image(_) | SymbolError::Ambiguous { .. } | SymbolError::Offset(_) => {
            Error::new(action, ErrorKind::Invalid)
        }
    }
    .with_advice(advice)
}

/// A place in an open file, and for whom it is probed.
struct Target<'a> {
    path: &'a Path,
    file: &'a File,
    offset: u64,
    on_return: bool,
    reference_counter: Option<u64>,
    scope: Scope,
}

fn by_pmu(attempt: &Attempt<'_>, target: &Target<'_>) -> Result<Event, Error> {
    let invalid = |advice: &str| Err(attempt.refuse(ErrorKind::Invalid).with_advice(advice));
    let Ok(path) = CString::new(target.path.as_os_str().as_bytes()) else {
        return invalid("the path holds a NUL");
    };
    let Ok(ref_ctr_offset) = u32::try_from(target.reference_counter.unwrap_or(0)) else {
        return invalid("the offset of the reference counter has more than 32 bits");
    };
    if ref_ctr_offset != 0 && !pmu::has_reference_counter() {
        return Err(attempt.refuse(pmu::REFERENCE_COUNTER.missing()));
    }
    let (offset, at_return) = (target.offset, target.on_return);
    let event = perf::Event::Uprobe { path: &path, offset, ref_ctr_offset, at_return };
    event::open(attempt, &event, target.scope)
}

fn by_tracefs(attempt: &Attempt<'_>, target: &Target<'_>) -> Result<Event, Error> {
    let text = target
        .path
        .to_str()
        .filter(|path| !path.contains(|c: char| c.is_whitespace() || c.is_control()));
    let place = match text {
        Some(path) => path.to_owned(),
        // The line is split at white space, and the path cannot be quoted; but the kernel follows this link.
        None => format!("/proc/self/fd/{}", target.file.as_raw_fd()),
    };
    let mut location = format!("{place}:{:#x}", target.offset);
    if let Some(offset) = target.reference_counter {
        location = format!("{location}({offset:#x})");
    }
    let subject = target.path.file_name().unwrap_or_default().to_string_lossy();
    let definition = Definition {
        kind: ProbeKind::Uprobe,
        on_return: target.on_return,
        max_active: None,
        subject: &subject,
        offset: target.offset,
        location: &location,
    };
    event::open_probe_event(attempt, &definition, target.scope)
}
