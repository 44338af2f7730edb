//! XDP: packets at the network driver.

use bpf_sys::abi::{AttachType, ProgramType, XdpFlags};
use bpf_sys::link::{LinkCreate, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, NET_ADMIN};
use crate::error::{Error, ErrorKind};
use crate::ifindex::IfIndex;
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("links of XDP programs", 5, 9),
    programs: &[ProgramType::XDP],
    privilege: NET_ADMIN,
};

/// Where on the packet's way an XDP program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum XdpMode {
    /// In the driver if it can, otherwise generic.
    #[default]
    Auto,
    /// After the kernel has made a socket buffer: any device, but slower.
    Generic,
    /// In the driver, before the kernel allocates anything.
    Driver,
    /// In the network card.
    Offload,
}

impl XdpMode {
    const fn flags(self) -> XdpFlags {
        match self {
            XdpMode::Auto => XdpFlags::NONE,
            XdpMode::Generic => XdpFlags::SKB_MODE,
            XdpMode::Driver => XdpFlags::DRV_MODE,
            XdpMode::Offload => XdpFlags::HW_MODE,
        }
    }
}

/// How to attach an XDP program.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct XdpOptions {
    /// Where on the packet's way.
    pub mode: XdpMode,
}

impl XdpOptions {
    /// Sets where on the packet's way.
    #[must_use]
    pub fn with_mode(mut self, mode: XdpMode) -> Self {
        self.mode = mode;
        self
    }
}

/// Attaches a program to a network device of the process's network namespace (since Linux 5.9).
///
/// A device takes one XDP link; a second is an error of kind [`ErrorKind::Busy`]. A program that somebody attached over
/// netlink is one of kind [`ErrorKind::Exists`] or `Busy`. There is no fallback to netlink.
#[doc(alias = "bpf_program__attach_xdp")]
pub fn attach_xdp(
    program: &impl AsProgFd,
    interface: IfIndex,
    options: &XdpOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), interface, options)
}

fn attach_fd(program: ProgFd<'_>, interface: IfIndex, options: &XdpOptions) -> Result<Link, Error> {
    let attempt = Attempt::new(program, &HOOK, format!("attaching XDP to interface {interface}"));
    let place = Where::Device(interface.0);
    let mut create = LinkCreate::new(LinkSource::Program(program), place, AttachType::XDP);
    create.flags = options.mode.flags().bits();
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let failure = attempt.failed(error);
        match (errno, failure.kind()) {
            (Errno::EOPNOTSUPP, _) => failure.with_kind(ErrorKind::NotSupported {
                feature: "this XDP mode on this device",
                since: None,
            }),
            (_, ErrorKind::Busy | ErrorKind::Exists) => {
                failure.with_advice("another XDP program is attached, see `ip link`")
            }
            (Errno::EINVAL, ErrorKind::Invalid) => failure.with_advice(format!(
                "there is no interface {interface} in this network namespace, or the program was loaded for a map of devices or CPUs"
            )),
            _ => failure,
        }
    })
}
