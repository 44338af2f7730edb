//! Why something did not attach.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use bpf_sys::abi::{KernelVersion, ProgramType};
use bpf_sys::{Errno, SysError};

/// What kind of failure it was: what a caller can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The process may not do this: a missing capability, a locked-down kernel, a read-only file system.
    NotPermitted,
    /// The running kernel cannot do this.
    #[non_exhaustive]
    NotSupported {
        /// What is missing.
        feature: &'static str,
        /// The first kernel that has it; `None` if no kernel has it.
        since: Option<KernelVersion>,
    },
    /// The program is of a type that cannot be attached there.
    #[non_exhaustive]
    WrongProgramType {
        /// The types that can.
        expected: &'static [ProgramType],
        /// The type of the program, as the kernel reports it.
        actual: ProgramType,
    },
    /// What to attach to does not exist: the function, event, device, file or process.
    NotFound,
    /// It exists already, or something else is attached there that refuses company.
    Exists,
    /// The place is in use by something that refuses company, or was changed by somebody else in the meantime.
    Busy,
    /// The kernel refuses the parameters, or they contradict each other.
    Invalid,
    /// A failure of another kind; see [`Error::errno`] and the source.
    Other,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::NotPermitted => f.write_str("not permitted"),
            ErrorKind::NotSupported { feature, since: Some(since) } => {
                write!(f, "{feature} not supported by this kernel, first in Linux {since}")
            }
            ErrorKind::NotSupported { feature, since: None } => {
                write!(f, "{feature} not supported by any kernel")
            }
            ErrorKind::WrongProgramType { expected, actual } => {
                write!(f, "program of type {actual} instead of ")?;
                for (index, expected) in expected.iter().enumerate() {
                    let separator = if index == 0 { "" } else { " or " };
                    write!(f, "{separator}{expected}")?;
                }
                Ok(())
            }
            ErrorKind::NotFound => f.write_str("not found"),
            ErrorKind::Exists => f.write_str("exists already"),
            ErrorKind::Busy => f.write_str("busy"),
            ErrorKind::Invalid => f.write_str("invalid"),
            ErrorKind::Other => f.write_str("failed"),
        }
    }
}

/// A failure to attach, or to work with a link.
///
/// The message says what was done to what, why it failed, and the way out where one is known. The call that failed is
/// the [`source`](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    /// "attaching to kprobe `f`".
    action: String,
    kind: ErrorKind,
    errno: Option<Errno>,
    advice: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// What kind of failure it was.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The kernel's error number, if a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        self.0.errno
    }

    /// Whether the running kernel lacks what was asked for.
    pub fn is_not_supported(&self) -> bool {
        matches!(self.0.kind, ErrorKind::NotSupported { .. })
    }

    pub(crate) fn new(action: impl Into<String>, kind: ErrorKind) -> Self {
        Error(Box::new(Inner {
            action: action.into(),
            kind,
            errno: None,
            advice: None,
            source: None,
        }))
    }

    /// A failed system call; its kind is that of the number.
    pub(crate) fn from_sys(action: impl Into<String>, error: SysError) -> Self {
        let errno = error.errno;
        Error::new(action, kind_of(errno)).with_errno(errno).with_source(error)
    }

    /// A failed operation on a file.
    pub(crate) fn from_io(action: impl Into<String>, error: io::Error) -> Self {
        let errno = error.raw_os_error().map(Errno);
        Error::new(action, errno.map_or(ErrorKind::Other, kind_of))
            .with_errno(errno)
            .with_source(error)
    }

    #[must_use]
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    #[must_use]
    pub(crate) fn with_errno(mut self, errno: impl Into<Option<Errno>>) -> Self {
        self.0.errno = errno.into();
        self
    }

    #[must_use]
    pub(crate) fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    #[must_use]
    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.action, self.0.kind)?;
        if let Some(errno) = self.0.errno {
            write!(f, " ({errno:?})")?;
        }
        match &self.0.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("message", &self.to_string())
            .field("kind", &self.0.kind)
            .field("errno", &self.0.errno)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What an error number says without knowing more.
fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::EPERM | Errno::EACCES | Errno::EROFS => ErrorKind::NotPermitted,
        Errno::ENOENT | Errno::ESRCH | Errno::ENODEV | Errno::ENXIO | Errno::ENOTDIR => {
            ErrorKind::NotFound
        }
        // EILSEQ: a symbol without an instruction of its own at that place.
        Errno::EEXIST => ErrorKind::Exists,
        Errno::EBUSY | Errno::ESTALE => ErrorKind::Busy,
        Errno::EINVAL
        | Errno::EBADF
        | Errno::E2BIG
        | Errno::ERANGE
        | Errno::EILSEQ
        | Errno::EPROTO
        | Errno::ENOTSOCK
        | Errno::ENOTTY
        | Errno::ENAMETOOLONG => ErrorKind::Invalid,
        Errno::EOPNOTSUPP | Errno::ENOTSUPP | Errno::ENOSYS => {
            ErrorKind::NotSupported { feature: "the operation", since: None }
        }
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_why_and_the_way_out() {
        let since = Some(KernelVersion::new(5, 7, 0));
        let expected: &[ProgramType] = &[ProgramType::TRACING, ProgramType::LSM];
        for (kind, errno, advice, text) in [
            (ErrorKind::NotFound, None, None, "attaching to x: not found"),
            (
                ErrorKind::Exists,
                Some(Errno::EEXIST),
                None,
                "attaching to x: exists already (EEXIST)",
            ),
            (
                ErrorKind::NotPermitted,
                Some(Errno(4711)),
                Some("be root"),
                "attaching to x: not permitted (errno 4711); be root",
            ),
            (
                ErrorKind::NotSupported { feature: "cgroup links", since },
                None,
                None,
                "attaching to x: cgroup links not supported by this kernel, first in Linux 5.7",
            ),
            (
                ErrorKind::NotSupported { feature: "pinning a socket", since: None },
                None,
                None,
                "attaching to x: pinning a socket not supported by any kernel",
            ),
            (
                ErrorKind::WrongProgramType { expected, actual: ProgramType::XDP },
                None,
                None,
                "attaching to x: program of type xdp instead of tracing or lsm",
            ),
        ] {
            let mut error = Error::new("attaching to x", kind.clone()).with_errno(errno);
            if let Some(advice) = advice {
                error = error.with_advice(advice);
            }
            assert_eq!(error.to_string(), text);
            assert_eq!(error.kind(), &kind);
            assert_eq!(error.errno(), errno);
        }
    }

    #[test]
    fn the_failed_call_is_the_source() {
        let error = Error::from_io("reading x", io::Error::from_raw_os_error(Errno::ENOENT.0));
        assert_eq!(error.kind(), &ErrorKind::NotFound);
        assert_eq!(error.errno(), Some(Errno::ENOENT));
        assert!(error.source().is_some_and(<dyn StdError>::is::<io::Error>));
        let error = Error::from_sys("x", SysError::other("perf_event_open", Errno::EACCES));
        assert_eq!(error.kind(), &ErrorKind::NotPermitted);
        assert!(error.source().is_some_and(<dyn StdError>::is::<SysError>));
    }

    #[test]
    fn denied_and_missing_support_are_different_kinds() {
        for (errno, kind) in [
            (Errno::EPERM, ErrorKind::NotPermitted),
            (Errno::EACCES, ErrorKind::NotPermitted),
            (Errno::ENODEV, ErrorKind::NotFound),
            (Errno::EEXIST, ErrorKind::Exists),
            (Errno::EBUSY, ErrorKind::Busy),
            (Errno::EINVAL, ErrorKind::Invalid),
            (Errno::ENOMEM, ErrorKind::Other),
            (Errno(4711), ErrorKind::Other),
        ] {
            assert_eq!(kind_of(errno), kind, "{errno}");
        }
        assert!(matches!(kind_of(Errno::ENOTSUPP), ErrorKind::NotSupported { .. }));
    }

    #[test]
    fn errors_cross_threads() {
        fn check<T: Send + Sync + StdError + 'static>() {}
        check::<Error>();
    }
}
