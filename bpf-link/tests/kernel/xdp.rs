//! Tests of links to network devices.
use std::net::UdpSocket;

use bpf_link::{ErrorKind, IfIndex, LinkDetails, XdpMode, XdpOptions, attach_xdp};
use bpf_sys::abi::{AttachType, LinkType, ProgramType};

use crate::support::{Program, in_own_namespaces, leaks_nothing};

/// The loopback device has this index in every network namespace.
const LO: IfIndex = IfIndex(1);
const PASS: i32 = 2;
const DROP: i32 = 1;

fn program(verdict: i32) -> Program {
    Program::counting_for(ProgramType::XDP, AttachType::XDP, verdict)
}

fn send() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"ping", socket.local_addr().unwrap()).unwrap();
}

#[test]
fn packets_are_counted_until_dropped() {
    in_own_namespaces("xdp::packets_are_counted_until_dropped", || {
        for mode in [XdpMode::Auto, XdpMode::Generic] {
            leaks_nothing(|| {
                let (passing, dropping) = (program(PASS), program(DROP));
                let options = XdpOptions::default().with_mode(mode);
                let mut link = attach_xdp(&passing, LO, &options).unwrap();
                send();
                assert_eq!(passing.hits(), 1, "{mode:?}");
                link.update(&dropping).unwrap();
                send();
                assert_eq!((passing.hits(), dropping.hits()), (1, 1), "{mode:?}");
                let error = link.replace(&passing, &passing).unwrap_err();
                assert!(error.to_string().contains("replac"), "{error}");
                drop(link);
                send();
                assert_eq!((passing.hits(), dropping.hits()), (1, 1), "{mode:?} after drop");
            });
        }
    });
}

#[test]
fn detaching_leaves_a_link_without_a_device() {
    in_own_namespaces("xdp::detaching_leaves_a_link_without_a_device", || {
        let program = program(PASS);
        let link = attach_xdp(&program, LO, &XdpOptions::default()).unwrap();
        let info = link.info().unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::XDP, program.id()));
        assert!(matches!(info.details, LinkDetails::Xdp { ifindex: 1, .. }), "{info:?}");
        let other = bpf_link::Link::from_id(info.id).unwrap();
        link.detach().unwrap();
        send();
        assert_eq!(program.hits(), 0);
        let info = other.info().unwrap();
        assert!(matches!(info.details, LinkDetails::Xdp { ifindex: 0, .. }), "{info:?}");
    });
}

#[test]
fn failures_say_what_was_wrong() {
    in_own_namespaces("xdp::failures_say_what_was_wrong", || {
        let right = program(PASS);
        let options = XdpOptions::default();
        let check = |error: bpf_link::Error, kind: ErrorKind, part: &str| {
            assert_eq!(error.kind(), &kind, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        };
        let error = attach_xdp(&right, IfIndex(4711), &options).unwrap_err();
        // The kernel has one number for all that can be wrong here.
        check(error, ErrorKind::Invalid, "no interface 4711");
        let _holder = attach_xdp(&right, LO, &options).unwrap();
        let error = attach_xdp(&right, LO, &options).unwrap_err();
        check(error, ErrorKind::Busy, "interface 1");
        let wrong = Program::counting(ProgramType::SOCKET_FILTER, -1);
        let error = attach_xdp(&wrong, LO, &options).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
        let driver = XdpOptions::default().with_mode(XdpMode::Driver);
        // A driver cannot take it while another mode is in use, and loopback has none.
        assert!(attach_xdp(&right, LO, &driver).is_err());
    });
}
