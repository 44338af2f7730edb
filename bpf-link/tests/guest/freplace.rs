//! Tests of programs that replace functions.
use bpf_asm::{PSEUDO_CALL, Register};
use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, FuncLinkage, Kind, NewParam};
use bpf_link::{ErrorKind, LinkDetails, attach_freplace, attach_freplace_to};
use bpf_sys::abi::{LinkType, ProgramType};
use bpf_sys::{AsProgFd as _, OwnedBtfFd, OwnedProgFd, ProgFd, btf, prog};

use crate::support::{Program, Wanted, guest_only, leaks_nothing, load, slot};

/// BTF of global functions `int NAME(int)`, in the kernel and here.
fn functions(names: &[&str]) -> (OwnedBtfFd, Vec<u32>) {
    let mut builder = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let int = builder.add(&int).unwrap();
    let params = [NewParam::new("number", int)];
    let prototype =
        builder.add(&Definition::FuncProto { return_type: int, params: &params }).unwrap();
    let linkage = FuncLinkage::Global;
    for name in names {
        builder.add(&Definition::Func { name, prototype, linkage }).unwrap();
    }
    let bytes = builder.write(ByteOrder::NATIVE).unwrap();
    let parsed = Btf::parse(bytes.clone()).unwrap();
    let ids = names.iter().map(|name| parsed.find(name, Kind::Func).unwrap().get()).collect();
    (btf::load(&bytes, 0, &mut [], None).unwrap(), ids)
}

/// `main` returns what `replaced` returns, which is 1.
fn target() -> (OwnedProgFd, u32) {
    let (btf, ids) = functions(&["main", "replaced"]);
    let [r0, r1] = [Register::R0, Register::R1];
    let slots = [
        slot(0xb7, r1, r0, 0, 5),
        slot(0x85, r0, PSEUDO_CALL, 0, 1),
        slot(0x95, r0, r0, 0, 0),
        slot(0xb7, r0, r0, 0, 1),
        slot(0x95, r0, r0, 0, 0),
    ];
    let wanted = Wanted {
        program_type: ProgramType::SOCKET_FILTER,
        btf: Some(btf.as_borrowed()),
        functions: &[(0, ids[0]), (3, ids[1])],
        ..Wanted::default()
    };
    (load(&wanted, &slots), ids[1])
}

/// Counts, and returns 7.
fn replacement(target: ProgFd<'_>, btf_id: u32) -> Program {
    let (btf, ids) = functions(&["replacement"]);
    Program::build(&Wanted {
        program_type: ProgramType::EXT,
        btf_id,
        target: prog::AttachTarget::Program(target),
        btf: Some(btf.as_borrowed()),
        functions: &[(0, ids[0])],
        result: 7,
        ..Wanted::default()
    })
}

fn run(program: &OwnedProgFd) -> u32 {
    let mut run = prog::TestRun::default();
    run.data_in = &[0; 14];
    prog::test_run(program.as_prog_fd(), &mut run).unwrap().return_value
}

#[test]
fn a_function_is_replaced_until_dropped() {
    guest_only();
    leaks_nothing(|| {
        let (target, function) = target();
        assert_eq!(run(&target), 1);
        let program = replacement(target.as_prog_fd(), function);
        let link = attach_freplace(&program).unwrap();
        assert_eq!((run(&target), program.hits()), (7, 1));
        let info = link.info().unwrap();
        assert_eq!((info.link_type, info.program), (LinkType::TRACING, program.id()));
        assert!(matches!(info.details, LinkDetails::Tracing { .. }), "{info:?}");
        drop(link);
        assert_eq!((run(&target), program.hits()), (1, 1));
    });
}

#[test]
fn another_program_may_have_the_function() {
    guest_only();
    let ((first, function), (second, _)) = (target(), target());
    let program = replacement(first.as_prog_fd(), function);
    let link = attach_freplace_to(&program, &second, "replaced").unwrap();
    assert_eq!((run(&first), run(&second), program.hits()), (1, 7, 1));
    drop(link);
    assert_eq!((run(&first), run(&second), program.hits()), (1, 1, 1));
}

#[test]
fn failures_say_what_was_wrong() {
    guest_only();
    let (target, function) = target();
    let program = replacement(target.as_prog_fd(), function);
    let check = |error: bpf_link::Error, kind: ErrorKind, part: &str| {
        assert_eq!(error.kind(), &kind, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    };
    let to = |target: &OwnedProgFd, function| {
        attach_freplace_to(&program, target, function).unwrap_err()
    };
    check(to(&target, "none"), ErrorKind::NotFound, "no such function");
    let plain = Program::counting(ProgramType::SOCKET_FILTER, -1);
    let error = attach_freplace_to(&program, &plain, "replaced").unwrap_err();
    check(error, ErrorKind::NotFound, "without BTF");
    let error = attach_freplace(&plain).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WrongProgramType { .. }), "{error}");
    let link = attach_freplace(&program).unwrap();
    let second = replacement(target.as_prog_fd(), function);
    check(attach_freplace(&second).unwrap_err(), ErrorKind::Busy, "replaced already");
    drop(link);
}
