//! Reports as one JSON object: FORMAT.md, beside this file, lists it field by field.

use std::io::Write;

use anyhow::Result;
use bpf_elf::compat::{Finding, ProgramReport, Report};
use serde_json::{Value, json};

use super::{breaks, verdict};

/// Raised when a field changes its meaning, not when one is added.
const FORMAT: u32 = 1;

pub(super) fn write(
    out: &mut impl Write,
    shown: &str,
    reports: &[Report],
    all: bool,
) -> Result<()> {
    writeln!(out, "{{\n  \"format\": {FORMAT},\n  \"object\": {},", json!(shown))?;
    let any = reports.iter().any(|report| breaks(report, all));
    write!(out, "  \"breaks\": {any},\n  \"kernels\": [")?;
    let mut before = "\n    ";
    for report in reports {
        write!(out, "{before}{}", kernel(report, all))?;
        before = ",\n    ";
    }
    writeln!(out, "\n  ]\n}}")?;
    Ok(())
}

fn kernel(report: &Report, all: bool) -> Value {
    json!({
        "name": report.kernel,
        "version": report.version.map(|version| version.to_string()),
        "breaks": breaks(report, all),
        "verdict": verdict(report.severity()),
        "findings": findings(&report.findings),
        "programs": report.programs.iter().map(program).collect::<Vec<_>>(),
    })
}

fn program(of: &ProgramReport) -> Value {
    json!({
        "name": of.name,
        "autoload": of.autoload,
        "verdict": verdict(of.severity()),
        "findings": findings(&of.findings),
    })
}

fn findings(of: &[Finding]) -> Vec<Value> {
    of.iter().map(finding).collect()
}

fn finding(of: &Finding) -> Value {
    let line = of.place.as_ref().and_then(|place| place.line.as_ref());
    json!({
        "kind": of.kind.name(),
        "severity": of.severity.name(),
        "name": of.name,
        "text": of.text,
        "story": of.story,
        "since": of.since.map(|since| since.to_string()),
        "slot": of.place.as_ref().map(|place| place.slot),
        "function": of.place.as_ref().map(|place| &place.function),
        "file": line.map(|(file, _)| file),
        "line": line.map(|(_, line)| line),
    })
}
