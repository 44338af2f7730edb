//! The one type for every attachment.

use std::fs;
use std::os::fd::{IntoRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use bpf_sys::abi::{LinkId, LinkType};
use bpf_sys::link::{LinkInfo, LinkSource};
use bpf_sys::{AsProgFd, Errno, LinkFd, OwnedLinkFd, ProgFd, SysError, kernel, object};

use crate::error::{Error, ErrorKind};
use crate::legacy::{Kind, Legacy};
use crate::probe_event::ProbeEvent;

/// What a link answers whose target is gone.
const ENOLINK: Errno = Errno(67);

/// A program that is attached somewhere. Dropping it detaches the program.
///
/// Most links are objects of the kernel: they can be pinned, asked for [`LinkInfo`], and passed on as a descriptor.
/// Where the kernel has none (sockets, kernels before the link of that kind) the link is made of what the older mechanism
/// offers, and operations that it does not offer give an error of kind [`ErrorKind::NotSupported`].
///
/// Dropping undoes a link in the right order and ignores errors; [`Link::detach`] reports them.
#[must_use = "dropping a link detaches the program"]
#[derive(Debug)]
pub struct Link {
    state: State,
    pinned: Option<PathBuf>,
}

#[derive(Debug)]
enum State {
    /// A link object. The order matters: a probe event can go only when no link uses it.
    Object {
        fd: OwnedLinkFd,
        probe: Option<ProbeEvent>,
    },
    Legacy(Legacy),
}

impl Link {
    pub(crate) fn object(fd: OwnedLinkFd) -> Self {
        Link { state: State::Object { fd, probe: None }, pinned: None }
    }

    pub(crate) fn on_probe(fd: OwnedLinkFd, probe: Option<ProbeEvent>) -> Self {
        Link { state: State::Object { fd, probe }, pinned: None }
    }

    pub(crate) fn legacy(kind: Kind) -> Self {
        Link { state: State::Legacy(Legacy::new(kind)), pinned: None }
    }

    /// Takes over a descriptor of a link, wherever it comes from.
    pub fn from_fd(fd: OwnedLinkFd) -> Self {
        Link::object(fd)
    }

    /// Opens the link with this id (since Linux 5.8). Needs `CAP_SYS_ADMIN`.
    #[doc(alias = "BPF_LINK_GET_FD_BY_ID")]
    pub fn from_id(id: LinkId) -> Result<Self, Error> {
        object::link_by_id(id).map(Link::object).map_err(|error| {
            let failed = Error::from_sys(format!("opening the link with id {id}"), error);
            match failed.kind() {
                ErrorKind::NotPermitted => failed.with_advice("the process needs CAP_SYS_ADMIN"),
                _ => failed,
            }
        })
    }

    /// Opens a pinned link (since Linux 5.7). The pin stays, and the link knows its path.
    #[doc(alias = "BPF_OBJ_GET")]
    pub fn from_pin(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let action = || format!("opening the link pinned at `{}`", path.display());
        let fd = object::open_link(path).map_err(|error| {
            let errno = error.errno;
            let failed = Error::from_sys(action(), error);
            if errno == Errno::EINVAL {
                failed.with_advice("the pinned object is not a link")
            } else {
                failed
            }
        })?;
        Ok(Link { state: State::Object { fd, probe: None }, pinned: Some(path.to_owned()) })
    }

    /// The descriptor of the link; `None` for a link without an object in the kernel.
    pub fn as_link_fd(&self) -> Option<LinkFd<'_>> {
        match &self.state {
            State::Object { fd, .. } => Some(fd.as_borrowed()),
            State::Legacy(_) => None,
        }
    }

    /// Gives the link a path in a BPF file system, which keeps the program attached after this value and this process
    /// are gone (since Linux 5.7).
    ///
    /// A probe event that the link uses (old kernels, or when asked for) stays in the trace file system after a
    /// pinned link is gone: only its maker knows its name.
    #[doc(alias = "BPF_OBJ_PIN")]
    pub fn pin(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let action = || format!("pinning the link at `{}`", path.display());
        let fd = self.fd("pinning", action)?;
        if let Some(pinned) = &self.pinned {
            let advice = format!("it is pinned at `{}`; unpin it first", pinned.display());
            return Err(Error::new(action(), ErrorKind::Exists).with_advice(advice));
        }
        object::pin(fd, None, path).map_err(|error| {
            let failed = Error::from_sys(action(), error);
            match kernel::is_bpf_fs(path.parent().unwrap_or(path)) {
                Ok(false) => failed.with_advice(
                    "the folder is not in a BPF file system; mount one with `mount -t bpf bpffs FOLDER`",
                ),
                _ => failed,
            }
        })?;
        self.pinned = Some(path.to_owned());
        Ok(())
    }

    /// Removes the pin. The program stays attached until this value is dropped.
    pub fn unpin(&mut self) -> Result<(), Error> {
        let Some(path) = self.pinned.take() else {
            return Err(Error::new("unpinning the link", ErrorKind::NotFound)
                .with_advice("it is not pinned by this value, nor opened from a pin"));
        };
        fs::remove_file(&path).map_err(|error| {
            let failed =
                Error::from_io(format!("unpinning the link from `{}`", path.display()), error);
            self.pinned = Some(path);
            failed
        })
    }

    /// Where this value was pinned, or opened from.
    pub fn pinned_path(&self) -> Option<&Path> {
        self.pinned.as_deref()
    }

    /// Swaps the program for another, without a moment when none is attached (since Linux 5.7).
    ///
    /// Links of perf events, tracing programs and sockets cannot do it.
    #[doc(alias = "BPF_LINK_UPDATE")]
    pub fn update(&mut self, program: &impl AsProgFd) -> Result<(), Error> {
        self.update_fd(None, program.as_prog_fd())
    }

    /// Swaps the program `old` for `new`; fails if the attached program is not `old`.
    #[doc(alias = "BPF_F_REPLACE")]
    pub fn replace(&mut self, old: &impl AsProgFd, new: &impl AsProgFd) -> Result<(), Error> {
        self.update_fd(Some(old.as_prog_fd()), new.as_prog_fd())
    }

    fn update_fd(&mut self, old: Option<ProgFd<'_>>, new: ProgFd<'_>) -> Result<(), Error> {
        let action = "replacing the program of the link";
        match &mut self.state {
            State::Object { fd, .. } => bpf_sys::link::update(
                fd.as_borrowed(),
                LinkSource::Program(new),
                old.map(LinkSource::Program),
            )
            .map_err(|error| update_failed(fd.as_borrowed(), old.is_some(), action, error)),
            State::Legacy(legacy) => legacy.update(old, new, action),
        }
    }

    /// What the kernel tells of the link (since Linux 5.8).
    #[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
    pub fn info(&self) -> Result<LinkInfo, Error> {
        let action = || "asking for the link's info".to_owned();
        bpf_sys::link::info(self.fd("info", action)?)
            .map_err(|error| Error::from_sys(action(), error))
    }

    /// The link's id: unique while the link exists.
    pub fn id(&self) -> Result<LinkId, Error> {
        self.info().map(|info| info.id)
    }

    /// Detaches the program now, and says if that failed.
    ///
    /// A link object is detached for all: pins and other descriptors of it stay, but nothing is attached any more (since
    /// Linux 5.9). The kernel cannot do that to links of functions, tracepoints and perf events: those are closed, which
    /// detaches unless somebody else holds them. If the holder is the pin of this value, that is an error of kind
    /// [`ErrorKind::NotSupported`]: [unpin](Self::unpin) it first.
    #[doc(alias = "BPF_LINK_DETACH")]
    pub fn detach(self) -> Result<(), Error> {
        let action = "detaching the link";
        match self.state {
            State::Legacy(legacy) => legacy.detach(action),
            State::Object { fd, probe } => {
                let detached = match bpf_sys::link::detach(fd.as_borrowed()) {
                    Err(error) if self.pinned.is_none() && cannot_detach(error.errno) => Ok(()),
                    other => other.map_err(|error| detach_failed(action, error)),
                };
                drop(fd);
                let removed = probe.map_or(Ok(()), ProbeEvent::remove);
                detached?;
                removed.map_err(|error| error.into_error(action))
            }
        }
    }

    /// Keeps the program attached without this value.
    ///
    /// A link object, or a perf event, stays until the process ends: its descriptor is left open on purpose. A program on
    /// a socket stays as long as the socket, one on a cgroup by [`CgroupMechanism::ProgAttach`](crate::CgroupMechanism)
    /// as long as the cgroup.
    pub fn disconnect(self) {
        match self.state {
            State::Object { fd, probe } => {
                if let Some(probe) = probe {
                    probe.keep();
                }
                // The pin holds the link as well as a descriptor would.
                if self.pinned.is_none() {
                    let _ = OwnedFd::from(fd).into_raw_fd();
                }
            }
            State::Legacy(legacy) => legacy.disconnect(),
        }
    }

    /// The descriptor of the link, to hand it to somebody else. Closing the last descriptor detaches.
    pub fn into_fd(self) -> Result<OwnedLinkFd, Error> {
        let action = "taking the link's descriptor";
        match self.state {
            State::Object { fd, probe: None } => Ok(fd),
            State::Object { probe: Some(_), .. } => {
                let feature = "passing on a link with a probe event of the trace file system";
                Err(Error::new(action, ErrorKind::NotSupported { feature, since: None }))
            }
            State::Legacy(legacy) => Err(legacy.lacks("descriptor", action)),
        }
    }

    pub(crate) fn fd(
        &self,
        what: &'static str,
        action: impl Fn() -> String,
    ) -> Result<LinkFd<'_>, Error> {
        match &self.state {
            State::Object { fd, .. } => Ok(fd.as_borrowed()),
            State::Legacy(legacy) => Err(legacy.lacks(what, action())),
        }
    }
}

/// The kernel's reason to refuse another program.
fn update_failed(link: LinkFd<'_>, conditional: bool, action: &str, error: SysError) -> Error {
    let errno = error.errno;
    let failed = Error::from_sys(action, error);
    let link_type = bpf_sys::link::info(link).ok().map(|info| info.link_type);
    match (errno, link_type) {
        (Errno::EPERM, _) if conditional => failed
            .with_kind(ErrorKind::Busy)
            .with_advice("another program is attached than the one to replace"),
        (Errno::EINVAL, Some(link_type)) if !has_update(link_type) => failed
            .with_kind(ErrorKind::NotSupported {
                feature: "replacing the program of such a link",
                since: None,
            })
            .with_advice(format!("it is of type {link_type}")),
        (Errno::EINVAL, _) => failed.with_advice(
            "the program must be of the type, and loaded for the attach type, of the one before",
        ),
        (ENOLINK, _) => failed.with_kind(ErrorKind::NotFound).with_advice("the link is detached"),
        _ => failed,
    }
}

/// Which types of links can swap their program (kernel: those with `update_prog` in their `bpf_link_ops`).
fn has_update(link_type: LinkType) -> bool {
    matches!(
        link_type,
        LinkType::CGROUP
            | LinkType::ITER
            | LinkType::NETNS
            | LinkType::XDP
            | LinkType::TCX
            | LinkType::NETKIT
            | LinkType::SOCKMAP
    ) || link_type.name().is_none()
}

fn detach_failed(action: &str, error: SysError) -> Error {
    let errno = error.errno;
    let failed = Error::from_sys(action, error);
    if cannot_detach(errno) {
        let feature = "detaching such a link while it is pinned";
        failed
            .with_kind(ErrorKind::NotSupported { feature, since: None })
            .with_advice("unpin it first")
    } else {
        failed
    }
}

/// `EOPNOTSUPP`: links of this type have no way to be detached. `EINVAL`: the command is not known yet (before 5.9).
fn cannot_detach(errno: Errno) -> bool {
    errno == Errno::EOPNOTSUPP || errno == Errno::EINVAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Link>();
    }

    #[test]
    fn a_link_type_of_the_future_may_be_replaced() {
        assert!(has_update(LinkType::XDP) && has_update(LinkType(4711)));
        assert!(!has_update(LinkType::PERF_EVENT) && !has_update(LinkType::TRACING));
    }
}
