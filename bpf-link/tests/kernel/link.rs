//! Tests of what all links have in common.
use std::path::Path;
use std::thread;
use std::time::Duration;

use bpf_link::{ErrorKind, IfIndex, Link, XdpOptions, attach_xdp};
use bpf_sys::abi::{AttachType, LinkId, ProgramType};

use crate::support::{Program, in_own_namespaces, leaks_nothing, without_privileges};

const LO: IfIndex = IfIndex(1);

fn attached() -> (Program, Link) {
    let program = Program::counting_for(ProgramType::XDP, AttachType::XDP, 2);
    let link = attach_xdp(&program, LO, &XdpOptions::default()).unwrap();
    (program, link)
}

/// Whether nothing is attached to the device.
fn free() -> bool {
    let program = Program::counting_for(ProgramType::XDP, AttachType::XDP, 2);
    attach_xdp(&program, LO, &XdpOptions::default()).is_ok()
}

/// Whether the device gets free: old kernels put what a removed pin held a moment later.
fn gets_free() -> bool {
    (0..500).any(|_| {
        thread::sleep(Duration::from_millis(1));
        free()
    })
}

#[test]
fn a_pin_keeps_the_program_attached() {
    in_own_namespaces("link::a_pin_keeps_the_program_attached", || {
        let path = Path::new("/sys/fs/bpf/link");
        leaks_nothing(|| {
            let (_program, mut link) = attached();
            let id = link.id().unwrap();
            assert_eq!(link.pinned_path(), None);
            link.pin(path).unwrap();
            assert_eq!(link.pinned_path(), Some(path));
            drop(link);
            assert!(!free(), "the pin holds it");

            let mut opened = Link::from_pin(path).unwrap();
            assert_eq!(opened.id().unwrap(), id);
            assert_eq!(opened.pinned_path(), Some(path));
            opened.unpin().unwrap();
            assert!(!path.exists());
            assert_eq!(opened.pinned_path(), None);
            assert!(!free(), "the descriptor holds it");
            drop(opened);
            assert!(gets_free());
        });
    });
}

#[test]
fn detaching_undoes_what_a_pin_holds() {
    in_own_namespaces("link::detaching_undoes_what_a_pin_holds", || {
        let path = "/sys/fs/bpf/link";
        let (_program, mut link) = attached();
        link.pin(path).unwrap();
        link.detach().unwrap();
        assert!(free());
        assert!(Path::new(path).exists(), "the pin is the caller's to remove");
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn pins_fail_with_the_reason() {
    in_own_namespaces("link::pins_fail_with_the_reason", || {
        let (_program, mut link) = attached();
        let check = |error: bpf_link::Error, kind: ErrorKind, part: &str| {
            assert_eq!(error.kind(), &kind, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        };
        check(link.unpin().unwrap_err(), ErrorKind::NotFound, "not pinned");
        check(link.pin("/tmp/link").unwrap_err(), ErrorKind::NotPermitted, "bpffs");
        check(
            link.pin("/sys/fs/bpf/no/link").unwrap_err(),
            ErrorKind::NotFound,
            "/sys/fs/bpf/no/link",
        );
        link.pin("/sys/fs/bpf/one").unwrap();
        check(link.pin("/sys/fs/bpf/two").unwrap_err(), ErrorKind::Exists, "/sys/fs/bpf/one");
        let (mut other, path) = (Link::from_id(link.id().unwrap()).unwrap(), "/sys/fs/bpf/one");
        check(other.pin(path).unwrap_err(), ErrorKind::Exists, path);
        check(Link::from_pin("/sys/fs/bpf/none").unwrap_err(), ErrorKind::NotFound, "none");
        check(Link::from_id(LinkId(u32::MAX)).unwrap_err(), ErrorKind::NotFound, "4294967295");
        let program = Program::counting(ProgramType::SOCKET_FILTER, -1);
        program.pin("/sys/fs/bpf/program");
        check(Link::from_pin("/sys/fs/bpf/program").unwrap_err(), ErrorKind::Invalid, "not a link");
    });
}

#[test]
fn a_disconnected_link_stays_and_its_descriptor_can_be_taken() {
    in_own_namespaces("link::a_disconnected_link_stays_and_its_descriptor_can_be_taken", || {
        let (_program, link) = attached();
        let id = link.id().unwrap();
        let fd = link.into_fd().unwrap();
        assert!(!free());
        let link = Link::from_fd(fd);
        assert_eq!(link.id().unwrap(), id);
        link.disconnect();
        assert!(!free());
        Link::from_id(id).unwrap().detach().unwrap();
        assert!(free());
    });
}

#[test]
fn what_is_denied_is_another_kind_than_what_is_missing() {
    let (test, missing) =
        ("link::what_is_denied_is_another_kind_than_what_is_missing", LinkId(u32::MAX));
    without_privileges(test, || {
        let error = Link::from_id(missing).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotPermitted, "{error}");
        assert!(error.to_string().contains("CAP_SYS_ADMIN"), "{error}");
    });
    if std::env::var_os("BPF_LINK_WITHOUT_PRIVILEGES").is_none() {
        assert_eq!(Link::from_id(missing).unwrap_err().kind(), &ErrorKind::NotFound);
    }
}
