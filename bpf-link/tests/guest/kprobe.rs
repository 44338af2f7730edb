//! Tests of kprobes.
use std::thread;
use std::time::Duration;

use bpf_link::{
    ErrorKind, KernelFunctions, KprobeMultiOptions, KprobeOptions, LinkDetails, MultiMode,
    PerfAttachMode, ProbeEventSource, ProbePoint, attach_kprobe, attach_kprobe_multi,
    attach_kretprobe, attach_kretsyscall, attach_ksyscall,
};
use bpf_sys::abi::{AttachType, LinkType, PerfEventType, ProgramType};

use crate::support::{Program, guest_only, leaks_nothing, probe_events};

/// Called by every sleep.
const FUNCTION: &str = "hrtimer_nanosleep";

fn trigger() {
    thread::sleep(Duration::from_micros(1));
}

fn program() -> Program {
    Program::counting(ProgramType::KPROBE, 0)
}

#[test]
fn every_mechanism_counts_calls_until_dropped() {
    guest_only();
    let point = ProbePoint::symbol(FUNCTION);
    let links = testdata::requires("perf event links", (5, 15));
    for source in [ProbeEventSource::Auto, ProbeEventSource::Pmu, ProbeEventSource::Tracefs] {
        for attach in [PerfAttachMode::Auto, PerfAttachMode::Link, PerfAttachMode::Ioctl] {
            if attach == PerfAttachMode::Link && !links {
                continue;
            }
            let options = KprobeOptions::default().with_source(source).with_attach(attach);
            leaks_nothing(|| {
                let (entry, exit) = (program(), program());
                let on_entry = attach_kprobe(&entry, &point, &options).unwrap();
                let on_exit = attach_kretprobe(&exit, &point, &options).unwrap();
                let ours = if source == ProbeEventSource::Tracefs { 2 } else { 0 };
                assert_eq!(probe_events("kprobe_events").len(), ours, "{source:?}");
                trigger();
                assert!(entry.hits() > 0 && exit.hits() > 0, "{source:?} {attach:?}");
                drop(on_entry);
                let (entries, exits) = (entry.hits(), exit.hits());
                trigger();
                assert_eq!(entry.hits(), entries, "{source:?} {attach:?}");
                assert!(exit.hits() > exits, "{source:?} {attach:?}");
                drop(on_exit);
                let exits = exit.hits();
                trigger();
                assert_eq!((entry.hits(), exit.hits()), (entries, exits), "{source:?} {attach:?}");
                assert_eq!(probe_events("kprobe_events"), [""; 0]);
            });
        }
    }
}

#[test]
fn an_offset_and_an_address_are_places() {
    guest_only();
    leaks_nothing(|| {
        let text = std::fs::read_to_string("/proc/kallsyms").unwrap();
        let wanted = format!(" T {FUNCTION}");
        let line = text.lines().find(|line| line.ends_with(&wanted)).unwrap();
        let address = u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap();
        for source in [ProbeEventSource::Pmu, ProbeEventSource::Tracefs] {
            let options = KprobeOptions::default().with_source(source);
            let program = program();
            let link = attach_kprobe(&program, &ProbePoint::absolute(address), &options).unwrap();
            trigger();
            assert!(program.hits() > 0, "{source:?}");
            drop(link);
            // Whether another offset starts an instruction depends on the build: both answers name the place.
            let point = ProbePoint::symbol(FUNCTION).plus(1);
            if let Err(error) = attach_kprobe(&program, &point, &options) {
                assert!(error.to_string().contains("hrtimer_nanosleep+0x1"), "{error}");
            }
        }
    });
}

#[test]
fn the_program_gets_its_cookie() {
    guest_only();
    if !testdata::requires("perf event cookies", (5, 15)) {
        return;
    }
    for source in [ProbeEventSource::Pmu, ProbeEventSource::Tracefs] {
        let program = Program::cookie(ProgramType::KPROBE);
        let options = KprobeOptions::default().with_source(source).with_cookie(u64::MAX);
        let point = ProbePoint::symbol(FUNCTION);
        let link = attach_kretprobe(&program, &point, &options).unwrap();
        trigger();
        assert_eq!(program.seen_cookie(), u64::MAX, "{source:?}");
        let info = link.info().unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::PERF_EVENT, program.id()));
        if testdata::requires("perf event link info", (6, 6)) {
            match info.details {
                LinkDetails::PerfEvent { event, name, .. } => {
                    assert_eq!((event, name.as_str()), (PerfEventType::KRETPROBE, FUNCTION));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_return_probe_may_ask_for_more_instances() {
    guest_only();
    leaks_nothing(|| {
        let program = program();
        let options = KprobeOptions::default().with_max_active(64);
        let point = ProbePoint::symbol(FUNCTION);
        let link = attach_kretprobe(&program, &point, &options).unwrap();
        let events = probe_events("kprobe_events");
        assert!(events.len() == 1 && events[0].starts_with("r64:"), "{events:?}");
        trigger();
        assert!(program.hits() > 0);
        drop(link);
        assert_eq!(probe_events("kprobe_events"), [""; 0]);
        let error = attach_kprobe(&program, &point, &options).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Invalid, "{error}");
    });
}

#[test]
fn failures_say_what_was_wrong_and_leave_nothing() {
    guest_only();
    let program = program();
    for source in [ProbeEventSource::Auto, ProbeEventSource::Pmu, ProbeEventSource::Tracefs] {
        leaks_nothing(|| {
            let options = KprobeOptions::default().with_source(source);
            let point = ProbePoint::symbol("no_such_function");
            let error = attach_kprobe(&program, &point, &options).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::NotFound, "{source:?}: {error}");
            assert!(error.to_string().contains("no_such_function"), "{error}");
            let point = ProbePoint::symbol("f\np:kprobes/other do_exit");
            let error = attach_kprobe(&program, &point, &options).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Invalid, "{source:?}: {error}");
            let wrong = Program::counting(ProgramType::SOCKET_FILTER, -1);
            let point = ProbePoint::symbol(FUNCTION);
            let error = attach_kprobe(&wrong, &point, &options).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
            assert_eq!(probe_events("kprobe_events"), [""; 0], "{source:?}");
        });
    }
}

#[test]
fn many_functions_are_one_link() {
    guest_only();
    let attach_type = AttachType::TRACE_KPROBE_MULTI;
    let functions = KernelFunctions::Names(&[FUNCTION, "do_exit"]);
    // The test kernels before 6.12 lack CONFIG_FPROBE.
    if !testdata::requires("kprobe multi links (CONFIG_FPROBE in this build)", (6, 12)) {
        let error =
            attach_kprobe_multi(&program(), functions, &KprobeMultiOptions::default()).unwrap_err();
        let version = testdata::kernel_release();
        assert!(error.is_not_supported() || version >= (5, 18), "{error}");
        return;
    }
    for mode in [MultiMode::Entry, MultiMode::Return] {
        leaks_nothing(|| {
            let program = Program::bound(ProgramType::KPROBE, attach_type, 0, true, 0);
            let options = KprobeMultiOptions::default().with_mode(mode).with_cookies([81, 82]);
            let link = attach_kprobe_multi(&program, functions, &options).unwrap();
            trigger();
            assert!(program.hits() > 0, "{mode:?}");
            assert_eq!(program.seen_cookie(), 81, "{mode:?}");
            let info = link.info().unwrap();
            assert_eq!((info.link_type, info.program), (LinkType::KPROBE_MULTI, program.id()));
            assert!(matches!(info.details, LinkDetails::KprobeMulti { count: 2, .. }), "{info:?}");
            drop(link);
            let hits = program.hits();
            trigger();
            assert_eq!(program.hits(), hits, "{mode:?} after drop");
        });
    }
    let program = Program::counting_for(ProgramType::KPROBE, attach_type, 0);
    let unknown = KernelFunctions::Names(&[FUNCTION, "no_such_function"]);
    let options = KprobeMultiOptions::default();
    let error = attach_kprobe_multi(&program, unknown, &options).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
    let none = attach_kprobe_multi(&program, KernelFunctions::Names(&[]), &options);
    assert_eq!(none.unwrap_err().kind(), &ErrorKind::Invalid);
}

#[test]
fn a_session_runs_at_entry_and_return() {
    guest_only();
    if !testdata::requires("kprobe sessions", (6, 12)) {
        return;
    }
    let attach_type = AttachType::TRACE_KPROBE_SESSION;
    let program = Program::counting_for(ProgramType::KPROBE, attach_type, 0);
    let options = KprobeMultiOptions::default().with_mode(MultiMode::Session);
    let functions = KernelFunctions::Names(&[FUNCTION]);
    let link = attach_kprobe_multi(&program, functions, &options).unwrap();
    trigger();
    drop(link);
    assert!(program.hits() >= 2);
}

#[test]
fn a_pattern_attaches_to_all_functions_that_match() {
    guest_only();
    if !testdata::requires("kprobe multi links (CONFIG_FPROBE in this build)", (6, 12)) {
        return;
    }
    let attach_type = AttachType::TRACE_KPROBE_MULTI;
    let program = Program::counting_for(ProgramType::KPROBE, attach_type, 0);
    let attach = |pattern| {
        let options = KprobeMultiOptions::default();
        attach_kprobe_multi(&program, KernelFunctions::Matching(pattern), &options)
    };
    leaks_nothing(|| {
        let link = attach("hrtimer_nano*p").unwrap();
        let hits = program.hits();
        trigger();
        assert!(program.hits() > hits);
        match link.info().unwrap().details {
            LinkDetails::KprobeMulti { count, .. } => assert!(count >= 1),
            other => panic!("{other:?}"),
        }
    });
    drop(attach(FUNCTION).unwrap());
    let error = attach("no_such_functio*").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("no_such_functio*"), "{error}");
}

#[test]
fn a_system_call_is_found_by_its_name() {
    guest_only();
    leaks_nothing(|| {
        let (entry, exit) = (program(), program());
        let options = KprobeOptions::default();
        let on_entry = attach_ksyscall(&entry, "getpid", &options).unwrap();
        let on_exit = attach_kretsyscall(&exit, "getpid", &options).unwrap();
        let _ = std::process::id();
        assert_eq!((entry.hits(), exit.hits()), (1, 1));
        drop((on_entry, on_exit));
        let _ = std::process::id();
        assert_eq!((entry.hits(), exit.hits()), (1, 1));
    });
    let error = attach_ksyscall(&program(), "no_such_call", &KprobeOptions::default()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
}
