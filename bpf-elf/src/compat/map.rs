//! Maps: types and flags.

use bpf_sys::abi::{KernelVersion, MapFlags};

use super::version::lacking;
use super::{Finding, FindingKind, Severity, TargetKernel};
use crate::spec::MapSpec;

/// What a kernel lacks for a map and for those in it.
pub(super) fn check(name: &str, map: &MapSpec, kernel: &TargetKernel) -> Vec<Finding> {
    let mut findings = Vec::new();
    map_type(name, map, kernel, &mut findings);
    flags(name, map, kernel, &mut findings);
    if let Some(inner) = &map.inner {
        // Definitions nest one level deep.
        map_type(name, inner, kernel, &mut findings);
        flags(name, inner, kernel, &mut findings);
    }
    findings
}

fn map_type(name: &str, map: &MapSpec, kernel: &TargetKernel, findings: &mut Vec<Finding>) {
    let wanted = map.map_type;
    let since = wanted.first_kernel();
    let listed = kernel.vocabulary().has_map_type(wanted);
    let lacking = lacking(kernel, listed, since, "this kernel has no such maps");
    let Some((severity, why)) = lacking else { return };
    let text = format!("map `{name}` is of type {wanted}{}: {why}", first(since));
    findings
        .push(Finding::new(FindingKind::MapType, severity, wanted.to_string(), text).since(since));
}

fn flags(name: &str, map: &MapSpec, kernel: &TargetKernel, findings: &mut Vec<Finding>) {
    // Nobody asked for a data section to be mappable: it does without.
    let data = map.section.starts_with('.') && map.section != ".maps";
    let wanted = if data { map.flags.without(MapFlags::MMAPABLE) } else { map.flags };
    let Some(unknown) = kernel.vocabulary().unknown_map_flags(wanted) else { return };
    if unknown.is_empty() {
        return;
    }
    let debug = format!("{unknown:?}");
    let shown = debug.trim_start_matches("MapFlags(").trim_end_matches(')').to_owned();
    let text = format!("map `{name}` has the flags {shown}: this kernel does not know them");
    findings.push(Finding::new(FindingKind::MapFlag, Severity::Breaks, shown, text));
}

/// ` (Linux 5.8)`
pub(super) fn first(since: Option<KernelVersion>) -> String {
    since.map(|since| format!(" (Linux {since})")).unwrap_or_default()
}
