//! Tests of fentry, fexit and their kind.
use std::fs;

use bpf_btf::Kind;
use bpf_link::{ErrorKind, LinkDetails, TracingOptions, attach_tracing};
use bpf_sys::abi::{AttachType, LinkType, ProgramType};
use bpf_sys::prog;

use crate::support::{Program, guest_only, kernel_type, leaks_nothing};

/// The kernel calls it in every test run of a tracing program.
const FUNCTION: &str = "bpf_fentry_test1";

fn program(attach_type: AttachType, cookie: bool) -> Program {
    let btf_id = kernel_type(FUNCTION, Kind::Func);
    Program::bound(ProgramType::TRACING, attach_type, btf_id, cookie, 0)
}

fn run(program: &Program) {
    use bpf_sys::AsProgFd as _;
    prog::test_run(program.as_prog_fd(), &mut prog::TestRun::default()).expect("test run");
}

#[test]
fn entry_and_exit_are_counted_until_dropped() {
    guest_only();
    let options = TracingOptions::default();
    for attach_type in [AttachType::TRACE_FENTRY, AttachType::TRACE_FEXIT] {
        leaks_nothing(|| {
            let program = program(attach_type, false);
            let link = attach_tracing(&program, attach_type, &options).unwrap();
            run(&program);
            assert_eq!(program.hits(), 1, "{attach_type}");
            let info = link.info().unwrap();
            assert_eq!((info.link_type, info.program), (LinkType::TRACING, program.id()));
            match info.details {
                LinkDetails::Tracing { attach_type: told, target_btf_id, .. } => {
                    assert_eq!(told, attach_type);
                    // Kernels before 5.13 do not tell.
                    assert!([kernel_type(FUNCTION, Kind::Func), 0].contains(&target_btf_id));
                    assert!(target_btf_id != 0 || testdata::kernel_release() < (5, 13));
                }
                other => panic!("{other:?}"),
            }
            drop(link);
            run(&program);
            assert_eq!(program.hits(), 1, "{attach_type} after drop");
        });
    }
}

#[test]
fn a_typed_raw_tracepoint_is_counted_until_dropped() {
    guest_only();
    leaks_nothing(|| {
        let btf_id = kernel_type("btf_trace_sys_enter", Kind::Typedef);
        let attach_type = AttachType::TRACE_RAW_TP;
        let program = Program::bound(ProgramType::TRACING, attach_type, btf_id, false, 0);
        let link = attach_tracing(&program, attach_type, &TracingOptions::default()).unwrap();
        assert!(program.hits() > 0);
        drop(link);
        let hits = program.hits();
        let _ = std::process::id();
        assert_eq!(program.hits(), hits, "after drop");
    });
}

#[test]
fn a_security_hook_is_attached_until_dropped() {
    guest_only();
    leaks_nothing(|| {
        let btf_id = kernel_type("bpf_lsm_file_open", Kind::Func);
        let attach_type = AttachType::LSM_MAC;
        let program = Program::bound(ProgramType::LSM, attach_type, btf_id, false, 0);
        let link = attach_tracing(&program, attach_type, &TracingOptions::default()).unwrap();
        let open = || drop(fs::File::open("/proc/self/stat").unwrap());
        open();
        let active = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
        // Kernels run the hook only when `bpf` is one of the active security modules.
        if active.split(',').any(|name| name == "bpf") {
            assert!(program.hits() > 0);
        }
        assert_eq!(link.info().unwrap().program, program.id());
        drop(link);
        let hits = program.hits();
        open();
        assert_eq!(program.hits(), hits, "after drop");
    });
}

#[test]
fn the_program_gets_its_cookie() {
    guest_only();
    let attach_type = AttachType::TRACE_FENTRY;
    let options = TracingOptions::default().with_cookie(79);
    if !testdata::requires("cookies of tracing programs", (5, 19)) {
        let error =
            attach_tracing(&program(attach_type, false), attach_type, &options).unwrap_err();
        assert!(error.is_not_supported(), "{error}");
        assert!(error.to_string().contains("5.19"), "{error}");
        return;
    }
    let program = program(attach_type, true);
    let _link = attach_tracing(&program, attach_type, &options).unwrap();
    run(&program);
    assert_eq!(program.seen_cookie(), 79);
}

#[test]
fn failures_say_what_was_wrong() {
    guest_only();
    let options = TracingOptions::default();
    let attach_type = AttachType::TRACE_FENTRY;
    let wrong = Program::counting(ProgramType::KPROBE, 0);
    let error = attach_tracing(&wrong, attach_type, &options).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
    let once = program(attach_type, false);
    let _link = attach_tracing(&once, attach_type, &options).unwrap();
    let error = attach_tracing(&once, attach_type, &options).unwrap_err();
    if testdata::kernel_release() >= (5, 13) {
        assert_eq!(error.kind(), &ErrorKind::Busy, "{error}");
    } else {
        assert!(error.is_not_supported(), "{error}");
    }
}

#[test]
fn a_detached_program_can_be_attached_again() {
    guest_only();
    let options = TracingOptions::default();
    let attach_type = AttachType::TRACE_FEXIT;
    let program = program(attach_type, false);
    attach_tracing(&program, attach_type, &options).unwrap().detach().unwrap();
    run(&program);
    assert_eq!(program.hits(), 0);
    let again = attach_tracing(&program, attach_type, &options);
    if !testdata::requires("attaching a tracing program again", (5, 13)) {
        let error = again.unwrap_err();
        assert!(error.is_not_supported(), "{error}");
        assert!(error.to_string().contains("5.13"), "{error}");
        return;
    }
    let _link = again.unwrap();
    run(&program);
    assert_eq!(program.hits(), 1);
}
