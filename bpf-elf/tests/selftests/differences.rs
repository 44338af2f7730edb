//! The differences that are meant.
use std::path::Path;
use std::{env, fs};

use crate::Error;

/// The checked-in list.
pub(crate) struct Differences {
    lines: Vec<Line>,
}

struct Line {
    object: String,
    target: String,
    program: String,
    reason: String,
    met: usize,
}

impl Differences {
    /// Reads the list: `OBJECT TARGET PROGRAM: REASON`, where `*` stands for any.
    pub(crate) fn read() -> Result<Self, Error> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oracle/differences.txt");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self { lines: lines.map(parse).collect::<Result<_, _>>()? })
    }

    /// The reason for a difference, if it is listed; the line counts as met.
    pub(crate) fn reason(&mut self, object: &str, target: &str, program: &str) -> Option<&str> {
        let fits = |pattern: &str, name: &str| pattern == "*" || pattern == name;
        let line = self.lines.iter_mut().find(|line| {
            fits(&line.object, object) && fits(&line.target, target) && fits(&line.program, program)
        })?;
        line.met = line.met.saturating_add(1);
        Some(&line.reason)
    }

    /// Lines that name a difference that is not there.
    pub(crate) fn stale(&self) -> impl Iterator<Item = String> {
        let stale = self.lines.iter().filter(|line| line.met == 0);
        stale.map(|line| format!("{} {} {}", line.object, line.target, line.program))
    }
}

fn parse(line: &str) -> Result<Line, Error> {
    let wrong = || format!("not OBJECT TARGET PROGRAM: REASON: {line}");
    let (names, reason) = line.split_once(": ").ok_or_else(wrong)?;
    let mut names = names.split_whitespace().map(str::to_owned);
    let mut name = || names.next().ok_or_else(wrong);
    let (object, target, program) = (name()?, name()?, name()?);
    Ok(Line { object, target, program, reason: reason.trim().to_owned(), met: 0 })
}
