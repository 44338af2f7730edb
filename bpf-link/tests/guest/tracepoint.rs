//! Tests of tracepoints.
use bpf_link::{ErrorKind, LinkDetails, PerfAttachMode, TracepointOptions, attach_tracepoint};
use bpf_sys::abi::{LinkType, PerfEventType, ProgramType};

use crate::support::{Program, guest_only, leaks_nothing};

/// Makes the system call whose entry is traced.
fn trigger() {
    let _ = std::process::id();
}

fn program() -> Program {
    Program::counting(ProgramType::TRACEPOINT, 0)
}

#[test]
fn every_mechanism_counts_until_dropped() {
    guest_only();
    for mode in [PerfAttachMode::Auto, PerfAttachMode::Link, PerfAttachMode::Ioctl] {
        if mode == PerfAttachMode::Link && !testdata::requires("perf event links", (5, 15)) {
            continue;
        }
        leaks_nothing(|| {
            let program = program();
            let options = TracepointOptions::default().with_attach(mode);
            let link =
                attach_tracepoint(&program, "syscalls", "sys_enter_getpid", &options).unwrap();
            trigger();
            assert_eq!(program.hits(), 1, "{mode:?}");
            drop(link);
            trigger();
            assert_eq!(program.hits(), 1, "{mode:?} after drop");
        });
    }
}

#[test]
fn the_program_gets_its_cookie() {
    guest_only();
    let program = if testdata::kernel_release() < (5, 15) {
        program()
    } else {
        Program::cookie(ProgramType::TRACEPOINT)
    };
    let options = TracepointOptions::default().with_cookie(77);
    let attached = attach_tracepoint(&program, "syscalls", "sys_enter_getpid", &options);
    if !testdata::requires("perf event cookies", (5, 15)) {
        let error = attached.unwrap_err();
        assert!(error.is_not_supported(), "{error}");
        assert!(error.to_string().contains("5.15"), "{error}");
        return;
    }
    let link = attached.unwrap();
    trigger();
    assert_eq!(program.seen_cookie(), 77);
    let info = link.info().unwrap();
    assert_eq!((info.link_type, info.program), (LinkType::PERF_EVENT, program.id()));
    if testdata::requires("perf event link info", (6, 6)) {
        match info.details {
            LinkDetails::PerfEvent { event, name, .. } => {
                assert_eq!((event, name.as_str()), (PerfEventType::TRACEPOINT, "sys_enter_getpid"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn failures_say_what_was_wrong() {
    guest_only();
    let options = TracepointOptions::default();
    let error = attach_tracepoint(&program(), "sched", "sched_none", &options).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound);
    assert!(error.to_string().contains("sched/sched_none"), "{error}");
    let error = attach_tracepoint(&program(), "..", "x", &options).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Invalid);
    let wrong = Program::counting(ProgramType::KPROBE, 0);
    let error = attach_tracepoint(&wrong, "sched", "sched_switch", &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
}
