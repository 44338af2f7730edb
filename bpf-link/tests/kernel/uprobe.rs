//! Tests of uprobes.
use std::fs;
use std::hint::black_box;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use bpf_link::{
    ErrorKind, LinkDetails, MultiMode, PerfAttachMode, ProbeEventSource, ProbePoint,
    UprobeMultiOptions, UprobeOptions, UprobeProcess, attach_uprobe, attach_uprobe_multi,
    attach_uretprobe, binary_functions,
};
use bpf_sys::abi::{AttachType, LinkType, PerfEventType, ProgramType};

use crate::support::{Program, in_own_namespaces, leaks_nothing, probe_events};

/// Where the probe goes: in this executable, so that nothing else is touched.
#[inline(never)]
fn probed(number: u64) -> u64 {
    black_box(number).wrapping_mul(3)
}

/// The file of a function of this process, and its offset there.
fn place(address: usize) -> (PathBuf, u64) {
    let address = address as u64;
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (start, end) = fields[0].split_once('-').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        if (number(start)..number(end)).contains(&address) {
            return (
                fields[5].into(),
                number(fields[2]).wrapping_add(address).wrapping_sub(number(start)),
            );
        }
    }
    panic!("{address:#x} is not mapped");
}

fn own_function() -> (PathBuf, ProbePoint) {
    let (path, offset) = place(probed as *const () as usize);
    (path, ProbePoint::absolute(offset))
}

fn options() -> UprobeOptions {
    UprobeOptions::default().with_process(UprobeProcess::Current)
}

fn program() -> Program {
    Program::counting(ProgramType::KPROBE, 0)
}

#[test]
fn every_mechanism_counts_calls_until_dropped() {
    in_own_namespaces("uprobe::every_mechanism_counts_calls_until_dropped", || {
        let (path, point) = own_function();
        let links = testdata::requires("perf event links", (5, 15));
        for source in [ProbeEventSource::Auto, ProbeEventSource::Pmu, ProbeEventSource::Tracefs] {
            for attach in [PerfAttachMode::Auto, PerfAttachMode::Link, PerfAttachMode::Ioctl] {
                if attach == PerfAttachMode::Link && !links {
                    continue;
                }
                let options = options().with_source(source).with_attach(attach);
                leaks_nothing(|| {
                    let (entry, exit) = (program(), program());
                    let on_entry = attach_uprobe(&entry, &path, &point, &options).unwrap();
                    let on_exit = attach_uretprobe(&exit, &path, &point, &options).unwrap();
                    let ours = if source == ProbeEventSource::Tracefs { 2 } else { 0 };
                    assert_eq!(probe_events("uprobe_events").len(), ours, "{source:?}");
                    probed(1);
                    probed(2);
                    assert_eq!((entry.hits(), exit.hits()), (2, 2), "{source:?} {attach:?}");
                    drop(on_entry);
                    probed(3);
                    assert_eq!((entry.hits(), exit.hits()), (2, 3), "{source:?} {attach:?}");
                    drop(on_exit);
                    probed(4);
                    assert_eq!((entry.hits(), exit.hits()), (2, 3), "{source:?} {attach:?}");
                    assert_eq!(probe_events("uprobe_events"), [""; 0]);
                });
            }
        }
    });
}

#[test]
fn a_symbol_of_a_library_is_found() {
    leaks_nothing(|| {
        // With a static executable the C library is in it, otherwise the search finds it.
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let library = if maps.contains("libc.so.6") { "libc.so.6" } else { "/proc/self/exe" };
        let program = program();
        let point = ProbePoint::symbol("getppid");
        let link = attach_uprobe(&program, library, &point, &options()).unwrap();
        let _ = parent_id();
        assert_eq!(program.hits(), 1);
        drop(link);
        let _ = parent_id();
        assert_eq!(program.hits(), 1);
    });
}

#[test]
fn another_process_is_not_probed() {
    let (path, point) = own_function();
    let program = program();
    let mut child = std::process::Command::new("sleep").arg("10").spawn().unwrap();
    let options = UprobeOptions::default().with_process(UprobeProcess::Pid(child.id()));
    let link = attach_uprobe(&program, &path, &point, &options).unwrap();
    probed(1);
    assert_eq!(program.hits(), 0);
    drop(link);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_program_gets_its_cookie() {
    if !testdata::requires("perf event cookies", (5, 15)) {
        return;
    }
    let (path, point) = own_function();
    let program = Program::cookie(ProgramType::KPROBE);
    let options = options().with_cookie(0x1234_5678_9abc_def0);
    let link = attach_uprobe(&program, &path, &point, &options).unwrap();
    probed(1);
    assert_eq!(program.seen_cookie(), 0x1234_5678_9abc_def0);
    let info = link.info().unwrap();
    assert_eq!((info.link_type, info.program), (LinkType::PERF_EVENT, program.id()));
    match info.details {
        LinkDetails::PerfEvent { event, name, offset, .. }
            if testdata::requires("perf event link info", (6, 6)) =>
        {
            assert_eq!((event, Path::new(&name)), (PerfEventType::UPROBE, path.as_path()));
            assert_eq!(ProbePoint::absolute(offset), point);
        }
        LinkDetails::PerfEvent { event, .. } => assert_eq!(event, PerfEventType::UNSPEC),
        other => panic!("{other:?}"),
    }
    let refused =
        attach_uprobe(&program, &path, &point, &options.with_attach(PerfAttachMode::Ioctl));
    assert!(matches!(refused.unwrap_err().kind(), ErrorKind::NotSupported { .. }));
}

#[test]
fn failures_say_what_was_wrong() {
    let (path, point) = own_function();
    let program = program();
    let attach = |path: &Path, point: &ProbePoint| {
        attach_uprobe(&program, path, point, &options()).unwrap_err()
    };
    let check = |error: bpf_link::Error, kind: ErrorKind, part: &str| {
        assert_eq!(error.kind(), &kind, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    };
    let nothing = ProbePoint::symbol("no_such_function");
    check(attach(&path, &nothing), ErrorKind::NotFound, "no_such_function");
    check(attach(Path::new("/no/such/file"), &point), ErrorKind::NotFound, "/no/such/file");
    check(attach(Path::new("no-such-program"), &point), ErrorKind::NotFound, "PATH");
    check(attach(Path::new("libnone.so.7"), &point), ErrorKind::NotFound, "LD_LIBRARY_PATH");
    let text = attach(Path::new("/proc/self/maps"), &ProbePoint::symbol("f"));
    check(text, ErrorKind::Invalid, "not an ELF file");
    let wrong = Program::counting(ProgramType::SOCKET_FILTER, -1);
    let error = attach_uprobe(&wrong, &path, &point, &options()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
}

#[test]
fn many_places_are_one_link() {
    if !testdata::requires("uprobe multi links", (6, 6)) {
        return;
    }
    let (path, point) = own_function();
    leaks_nothing(|| {
        for (mode, expected) in [(MultiMode::Entry, 1), (MultiMode::Return, 1)] {
            let attach_type = AttachType::TRACE_UPROBE_MULTI;
            let program = Program::bound(ProgramType::KPROBE, attach_type, 0, true, 0);
            let options = UprobeMultiOptions::default()
                .with_mode(mode)
                .with_process(UprobeProcess::Current)
                .with_cookies([80]);
            let points = std::slice::from_ref(&point);
            let link = attach_uprobe_multi(&program, &path, points, &options).unwrap();
            probed(1);
            assert_eq!((program.hits(), program.seen_cookie()), (expected, 80), "{mode:?}");
            let info = link.info().unwrap();
            assert_eq!((info.link_type, info.program), (LinkType::UPROBE_MULTI, program.id()));
            if testdata::requires("uprobe multi link info", (6, 8)) {
                match info.details {
                    LinkDetails::UprobeMulti { path: told, count: 1, pid, .. } => {
                        assert_eq!(Path::new(&told), path);
                        assert_eq!(pid, std::process::id());
                    }
                    other => panic!("{other:?}"),
                }
            }
            drop(link);
            probed(2);
            assert_eq!(program.hits(), expected, "{mode:?} after drop");
        }
    });
}

#[test]
fn functions_of_a_file_are_found_by_pattern() {
    let (path, ProbePoint::Absolute(offset)) = own_function() else { panic!("an offset") };
    // The name is mangled, with its length before and a hash after.
    let found = binary_functions(&path, "*6probed*").unwrap();
    assert_eq!(found, [ProbePoint::absolute(offset)]);
    let error = binary_functions(&path, "no_such_functio*").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("no_such_functio*"), "{error}");
}

#[test]
fn many_places_fail_as_a_whole_and_with_the_reason() {
    let (path, point) = own_function();
    let attach = |points: &[ProbePoint], options: &UprobeMultiOptions| {
        attach_uprobe_multi(&program(), &path, points, options).unwrap_err()
    };
    let options = UprobeMultiOptions::default();
    let check = |error: bpf_link::Error, kind: ErrorKind, part: &str| {
        assert_eq!(error.kind(), &kind, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    };
    check(attach(&[], &options), ErrorKind::Invalid, "no place");
    let two = options.clone().with_cookies([1, 2]);
    check(attach(std::slice::from_ref(&point), &two), ErrorKind::Invalid, "cookies");
    let unknown = [point.clone(), ProbePoint::symbol("no_such_function")];
    check(attach(&unknown, &options), ErrorKind::NotFound, "no_such_function");
    let error = attach(std::slice::from_ref(&point), &options);
    if testdata::requires("uprobe multi links", (6, 6)) {
        check(error, ErrorKind::Invalid, "trace_uprobe_multi");
    } else {
        assert!(error.is_not_supported() && error.to_string().contains("6.6"), "{error}");
    }
}
