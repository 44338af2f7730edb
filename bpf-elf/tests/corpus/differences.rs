//! The differences that are meant.
use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use crate::Error;

/// The checked-in list.
pub(crate) struct Differences {
    lines: Vec<Line>,
    /// The objects of this run: lines about others are not looked at.
    objects: BTreeSet<String>,
}

struct Line {
    check: String,
    object: String,
    name: String,
    reason: String,
    met: bool,
}

impl Differences {
    /// Reads the list: `CHECK OBJECT NAME: REASON`. The name `*` stands for any.
    pub(crate) fn read(objects: BTreeSet<String>) -> Result<Self, Error> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oracle/corpus.txt");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self { lines: lines.map(parse).collect::<Result<_, _>>()?, objects })
    }

    /// Whether a difference is listed; its line counts as met.
    pub(crate) fn lists(&mut self, check: &str, object: &str, name: &str) -> bool {
        let line = self.lines.iter_mut().find(|line| {
            line.check == check && line.object == object && (line.name == "*" || line.name == name)
        });
        line.map(|line| line.met = true).is_some()
    }

    /// The reasons of what was met.
    pub(crate) fn met(&self) -> impl Iterator<Item = String> {
        let met = self.lines.iter().filter(|line| line.met);
        met.map(|line| format!("{} {} {}: {}", line.check, line.object, line.name, line.reason))
    }

    /// Lines that name a difference that is not there.
    pub(crate) fn stale(&self) -> impl Iterator<Item = String> {
        let stale = self.lines.iter().filter(|line| !line.met);
        stale
            .filter(|line| self.objects.contains(&line.object))
            .map(|line| format!("{} {} {}", line.check, line.object, line.name))
    }
}

fn parse(line: &str) -> Result<Line, Error> {
    let wrong = || format!("not CHECK OBJECT NAME: REASON: {line}");
    let (names, reason) = line.split_once(": ").ok_or_else(wrong)?;
    let mut names = names.split_whitespace().map(str::to_owned);
    let mut name = || names.next().ok_or_else(wrong);
    let (check, object, name) = (name()?, name()?, name()?);
    Ok(Line { check, object, name, reason: reason.trim().to_owned(), met: false })
}
