//! What was equal, as a table.
use std::fmt;

use crate::compare::difference;
use crate::differences::Differences;
use crate::libbpf::{Answer, Refusal};
use crate::ours::Prepared;

/// The comparisons of one object.
#[derive(Default)]
struct Row {
    object: String,
    targets: usize,
    relocated: usize,
    refused: usize,
    crashed: usize,
    listed: usize,
    differ: usize,
}

/// All comparisons.
pub(crate) struct Report {
    rows: Vec<Row>,
    listed: Differences,
    complaints: Vec<String>,
}

/// How one comparison went.
enum Verdict {
    /// The same instructions.
    Relocated,
    /// Refused by both.
    Refused,
    /// libbpf did not survive to say.
    Crashed,
    Differ(String),
}

impl Report {
    pub(crate) fn new(listed: Differences) -> Self {
        Self { rows: Vec::new(), listed, complaints: Vec::new() }
    }

    /// Adds an object against a target.
    pub(crate) fn add(&mut self, object: &str, target: &str, ours: &Prepared, theirs: &[Answer]) {
        let position = self.rows.iter().position(|row| row.object == object);
        let at = position.unwrap_or_else(|| {
            self.rows.push(Row { object: object.to_owned(), ..Row::default() });
            self.rows.len().saturating_sub(1)
        });
        let Some(row) = self.rows.get_mut(at) else { return };
        row.targets = row.targets.saturating_add(1);
        for (program, verdict) in verdicts(ours, theirs) {
            let count = match verdict {
                Verdict::Differ(_) if self.listed.differs(object, target, program) => {
                    &mut row.listed
                }
                Verdict::Differ(what) => {
                    self.complaints.push(format!("{object} {target} {program}: {what}"));
                    &mut row.differ
                }
                Verdict::Crashed if is_changed(target) => &mut row.crashed,
                Verdict::Crashed => {
                    self.complaints.push(format!("{object} {target} {program}: libbpf crashed"));
                    &mut row.crashed
                }
                same => {
                    self.listed.equal(object, target, program);
                    if matches!(same, Verdict::Relocated) {
                        &mut row.relocated
                    } else {
                        &mut row.refused
                    }
                }
            };
            *count = count.saturating_add(1);
        }
    }

    /// Whether all is equal but for what is listed, and all that is listed differs.
    pub(crate) fn good(&self) -> bool {
        self.complaints.is_empty() && self.listed.stale().next().is_none()
    }
}

/// Whether random changes were made to a target: libbpf does not survive some of them.
fn is_changed(target: &str) -> bool {
    target.contains('~')
}

/// Each program that either side has.
fn verdicts<'a>(ours: &'a Prepared, theirs: &'a [Answer]) -> Vec<(&'a str, Verdict)> {
    let programs = match (ours, theirs) {
        (_, [Answer { slots: Err(Refusal::Crashed), .. }]) => return vec![("-", Verdict::Crashed)],
        // libbpf does not open the object.
        (ours, [Answer { program, slots: Err(Refusal::Said(reason)) }]) if program == "-" => {
            let verdict = match ours {
                Err(_) => Verdict::Refused,
                Ok(_) => Verdict::Differ(format!("read, libbpf refuses the object: {reason}")),
            };
            return vec![("-", verdict)];
        }
        (Err(_), answers) if answers.iter().all(|answer| answer.slots.is_err()) => {
            return answers
                .iter()
                .map(|answer| (answer.program.as_str(), Verdict::Refused))
                .collect();
        }
        (Err(error), _) => {
            return vec![("-", Verdict::Differ(format!("refused, libbpf reads it: {error}")))];
        }
        (Ok(programs), _) => programs,
    };
    let mut verdicts = Vec::new();
    for answer in theirs {
        let own = programs.iter().find(|(name, _)| *name == answer.program);
        let verdict = match (own.map(|(_, prepared)| prepared), &answer.slots) {
            (None, _) => Verdict::Differ("a program that only libbpf has".to_owned()),
            (Some(Ok(ours)), Ok(theirs)) => {
                difference(ours, theirs).map_or(Verdict::Relocated, Verdict::Differ)
            }
            (Some(Err(_)), Err(Refusal::Said(_))) => Verdict::Refused,
            (_, Err(Refusal::Crashed)) => Verdict::Crashed,
            (Some(Ok(_)), Err(Refusal::Said(reason))) => {
                Verdict::Differ(format!("relocated, libbpf refuses it: {reason}"))
            }
            (Some(Err(error)), Ok(_)) => {
                Verdict::Differ(format!("refused, libbpf relocates it: {error}"))
            }
        };
        verdicts.push((answer.program.as_str(), verdict));
    }
    let missing = programs.iter().filter(|(name, _)| !theirs.iter().any(|a| a.program == *name));
    verdicts.extend(missing.map(|(name, _)| {
        (name.as_str(), Verdict::Differ("a program that libbpf does not have".to_owned()))
    }));
    verdicts
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.object.len()).max().unwrap_or(0).max(6);
        let heading = ["targets", "equal", "refused", "crashed", "listed", "differ"];
        let line = |f: &mut fmt::Formatter<'_>, name: &str, cells: [String; 6]| {
            write!(f, "{name:<width$}")?;
            cells.iter().try_for_each(|cell| write!(f, "  {cell:>7}"))?;
            writeln!(f)
        };
        line(f, "object", heading.map(str::to_owned))?;
        let mut totals = [0_usize; 6];
        for row in &self.rows {
            let counts =
                [row.targets, row.relocated, row.refused, row.crashed, row.listed, row.differ];
            line(f, &row.object, counts.map(|count| count.to_string()))?;
            for (total, count) in totals.iter_mut().zip(counts) {
                *total = total.saturating_add(count);
            }
        }
        line(f, "all", totals.map(|count| count.to_string()))?;
        for complaint in &self.complaints {
            writeln!(f, "differs: {complaint}")?;
        }
        for line in self.listed.stale() {
            writeln!(f, "listed in differences.txt, and equal: {line}")?;
        }
        Ok(())
    }
}
