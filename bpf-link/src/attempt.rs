//! What is being attached to what, and what a failure of it means.

use bpf_sys::abi::{KernelVersion, ProgramType};
use bpf_sys::{Errno, ProgFd, SysError};

use crate::error::{Error, ErrorKind};

/// Something that a kernel has or has not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feature {
    /// "cgroup links".
    pub(crate) name: &'static str,
    /// The first kernel that has it.
    pub(crate) since: KernelVersion,
}

impl Feature {
    pub(crate) const fn new(name: &'static str, major: u16, minor: u16) -> Self {
        Feature { name, since: KernelVersion::new(major, minor, 0) }
    }

    pub(crate) const fn missing(&self) -> ErrorKind {
        ErrorKind::NotSupported { feature: self.name, since: Some(self.since) }
    }
}

/// A kind of place to attach to.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) feature: Feature,
    /// Types of programs that it takes.
    pub(crate) programs: &'static [ProgramType],
    /// What the process needs, for the message.
    pub(crate) privilege: &'static str,
}

/// Privileges of most hooks that look into the kernel.
pub(crate) const PERFMON: &str = "CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)";
/// Privileges of network hooks.
pub(crate) const NET_ADMIN: &str = "CAP_NET_ADMIN and CAP_BPF (CAP_SYS_ADMIN before Linux 5.8)";

/// One program on its way to one place.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) program: ProgFd<'a>,
    hook: &'static Hook,
    /// "attaching to kprobe `f`".
    action: String,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(program: ProgFd<'a>, hook: &'static Hook, action: String) -> Self {
        Attempt { program, hook, action }
    }

    pub(crate) fn hook(&self) -> &'static Hook {
        self.hook
    }

    pub(crate) fn action(&self) -> &str {
        &self.action
    }

    /// An error without a failed call.
    pub(crate) fn refuse(&self, kind: ErrorKind) -> Error {
        Error::new(&*self.action, kind)
    }

    /// What a failed call means, if the kernel lacks nothing but the hook itself.
    pub(crate) fn failed(&self, error: SysError) -> Error {
        self.failed_without(&self.hook.feature, error)
    }

    /// What a failed call means, if it needs the feature.
    ///
    /// `EINVAL` has many reasons, so the kernel is asked about the likely ones: after the failure, because a caller who
    /// does everything right should not pay for it.
    pub(crate) fn failed_without(&self, feature: &Feature, error: SysError) -> Error {
        let errno = error.errno;
        let failure = Error::from_sys(&*self.action, error);
        match failure.kind() {
            ErrorKind::NotPermitted => {
                failure.with_advice(format!("the process needs {}", self.hook.privilege))
            }
            ErrorKind::Invalid if errno == Errno::EINVAL => match self.reason(feature) {
                Some(kind) => failure.with_kind(kind),
                None => failure,
            },
            ErrorKind::NotSupported { .. } => failure.with_kind(feature.missing()),
            _ => failure,
        }
    }

    fn reason(&self, feature: &Feature) -> Option<ErrorKind> {
        let expected = self.hook.programs;
        let actual = bpf_sys::prog::info(self.program).ok().map(|info| ProgramType(info.r#type));
        if let Some(actual) = actual.filter(|actual| !expected.contains(actual)) {
            return Some(ErrorKind::WrongProgramType { expected, actual });
        }
        // A kernel answers EINVAL for a command or attach type that it does not know. One that has the feature from a
        // backport would not have failed for want of it, so the version only explains and never decides.
        let running = bpf_sys::kernel::release().ok()?;
        (running < feature.since).then(|| feature.missing())
    }
}
