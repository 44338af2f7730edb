//! An object against a kernel.

use bpf_asm::ByteOrder;
use bpf_sys::abi::MapType;

use super::struct_ops::StructOps;
use super::{Finding, FindingKind, ProgramReport, Report, Severity, TargetKernel, map, program};
use crate::prepare::CoreResolution;
use crate::spec::{CollectionSpec, ExternKind};

/// Holds an object against a kernel.
///
/// Nothing is loaded and nobody is asked. The verdicts are those of a loader that follows libbpf.
pub fn check(spec: &CollectionSpec, kernel: &TargetKernel) -> Report {
    let modules = || Ok::<_, std::convert::Infallible>(kernel.modules().to_vec());
    let Ok(core) = CoreResolution::new(spec, kernel.btf(), modules);
    let struct_ops = StructOps::new(spec, kernel);
    let mut findings = object(spec, kernel);
    for (name, of) in &spec.maps {
        if !of.autocreate {
            continue;
        }
        findings.extend(map::check(name, of, kernel));
        if of.map_type == MapType::STRUCT_OPS {
            findings.extend(struct_ops.of_map(name).iter().cloned());
        }
    }
    findings.extend(configuration(spec));
    sort(&mut findings);
    let programs = spec.programs.iter().map(|(name, of)| {
        let mut findings = program::check(spec, name, of, kernel, &core);
        let (autoload, of_struct_ops) = struct_ops.of_program(name, of);
        findings.extend(of_struct_ops);
        sort(&mut findings);
        ProgramReport { name: name.to_owned(), autoload, findings }
    });
    Report {
        kernel: kernel.name().to_owned(),
        version: kernel.version(),
        programs: programs.collect(),
        findings,
    }
}

/// The heaviest first; what is alike stays together.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(a.kind.cmp(&b.kind)).then(a.name.cmp(&b.name))
    });
}

fn object(spec: &CollectionSpec, kernel: &TargetKernel) -> Vec<Finding> {
    let theirs = kernel.btf().byte_order();
    let big = (spec.byte_order == ByteOrder::Big, theirs == bpf_btf::ByteOrder::Big);
    if big.0 == big.1 {
        return Vec::new();
    }
    let word = |big| if big { "big" } else { "little" };
    let text = format!(
        "it is for {}-endian machines, and this kernel is {}-endian",
        word(big.0),
        word(big.1)
    );
    vec![Finding::new(FindingKind::Object, Severity::Breaks, "byte order", text)]
}

/// Values of the configuration, which has to have those that are not weak (libbpf: E43, E44).
fn configuration(spec: &CollectionSpec) -> Vec<Finding> {
    let strong = spec.externs.values().filter(|of| of.kind == ExternKind::Kconfig && !of.weak);
    let finding =
        |severity, name: &str, text| Some(Finding::new(FindingKind::Kconfig, severity, name, text));
    let judge = |name: &str| {
        if name.starts_with("CONFIG_") {
            let text = format!("{name} must be set in the configuration of the kernel");
            finding(Severity::Unknown, name, text)
        } else if VIRTUAL.contains(&name) {
            None
        } else {
            let text = format!("{name} is neither an option (CONFIG_...) nor known to loaders");
            finding(Severity::Breaks, name, text)
        }
    };
    strong.filter_map(|of| judge(&of.name)).collect()
}

const VIRTUAL: [&str; 3] =
    ["LINUX_KERNEL_VERSION", "LINUX_HAS_BPF_COOKIE", "LINUX_HAS_SYSCALL_WRAPPER"];
