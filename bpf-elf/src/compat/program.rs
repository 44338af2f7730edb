//! One program against a kernel.

use bpf_btf::core::Stories;
use bpf_sys::abi::{AttachType, KernelVersion, ProgramFlags, ProgramType};

use super::map::first;
use super::version::{judge, lacking, shown};
use super::{Finding, FindingKind, Severity, TargetKernel, code, target};
use crate::prepare::{CoreResolution, PrepareError, PrepareOptions, prepare_program};
use crate::spec::{CollectionSpec, ProgramSpec};

/// What a kernel lacks for a program.
pub(super) fn check(
    spec: &CollectionSpec,
    name: &str,
    program: &ProgramSpec,
    kernel: &TargetKernel,
    core: &CoreResolution,
    stories: &mut Stories,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if program.program_type == ProgramType::UNSPEC {
        let text = format!("section `{}` stands for no type of program", program.section);
        findings.push(Finding::new(FindingKind::Object, Severity::Breaks, "section", text));
    } else {
        program_type(program.program_type, kernel, &mut findings);
        attach_type(program, kernel, &mut findings);
        flags(program, kernel, &mut findings);
        findings.extend(target::check(program, kernel));
    }
    match prepare_program(spec, name, &PrepareOptions::new().with_core(core)) {
        Ok(prepared) => code::check(spec, program, kernel, &prepared, stories, &mut findings),
        Err(error) => {
            let kind = match error {
                PrepareError::Core { .. } => FindingKind::Core,
                _ => FindingKind::Object,
            };
            let text = error.to_string();
            let mut lines = text.lines();
            let mut finding =
                Finding::new(kind, Severity::Breaks, name, lines.next().unwrap_or_default());
            let story = lines.collect::<Vec<_>>().join("\n");
            finding.story = (!story.is_empty()).then_some(story);
            findings.push(finding);
        }
    }
    findings
}

fn program_type(wanted: ProgramType, kernel: &TargetKernel, findings: &mut Vec<Finding>) {
    let since = wanted.first_kernel();
    let listed = kernel.vocabulary().has_program_type(wanted);
    let lacking = lacking(kernel, listed, since, "this kernel has no such programs");
    let Some((severity, why)) = lacking else { return };
    let text = format!("it is of type {wanted}{}: {why}", first(since));
    findings.push(
        Finding::new(FindingKind::ProgramType, severity, wanted.to_string(), text).since(since),
    );
}

/// What it means that a kernel does not have the attach type of a program.
///
/// For some types of programs the kernel looks at it when they are loaded (`bpf_prog_load_check_attach`, `check_attach_btf_id`), for others
/// when they are attached, and for some it is only a better way than an older one.
fn without_attach_type(program: &ProgramSpec) -> Severity {
    use ProgramType as P;
    if program.attach_type_optional {
        return Severity::Note;
    }
    match program.program_type {
        P::TRACING
        | P::LSM
        | P::CGROUP_SKB
        | P::CGROUP_SOCK
        | P::CGROUP_SOCK_ADDR
        | P::CGROUP_SOCKOPT
        | P::SK_LOOKUP
        | P::NETFILTER => Severity::Breaks,
        // Older kernels attach these without being told how.
        P::SK_REUSEPORT if program.attach_type == Some(AttachType::SK_REUSEPORT_SELECT) => {
            Severity::Note
        }
        P::SCHED_CLS if program.section.trim_start_matches('?').starts_with("tc/") => {
            Severity::Note
        }
        _ => Severity::NoAttach,
    }
}

fn attach_type(program: &ProgramSpec, kernel: &TargetKernel, findings: &mut Vec<Finding>) {
    let Some(wanted) = program.attach_type else { return };
    let since = wanted.first_kernel();
    let listed = kernel.vocabulary().has_attach_type(wanted);
    let lacking = lacking(kernel, listed, since, "this kernel does not know it");
    let Some((lack, why)) = lacking else { return };
    let without = without_attach_type(program);
    let end = match (lack, without) {
        (_, Severity::Note) => ", and it does without",
        (Severity::Unknown, _) | (_, Severity::Breaks) => "",
        _ => ": it loads, and cannot be attached so",
    };
    // Not known is no worse than not there.
    let severity = if lack == Severity::Unknown { without.min(lack) } else { without };
    let text = format!("its attach type is {wanted}{}: {why}{end}", first(since));
    findings.push(
        Finding::new(FindingKind::AttachType, severity, wanted.to_string(), text).since(since),
    );
}

/// Flags are no enumerators: only a version tells.
fn flags(program: &ProgramSpec, kernel: &TargetKernel, findings: &mut Vec<Finding>) {
    let rows = [
        (ProgramFlags::SLEEPABLE, "sleepable", sleepable_since(program, kernel.version())),
        (ProgramFlags::XDP_HAS_FRAGS, "xdp_has_frags", KernelVersion::new(5, 18, 0)),
        (ProgramFlags::XDP_DEV_BOUND_ONLY, "xdp_dev_bound_only", KernelVersion::new(6, 3, 0)),
        (ProgramFlags::TEST_REG_INVARIANTS, "test_reg_invariants", KernelVersion::new(6, 8, 0)),
    ];
    for (flag, name, since) in rows {
        if !program.flags.contains(flag) {
            continue;
        }
        let Some(severity) = judge(kernel, since) else { continue };
        let text = format!(
            "it has the flag {name}, for {} since Linux {since}: {}",
            program.program_type,
            shown(kernel)
        );
        let finding = Finding::new(FindingKind::ProgramFlag, severity, name, text);
        findings.push(finding.since(Some(since)));
    }
}

/// The first kernel in which programs of a kind may sleep (`can_be_sleepable` in kernel/bpf/verifier.c).
fn sleepable_since(program: &ProgramSpec, version: Option<KernelVersion>) -> KernelVersion {
    /// From here on the kernel looks at the attach type of tracing programs.
    const STRICT: KernelVersion = KernelVersion::new(6, 3, 0);
    match program.program_type {
        ProgramType::SYSCALL => KernelVersion::new(5, 14, 0),
        // uprobes
        ProgramType::KPROBE => KernelVersion::new(6, 0, 0),
        ProgramType::STRUCT_OPS => STRICT,
        ProgramType::TRACEPOINT
        | ProgramType::RAW_TRACEPOINT
        | ProgramType::RAW_TRACEPOINT_WRITABLE => TRACEPOINTS,
        ProgramType::TRACING
            if program.attach_type == Some(AttachType::TRACE_RAW_TP)
                && version.is_some_and(|version| version >= STRICT) =>
        {
            TRACEPOINTS
        }
        _ => KernelVersion::new(5, 10, 0),
    }
}

/// The first kernel in which programs on tracepoints may sleep.
const TRACEPOINTS: KernelVersion = KernelVersion::new(7, 2, 0);
