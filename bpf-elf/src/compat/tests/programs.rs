//! Types and flags of programs, what they attach to, helpers and instructions.

use bpf_sys::abi::{AttachType, ProgramFlags};

use super::*;
use crate::section::SectionMatch;

/// A program of a section.
fn of_section(section: &str) -> CollectionSpec {
    let mut spec = object(RETURN);
    let program = spec.programs.get_mut("p").unwrap();
    section.clone_into(&mut program.section);
    match SectionMatch::of(section) {
        None => program.program_type = ProgramType::UNSPEC,
        Some(found) => {
            program.program_type = found.program_type;
            program.attach_type = found.attach_type;
            program.attach_type_optional = found.attach_type_optional;
            program.attach_to = found.attach_to.map(str::to_owned);
            program.needs_btf_target = found.needs_btf_target;
            program.flags = found.flags;
        }
    }
    spec
}

#[track_caller]
fn check(section: &str, world: &World, expected: Expected<'_>) {
    compare(&of_section(section), world, expected);
}

fn version(major: u16, minor: u16) -> World {
    World { words: false, version: Some((major, minor)), ..World::default() }
}

#[test]
fn program_types_are_those_of_the_enumeration_or_else_of_the_version() {
    let words = World::default();
    check("sk_lookup", &words, &[]);
    check(
        "netfilter",
        &words,
        &[(Kind::ProgramType, Breaks, "netfilter"), (Kind::AttachType, Breaks, "netfilter")],
    );
    check("syscall", &version(5, 14), &[]);
    check(
        "syscall",
        &version(5, 13),
        &[(Kind::ProgramType, Breaks, "syscall"), (Kind::ProgramFlag, Breaks, "sleepable")],
    );
    let unknown = World { version: None, ..version(0, 0) };
    check("perf_event", &unknown, &[]);
    check("raw_tp.w", &unknown, &[(Kind::ProgramType, Unknown, "raw_tracepoint_writable")]);
    check("nobody_knows", &words, &[(Kind::Object, Breaks, "section")]);
}

#[test]
fn an_attach_type_is_asked_for_at_load_at_attach_or_not_at_all() {
    let old = World { attach_type: 2, ..World::default() };
    let rows: [(&str, Expected<'_>); 7] = [
        ("cgroup/connect4", &[(Kind::AttachType, Breaks, "cgroup_inet4_connect")]),
        ("kprobe.multi/x*", &[(Kind::AttachType, NoAttach, "trace_kprobe_multi")]),
        ("tcx/ingress", &[(Kind::AttachType, NoAttach, "tcx_ingress")]),
        ("tc/ingress", &[(Kind::AttachType, Note, "tcx_ingress")]),
        ("sk_reuseport", &[(Kind::AttachType, Note, "sk_reuseport_select")]),
        ("sockops", &[]),
        ("xdp", &[(Kind::AttachType, Note, "xdp")]),
    ];
    for (section, expected) in rows {
        let mut world = old.clone();
        if section == "sockops" {
            // The number 3.
            world.attach_type = 3;
        }
        check(section, &world, expected);
    }
    check("cgroup/connect4", &World::default(), &[]);
    check("cgroup/connect4", &version(4, 17), &[]);
    check(
        "cgroup/connect4",
        &version(4, 16),
        &[
            (Kind::ProgramType, Breaks, "cgroup_sock_addr"),
            (Kind::AttachType, Breaks, "cgroup_inet4_connect"),
        ],
    );
    let unknown = World { version: None, ..version(0, 0) };
    let report = super::check(&of_section("sk_lookup"), &unknown.kernel());
    assert!(!report.breaks() && report.severity() == Some(Unknown));
}

/// With words, by the version, and without either.
#[test]
fn a_missing_attach_type_says_how_that_is_known() {
    let words = World { attach_type: 2, ..World::default() };
    let unknown = World { version: None, ..version(0, 0) };
    let (word, older, none) = (
        "this kernel does not know it",
        "this kernel is older",
        "the version of this kernel is not known",
    );
    let rows = [
        ("sk_lookup", &words, Breaks, word, ""),
        ("sk_lookup", &version(5, 8), Breaks, older, ""),
        ("sk_lookup", &unknown, Unknown, none, ""),
        ("tcx/ingress", &words, NoAttach, word, ": it loads, and cannot be attached so"),
        ("tcx/ingress", &version(6, 5), NoAttach, older, ": it loads, and cannot be attached so"),
        ("tcx/ingress", &unknown, Unknown, none, ""),
        ("tc/ingress", &words, Note, word, ", and it does without"),
        ("tc/ingress", &unknown, Note, none, ", and it does without"),
    ];
    for (section, world, severity, why, end) in rows {
        let report = super::check(&of_section(section), &world.kernel());
        let mut findings = report.programs.iter().flat_map(|program| &program.findings);
        let found = findings.find(|found| found.kind == Kind::AttachType);
        let found = found.unwrap_or_else(|| panic!("{section}: {report:#?}"));
        assert_eq!(found.severity, severity, "{section}");
        let text = found.text.split_once("): ").unwrap().1;
        assert_eq!(text, format!("{why}{end}"), "{section}");
    }
}

#[test]
fn flags_are_told_by_the_version() {
    check("xdp.frags", &World { version: Some((5, 18)), ..World::default() }, &[]);
    check(
        "xdp.frags",
        &World { version: Some((5, 17)), ..World::default() },
        &[(Kind::ProgramFlag, Breaks, "xdp_has_frags")],
    );
    // Without a version, words that are as new as the flag.
    check("xdp.frags", &World { version: None, ..World::default() }, &[]);
    let old =
        World { version: None, helper: 100, map_type: 20, attach_type: 37, ..World::default() };
    check("xdp.frags", &old, &[(Kind::ProgramFlag, Unknown, "xdp_has_frags")]);
    check(
        "uprobe.s",
        &World { version: Some((5, 19)), ..World::default() },
        &[(Kind::ProgramFlag, Breaks, "sleepable")],
    );
    for (version, expected) in [((6, 1), None), ((6, 12), Some(Breaks)), ((7, 3), None)] {
        let world = World { version: Some(version), ..World::default() };
        let report = super::check(&of_section("tp_btf.s/event"), &world.kernel());
        assert_eq!(report.severity(), expected, "{version:?}");
    }
    let mut spec = object(RETURN);
    spec.programs.get_mut("p").unwrap().flags = ProgramFlags::STRICT_ALIGNMENT;
    compare(&spec, &version(5, 10), &[]);
}

#[test]
fn what_is_attached_to_must_be_in_the_btf() {
    let missing =
        World { functions: Vec::new(), typedefs: vec!["btf_trace_sys_enter"], ..World::default() };
    let rows: [(&str, Expected<'_>); 10] = [
        ("fentry/traced", &[(Kind::AttachTarget, Breaks, "traced")]),
        ("fexit/traced", &[(Kind::AttachTarget, Breaks, "traced")]),
        ("fmod_ret/traced", &[(Kind::AttachTarget, Breaks, "traced")]),
        ("lsm/hook", &[(Kind::AttachTarget, Breaks, "hook")]),
        ("lsm_cgroup/hook", &[(Kind::AttachTarget, Breaks, "hook")]),
        ("iter/thing", &[(Kind::AttachTarget, Breaks, "thing")]),
        ("tp_btf/event", &[(Kind::AttachTarget, Breaks, "event")]),
        ("raw_tp/event", &[(Kind::AttachTarget, NoAttach, "event")]),
        ("tp/sched/event", &[(Kind::AttachTarget, Unknown, "event")]),
        ("kprobe/traced", &[(Kind::AttachTarget, Unknown, "traced")]),
    ];
    for (section, expected) in rows {
        check(section, &World::default(), &[]);
        check(section, &missing, expected);
    }
    let unknown: [(&str, &str); 2] = [("freplace/f", "f"), ("fentry", "")];
    for (section, name) in unknown {
        check(section, &World::default(), &[(Kind::AttachTarget, Unknown, name)]);
    }
    for section in ["tp/syscalls/sys_enter_x", "kprobe", "uprobe//bin/sh:main", "fentry.multi/x*"] {
        let newer = World { attach_type: 70, ..missing.clone() };
        check(section, &newer, &[]);
    }
    // Before such types were there, nothing can be said.
    let none = World { typedefs: Vec::new(), ..World::default() };
    check("raw_tp/event", &none, &[(Kind::AttachTarget, Unknown, "event")]);
}

#[test]
fn targets_may_be_in_modules() {
    let without = World { functions: Vec::new(), ..World::default() };
    let with = World { module: Some(vec!["traced"]), ..without.clone() };
    check("fentry/traced", &with, &[]);
    check("fentry/m:traced", &with, &[]);
    check("fentry/other:traced", &with, &[(Kind::AttachTarget, Breaks, "other:traced")]);
    check("fentry/vmlinux:traced", &with, &[(Kind::AttachTarget, Breaks, "vmlinux:traced")]);
    // A module sees the functions of the kernel, and has them not.
    let kernels = World { module: Some(Vec::new()), ..World::default() };
    check("fentry/m:traced", &kernels, &[(Kind::AttachTarget, Breaks, "m:traced")]);
    let report = super::check(&of_section("fentry/traced"), &without.kernel());
    assert!(report.programs[0].findings[0].text.ends_with("(no BTF of modules was given)"));
}

#[test]
fn helpers_are_those_of_the_enumeration_or_else_of_the_version() {
    let call = |number: u32| format!("call {number}\nr0 = 0\nexit");
    let rows: [(u32, World, Expected<'_>); 7] = [
        (130, World::default(), &[]),
        (210, World::default(), &[(Kind::Helper, Breaks, "bpf_cgrp_storage_get")]),
        (5000, World::default(), &[(Kind::Helper, Breaks, "helper 5000")]),
        (130, version(5, 8), &[]),
        (130, version(5, 7), &[(Kind::Helper, Breaks, "bpf_ringbuf_output")]),
        // A loader calls the older helper instead.
        (
            113,
            World { helper: 110, ..World::default() },
            &[(Kind::Helper, Note, "bpf_probe_read_kernel")],
        ),
        (
            114,
            World { helper: 44, ..World::default() },
            &[(Kind::Helper, Breaks, "bpf_probe_read_user_str")],
        ),
    ];
    for (number, world, expected) in rows {
        compare(&object(&call(number)), &world, expected);
    }
    let guarded = "r1 = 0\nif r1 == 0 goto out\ncall 210\nout:\nr0 = 0\nexit";
    compare(&object(guarded), &World::default(), &[(Kind::Helper, Note, "bpf_cgrp_storage_get")]);
}

#[test]
fn instructions_are_told_by_the_version() {
    let text = "r0 = 0\ngotol out\nout:\nexit";
    compare(&object(text), &World { version: Some((6, 6)), ..World::default() }, &[]);
    let report =
        compare(&object(text), &World::default(), &[(Kind::Instruction, Breaks, "gotol +0")]);
    let finding = &report.programs[0].findings[0];
    assert_eq!(finding.since, Some(KernelVersion::new(6, 6, 0)));
    assert_eq!(finding.place.as_ref().map(|place| (place.slot, &*place.function)), Some((1, "p")));
    let unknown = World { version: None, ..World::default() };
    compare(&object(text), &unknown, &[(Kind::Instruction, Unknown, "gotol +0")]);
}

#[test]
fn a_program_that_cannot_be_prepared_breaks() {
    let mut spec = object(RETURN);
    let target = crate::spec::Target::Call { function: "nothing".into() };
    let references = &mut spec.programs.get_mut("p").unwrap().function.references;
    references.push(crate::spec::Reference::new(0, target));
    compare(&spec, &World::default(), &[(Kind::Object, Breaks, "p")]);
}

#[test]
fn an_attach_type_of_the_users_own_is_judged_as_well() {
    let mut spec = object(RETURN);
    spec.programs.get_mut("p").unwrap().attach_type = Some(AttachType(4711));
    compare(&spec, &World::default(), &[(Kind::AttachType, NoAttach, "unknown (4711)")]);
}
