//! Tests of links to cgroups.
use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;

use bpf_link::{
    CgroupMechanism, CgroupOptions, ErrorKind, Link, LinkDetails, Position, attach_cgroup,
};
use bpf_sys::abi::{AttachType, LinkType, ProgramType, QueryFlags};
use bpf_sys::prog::{self, Where};

use crate::support::{Cgroup, Program, leaks_nothing};

const EGRESS: AttachType = AttachType::CGROUP_INET_EGRESS;

fn send() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"ping", socket.local_addr().unwrap()).unwrap();
}

fn options(mechanism: CgroupMechanism) -> CgroupOptions {
    CgroupOptions::default().with_mechanism(mechanism)
}

#[test]
fn every_mechanism_counts_until_dropped() {
    for mechanism in [CgroupMechanism::Auto, CgroupMechanism::Link, CgroupMechanism::ProgAttach] {
        leaks_nothing(|| {
            let cgroup = Cgroup::enter();
            let program = Program::counting_for(ProgramType::CGROUP_SKB, EGRESS, 1);
            let other = Program::counting_for(ProgramType::CGROUP_SKB, EGRESS, 1);
            let folder = File::open(cgroup.path()).unwrap();
            let mut link = attach_cgroup(&program, &folder, EGRESS, &options(mechanism)).unwrap();
            // The others of the cgroup stay: attaching is never exclusive.
            let second = attach_cgroup(&other, &folder, EGRESS, &options(mechanism)).unwrap();
            send();
            assert_eq!((program.hits(), other.hits()), (1, 1), "{mechanism:?}");
            drop(second);
            send();
            assert_eq!((program.hits(), other.hits()), (2, 1), "{mechanism:?}");

            link.update(&other).unwrap();
            send();
            assert_eq!((program.hits(), other.hits()), (2, 2), "{mechanism:?} after update");
            link.replace(&other, &program).unwrap();
            send();
            assert_eq!((program.hits(), other.hits()), (3, 2), "{mechanism:?} after replace");

            drop(link);
            send();
            assert_eq!((program.hits(), other.hits()), (3, 2), "{mechanism:?} after drop");
        });
    }
}

#[test]
fn detaching_works_while_others_hold_the_link() {
    let cgroup = Cgroup::enter();
    let program = Program::counting_for(ProgramType::CGROUP_SKB, EGRESS, 1);
    let folder = File::open(cgroup.path()).unwrap();
    let link = attach_cgroup(&program, &folder, EGRESS, &options(CgroupMechanism::Link)).unwrap();
    let held = Link::from_id(link.id().unwrap()).unwrap();
    link.detach().unwrap();
    send();
    assert_eq!(program.hits(), 0);
    drop(held);

    let link =
        attach_cgroup(&program, &folder, EGRESS, &options(CgroupMechanism::ProgAttach)).unwrap();
    link.detach().unwrap();
    send();
    assert_eq!(program.hits(), 0);
}

#[test]
fn the_info_names_cgroup_and_hook() {
    let cgroup = Cgroup::enter();
    let program = Program::counting_for(ProgramType::CGROUP_SKB, EGRESS, 1);
    let folder = File::open(cgroup.path()).unwrap();
    let link = attach_cgroup(&program, &folder, EGRESS, &options(CgroupMechanism::Link)).unwrap();
    let info = link.info().unwrap();
    assert_eq!(info.link_type, LinkType::CGROUP);
    assert_eq!(info.program, program.id());
    assert_eq!(info.id, link.id().unwrap());
    match info.details {
        LinkDetails::Cgroup { cgroup: id, attach_type, .. } => {
            assert_eq!((id, attach_type), (cgroup.id(), EGRESS));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn failures_say_what_was_wrong() {
    let cgroup = Cgroup::enter();
    let folder = File::open(cgroup.path()).unwrap();
    let wrong = Program::counting(ProgramType::XDP, 2);
    let right = Program::counting_for(ProgramType::CGROUP_SKB, EGRESS, 1);
    for mechanism in [CgroupMechanism::Auto, CgroupMechanism::Link, CgroupMechanism::ProgAttach] {
        let error = attach_cgroup(&wrong, &folder, EGRESS, &options(mechanism)).unwrap_err();
        match error.kind() {
            ErrorKind::WrongProgramType { actual, .. } => assert_eq!(*actual, ProgramType::XDP),
            other => panic!("{mechanism:?}: {other:?}"),
        }
        let no_cgroup = File::open("/proc").unwrap();
        let error = attach_cgroup(&right, &no_cgroup, EGRESS, &options(mechanism)).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Invalid, "{mechanism:?}: {error}");
        assert!(error.to_string().contains("cgroup_inet_egress"), "{error}");
    }
}

#[test]
fn a_position_orders_the_programs() {
    let cgroup = Cgroup::enter();
    let folder = File::open(cgroup.path()).unwrap();
    let programs: [Program; 3] =
        std::array::from_fn(|_| Program::counting_for(ProgramType::CGROUP_SKB, EGRESS, 1));
    let [first, second, third] = &programs;
    let at = |program: &Program, position| {
        let options = CgroupOptions::default().with_position(position);
        attach_cgroup(program, &folder, EGRESS, &options)
    };
    let last = at(third, Position::Last).unwrap();
    // A kernel may have it from a backport: then it must work there as well.
    let _before = match at(first, Position::First) {
        Ok(link) => link,
        Err(error) => {
            assert!(!testdata::requires("positions among the programs of a cgroup", (6, 16)));
            assert!(error.is_not_supported(), "{error}");
            assert!(error.to_string().contains("6.16"), "{error}");
            return;
        }
    };
    let _between = at(second, Position::BeforeLink(last.id().unwrap())).unwrap();
    let found = prog::query(Where::Fd(folder.as_fd()), EGRESS, QueryFlags::NONE).unwrap();
    let found: Vec<_> = found.programs.iter().map(|entry| entry.program).collect();
    assert_eq!(found, programs.each_ref().map(Program::id));
    let legacy = options(CgroupMechanism::ProgAttach).with_position(Position::First);
    let error = attach_cgroup(first, &folder, EGRESS, &legacy).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Invalid, "{error}");
}
