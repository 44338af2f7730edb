//! cgroups: hooks for the processes and sockets of one cgroup and of those below it.

use std::os::fd::{AsFd, BorrowedFd};

use bpf_sys::abi::{AttachFlags, AttachType, ProgramType};
use bpf_sys::link::{self, LinkCreate, LinkSource};
use bpf_sys::prog::{self, Attach, Where};
use bpf_sys::{AsProgFd, Errno, ProgFd, SysError};

use crate::attempt::{Attempt, Feature, Hook, NET_ADMIN};
use crate::error::{Error, ErrorKind};
use crate::legacy::{self, Kind};
use crate::link::Link;
use crate::position::Position;

const LINKS: Feature = Feature::new("links of cgroups", 5, 7);

const POSITION: Feature = Feature::new("positions among the programs of a cgroup", 6, 16);

/// The mechanism that attaches to a cgroup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CgroupMechanism {
    /// A link where the kernel has it, otherwise `BPF_PROG_ATTACH`.
    #[default]
    Auto,
    /// A link object (since Linux 5.7).
    Link,
    /// `BPF_PROG_ATTACH` with `BPF_F_ALLOW_MULTI` (since Linux 4.15): no pin, no info, and a process that is killed leaves
    /// the program attached.
    ProgAttach,
}

/// How to attach to a cgroup.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CgroupOptions {
    /// Link or `BPF_PROG_ATTACH`.
    pub mechanism: CgroupMechanism,
    /// Where among the programs of this cgroup, other than last (since Linux 6.16, by a link).
    pub position: Position,
}

impl CgroupOptions {
    /// Sets link or `BPF_PROG_ATTACH`.
    #[must_use]
    pub fn with_mechanism(mut self, mechanism: CgroupMechanism) -> Self {
        self.mechanism = mechanism;
        self
    }

    /// Sets where among the programs of the cgroup.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.position = position;
        self
    }
}

/// Attaches a program to a cgroup: an open folder of a cgroup file system of version 2 (since Linux 4.15).
///
/// Programs that are attached already stay and run as well. `attach_type` is one of `AttachType::CGROUP_*`, or `LSM_CGROUP`,
/// and for most program types must be the one that the program was loaded with. Before Linux 5.7 it falls back to
/// `BPF_PROG_ATTACH`.
#[doc(alias = "bpf_program__attach_cgroup_opts")]
pub fn attach_cgroup(
    program: &impl AsProgFd,
    cgroup: &impl AsFd,
    attach_type: AttachType,
    options: &CgroupOptions,
) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), cgroup.as_fd(), attach_type, options)
}

fn attach_fd(
    program: ProgFd<'_>,
    cgroup: BorrowedFd<'_>,
    attach_type: AttachType,
    options: &CgroupOptions,
) -> Result<Link, Error> {
    let action = format!("attaching to a cgroup as {attach_type}");
    let attempt = Attempt::new(program, hook(attach_type), action);
    let failed = |feature: &Feature, error: SysError| {
        let errno = error.errno;
        let failure = attempt.failed_without(feature, error);
        match errno {
            Errno::EBADF => failure.with_advice("the descriptor is not a folder of cgroup version 2"),
            Errno::EPERM => failure.with_advice(
                "the process needs CAP_NET_ADMIN or CAP_BPF, and no program may be attached here or above that refuses company",
            ),
            _ => failure,
        }
    };
    let positioned = options.position != Position::Last;
    if positioned && options.mechanism == CgroupMechanism::ProgAttach {
        return Err(attempt.refuse(ErrorKind::Invalid).with_advice("a position needs a link"));
    }
    if options.mechanism != CgroupMechanism::ProgAttach {
        let place = Where::Fd(cgroup);
        let mut create = LinkCreate::new(LinkSource::Program(program), place, attach_type);
        if positioned {
            (create.flags, create.options) = options.position.parts(0);
        }
        match link::create(&create) {
            Ok(link) => return Ok(Link::object(link)),
            Err(error) if positioned => return Err(failed(&POSITION, error)),
            // What kernels before 5.7 answer. When it has another reason, the other call fails with it again.
            Err(error)
                if options.mechanism == CgroupMechanism::Auto && error.errno == Errno::EINVAL => {}
            Err(error) => return Err(failed(&LINKS, error)),
        }
    }
    let io = |error| Error::from_io(attempt.action(), error);
    let kind = Kind::Cgroup {
        cgroup: cgroup.try_clone_to_owned().map_err(io)?,
        program: legacy::own(program).map_err(io)?,
        attach_type,
    };
    let mut place = Attach::new(Where::Fd(cgroup), attach_type);
    place.flags = AttachFlags::ALLOW_MULTI;
    prog::attach(program, &place).map_err(|error| failed(&attempt.hook().feature, error))?;
    Ok(Link::legacy(kind))
}

/// Which programs an attach type takes.
fn hook(attach_type: AttachType) -> &'static Hook {
    macro_rules! hook {
        ($program:ident, $major:literal, $minor:literal) => {{
            static HOOK: Hook = Hook {
                feature: Feature::new(
                    concat!("programs of type ", stringify!($program), " on cgroups"),
                    $major,
                    $minor,
                ),
                programs: &[ProgramType::$program],
                privilege: NET_ADMIN,
            };
            &HOOK
        }};
    }
    match attach_type {
        AttachType::CGROUP_INET_INGRESS | AttachType::CGROUP_INET_EGRESS => {
            hook!(CGROUP_SKB, 4, 15)
        }
        AttachType::CGROUP_INET_SOCK_CREATE
        | AttachType::CGROUP_INET_SOCK_RELEASE
        | AttachType::CGROUP_INET4_POST_BIND
        | AttachType::CGROUP_INET6_POST_BIND => hook!(CGROUP_SOCK, 4, 15),
        AttachType::CGROUP_SOCK_OPS => hook!(SOCK_OPS, 4, 15),
        AttachType::CGROUP_DEVICE => hook!(CGROUP_DEVICE, 4, 15),
        AttachType::CGROUP_SYSCTL => hook!(CGROUP_SYSCTL, 5, 2),
        AttachType::CGROUP_GETSOCKOPT | AttachType::CGROUP_SETSOCKOPT => {
            hook!(CGROUP_SOCKOPT, 5, 3)
        }
        AttachType::LSM_CGROUP => hook!(LSM, 6, 0),
        // All the others work on addresses. An attach type that is none of a cgroup is the kernel's to refuse.
        _ => hook!(CGROUP_SOCK_ADDR, 4, 17),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attach_type_of_a_cgroup_has_its_program_type() {
        for (name, expected) in [
            ("cgroup_inet_ingress", ProgramType::CGROUP_SKB),
            ("cgroup_inet_egress", ProgramType::CGROUP_SKB),
            ("cgroup_inet_sock_create", ProgramType::CGROUP_SOCK),
            ("cgroup_inet_sock_release", ProgramType::CGROUP_SOCK),
            ("cgroup_inet4_post_bind", ProgramType::CGROUP_SOCK),
            ("cgroup_inet6_post_bind", ProgramType::CGROUP_SOCK),
            ("cgroup_inet4_bind", ProgramType::CGROUP_SOCK_ADDR),
            ("cgroup_inet6_connect", ProgramType::CGROUP_SOCK_ADDR),
            ("cgroup_udp4_sendmsg", ProgramType::CGROUP_SOCK_ADDR),
            ("cgroup_unix_getsockname", ProgramType::CGROUP_SOCK_ADDR),
            ("cgroup_inet4_getpeername", ProgramType::CGROUP_SOCK_ADDR),
            ("cgroup_sock_ops", ProgramType::SOCK_OPS),
            ("cgroup_device", ProgramType::CGROUP_DEVICE),
            ("cgroup_sysctl", ProgramType::CGROUP_SYSCTL),
            ("cgroup_getsockopt", ProgramType::CGROUP_SOCKOPT),
            ("cgroup_setsockopt", ProgramType::CGROUP_SOCKOPT),
            ("lsm_cgroup", ProgramType::LSM),
        ] {
            let attach_type = AttachType::from_name(name).unwrap();
            assert_eq!(hook(attach_type).programs, &[expected], "{name}");
        }
    }
}
