//! Attachments without a link object: what older mechanisms leave behind, and how to undo it.

use std::io;
use std::os::fd::{AsFd as _, IntoRawFd as _, OwnedFd};

use bpf_sys::abi::{AttachFlags, AttachType, KernelVersion};
use bpf_sys::perf;
use bpf_sys::prog::{self, Attach, Where};
use bpf_sys::{OwnedProgFd, ProgFd};

use crate::error::{Error, ErrorKind};
use crate::probe_event::ProbeEvent;

/// State that only we can undo. Dropping undoes it, unless it was undone or given up before.
#[derive(Debug)]
pub(crate) struct Legacy(Option<Kind>);

#[derive(Debug)]
pub(crate) enum Kind {
    /// A program set on a perf event by `ioctl`; the event may hang on a probe event of ours.
    PerfEvent { event: OwnedFd, probe: Option<ProbeEvent> },
    /// `BPF_PROG_ATTACH` to a cgroup with `BPF_F_ALLOW_MULTI`.
    Cgroup { cgroup: OwnedFd, program: OwnedProgFd, attach_type: AttachType },
    /// `SO_ATTACH_BPF`.
    Socket { socket: OwnedFd },
}

impl Kind {
    fn undo(self, action: &str) -> Result<(), Error> {
        let sys = |error| Error::from_sys(action, error);
        match self {
            Kind::PerfEvent { event, probe } => {
                let disabled = perf::disable(event.as_fd()).map_err(sys);
                // Closing removes the program; only then nothing uses the probe event any more.
                drop(event);
                let removed = probe.map_or(Ok(()), ProbeEvent::remove);
                disabled?;
                removed.map_err(|error| error.into_error(action))
            }
            Kind::Cgroup { cgroup, program, attach_type } => {
                let place = Attach::new(Where::Fd(cgroup.as_fd()), attach_type);
                prog::detach(Some(program.as_borrowed()), &place).map_err(sys)
            }
            Kind::Socket { socket } => bpf_sys::socket::detach_filter(socket.as_fd()).map_err(sys),
        }
    }
}

/// A descriptor of our own for a program of the caller.
pub(crate) fn own(program: ProgFd<'_>) -> io::Result<OwnedProgFd> {
    program.as_fd().try_clone_to_owned().map(OwnedProgFd::from)
}

impl Legacy {
    pub(crate) fn new(kind: Kind) -> Self {
        Legacy(Some(kind))
    }

    pub(crate) fn detach(mut self, action: &str) -> Result<(), Error> {
        self.0.take().map_or(Ok(()), |kind| kind.undo(action))
    }

    /// Gives the attachment up to whatever holds it: socket, cgroup, or this process.
    pub(crate) fn disconnect(mut self) {
        match self.0.take() {
            Some(Kind::PerfEvent { event, probe }) => {
                if let Some(probe) = probe {
                    probe.keep();
                }
                // Nothing else holds a perf event.
                let _ = event.into_raw_fd();
            }
            Some(Kind::Cgroup { .. } | Kind::Socket { .. }) | None => {}
        }
    }

    pub(crate) fn update(
        &mut self,
        old: Option<ProgFd<'_>>,
        new: ProgFd<'_>,
        action: &str,
    ) -> Result<(), Error> {
        let Some(Kind::Cgroup { cgroup, program, attach_type }) = &mut self.0 else {
            return Err(self.lacks("update", action));
        };
        let sys = |error| Error::from_sys(action, error);
        // The kernel replaces the program that the call names, so a wrong `old` is found by its absence.
        let named = old.unwrap_or(program.as_borrowed());
        let kept = own(new).map_err(|error| Error::from_io(action, error))?;
        let mut place = Attach::new(Where::Fd(cgroup.as_fd()), *attach_type);
        place.flags = AttachFlags::ALLOW_MULTI | AttachFlags::REPLACE;
        place.replace = Some(named);
        prog::attach(new, &place).map_err(sys)?;
        *program = kept;
        Ok(())
    }

    /// The error of an operation that needs a link object.
    pub(crate) fn lacks(&self, what: &str, action: impl Into<String>) -> Error {
        let (feature, since) = match &self.0 {
            Some(Kind::PerfEvent { .. }) => ("links of perf events", Some((5, 15))),
            Some(Kind::Cgroup { .. }) => ("links of cgroups", Some((5, 7))),
            Some(Kind::Socket { .. }) | None => ("links of sockets", None),
        };
        let since = since.map(|(major, minor)| KernelVersion::new(major, minor, 0));
        Error::new(action, ErrorKind::NotSupported { feature, since })
            .with_advice(format!("this attachment has no link object, and so no {what}"))
    }
}

impl Drop for Legacy {
    fn drop(&mut self) {
        if let Some(kind) = self.0.take() {
            // `Link::detach` is for those who want to know.
            let _ = kind.undo("detaching");
        }
    }
}
