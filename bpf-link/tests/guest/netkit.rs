//! Tests of links to netkit devices.

use std::fs;
use std::net::UdpSocket;
use std::process::Command;

use bpf_link::{DeviceOptions, IfIndex, LinkDetails, NetkitEnd, attach_netkit};
use bpf_sys::abi::{LinkType, ProgramType};

use crate::support::{Program, guest_only, leaks_nothing};

/// `NETKIT_NEXT`: on to the next program, and then the device's policy.
const NEXT: i32 = -1;

/// A netkit pair; packets to 10.9.9.2 leave by its primary device.
struct Pair;

impl Pair {
    fn make() -> Self {
        for command in [
            "ip link add bpf0 type netkit",
            "ip addr add 10.9.9.1/24 dev bpf0",
            "ip link set bpf0 up",
            // The kernel names the peer; without it the primary device has no carrier.
            "ip link set nk0 up",
        ] {
            run(command);
        }
        Pair
    }
}

fn primary() -> IfIndex {
    let text = fs::read_to_string("/sys/class/net/bpf0/ifindex").unwrap();
    IfIndex(text.trim().parse().unwrap())
}

fn send() {
    let socket = UdpSocket::bind("10.9.9.1:0").unwrap();
    // Nobody listens: the packet only has to leave.
    let _ = socket.send_to(b"ping", "10.9.9.2:9");
}

impl Drop for Pair {
    fn drop(&mut self) {
        run("ip link del bpf0");
    }
}

fn run(command: &str) {
    let mut words = command.split(' ');
    let done = Command::new(words.next().unwrap()).args(words).status().expect(command);
    assert!(done.success(), "{command}");
}

#[test]
fn packets_are_counted_until_dropped() {
    guest_only();
    if !testdata::requires("netkit links", (6, 7)) {
        return;
    }
    let _pair = Pair::make();
    leaks_nothing(|| {
        let program = Program::counting(ProgramType::SCHED_CLS, NEXT);
        let options = DeviceOptions::default();
        let link = attach_netkit(&program, primary(), NetkitEnd::Primary, &options).unwrap();
        send();
        assert!(program.hits() > 0);
        let info = link.info().unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::NETKIT, program.id()));
        match info.details {
            LinkDetails::Netkit { ifindex, .. } => assert_eq!(IfIndex(ifindex), primary()),
            other => panic!("{other:?}"),
        }
        let on_peer = attach_netkit(&program, primary(), NetkitEnd::Peer, &options).unwrap();
        drop((link, on_peer));
        let hits = program.hits();
        send();
        assert_eq!(program.hits(), hits, "after drop");
    });
}
