//! An object against a kernel.

use bpf_asm::ByteOrder;
use bpf_btf::core::Stories;
use bpf_sys::abi::MapType;

use super::struct_ops::StructOps;
use super::{Finding, FindingKind, ProgramReport, Report, Severity, TargetKernel, map, program};
use crate::prepare::{CoreResolution, KconfigError, KernelConfig};
use crate::spec::{CollectionSpec, ExternKind, ExternSpec};

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
    findings.extend(configuration(spec, kernel));
    sort(&mut findings);
    let mut stories = Stories::new();
    let programs = spec.programs.iter().map(|(name, of)| {
        let mut findings = program::check(spec, name, of, kernel, &core, &mut stories);
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

/// Values of the configuration, which has to have those that are not weak (libbpf: E43, E44), and none that its type cannot hold (E41).
fn configuration(spec: &CollectionSpec, kernel: &TargetKernel) -> Vec<Finding> {
    let finding =
        |severity, name: &str, text| Some(Finding::new(FindingKind::Kconfig, severity, name, text));
    let judge = |of: &ExternSpec| {
        let name = of.name.as_str();
        let option = name.starts_with("CONFIG_");
        let fact = |config: &&KernelConfig| config.facts.iter().any(|(fact, _)| fact == name);
        if let Some(config) = kernel.config().filter(|config| option || fact(config)) {
            return match config.value(of, spec.byte_order) {
                Ok(_) => None,
                Err(KconfigError::Missing { .. }) => {
                    let text = format!("{name} is not set in the configuration of the kernel");
                    finding(Severity::Breaks, name, text)
                }
                Err(error) => finding(Severity::Breaks, name, error.to_string()),
            };
        }
        if of.weak || VIRTUAL.contains(&name) {
            None
        } else if option {
            let text = format!("{name} must be set in the configuration of the kernel");
            finding(Severity::Unknown, name, text)
        } else {
            let text = format!("{name} is neither an option (CONFIG_...) nor known to loaders");
            finding(Severity::Breaks, name, text)
        }
    };
    spec.externs.values().filter(|of| of.kind == ExternKind::Kconfig).filter_map(judge).collect()
}

const VIRTUAL: [&str; 3] =
    ["LINUX_KERNEL_VERSION", "LINUX_HAS_BPF_COOKIE", "LINUX_HAS_SYSCALL_WRAPPER"];
