//! One rule of the table of section names.
use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};

/// A section name of an application's own.
///
/// Rules come before the table of known names, so they can also change what a known name means. libbpf:
/// `libbpf_register_prog_handler`; what its callbacks do, an application does with the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SectionRule {
    /// `name`: this name. `name+`: this name, or followed by a slash and a target. `name/`: what begins like this, the rest being the
    /// target. An empty pattern is for all names that neither a rule nor libbpf's table knows.
    pub pattern: String,
    /// The program type.
    pub program_type: ProgramType,
    /// The expected attach type.
    pub attach_type: Option<AttachType>,
    /// The kernel wants the BTF id of the target at load.
    pub needs_btf_target: bool,
    /// Flags for `BPF_PROG_LOAD`.
    pub flags: ProgramFlags,
}

impl SectionRule {
    /// Programs in sections like `pattern` are of this type.
    pub fn new(pattern: impl Into<String>, program_type: ProgramType) -> Self {
        Self {
            pattern: pattern.into(),
            program_type,
            attach_type: None,
            needs_btf_target: false,
            flags: ProgramFlags::NONE,
        }
    }

    /// The same rule with an expected attach type.
    #[must_use]
    pub fn with_attach_type(mut self, attach_type: AttachType) -> Self {
        self.attach_type = Some(attach_type);
        self
    }

    /// The same rule with flags for `BPF_PROG_LOAD`.
    #[must_use]
    pub fn with_flags(mut self, flags: ProgramFlags) -> Self {
        self.flags = flags;
        self
    }

    /// The same rule for programs that need the BTF id of their target.
    #[must_use]
    pub fn with_btf_target(mut self) -> Self {
        self.needs_btf_target = true;
        self
    }

    /// Whether the rule is for all names that nothing else knows.
    pub(crate) fn is_fallback(&self) -> bool {
        self.pattern.is_empty()
    }

    /// If the rule is for this name, without a leading `?`: the target, or nothing.
    pub(crate) fn target<'name>(&self, section: &'name str) -> Option<&'name str> {
        if let Some(name) = self.pattern.strip_suffix('+') {
            let rest = section.strip_prefix(name)?;
            return if rest.is_empty() { Some("") } else { rest.strip_prefix('/') };
        }
        if self.pattern.ends_with('/') {
            return section.strip_prefix(self.pattern.as_str());
        }
        (self.is_fallback() || section == self.pattern).then_some("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_three_forms() {
        let rows = [
            ("mine", "mine", Some("")),
            ("mine", "mine/x", None),
            ("mine+", "mine", Some("")),
            ("mine+", "mine/x", Some("x")),
            ("mine+", "mines", None),
            ("mine/", "mine/x", Some("x")),
            ("mine/", "mine/", Some("")),
            ("mine/", "mine", None),
            ("", "whatever", Some("")),
        ];
        for (pattern, section, expected) in rows {
            let rule = SectionRule::new(pattern, ProgramType::XDP);
            assert_eq!(rule.target(section), expected, "{pattern} {section}");
        }
    }
}
