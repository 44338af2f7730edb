//! Targets that the BTF of the kernel describes.
use std::borrow::Cow;

use bpf_sys::abi::AttachType;

/// What kind of type of the kernel's BTF describes a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetKind {
    /// `BTF_KIND_FUNC`.
    Function,
    /// `BTF_KIND_TYPEDEF`.
    Typedef,
}

/// The type of the kernel's BTF that stands for what a program is attached to.
///
/// Rules of libbpf (`btf_get_kernel_prefix_kind`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BtfTarget<'name> {
    /// The module that was named, as in `MODULE:NAME`; `vmlinux` is the kernel itself. Without it: the kernel, then each module.
    pub module: Option<&'name str>,
    /// Name of the type.
    pub name: Cow<'name, str>,
    /// Kind of the type.
    pub kind: TargetKind,
}

impl<'name> BtfTarget<'name> {
    /// The type for a program of this attach type that is attached to `target`.
    ///
    /// ```
    /// use bpf_elf::section::{BtfTarget, TargetKind};
    /// use bpf_sys::abi::AttachType;
    ///
    /// let found = BtfTarget::new(Some(AttachType::TRACE_RAW_TP), "sched_switch");
    /// assert_eq!((&*found.name, found.kind), ("btf_trace_sched_switch", TargetKind::Typedef));
    /// ```
    pub fn new(attach_type: Option<AttachType>, target: &'name str) -> Self {
        let (module, name) = match target.split_once(':') {
            Some((module, name)) => (Some(module), name),
            None => (None, target),
        };
        let (prefix, kind) = match attach_type {
            Some(AttachType::TRACE_RAW_TP) => ("btf_trace_", TargetKind::Typedef),
            Some(AttachType::LSM_MAC | AttachType::LSM_CGROUP) => {
                ("bpf_lsm_", TargetKind::Function)
            }
            Some(AttachType::TRACE_ITER) => ("bpf_iter_", TargetKind::Function),
            _ => ("", TargetKind::Function),
        };
        let name = match prefix {
            "" => Cow::Borrowed(name),
            prefix => Cow::Owned(format!("{prefix}{name}")),
        };
        Self { module, name, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attach_type_has_its_prefix_and_kind() {
        let rows = [
            (Some(AttachType::TRACE_RAW_TP), "x", None, "btf_trace_x", TargetKind::Typedef),
            (Some(AttachType::LSM_MAC), "x", None, "bpf_lsm_x", TargetKind::Function),
            (Some(AttachType::LSM_CGROUP), "x", None, "bpf_lsm_x", TargetKind::Function),
            (Some(AttachType::TRACE_ITER), "task", None, "bpf_iter_task", TargetKind::Function),
            (Some(AttachType::TRACE_FENTRY), "x", None, "x", TargetKind::Function),
            (Some(AttachType::TRACE_FENTRY), "m:x", Some("m"), "x", TargetKind::Function),
            (Some(AttachType::TRACE_RAW_TP), "m:x", Some("m"), "btf_trace_x", TargetKind::Typedef),
            (None, "x", None, "x", TargetKind::Function),
        ];
        for (attach_type, target, module, name, kind) in rows {
            let found = BtfTarget::new(attach_type, target);
            assert_eq!((found.module, &*found.name, found.kind), (module, name, kind), "{target}");
        }
    }
}
