//! Tests of links to network namespaces.
use std::fs::File;
use std::net::UdpSocket;

use bpf_link::{ErrorKind, LinkDetails, NetnsHook, attach_netns};
use bpf_sys::abi::{AttachType, LinkType, ProgramType};

use crate::support::{Program, in_own_namespaces, leaks_nothing};

const PASS: i32 = 1;

fn lookup() -> Program {
    Program::counting_for(ProgramType::SK_LOOKUP, AttachType::SK_LOOKUP, PASS)
}

fn namespace() -> File {
    File::open("/proc/self/ns/net").unwrap()
}

/// A packet for a socket without a peer: the kernel has to look the socket up.
fn send() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"ping", socket.local_addr().unwrap()).unwrap();
}

#[test]
fn lookups_are_counted_until_dropped() {
    in_own_namespaces("netns::lookups_are_counted_until_dropped", || {
        leaks_nothing(|| {
            let (program, other) = (lookup(), lookup());
            let mut link = attach_netns(&program, &namespace(), NetnsHook::SocketLookup).unwrap();
            send();
            assert_eq!(program.hits(), 1);
            let info = link.info().unwrap();
            assert_eq!((info.link_type, info.program), (LinkType::NETNS, program.id()));
            match info.details {
                LinkDetails::Netns { attach_type, .. } => {
                    assert_eq!(attach_type, AttachType::SK_LOOKUP);
                }
                other => panic!("{other:?}"),
            }
            link.update(&other).unwrap();
            send();
            assert_eq!((program.hits(), other.hits()), (1, 1));
            drop(link);
            send();
            assert_eq!((program.hits(), other.hits()), (1, 1), "after drop");
        });
    });
}

#[test]
fn failures_say_what_was_wrong() {
    in_own_namespaces("netns::failures_say_what_was_wrong", || {
        let file = File::open("/proc/self/stat").unwrap();
        let error = attach_netns(&lookup(), &file, NetnsHook::SocketLookup).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Invalid, "{error}");
        let wrong = Program::counting(ProgramType::SOCKET_FILTER, -1);
        let error = attach_netns(&wrong, &namespace(), NetnsHook::SocketLookup).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
    });
}
