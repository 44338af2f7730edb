//! Programs on perf events: by a link where the kernel has it, otherwise by `ioctl`.

use std::os::fd::{AsFd as _, OwnedFd};

use bpf_sys::abi::AttachType;
use bpf_sys::link::{LinkCreate, LinkOptions, LinkSource};
use bpf_sys::perf::{self, Scope};
use bpf_sys::prog::Where;
use bpf_sys::{Errno, SysError};

use crate::attempt::{Attempt, Feature};
use crate::error::{Error, ErrorKind};
use crate::legacy::Kind;
use crate::link::Link;
use crate::probe_event::{Definition, ProbeEvent};
use crate::tracefs::{Tracefs, TracefsError};

/// How a program goes on a perf event: tracepoint, kprobe, uprobe or counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PerfAttachMode {
    /// A link where the kernel has it, otherwise `ioctl`.
    #[default]
    Auto,
    /// A link object (since Linux 5.15): it can be pinned, and takes a cookie.
    Link,
    /// `PERF_EVENT_IOC_SET_BPF` (since Linux 4.1): neither.
    Ioctl,
}

const IOCTL: Feature = Feature::new("programs on perf events", 4, 1);
const LINKS: Feature = Feature::new("links of perf events, and cookies of their programs", 5, 15);

/// An open perf event, and the probe event of ours that it may hang on.
#[derive(Debug)]
pub(crate) struct Event {
    // Dropped in this order: a probe event can go only when no perf event uses it.
    fd: OwnedFd,
    probe: Option<ProbeEvent>,
}

/// Puts the program of the attempt on an event, and starts the event.
pub(crate) fn attach(
    attempt: &Attempt<'_>,
    event: Event,
    cookie: Option<u64>,
    mode: PerfAttachMode,
) -> Result<Link, Error> {
    let failed = |feature: &Feature, error: SysError| {
        let eproto = error.errno == Errno::EPROTO;
        let failure = attempt.failed_without(feature, error);
        if eproto {
            failure.with_advice(
                "the program asks for stacks: open the event with PERF_SAMPLE_CALLCHAIN and without exclude_callchain_kernel",
            )
        } else {
            failure
        }
    };
    let fd = event.fd.as_fd();
    let link = match mode {
        PerfAttachMode::Ioctl => None,
        PerfAttachMode::Auto | PerfAttachMode::Link => {
            let source = LinkSource::Program(attempt.program);
            let mut create = LinkCreate::new(source, Where::Fd(fd), AttachType::PERF_EVENT);
            create.options = LinkOptions::PerfEvent { cookie: cookie.unwrap_or(0) };
            match bpf_sys::link::create(&create) {
                Ok(link) => Some(link),
                // What kernels before 5.15 answer. When it has another reason, the `ioctl` fails with it again.
                Err(error)
                    if mode == PerfAttachMode::Auto
                        && cookie.is_none()
                        && error.errno == Errno::EINVAL =>
                {
                    None
                }
                Err(error) => return Err(failed(&LINKS, error)),
            }
        }
    };
    if link.is_none() {
        if cookie.is_some() {
            let feature = "a cookie without a link";
            return Err(attempt
                .refuse(ErrorKind::NotSupported { feature, since: None })
                .with_advice("attach with PerfAttachMode::Auto or Link"));
        }
        perf::set_program(fd, &attempt.program).map_err(|error| failed(&IOCTL, error))?;
    }
    perf::enable(fd).map_err(|error| attempt.failed(error))?;
    let Event { fd, probe } = event;
    Ok(match link {
        // The link holds the event; our descriptor of it may close.
        Some(link) => Link::on_probe(link, probe),
        None => Link::legacy(Kind::PerfEvent { event: fd, probe }),
    })
}

impl Event {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Event { fd, probe: None }
    }
}

/// The scope of an event for every process. The program runs on every CPU all the same: it hangs on what the event is
/// about, not on the event.
pub(crate) const ANY_PROCESS: Scope = Scope::Cpu(0);

/// Opens an event of bpf-sys for the attempt.
pub(crate) fn open(
    attempt: &Attempt<'_>,
    event: &perf::Event<'_>,
    scope: Scope,
) -> Result<Event, Error> {
    perf::open(event, scope).map(Event::new).map_err(|error| attempt.failed(error))
}

/// Makes a probe event of the trace file system and opens it.
pub(crate) fn open_probe_event(
    attempt: &Attempt<'_>,
    definition: &Definition<'_>,
    scope: Scope,
) -> Result<Event, Error> {
    let trace = |error: TracefsError| error.into_error(attempt.action());
    let tracefs = Tracefs::find().map_err(trace)?;
    let probe = ProbeEvent::create(&tracefs, definition).map_err(trace)?;
    let id = probe.id(&tracefs).map_err(trace)?;
    let event = open(attempt, &perf::Event::Tracepoint(id), scope)?;
    Ok(Event { probe: Some(probe), ..event })
}
