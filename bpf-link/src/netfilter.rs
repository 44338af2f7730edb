//! Netfilter hooks.

use bpf_sys::abi::{AttachType, NetfilterFlags, ProgramType};
use bpf_sys::link::{LinkCreate, LinkOptions, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, NET_ADMIN};
use crate::error::Error;
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("netfilter links", 6, 4),
    programs: &[ProgramType::NETFILTER],
    privilege: NET_ADMIN,
};

/// Packets of which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetfilterFamily {
    /// IPv4 (`NFPROTO_IPV4`).
    Ipv4,
    /// IPv6 (`NFPROTO_IPV6`).
    Ipv6,
}

/// Where on the packet's way (`enum nf_inet_hooks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetfilterHook {
    /// All packets that arrive, before routing.
    PreRouting,
    /// Packets for this host.
    LocalIn,
    /// Packets that are passed on.
    Forward,
    /// Packets of this host, before routing.
    LocalOut,
    /// All packets that leave.
    PostRouting,
}

/// How to attach to a netfilter hook.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NetfilterOptions {
    /// Order among what is attached to the hook, lowest first. The lowest and highest number are the kernel's own, and
    /// no two links of a hook may have the same.
    pub priority: i32,
    /// Flags.
    pub flags: NetfilterFlags,
}

impl NetfilterOptions {
    /// Sets the order among what is attached to the hook.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets flags.
    #[must_use]
    pub fn with_flags(mut self, flags: NetfilterFlags) -> Self {
        self.flags = flags;
        self
    }
}

/// Attaches a program to a netfilter hook of the process's network namespace (since Linux 6.4).
#[doc(alias = "bpf_program__attach_netfilter")]
pub fn attach_netfilter(
    program: &impl AsProgFd,
    family: NetfilterFamily,
    hook: NetfilterHook,
    options: &NetfilterOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), family, hook, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    family: NetfilterFamily,
    hook: NetfilterHook,
    options: &NetfilterOptions,
) -> Result<Link, Error> {
    let action = format!(
        "attaching to netfilter hook {hook:?} of {family:?} with priority {}",
        options.priority
    );
    let attempt = Attempt::new(program, &HOOK, action);
    let source = LinkSource::Program(program);
    let mut create = LinkCreate::new(source, Where::None, AttachType::NETFILTER);
    create.options = LinkOptions::Netfilter {
        family: match family {
            NetfilterFamily::Ipv4 => 2,
            NetfilterFamily::Ipv6 => 10,
        },
        hook: match hook {
            NetfilterHook::PreRouting => 0,
            NetfilterHook::LocalIn => 1,
            NetfilterHook::Forward => 2,
            NetfilterHook::LocalOut => 3,
            NetfilterHook::PostRouting => 4,
        },
        priority: options.priority,
        flags: options.flags,
    };
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let failure = attempt.failed(error);
        match errno {
            Errno::EBUSY => failure.with_advice("something else has this priority"),
            Errno::ERANGE => {
                failure.with_advice("the lowest and the highest priority are reserved")
            }
            _ => failure,
        }
    })
}
