//! Tests of raw tracepoints.
use bpf_link::{ErrorKind, LinkDetails, RawTracepointOptions, attach_raw_tracepoint};
use bpf_sys::abi::{LinkType, ProgramType};

use crate::support::{Program, guest_only, leaks_nothing};

fn trigger() {
    let _ = std::process::id();
}

#[test]
fn events_are_counted_until_dropped() {
    guest_only();
    leaks_nothing(|| {
        let program = Program::counting(ProgramType::RAW_TRACEPOINT, 0);
        let options = RawTracepointOptions::default();
        let link = attach_raw_tracepoint(&program, "sys_enter", &options).unwrap();
        trigger();
        assert!(program.hits() > 0);
        let info = link.info().unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::RAW_TRACEPOINT, program.id()));
        match info.details {
            LinkDetails::RawTracepoint { name, .. } => assert_eq!(name, "sys_enter"),
            other => panic!("{other:?}"),
        }
        drop(link);
        let hits = program.hits();
        trigger();
        assert_eq!(program.hits(), hits, "after drop");
    });
}

#[test]
fn the_program_gets_its_cookie() {
    guest_only();
    if !testdata::requires("raw tracepoint cookies", (6, 10)) {
        return;
    }
    let program = Program::cookie(ProgramType::RAW_TRACEPOINT);
    let options = RawTracepointOptions::default().with_cookie(78);
    let _link = attach_raw_tracepoint(&program, "sys_enter", &options).unwrap();
    trigger();
    assert_eq!(program.seen_cookie(), 78);
}

#[test]
fn failures_say_what_was_wrong() {
    guest_only();
    let options = RawTracepointOptions::default();
    let program = Program::counting(ProgramType::RAW_TRACEPOINT, 0);
    let error = attach_raw_tracepoint(&program, "sys_none", &options).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound);
    assert!(error.to_string().contains("sys_none"), "{error}");
    let wrong = Program::counting(ProgramType::KPROBE, 0);
    let error = attach_raw_tracepoint(&wrong, "sys_enter", &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
    if !testdata::requires("raw tracepoint cookies", (6, 10)) {
        let options = options.with_cookie(1);
        let error = attach_raw_tracepoint(&program, "sys_enter", &options).unwrap_err();
        assert!(error.is_not_supported(), "{error}");
        assert!(error.to_string().contains("6.10"), "{error}");
    }
}
