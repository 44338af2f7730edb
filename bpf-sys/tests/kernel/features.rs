//! Probes: what they say about this kernel, against what its version says.

use bpf_sys::Errno;
use bpf_sys::abi::{KernelVersion, MapType, ProgramType};
use bpf_sys::feature::{Answer, Feature, Probes};

use crate::common::leaks_nothing;

/// What a kernel may be built without.
const CONFIGURABLE: &[&str] =
    &["netkit links", "kprobe multi links", "kprobe sessions", "lirc_mode2"];

fn check(name: &str, since: KernelVersion, answer: Answer) {
    let (major, minor) = testdata::kernel_release();
    let running =
        KernelVersion::new(u16::try_from(major).unwrap(), u16::try_from(minor).unwrap(), 0);
    match answer {
        Answer::Supported => {
            assert!(since <= running, "{name}: this {running} has it, so it is not from {since}");
        }
        Answer::Unsupported => assert!(
            since > running || CONFIGURABLE.contains(&name),
            "{name}: this {running} should have it since {since}"
        ),
        // A machine may forbid even root to load programs for kernel functions.
        Answer::Unknown(error) => {
            let forbidden = ["tracing", "ext", "lsm"].contains(&name)
                && error.errno == Errno::EPERM
                && !testdata::in_guest();
            assert!(forbidden, "{name}: {error}");
        }
    }
}

#[test]
fn features_are_there_from_the_kernel_that_they_name() {
    leaks_nothing(|| {
        let probes = Probes::new();
        for feature in Feature::ALL {
            check(feature.name(), feature.since(), probes.ask(feature));
            assert_eq!(
                probes.ask(feature).is_supported(),
                probes.ask(feature) == Answer::Supported
            );
        }
    });
}

#[test]
fn map_types_are_there_from_the_kernel_that_they_name() {
    leaks_nothing(|| {
        let probes = Probes::new();
        for map_type in MapType::ALL.iter().skip(1) {
            check(
                map_type.name().unwrap(),
                map_type.first_kernel().unwrap(),
                probes.map_type(*map_type),
            );
        }
        assert_eq!(probes.map_type(MapType::UNSPEC), Answer::Unsupported);
        assert_eq!(probes.map_type(MapType(9999)), Answer::Unsupported);
    });
}

#[test]
fn program_types_are_there_from_the_kernel_that_they_name() {
    leaks_nothing(|| {
        let probes = Probes::new();
        for program_type in ProgramType::ALL.iter().skip(1) {
            check(
                program_type.name().unwrap(),
                program_type.first_kernel().unwrap(),
                probes.program_type(*program_type),
            );
        }
        assert_eq!(probes.program_type(ProgramType::UNSPEC), Answer::Unsupported);
        assert_eq!(probes.program_type(ProgramType(9999)), Answer::Unsupported);
    });
}

#[test]
fn helpers_depend_on_the_kind_of_program() {
    leaks_nothing(|| {
        let probes = Probes::new();
        let rows = [
            (ProgramType::SOCKET_FILTER, 1, true),
            (ProgramType::SOCKET_FILTER, 44, false),
            (ProgramType::XDP, 44, true),
            (ProgramType::KPROBE, 4, true),
            (ProgramType::XDP, 4000, false),
            (ProgramType(9999), 1, false),
        ];
        for (program_type, helper, supported) in rows {
            let expected = if supported { Answer::Supported } else { Answer::Unsupported };
            assert_eq!(probes.helper(program_type, helper), expected, "{program_type} {helper}");
        }
        assert!(matches!(probes.helper(ProgramType::TRACING, 1), Answer::Unknown(_)));
    });
}
