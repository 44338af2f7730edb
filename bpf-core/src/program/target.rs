//! The kernel type that a program attaches to: the name to look for in BTF.

use bpf_btf::Kind;
use bpf_sys::abi::{AttachType, ProgramType};

/// What to look for in the BTF of the kernel, of a module or of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BtfTarget<'a> {
    /// Only in the BTF of this module (or `vmlinux`).
    pub(crate) module: Option<&'a str>,
    /// The full name.
    pub(crate) name: String,
    /// A function, or the typedef of a tracepoint.
    pub(crate) kind: Kind,
}

/// The BTF type that `target`, the text after the slash of a section name, stands for (libbpf: S9, `libbpf_find_attach_btf_id`).
pub(crate) fn btf_target(program_type: ProgramType, attach_type: AttachType, target: &str) -> BtfTarget<'_> {
    let (module, name) = match target.split_once(':') {
        Some((module, name)) => (Some(module), name),
        None => (None, target),
    };
    let (prefix, kind) = match (program_type, attach_type) {
        (ProgramType::TRACING, AttachType::TRACE_RAW_TP) => ("btf_trace_", Kind::Typedef),
        (ProgramType::TRACING, AttachType::TRACE_ITER) => ("bpf_iter_", Kind::Func),
        (ProgramType::LSM, _) => ("bpf_lsm_", Kind::Func),
        _ => ("", Kind::Func),
    };
    BtfTarget { module, name: format!("{prefix}{name}"), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_kind_of_hook() {
        use AttachType as A;
        use ProgramType as P;
        let rows = [
            (P::TRACING, A::TRACE_RAW_TP, "sched_switch", None, "btf_trace_sched_switch", Kind::Typedef),
            (P::TRACING, A::TRACE_ITER, "task", None, "bpf_iter_task", Kind::Func),
            (P::LSM, A::LSM_MAC, "file_open", None, "bpf_lsm_file_open", Kind::Func),
            (P::LSM, A::LSM_CGROUP, "socket_bind", None, "bpf_lsm_socket_bind", Kind::Func),
            (P::TRACING, A::TRACE_FENTRY, "tcp_connect", None, "tcp_connect", Kind::Func),
            (P::TRACING, A::TRACE_FEXIT, "nf_tables:nft_lookup", Some("nf_tables"), "nft_lookup", Kind::Func),
            (P::TRACING, A::MODIFY_RETURN, "vmlinux:f", Some("vmlinux"), "f", Kind::Func),
            (P::EXT, A(0), "replace_me", None, "replace_me", Kind::Func),
        ];
        for (program_type, attach_type, target, module, name, kind) in rows {
            let expected = BtfTarget { module, name: name.to_owned(), kind };
            assert_eq!(btf_target(program_type, attach_type, target), expected, "{target}");
        }
    }
}
