//! Options of reading an object.
use crate::section::SectionRule;

/// How an object is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Unknown attributes of map definitions give a warning instead of an error (libbpf: `relaxed_maps`).
    pub relaxed_maps: bool,
    /// Section names of the application; the first that fits is taken.
    pub section_rules: Vec<SectionRule>,
}

impl ReadOptions {
    /// Objects are read as libbpf reads them by default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same options with unknown attributes of map definitions allowed.
    #[must_use]
    pub fn with_relaxed_maps(mut self) -> Self {
        self.relaxed_maps = true;
        self
    }

    /// The same options with one more section name.
    #[must_use]
    pub fn with_section_rule(mut self, rule: SectionRule) -> Self {
        self.section_rules.push(rule);
        self
    }
}
