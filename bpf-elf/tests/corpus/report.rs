//! What was equal, as a table.
use std::collections::BTreeMap;
use std::fmt;

use crate::differences::Differences;

/// What is checked of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Check {
    /// libbpf opens it, or refuses it.
    Open,
    /// Programs, maps and variables are those that libbpf tells.
    Facts,
    /// Names of sections mean what they mean to libbpf.
    Sections,
    /// The other byte order gives the same spec.
    Orders,
    /// Code stays the same through bytes and text.
    Code,
    /// Programs are made ready for loading.
    Prepare,
    /// Objects are linked with each other as libbpf links them.
    Link,
    /// What the tool prints keeps to its contract, in both byte orders.
    Inspect,
}

impl Check {
    const ALL: [Self; 8] = [
        Self::Open,
        Self::Facts,
        Self::Sections,
        Self::Orders,
        Self::Code,
        Self::Prepare,
        Self::Link,
        Self::Inspect,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Facts => "facts",
            Self::Sections => "sections",
            Self::Orders => "orders",
            Self::Code => "code",
            Self::Prepare => "prepare",
            Self::Link => "link",
            Self::Inspect => "inspect",
        }
    }
}

#[derive(Default)]
struct Counts {
    equal: usize,
    listed: usize,
    differ: usize,
}

/// All comparisons.
pub(crate) struct Report {
    counts: BTreeMap<Check, Counts>,
    listed: Differences,
    complaints: Vec<String>,
    other_code: usize,
}

impl Report {
    pub(crate) fn new(listed: Differences) -> Self {
        Self { counts: BTreeMap::new(), listed, complaints: Vec::new(), other_code: 0 }
    }

    /// Something is as it has to be.
    pub(crate) fn equal(&mut self, check: Check) {
        let counts = self.counts.entry(check).or_default();
        counts.equal = counts.equal.saturating_add(1);
    }

    /// Something is not.
    pub(crate) fn differs(&mut self, check: Check, object: &str, name: &str, what: &str) {
        let counts = self.counts.entry(check).or_default();
        if self.listed.lists(check.name(), object, name) {
            counts.listed = counts.listed.saturating_add(1);
        } else {
            counts.differ = counts.differ.saturating_add(1);
            self.complaints.push(format!("{} {object} {name}: {what}", check.name()));
        }
    }

    /// Something is not with objects together: it is listed when that is the fault of one of them.
    pub(crate) fn differ(&mut self, check: Check, objects: &[&str], what: &str) {
        let all = objects.join("+");
        let at_fault = objects.iter().find(|object| self.listed.lists(check.name(), object, &all));
        self.differs(check, at_fault.unwrap_or(&all.as_str()), &all, what);
    }

    /// A function that the compiler made other code of in the other byte order.
    pub(crate) fn other_code(&mut self) {
        self.other_code = self.other_code.saturating_add(1);
    }

    /// The number of differences that nobody listed.
    pub(crate) fn complaints(&self) -> usize {
        self.complaints.len()
    }

    /// Whether all is equal but for what is listed, all that is listed differs, and every check had something to do.
    pub(crate) fn good(&self) -> bool {
        let done = |check| self.counts.get(check).is_some_and(|counts| counts.equal != 0);
        self.complaints.is_empty()
            && self.listed.stale().next().is_none()
            && Check::ALL.iter().all(done)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "check       equal  listed  differ")?;
        for check in Check::ALL {
            let none = Counts::default();
            let counts = self.counts.get(&check).unwrap_or(&none);
            let (equal, listed, differ) = (counts.equal, counts.listed, counts.differ);
            writeln!(f, "{:<8} {equal:>8} {listed:>7} {differ:>7}", check.name())?;
        }
        writeln!(f, "functions with other code in the other byte order: {}", self.other_code)?;
        for line in self.listed.met() {
            writeln!(f, "listed: {line}")?;
        }
        for complaint in &self.complaints {
            writeln!(f, "differs: {complaint}")?;
        }
        for line in self.listed.stale() {
            writeln!(f, "listed in corpus.txt, and equal: {line}")?;
        }
        Ok(())
    }
}
