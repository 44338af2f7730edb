//! Reports as tables for people. The form may change from release to release: programs read the JSON form.

use std::io::Write;

use anyhow::Result;
use bpf_elf::compat::{Finding, Report, Severity};

use super::verdict;
use crate::table::{Table, clean};

/// More columns do not fit on a screen.
const COLUMNS: usize = 8;

pub(super) fn write(
    out: &mut impl Write,
    shown: &str,
    reports: &[Report],
    verbose: bool,
) -> Result<()> {
    let breaking = reports.iter().filter(|report| report.breaks()).count();
    let kernels = match reports {
        [only] => only.kernel.clone(),
        many => format!("{} kernels", many.len()),
    };
    let found = match (breaking, reports.len()) {
        (0, _) => "nothing breaks".to_owned(),
        (_, 1) => "breaks".to_owned(),
        (some, of) => format!("breaks on {some} of {of}"),
    };
    writeln!(out, "{} on {}: {found}", clean(shown), clean(&kernels))?;
    matrix(reports).write(out, "verdicts")?;
    reasons(reports, verbose).write(out, "reasons")?;
    Ok(())
}

/// The word for a program: what the object as a whole breaks counts.
fn cell(report: &Report, program: usize) -> String {
    let Some(program) = report.programs.get(program) else { return String::new() };
    let whole = report.findings.iter().map(|finding| finding.severity).max();
    let severity = program.severity().max(whole).filter(|found| *found > Severity::Note);
    let word = verdict(severity).replace('_', " ");
    if program.autoload { word } else { format!("({word})") }
}

/// Kernels and programs, whichever are fewer side by side.
fn matrix(reports: &[Report]) -> Table {
    let names: Vec<String> = reports.iter().map(|report| report.kernel.clone()).collect();
    let programs: Vec<String> = reports
        .first()
        .map(|report| report.programs.iter().map(|program| program.name.clone()).collect())
        .unwrap_or_default();
    if names.len() <= COLUMNS {
        let mut table = Table::with_headings(std::iter::once("program".to_owned()).chain(names));
        for (index, program) in programs.into_iter().enumerate() {
            let cells = reports.iter().map(|report| cell(report, index));
            table.row(std::iter::once(program).chain(cells).collect(), Vec::new());
        }
        return table;
    }
    if programs.len() <= COLUMNS {
        let mut table = Table::with_headings(std::iter::once("kernel".to_owned()).chain(programs));
        for report in reports {
            let cells = (0..report.programs.len()).map(|index| cell(report, index));
            table.row(std::iter::once(report.kernel.clone()).chain(cells).collect(), Vec::new());
        }
        return table;
    }
    let mut table = Table::new(&["kernel", ">load", ">do not attach", ">break"]);
    for report in reports {
        let count = |wanted: &dyn Fn(Option<Severity>) -> bool| {
            let loaded = report.programs.iter().filter(|program| program.autoload);
            let whole = report.findings.iter().map(|finding| finding.severity).max();
            loaded.filter(|of| wanted(of.severity().max(whole))).count().to_string()
        };
        table.row(
            vec![
                report.kernel.clone(),
                count(&|of| of < Some(Severity::NoAttach)),
                count(&|of| of == Some(Severity::NoAttach)),
                count(&|of| of == Some(Severity::Breaks)),
            ],
            Vec::new(),
        );
    }
    table
}

/// A reason, and the kernels that have it.
struct Reason<'a> {
    of: &'a str,
    finding: &'a Finding,
    kernels: Vec<&'a str>,
}

/// Each reason once, with the kernels for which it holds.
fn reasons(reports: &[Report], verbose: bool) -> Table {
    let mut reasons: Vec<Reason<'_>> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for report in reports {
        let whole = report.findings.iter().map(|finding| ("object", finding));
        let programs = report
            .programs
            .iter()
            .flat_map(|of| of.findings.iter().map(|finding| (of.name.as_str(), finding)));
        for (of, finding) in whole.chain(programs) {
            if finding.severity == Severity::Note && !verbose {
                continue;
            }
            let key = (of, finding.severity, finding.text.as_str());
            let at = *index.entry(key).or_insert_with(|| {
                reasons.push(Reason { of, finding, kernels: Vec::new() });
                reasons.len().saturating_sub(1)
            });
            if let Some(reason) = reasons.get_mut(at) {
                reason.kernels.push(&report.kernel);
            }
        }
    }
    let mut table = Table::new(&["", "", ""]);
    for Reason { of, finding, kernels } in reasons {
        let mut notes = Vec::new();
        if let Some(place) = &finding.place {
            notes.push(match &place.line {
                Some((file, line)) => format!("{file}:{line}, in {}", place.function),
                None => format!("in {}, slot {}", place.function, place.slot),
            });
        }
        if kernels.len() < reports.len() {
            notes.push(format!("on {}", few(&kernels)));
        }
        if let Some(story) = finding.story.as_ref().filter(|_| verbose) {
            notes.extend(story.lines().skip(1).map(str::to_owned));
        }
        let word = verdict(Some(finding.severity)).replace('_', " ");
        table.row(vec![of.to_owned(), word, finding.text.clone()], notes);
    }
    table
}

/// Names, but not too many.
fn few(names: &[&str]) -> String {
    let shown = names.iter().take(COLUMNS).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(COLUMNS) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}
