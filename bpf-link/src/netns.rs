//! Network namespaces: socket lookup and packet dissection.

use std::os::fd::{AsFd, BorrowedFd};

use bpf_sys::abi::{AttachType, ProgramType};
use bpf_sys::link::{LinkCreate, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, NET_ADMIN};
use crate::error::Error;
use crate::link::Link;

static SK_LOOKUP: Hook = Hook {
    feature: Feature::new("socket lookup programs", 5, 9),
    programs: &[ProgramType::SK_LOOKUP],
    privilege: NET_ADMIN,
};
static FLOW_DISSECTOR: Hook = Hook {
    feature: Feature::new("links of flow dissector programs", 5, 8),
    programs: &[ProgramType::FLOW_DISSECTOR],
    privilege: NET_ADMIN,
};

/// What a program does for a network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetnsHook {
    /// Chooses the socket for a packet or connection (since Linux 5.9).
    SocketLookup,
    /// Finds the headers of packets (since Linux 5.8 by a link).
    FlowDissector,
}

/// Attaches a program to a network namespace: an open `/proc/PID/ns/net`, or a file that is bound to it.
#[doc(alias = "bpf_program__attach_netns")]
pub fn attach_netns(
    program: &impl AsProgFd,
    namespace: &impl AsFd,
    hook: NetnsHook,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), namespace.as_fd(), hook)
}

fn attach_fd(
    program: ProgFd<'_>,
    namespace: BorrowedFd<'_>,
    hook: NetnsHook,
) -> Result<Link, Error> {
    let (attach_type, hook) = match hook {
        NetnsHook::SocketLookup => (AttachType::SK_LOOKUP, &SK_LOOKUP),
        NetnsHook::FlowDissector => (AttachType::FLOW_DISSECTOR, &FLOW_DISSECTOR),
    };
    let action = format!("attaching to a network namespace as {attach_type}");
    let attempt = Attempt::new(program, hook, action);
    let place = Where::Fd(namespace);
    let create = LinkCreate::new(LinkSource::Program(program), place, attach_type);
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let failure = attempt.failed(error);
        match errno {
            Errno::EINVAL => {
                failure.with_advice("the descriptor must be that of a network namespace")
            }
            Errno::EEXIST | Errno::E2BIG => {
                failure.with_advice("the namespace has a program there, or as many as it takes")
            }
            _ => failure,
        }
    })
}
