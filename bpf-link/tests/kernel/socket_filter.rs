//! Tests of socket filters.
use std::net::UdpSocket;
use std::time::Duration;

use bpf_link::{ErrorKind, attach_socket_filter};
use bpf_sys::abi::ProgramType;

use crate::support::{Program, leaks_nothing};

/// A socket that receives what it sends to itself.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(socket.local_addr().unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn send(socket: &UdpSocket) {
    socket.send(b"ping").unwrap();
    // Loopback delivers before `send` returns; the wait is for the slow case only.
    let mut buffer = [0; 8];
    assert_eq!(socket.recv(&mut buffer).unwrap(), 4);
}

#[test]
fn a_filter_sees_packets_until_dropped() {
    leaks_nothing(|| {
        // -1: keep the whole packet.
        let program = Program::counting(ProgramType::SOCKET_FILTER, -1);
        let socket = socket();
        let link = attach_socket_filter(&program, &socket).unwrap();
        send(&socket);
        assert_eq!(program.hits(), 1);
        drop(link);
        send(&socket);
        assert_eq!(program.hits(), 1, "after drop");

        let link = attach_socket_filter(&program, &socket).unwrap();
        send(&socket);
        assert_eq!(program.hits(), 2);
        link.detach().unwrap();
        send(&socket);
        assert_eq!(program.hits(), 2, "after detach");

        attach_socket_filter(&program, &socket).unwrap().disconnect();
        send(&socket);
        assert_eq!(program.hits(), 3, "after disconnect");
    });
}

#[test]
fn a_socket_has_no_link_object() {
    let program = Program::counting(ProgramType::SOCKET_FILTER, -1);
    let socket = socket();
    let mut link = attach_socket_filter(&program, &socket).unwrap();
    for error in [
        link.info().unwrap_err(),
        link.id().unwrap_err(),
        link.pin("/nonexistent/link").unwrap_err(),
        link.update(&program).unwrap_err(),
        link.into_fd().unwrap_err(),
    ] {
        assert!(matches!(error.kind(), ErrorKind::NotSupported { since: None, .. }), "{error}");
    }
}

#[test]
fn another_program_type_is_named() {
    let program = Program::counting(ProgramType::XDP, 2);
    let error = attach_socket_filter(&program, &socket()).unwrap_err();
    let expected: &[ProgramType] = &[ProgramType::SOCKET_FILTER];
    match error.kind() {
        ErrorKind::WrongProgramType { expected: types, actual, .. } => {
            assert_eq!((*types, *actual), (expected, ProgramType::XDP));
        }
        other => panic!("{other:?}"),
    }
}
