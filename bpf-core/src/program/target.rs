//! The kernel type that a program attaches to: the name to look for in BTF.

use bpf_btf::{Btf, Kind};
use bpf_sys::abi::{AttachType, ProgramType};
use bpf_sys::{AsProgFd, SysError};

use super::Program;
use crate::error::{Error, ErrorKind, Result};

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
pub(crate) fn btf_target(
    program_type: ProgramType,
    attach_type: AttachType,
    target: &str,
) -> BtfTarget<'_> {
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

/// The BTF id of a function of a loaded program, for programs that attach to it.
pub(crate) fn find_function(program: &Program, function: &str) -> Result<u32> {
    let action = || format!("find the function `{function}` of program `{}`", program.name());
    let failed = |source: SysError| Error::system(action(), source);
    let id = bpf_sys::prog::btf_id(program.as_prog_fd()).map_err(failed)?;
    let id = id.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, action()).with_reason("it was loaded without BTF")
    })?;
    let fd = bpf_sys::object::btf_by_id(id).map_err(failed)?;
    let bytes = bpf_sys::btf::bytes(fd.as_borrowed()).map_err(failed)?;
    let btf = Btf::parse(bytes)
        .map_err(|source| Error::new(ErrorKind::InvalidSpec, action()).with_source(source))?;
    match btf.find(function, Kind::Func) {
        Some(id) => Ok(id.get()),
        None => Err(Error::new(ErrorKind::NotFound, action())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_kind_of_hook() {
        use AttachType as A;
        use ProgramType as P;
        let rows = [
            (
                P::TRACING,
                A::TRACE_RAW_TP,
                "sched_switch",
                None,
                "btf_trace_sched_switch",
                Kind::Typedef,
            ),
            (P::TRACING, A::TRACE_ITER, "task", None, "bpf_iter_task", Kind::Func),
            (P::LSM, A::LSM_MAC, "file_open", None, "bpf_lsm_file_open", Kind::Func),
            (P::LSM, A::LSM_CGROUP, "socket_bind", None, "bpf_lsm_socket_bind", Kind::Func),
            (P::TRACING, A::TRACE_FENTRY, "tcp_connect", None, "tcp_connect", Kind::Func),
            (
                P::TRACING,
                A::TRACE_FEXIT,
                "nf_tables:nft_lookup",
                Some("nf_tables"),
                "nft_lookup",
                Kind::Func,
            ),
            (P::TRACING, A::MODIFY_RETURN, "vmlinux:f", Some("vmlinux"), "f", Kind::Func),
            (P::EXT, A(0), "replace_me", None, "replace_me", Kind::Func),
        ];
        for (program_type, attach_type, target, module, name, kind) in rows {
            let expected = BtfTarget { module, name: name.to_owned(), kind };
            assert_eq!(btf_target(program_type, attach_type, target), expected, "{target}");
        }
    }
}
