//! What was found for one kernel.

use bpf_sys::abi::KernelVersion;

use super::{Finding, Severity};

/// What an object finds in one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The name that the kernel was given.
    pub kernel: String,
    /// Its version, if that is known.
    pub version: Option<KernelVersion>,
    /// What concerns the object as a whole: its maps above all. What breaks here breaks every program.
    pub findings: Vec<Finding>,
    /// Each entry program, in the order of the spec.
    pub programs: Vec<ProgramReport>,
}

/// What one program finds in one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramReport {
    /// Key of the program in [`CollectionSpec::programs`](crate::spec::CollectionSpec::programs).
    pub name: String,
    /// Whether loading the collection loads it on this kernel. A program that implements only members of `struct_ops` which the
    /// kernel does not have is left out.
    pub autoload: bool,
    /// What concerns it, the heaviest first.
    pub findings: Vec<Finding>,
}

impl ProgramReport {
    /// The heaviest of the findings; `None` if there are none.
    pub fn severity(&self) -> Option<Severity> {
        heaviest(&self.findings)
    }
}

impl Report {
    /// The heaviest finding of the object and of the programs that are loaded by default; `None` if there are none.
    pub fn severity(&self) -> Option<Severity> {
        let programs = self.programs.iter().filter(|program| program.autoload);
        programs.filter_map(ProgramReport::severity).chain(heaviest(&self.findings)).max()
    }

    /// Whether something that is loaded by default does not load, or cannot be attached where it says.
    pub fn breaks(&self) -> bool {
        self.severity() >= Some(Severity::NoAttach)
    }

    /// Whether a program loads as far as BTF tells: neither it nor the object as a whole breaks. `None` if there is no such program.
    pub fn loads(&self, program: &str) -> Option<bool> {
        let program = self.programs.iter().find(|report| report.name == program)?;
        let worst = program.severity().max(heaviest(&self.findings));
        Some(worst != Some(Severity::Breaks))
    }
}

fn heaviest(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}
