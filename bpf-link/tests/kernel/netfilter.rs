//! Tests of links to netfilter hooks.
use std::net::UdpSocket;

use bpf_link::{
    ErrorKind, LinkDetails, NetfilterFamily, NetfilterHook, NetfilterOptions, attach_netfilter,
};
use bpf_sys::abi::{AttachType, LinkType, ProgramType};

use crate::support::{Program, in_own_namespaces, leaks_nothing};

const ACCEPT: i32 = 1;

fn program() -> Program {
    Program::counting_for(ProgramType::NETFILTER, AttachType::NETFILTER, ACCEPT)
}

fn send() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"ping", socket.local_addr().unwrap()).unwrap();
}

#[test]
fn packets_are_counted_until_dropped() {
    if !testdata::requires("netfilter links", (6, 4)) {
        return;
    }
    in_own_namespaces("netfilter::packets_are_counted_until_dropped", || {
        leaks_nothing(|| {
            let program = program();
            let options = NetfilterOptions::default().with_priority(-7);
            let ipv4 = NetfilterFamily::Ipv4;
            let link = attach_netfilter(&program, ipv4, NetfilterHook::LocalIn, &options).unwrap();
            send();
            assert_eq!(program.hits(), 1);
            let info = link.info().unwrap();
            assert_eq!((info.link_type, info.program), (LinkType::NETFILTER, program.id()));
            match info.details {
                LinkDetails::Netfilter { family, hook, priority, .. } => {
                    assert_eq!((family, hook, priority), (2, 1, -7));
                }
                other => panic!("{other:?}"),
            }
            let error =
                attach_netfilter(&program, ipv4, NetfilterHook::LocalIn, &options).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Busy, "{error}");
            drop(link);
            send();
            assert_eq!(program.hits(), 1, "after drop");
        });
    });
}
