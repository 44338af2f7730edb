//! What programs attach to.

use bpf_btf::Kind;
use bpf_sys::abi::{AttachType, ProgramType};

use super::{Finding, FindingKind, Severity, TargetKernel};
use crate::prepare::KernelType;
use crate::section::AttachPoint;
use crate::spec::ProgramSpec;

/// What a program names that a kernel does not have.
pub(super) fn check(program: &ProgramSpec, kernel: &TargetKernel) -> Option<Finding> {
    if program.needs_btf_target { at_load(program, kernel) } else { at_attach(program, kernel) }
}

/// The kernel wants the BTF id of the target to load such a program.
fn at_load(program: &ProgramSpec, kernel: &TargetKernel) -> Option<Finding> {
    let finding = |severity, name: &str, text: String| {
        Some(Finding::new(FindingKind::AttachTarget, severity, name, text))
    };
    let Some(target) = &program.attach_to else {
        let text = format!("section `{}` names no target: whoever loads it must", program.section);
        return finding(Severity::Unknown, "", text);
    };
    if program.program_type == ProgramType::EXT {
        let text = format!("it replaces `{target}` of another program, which is not known here");
        return finding(Severity::Unknown, target, text);
    }
    let wanted = KernelType::attach_target(program.attach_type, target);
    if kernel.find(&wanted).is_some() {
        return None;
    }
    let noun = match program.attach_type {
        Some(AttachType::TRACE_RAW_TP) => "tracepoint",
        Some(AttachType::TRACE_ITER) => "iterator",
        Some(AttachType::LSM_MAC | AttachType::LSM_CGROUP) => "LSM hook",
        _ => "function",
    };
    let text = format!(
        "it attaches to the {noun} `{target}`: the BTF of this kernel has no {} `{}`{}",
        wanted.kind,
        wanted.name,
        kernel.hint_modules()
    );
    finding(Severity::Breaks, target, text)
}

/// The target is only named when the program is attached.
fn at_attach(program: &ProgramSpec, kernel: &TargetKernel) -> Option<Finding> {
    // What is no target was told when the object was read, or is for the one who attaches.
    let point = AttachPoint::of(&program.section).ok().flatten()?;
    let tracepoint = |name: &str| {
        let wanted = KernelType::attach_target(Some(AttachType::TRACE_RAW_TP), name);
        kernel.find(&wanted).is_some()
    };
    let finding = |severity, name: &str, text: String| {
        Some(Finding::new(FindingKind::AttachTarget, severity, name, text))
    };
    match point {
        AttachPoint::RawTracepoint { name } if !tracepoint(name) => {
            // Before 5.5 there are no such types at all.
            let known = tracepoint("sys_enter") || tracepoint("sched_switch");
            let severity = if known { Severity::NoAttach } else { Severity::Unknown };
            let hint = kernel.hint_modules();
            let text = format!("this kernel has no raw tracepoint `{name}` in its BTF{hint}");
            finding(severity, name, text)
        }
        AttachPoint::Tracepoint { category, name }
            if category != "syscalls" && !tracepoint(name) =>
        {
            let text = format!("the BTF of this kernel does not tell of a tracepoint `{name}`");
            finding(Severity::Unknown, name, text)
        }
        AttachPoint::Kprobe { function, .. } => {
            let wanted = KernelType { module: None, name: function.into(), kind: Kind::Func };
            if kernel.find(&wanted).is_some() {
                return None;
            }
            let text = format!(
                "the BTF of this kernel has no function `{function}`; it need not have all"
            );
            finding(Severity::Unknown, function, text)
        }
        _ => None,
    }
}
