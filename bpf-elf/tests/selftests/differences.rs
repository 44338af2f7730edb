//! The differences that are meant.
use std::path::Path;
use std::{env, fs};

use crate::Error;

/// The checked-in list.
pub(crate) struct Differences {
    lines: Vec<Line>,
    few: bool,
}

struct Line {
    object: String,
    target: String,
    program: String,
    /// How often something that fits was different, and how often it was not.
    met: usize,
    missed: usize,
}

impl Differences {
    /// Reads the list: `OBJECT TARGET PROGRAM: REASON`, where `*` stands for any letters. With a further word such as
    /// `libbpf<1.7` a line is about those versions only.
    ///
    /// `few` says that only few targets were changed at random: then a line about such targets may have nothing to be about.
    pub(crate) fn read(libbpf: Version, few: bool) -> Result<Self, Error> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/oracle/differences.txt");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut lines = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            lines.extend(parse(line, libbpf)?);
        }
        Ok(Self { lines, few })
    }

    /// Whether a difference is listed.
    pub(crate) fn differs(&mut self, object: &str, target: &str, program: &str) -> bool {
        let mut listed = false;
        for line in self.fitting(object, target, program) {
            line.met = line.met.saturating_add(1);
            listed = true;
        }
        listed
    }

    /// Notes that there is no difference.
    pub(crate) fn equal(&mut self, object: &str, target: &str, program: &str) {
        for line in self.fitting(object, target, program) {
            line.missed = line.missed.saturating_add(1);
        }
    }

    fn fitting(
        &mut self,
        object: &str,
        target: &str,
        program: &str,
    ) -> impl Iterator<Item = &mut Line> {
        self.lines.iter_mut().filter(move |line| {
            fits(&line.object, object) && fits(&line.target, target) && fits(&line.program, program)
        })
    }

    /// Lines that name what was compared, and where nothing differs.
    pub(crate) fn stale(&self) -> impl Iterator<Item = String> {
        let stale = self.lines.iter().filter(|line| line.met == 0 && line.missed > 0);
        let stale = stale.filter(|line| !(self.few && line.target.contains('~')));
        stale.map(|line| format!("{} {} {}", line.object, line.target, line.program))
    }
}

/// Major and minor.
pub(crate) type Version = (u32, u32);

/// `1.7` or `v1.7`.
pub(crate) fn version(text: &str) -> Option<Version> {
    let (major, minor) = text.trim_start_matches('v').split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `None` for a line that is about other versions.
fn parse(line: &str, libbpf: Version) -> Result<Option<Line>, Error> {
    let wrong = || format!("not OBJECT TARGET PROGRAM: REASON: {line}");
    let (names, reason) = line.split_once(": ").ok_or_else(wrong)?;
    let mut names = names.split_whitespace();
    let mut name = || names.next().map(str::to_owned).ok_or_else(wrong);
    let (object, target, program) = (name()?, name()?, name()?);
    let about = match names.next() {
        None => true,
        Some(word) => {
            let before = word.strip_prefix("libbpf<").and_then(version);
            let from = word.strip_prefix("libbpf>=").and_then(version);
            match (before, from) {
                (Some(before), _) => libbpf < before,
                (_, Some(from)) => libbpf >= from,
                _ => return Err(wrong().into()),
            }
        }
    };
    if reason.trim().is_empty() || names.next().is_some() {
        return Err(wrong().into());
    }
    Ok(about.then_some(Line { object, target, program, met: 0, missed: 0 }))
}

/// Whether a name is what a pattern says, in which `*` stands for any letters.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| fits(rest, name)))
        }),
    }
}
