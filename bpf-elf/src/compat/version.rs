//! What only a version tells: instructions, flags that are no enumerators.

use bpf_sys::abi::KernelVersion;

use super::{Severity, TargetKernel};

/// Major and minor number as a version.
pub(super) fn of_pair((major, minor): (u32, u32)) -> KernelVersion {
    let short = |number| u16::try_from(number).unwrap_or(u16::MAX);
    KernelVersion::new(short(major), short(minor), 0)
}

/// The first kernel with BTF: what it has, every kernel has that can be described.
const BTF: KernelVersion = KernelVersion::new(4, 18, 0);

/// What it means for a kernel that something is there since a version of the mainline; `None` when it has it.
///
/// Without a version, words in its BTF that are as new say the same.
pub(super) fn judge(kernel: &TargetKernel, since: KernelVersion) -> Option<Severity> {
    match kernel.version() {
        Some(version) if version >= since => None,
        Some(_) => Some(Severity::Breaks),
        None if since <= BTF || kernel.vocabulary().at_least() >= Some(since) => None,
        None => Some(Severity::Unknown),
    }
}

/// What it means that a kernel lacks something, and why it is known: `listed` is what its own words say, which are right where there are
/// any; else its version is compared. `None` when the kernel has it, or nothing tells.
pub(super) fn lacking(
    kernel: &TargetKernel,
    listed: Option<bool>,
    since: Option<KernelVersion>,
    unlisted: &'static str,
) -> Option<(Severity, &'static str)> {
    match listed {
        Some(true) => None,
        Some(false) => Some((Severity::Breaks, unlisted)),
        None => Some((judge(kernel, since?)?, shown(kernel))),
    }
}

/// Why: the same text on all kernels that lack it, so that they can be told of together.
pub(super) fn shown(kernel: &TargetKernel) -> &'static str {
    match kernel.version() {
        Some(_) => "this kernel is older",
        None => "the version of this kernel is not known",
    }
}
