//! Tests of programs on perf events.
use std::hint::black_box;
use std::os::fd::OwnedFd;

use bpf_link::{ErrorKind, PerfAttachMode, PerfEventOptions, attach_perf_event};
use bpf_sys::abi::ProgramType;
use bpf_sys::perf::{self, Event, Scope};

use crate::support::{Program, leaks_nothing};

/// The page faults of this process, one by one (`PERF_TYPE_SOFTWARE`, `PERF_COUNT_SW_PAGE_FAULTS`).
fn page_faults() -> OwnedFd {
    let event = Event::Counter { kind: 1, config: 2, period: 1, frequency: false };
    perf::open(&event, Scope::Process(0)).unwrap()
}

/// Touches memory that was not touched before: so much is always mapped anew.
fn trigger() {
    black_box(vec![1_u8; 64 << 20]);
}

#[test]
fn every_mechanism_counts_until_dropped() {
    let links = testdata::requires("perf event links", (5, 15));
    for mode in [PerfAttachMode::Auto, PerfAttachMode::Link, PerfAttachMode::Ioctl] {
        if mode == PerfAttachMode::Link && !links {
            continue;
        }
        leaks_nothing(|| {
            let program = Program::counting(ProgramType::PERF_EVENT, 0);
            let event = page_faults();
            let options = PerfEventOptions::default().with_attach(mode);
            let link = attach_perf_event(&program, &event, &options).unwrap();
            trigger();
            assert!(program.hits() > 0, "{mode:?}");
            drop(event);
            let hits = program.hits();
            trigger();
            assert!(program.hits() > hits, "{mode:?}: the link holds the event");
            drop(link);
            let hits = program.hits();
            trigger();
            assert_eq!(program.hits(), hits, "{mode:?} after drop");
        });
    }
}

#[test]
fn failures_say_what_was_wrong() {
    let wrong = Program::counting(ProgramType::SOCKET_FILTER, -1);
    let error =
        attach_perf_event(&wrong, &page_faults(), &PerfEventOptions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
    let file = std::fs::File::open("/proc/self/stat").unwrap();
    let program = Program::counting(ProgramType::PERF_EVENT, 0);
    let error = attach_perf_event(&program, &file, &PerfEventOptions::default()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Invalid, "{error}");
}
