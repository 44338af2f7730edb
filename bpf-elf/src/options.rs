//! Options of reading an object.
use crate::section::{SectionMatch, SectionRule};

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

    /// What a section name, without a leading `?`, says about programs by these rules and the table.
    pub(crate) fn section<'name>(&self, name: &'name str) -> Option<SectionMatch<'name>> {
        let known = SectionMatch::of(name);
        let exact = known.as_ref().is_some_and(|known| known.exact);
        let mut rules = self.section_rules.iter().filter(|rule| !(exact && rule.is_fallback()));
        // A rule for all names comes after those for some, whatever its place.
        let first = rules.clone().find(|rule| !rule.is_fallback() && rule.target(name).is_some());
        let Some(rule) = first.or_else(|| rules.find(|rule| rule.is_fallback())) else {
            return known;
        };
        Some(SectionMatch {
            program_type: rule.program_type,
            attach_type: rule.attach_type,
            attach_type_optional: false,
            attach_to: rule.target(name).filter(|target| !target.is_empty()),
            needs_btf_target: rule.needs_btf_target,
            flags: rule.flags,
            pattern: "",
            exact: true,
        })
    }
}
