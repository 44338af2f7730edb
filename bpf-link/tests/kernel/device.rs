//! Tests of links to a network device's hooks.
use std::net::UdpSocket;

use bpf_link::{
    DeviceOptions, ErrorKind, IfIndex, LinkDetails, Position, TcxDirection, attach_tcx,
};
use bpf_sys::abi::{AttachType, LinkType, ProgramId, ProgramType, QueryFlags};
use bpf_sys::prog::{self, Where};

use crate::support::{Program, in_own_namespaces, leaks_nothing};

const LO: IfIndex = IfIndex(1);
/// `TCX_NEXT`: on to the next program.
const NEXT: i32 = -1;

fn program() -> Program {
    Program::counting(ProgramType::SCHED_CLS, NEXT)
}

fn send() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"ping", socket.local_addr().unwrap()).unwrap();
}

fn attached() -> (Vec<ProgramId>, u64) {
    let found =
        prog::query(Where::Device(LO.0), AttachType::TCX_INGRESS, QueryFlags::NONE).unwrap();
    (found.programs.iter().map(|entry| entry.program).collect(), found.revision)
}

#[test]
fn both_directions_are_counted_until_dropped() {
    if !testdata::requires("tcx links", (6, 6)) {
        return;
    }
    in_own_namespaces("device::both_directions_are_counted_until_dropped", || {
        for direction in [TcxDirection::Ingress, TcxDirection::Egress] {
            leaks_nothing(|| {
                let (program, other) = (program(), program());
                let options = DeviceOptions::default();
                let mut link = attach_tcx(&program, LO, direction, &options).unwrap();
                send();
                assert_eq!(program.hits(), 1, "{direction:?}");
                let info = link.info().unwrap();
                assert_eq!((info.link_type, info.program), (LinkType::TCX, program.id()));
                assert!(matches!(info.details, LinkDetails::Tcx { ifindex: 1, .. }), "{info:?}");
                link.update(&other).unwrap();
                send();
                assert_eq!((program.hits(), other.hits()), (1, 1), "{direction:?}");
                link.detach().unwrap();
                send();
                assert_eq!((program.hits(), other.hits()), (1, 1), "{direction:?} after detach");
            });
        }
    });
}

#[test]
fn a_position_orders_the_programs() {
    if !testdata::requires("tcx links", (6, 6)) {
        return;
    }
    in_own_namespaces("device::a_position_orders_the_programs", || {
        let programs: [Program; 5] = std::array::from_fn(|_| program());
        let [one, two, three, four, five] = &programs;
        let at = |program: &Program, position| {
            let options = DeviceOptions::default().with_position(position);
            attach_tcx(program, LO, TcxDirection::Ingress, &options).unwrap()
        };
        let second = at(two, Position::Last);
        let _first = at(one, Position::First);
        let _fifth = at(five, Position::Last);
        let _third = at(three, Position::AfterLink(second.id().unwrap()));
        let _fourth = at(four, Position::BeforeProgram(five.id()));
        let (found, revision) = attached();
        assert_eq!(found, programs.each_ref().map(Program::id));

        let attach = |options: DeviceOptions| {
            attach_tcx(&program(), LO, TcxDirection::Ingress, &options).map(drop)
        };
        let stale = DeviceOptions::default().with_expected_revision(revision - 1);
        assert_eq!(attach(stale).unwrap_err().kind(), &ErrorKind::Busy);
        attach(DeviceOptions::default().with_expected_revision(revision)).unwrap();
        let stranger = Position::AfterProgram(program().id());
        let error = attach(DeviceOptions::default().with_position(stranger)).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
    });
}

#[test]
fn failures_say_what_was_wrong() {
    in_own_namespaces("device::failures_say_what_was_wrong", || {
        let attach = |program: &Program, interface| {
            let options = DeviceOptions::default();
            attach_tcx(program, interface, TcxDirection::Ingress, &options).unwrap_err()
        };
        let wrong = Program::counting(ProgramType::XDP, 2);
        let error = attach(&wrong, LO);
        assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
        let error = attach(&program(), IfIndex(4711));
        if testdata::requires("tcx links", (6, 6)) {
            assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
        } else {
            assert!(error.is_not_supported(), "{error}");
            assert!(error.to_string().contains("6.6"), "{error}");
        }
    });
}
