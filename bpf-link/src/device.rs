//! tcx and netkit: several programs in an order on one network device.

use bpf_sys::abi::{AttachType, ProgramType};
use bpf_sys::link::{LinkCreate, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, NET_ADMIN};
use crate::error::{Error, ErrorKind};
use crate::ifindex::IfIndex;
use crate::link::Link;
use crate::position::DeviceOptions;

static TCX: Hook = Hook {
    feature: Feature::new("tcx links", 6, 6),
    programs: &[ProgramType::SCHED_CLS],
    privilege: NET_ADMIN,
};
static NETKIT: Hook = Hook {
    feature: Feature::new("netkit links", 6, 7),
    programs: &[ProgramType::SCHED_CLS],
    privilege: NET_ADMIN,
};

/// Packets in which direction, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TcxDirection {
    /// Packets that arrive at the device.
    Ingress,
    /// Packets that leave the device.
    Egress,
}

/// Which of the two devices of a netkit pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetkitEnd {
    /// The primary device, which the program is attached through.
    Primary,
    /// Its peer, in the other network namespace.
    Peer,
}

/// Attaches a program to a network device at the traffic control layer (since Linux 6.6).
///
/// The kernel has no older mechanism without netlink.
#[doc(alias = "bpf_program__attach_tcx")]
pub fn attach_tcx(
    program: &impl AsProgFd,
    interface: IfIndex,
    direction: TcxDirection,
    options: &DeviceOptions,
) -> Result<Link, Error> {
    let attach_type = match direction {
        TcxDirection::Ingress => AttachType::TCX_INGRESS,
        TcxDirection::Egress => AttachType::TCX_EGRESS,
    };
    attach_fd(program.as_prog_fd(), &TCX, interface, attach_type, options)
}

/// Attaches a program to a netkit pair by its primary device (since Linux 6.7).
#[doc(alias = "bpf_program__attach_netkit")]
pub fn attach_netkit(
    program: &impl AsProgFd,
    interface: IfIndex,
    end: NetkitEnd,
    options: &DeviceOptions,
) -> Result<Link, Error> {
    let attach_type = match end {
        NetkitEnd::Primary => AttachType::NETKIT_PRIMARY,
        NetkitEnd::Peer => AttachType::NETKIT_PEER,
    };
    attach_fd(program.as_prog_fd(), &NETKIT, interface, attach_type, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    hook: &'static Hook,
    interface: IfIndex,
    attach_type: AttachType,
    options: &DeviceOptions,
) -> Result<Link, Error> {
    let action = format!("attaching to interface {interface} as {attach_type}");
    let attempt = Attempt::new(program, hook, action);
    let place = Where::Device(interface.0);
    let mut create = LinkCreate::new(LinkSource::Program(program), place, attach_type);
    (create.flags, create.options) = options.parts();
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let failure = attempt.failed(error);
        match errno {
            Errno::ESTALE => failure.with_advice("the list of programs has another revision"),
            Errno::ENOENT => {
                failure.with_advice("the neighbour of the position is not attached here")
            }
            Errno::ERANGE | Errno::EDOM => failure.with_kind(ErrorKind::Busy).with_advice(
                "the list of programs is full, or has no place between the neighbours",
            ),
            _ => failure,
        }
    })
}
