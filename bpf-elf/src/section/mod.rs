//! Section names: what the place of a program in the object says about it.

mod attach_point;
mod btf_target;
mod rule;
mod table;

use bpf_sys::abi::{AttachType, ProgramFlags, ProgramType};

pub use attach_point::{AttachPoint, GrammarError};
pub use btf_target::{BtfTarget, TargetKind};
pub use rule::SectionRule;
use table::{Form, Row, TABLE};

/// What a section name says about the programs in the section.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SectionMatch<'name> {
    /// The program type.
    pub program_type: ProgramType,
    /// The expected attach type, if the name sets one.
    pub attach_type: Option<AttachType>,
    /// The attach type may be left out for kernels that do not know the field (`SEC_EXP_ATTACH_OPT` of libbpf).
    pub attach_type_optional: bool,
    /// What follows the slash, where that names a target.
    pub attach_to: Option<&'name str>,
    /// The kernel wants the BTF id of the target at load (`SEC_ATTACH_BTF` of libbpf).
    pub needs_btf_target: bool,
    /// Flags for `BPF_PROG_LOAD`.
    pub flags: ProgramFlags,
    /// The name in the table that this one was taken for.
    pub pattern: &'static str,
    /// Whether libbpf takes the name as well. If not, the name only begins like `pattern`, which is enough for cilium/ebpf.
    pub exact: bool,
}

impl<'name> SectionMatch<'name> {
    /// Looks a section name up; a leading `?` is not part of it. `None` for a name that nobody knows.
    ///
    /// Rules of libbpf (`section_defs`): the first row of the table that fits; `xdp` is only `xdp`, `kprobe` is also `kprobe/...`.
    /// If no row fits, those of cilium/ebpf: a name of the first kind may go on in any way, so that `xdp/filter` is taken.
    ///
    /// ```
    /// use bpf_elf::section::SectionMatch;
    /// use bpf_sys::abi::{AttachType, ProgramType};
    ///
    /// let found = SectionMatch::of("fentry/tcp_connect").unwrap();
    /// assert_eq!(found.program_type, ProgramType::TRACING);
    /// assert_eq!(found.attach_type, Some(AttachType::TRACE_FENTRY));
    /// assert_eq!(found.attach_to, Some("tcp_connect"));
    /// ```
    pub fn of(section: &'name str) -> Option<Self> {
        let section = section.strip_prefix('?').unwrap_or(section);
        TABLE
            .iter()
            .find_map(|row| row.exact(section).map(|attach_to| row.found(attach_to, true)))
            .or_else(|| {
                let row = TABLE.iter().find(|row| row.begins(section))?;
                Some(row.found("", false))
            })
    }
}

/// The first name of the table that gives programs this type, attach type, target and flags.
pub(crate) fn section_name(
    program_type: ProgramType,
    attach_type: Option<AttachType>,
    attach_to: Option<&str>,
    flags: ProgramFlags,
) -> Option<String> {
    TABLE.iter().find_map(|row| {
        if (row.program_type, row.attach_type, row.flags) != (program_type, attach_type, flags) {
            return None;
        }
        let name = match attach_to {
            None => row.pattern.to_owned(),
            Some(target) => format!("{}/{target}", row.pattern),
        };
        let found = SectionMatch::of(&name)?;
        let same = found.exact
            && (found.program_type, found.attach_type, found.attach_to, found.flags)
                == (program_type, attach_type, attach_to, flags);
        same.then_some(name)
    })
}

/// Why a text is no target of programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetProblem {
    /// Programs of this type and attach type have none.
    None,
    /// It is none by the rules of their sections.
    Grammar(GrammarError),
}

/// Whether a text can be the target of programs of this type and attach type. If the section is of this kind, its own rules count, otherwise those of
/// any section of this kind.
pub(crate) fn check_target(
    section: &str,
    program_type: ProgramType,
    attach_type: Option<AttachType>,
    target: &str,
) -> Result<(), TargetProblem> {
    let fits = |row: &&Row| {
        (row.program_type, row.attach_type) == (program_type, attach_type)
            && row.form == Form::Target
    };
    let own = SectionMatch::of(section).map(|found| found.pattern);
    let own = TABLE.iter().filter(fits).find(|row| Some(row.pattern) == own);
    let mut problem = TargetProblem::None;
    for row in
        TABLE.iter().filter(fits).filter(|row| own.is_none_or(|own| own.pattern == row.pattern))
    {
        match AttachPoint::of(&format!("{}/{target}", row.pattern)) {
            Ok(_) => return Ok(()),
            Err(error) if problem == TargetProblem::None => {
                problem = TargetProblem::Grammar(error);
            }
            Err(_) => {}
        }
    }
    Err(problem)
}

/// The attach types that sections give programs of a type.
pub(crate) fn attach_types(program_type: ProgramType) -> impl Iterator<Item = AttachType> {
    let rows = TABLE.iter().filter(move |row| row.program_type == program_type);
    rows.filter_map(|row| row.attach_type)
}

/// Whether the kernel wants the BTF id of the target of such programs at load.
pub(crate) fn needs_btf_target(program_type: ProgramType, attach_type: Option<AttachType>) -> bool {
    let rows = TABLE.iter().filter(|row| row.btf);
    rows.into_iter().any(|row| (row.program_type, row.attach_type) == (program_type, attach_type))
}

impl Row {
    /// If libbpf takes the name for this row: what it is to be attached to, or nothing.
    fn exact<'name>(&self, section: &'name str) -> Option<&'name str> {
        // Most rows differ in the first byte, and all are asked.
        if section.as_bytes().first() != self.pattern.as_bytes().first() {
            return None;
        }
        let rest = section.strip_prefix(self.pattern)?;
        if rest.is_empty() || self.form == Form::Exact {
            return rest.is_empty().then_some("");
        }
        let target = rest.strip_prefix('/')?;
        Some(if self.form == Form::Target { target } else { "" })
    }

    /// Whether cilium/ebpf takes the name for this row.
    fn begins(&self, section: &str) -> bool {
        self.form == Form::Exact && section.starts_with(self.pattern)
    }

    fn found<'name>(&self, attach_to: &'name str, exact: bool) -> SectionMatch<'name> {
        SectionMatch {
            program_type: self.program_type,
            attach_type: self.attach_type,
            attach_type_optional: self.optional,
            attach_to: (!attach_to.is_empty()).then_some(attach_to),
            needs_btf_target: self.btf,
            flags: self.flags,
            pattern: self.pattern,
            exact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section name; type, attach type, target, flags, whether libbpf knows it.
    type Expected = (&'static str, Option<&'static str>, Option<&'static str>, u32, bool);

    #[track_caller]
    fn check(section: &str, expected: Option<Expected>) {
        let found = SectionMatch::of(section).map(|found| {
            (
                found.program_type.name().unwrap(),
                found.attach_type.map(|attach| attach.name().unwrap()),
                found.attach_to,
                found.flags.bits(),
                found.exact,
            )
        });
        assert_eq!(found, expected, "{section}");
    }

    const SLEEPABLE: u32 = 1 << 4;
    const FRAGS: u32 = 1 << 5;

    #[test]
    fn names_are_matched_as_libbpf_does() {
        let rows: &[(&str, Expected)] = &[
            ("socket", ("socket_filter", None, None, 0, true)),
            ("kprobe", ("kprobe", None, None, 0, true)),
            ("kprobe/do_unlinkat", ("kprobe", None, Some("do_unlinkat"), 0, true)),
            ("kprobe/f+0x10", ("kprobe", None, Some("f+0x10"), 0, true)),
            ("?kprobe/f", ("kprobe", None, Some("f"), 0, true)),
            ("kprobe/", ("kprobe", None, None, 0, true)),
            ("kprobe.multi/tcp_*", ("kprobe", Some("trace_kprobe_multi"), Some("tcp_*"), 0, true)),
            ("kprobe.session/f", ("kprobe", Some("trace_kprobe_session"), Some("f"), 0, true)),
            ("uprobe.s//bin/a:f", ("kprobe", None, Some("/bin/a:f"), SLEEPABLE, true)),
            (
                "uprobe.multi.s/a:f",
                ("kprobe", Some("trace_uprobe_multi"), Some("a:f"), SLEEPABLE, true),
            ),
            ("usdt/a:b:c", ("kprobe", None, Some("a:b:c"), 0, true)),
            ("usdt.s/a:b:c", ("kprobe", None, Some("a:b:c"), SLEEPABLE, true)),
            ("tc", ("sched_cls", None, None, 0, true)),
            ("tc/ingress", ("sched_cls", Some("tcx_ingress"), None, 0, true)),
            ("tcx/egress", ("sched_cls", Some("tcx_egress"), None, 0, true)),
            ("tp/sched/sched_switch", ("tracepoint", None, Some("sched/sched_switch"), 0, true)),
            ("raw_tp.w/x", ("raw_tracepoint_writable", None, Some("x"), 0, true)),
            ("tp_btf.s/x", ("tracing", Some("trace_raw_tp"), Some("x"), SLEEPABLE, true)),
            ("fmod_ret.s/x", ("tracing", Some("modify_return"), Some("x"), SLEEPABLE, true)),
            ("fsession/x", ("tracing", Some("trace_fsession"), Some("x"), 0, true)),
            ("fentry.multi/*", ("tracing", Some("trace_fentry_multi"), Some("*"), 0, true)),
            ("freplace/f", ("ext", None, Some("f"), 0, true)),
            ("lsm.s/file_open", ("lsm", Some("lsm_mac"), Some("file_open"), SLEEPABLE, true)),
            ("lsm_cgroup/x", ("lsm", Some("lsm_cgroup"), Some("x"), 0, true)),
            ("iter/task", ("tracing", Some("trace_iter"), Some("task"), 0, true)),
            ("syscall", ("syscall", None, None, SLEEPABLE, true)),
            ("xdp", ("xdp", Some("xdp"), None, 0, true)),
            ("xdp.frags", ("xdp", Some("xdp"), None, FRAGS, true)),
            ("xdp.frags/devmap", ("xdp", Some("xdp_devmap"), None, FRAGS, true)),
            ("xdp/cpumap", ("xdp", Some("xdp_cpumap"), None, 0, true)),
            ("cgroup_skb/ingress", ("cgroup_skb", Some("cgroup_inet_ingress"), None, 0, true)),
            ("cgroup/skb", ("cgroup_skb", None, None, 0, true)),
            ("cgroup/sock", ("cgroup_sock", Some("cgroup_inet_sock_create"), None, 0, true)),
            (
                "cgroup/connect_unix",
                ("cgroup_sock_addr", Some("cgroup_unix_connect"), None, 0, true),
            ),
            ("struct_ops/init", ("struct_ops", None, None, 0, true)),
            ("struct_ops.s", ("struct_ops", None, None, SLEEPABLE, true)),
            ("netfilter", ("netfilter", Some("netfilter"), None, 0, true)),
        ];
        for (section, expected) in rows {
            check(section, Some(*expected));
        }
    }

    #[test]
    fn names_that_only_begin_like_one_are_taken_as_cilium_does() {
        let rows: &[(&str, Option<Expected>)] = &[
            ("xdp/filter", Some(("xdp", Some("xdp"), None, 0, false))),
            ("xdp_filter", Some(("xdp", Some("xdp"), None, 0, false))),
            ("socket1", Some(("socket_filter", None, None, 0, false))),
            ("tc/foo", Some(("sched_cls", None, None, 0, false))),
            ("cgroup/skbx", Some(("cgroup_skb", None, None, 0, false))),
            ("kprobes", None),
            ("kprobe.multix/f", None),
            ("unknown", None),
            ("", None),
            ("?", None),
        ];
        for (section, expected) in rows {
            check(section, *expected);
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_name() {
        for row in TABLE {
            assert_eq!(SectionMatch::of(row.pattern).map(|found| found.pattern), Some(row.pattern));
        }
        let optional = TABLE.iter().filter(|row| row.optional).count();
        let btf = TABLE.iter().filter(|row| row.btf).count();
        assert_eq!((TABLE.len(), optional, btf), (116, 12, 16));
    }
}
