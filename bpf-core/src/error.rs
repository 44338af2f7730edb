//! The error of this crate: what was being done to which named thing, why it failed, what to do.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use bpf_sys::abi::KernelVersion;
use bpf_sys::{Errno, SysError};

use crate::map::Mismatch;
use crate::verifier::VerifierLog;

/// What kind of failure an [`Error`] is: what a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The process may not do this: a capability is missing, `RLIMIT_MEMLOCK` is too low (kernels before 5.11), or a security module objects.
    NotPermitted,
    /// This kernel does not have what is needed.
    NotSupported {
        /// What is missing.
        feature: &'static str,
        /// The first kernel that has it, where that is known.
        since: Option<KernelVersion>,
    },
    /// The verifier refused the program: see [`Error::verifier_log`].
    Verifier,
    /// Nothing has this name, id or path.
    NotFound,
    /// The map has no entry with this key.
    KeyNotFound,
    /// The map has an entry with this key already.
    KeyExists,
    /// The map is full.
    Full,
    /// A pinned map, or a map given as a replacement, differs from its specification: see [`Error::mismatches`].
    Incompatible,
    /// A buffer or a type has not the size that the kernel object has.
    WrongSize,
    /// The operation does not exist for this type of map or program.
    WrongType,
    /// The memory or the map may not be written.
    ReadOnly,
    /// The specification cannot be loaded: wrong byte order, a reference to nothing, a CO-RE relocation that cannot be applied.
    InvalidSpec,
    /// An iteration could not come to its end, because others changed the map.
    Interrupted,
    /// The shared memory of a ring buffer holds what the kernel does not write.
    Corrupt,
    /// Something is at this path already.
    Exists,
    /// A path that must be on a BPF file system is not.
    NoBpffs,
    /// Any other answer of the kernel: see [`Error::errno`].
    System,
}

/// Why something failed.
///
/// `Display` is one line: what was being done, to what, why it failed, and what to do about it where that is known.
/// The system call that failed is the [`source`](StdError::source).
pub struct Error(Box<Inner>);

/// A crate-wide short form.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

struct Inner {
    kind: ErrorKind,
    /// What was being done: "create map `counts`".
    action: String,
    /// Why it failed, where the kind does not say it.
    reason: Option<Cow<'static, str>>,
    /// What to do.
    hint: Option<Cow<'static, str>>,
    errno: Option<Errno>,
    log: Option<VerifierLog>,
    mismatches: Vec<Mismatch>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// The reason is what `source` says: what that goes back to is the source for others.
    told: bool,
}

impl Error {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error number that the kernel answered, if it was the kernel that refused.
    pub fn errno(&self) -> Option<Errno> {
        self.0.errno
    }

    /// The verifier's log, when the kernel refused a program and wrote one.
    pub fn verifier_log(&self) -> Option<&VerifierLog> {
        self.0.log.as_ref()
    }

    /// The name of the feature that this kernel lacks, for [`ErrorKind::NotSupported`].
    pub fn missing_feature(&self) -> Option<&'static str> {
        match self.0.kind {
            ErrorKind::NotSupported { feature, .. } => Some(feature),
            _ => None,
        }
    }

    /// The differences between a map and its specification, for [`ErrorKind::Incompatible`].
    pub fn mismatches(&self) -> &[Mismatch] {
        &self.0.mismatches
    }

    /// An error of `kind` while doing `action`.
    pub(crate) fn new(kind: ErrorKind, action: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            action: action.into(),
            reason: None,
            hint: None,
            errno: None,
            log: None,
            mismatches: Vec::new(),
            source: None,
            told: false,
        }))
    }

    /// A failed system call: kind and hint from its error number.
    pub(crate) fn system(action: impl Into<String>, source: SysError) -> Self {
        let errno = source.errno;
        let mut error = Self::new(kind_of(errno), action).with_source(source);
        error.0.reason = source.note.map(Cow::Borrowed);
        error.0.errno = Some(errno);
        if error.0.kind == ErrorKind::NotPermitted {
            error = error.with_hint(PERMISSION_HINT);
        }
        error
    }

    /// A failed operation on a file or descriptor.
    pub(crate) fn io(action: impl Into<String>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::NotPermitted,
            std::io::ErrorKind::AlreadyExists => ErrorKind::Exists,
            _ => ErrorKind::System,
        };
        let mut error = Self::new(kind, action);
        error.0.errno = source.raw_os_error().map(Errno);
        error.with_source(source)
    }

    /// "No such file or object" means that what was asked for by name or id is not there.
    pub(crate) fn or_not_found(self) -> Self {
        if self.0.errno == Some(Errno::ENOENT) { self.with_kind(ErrorKind::NotFound) } else { self }
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        // A hint about permissions is for that kind only.
        if kind != ErrorKind::NotPermitted && self.0.kind == ErrorKind::NotPermitted {
            self.0.hint = None;
        }
        self.0.kind = kind;
        self
    }

    #[cfg(feature = "link")]
    pub(crate) fn with_errno(mut self, errno: Option<Errno>) -> Self {
        self.0.errno = errno;
        self
    }

    pub(crate) fn with_action(mut self, action: String) -> Self {
        self.0.action = action;
        self
    }

    pub(crate) fn with_reason(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn with_log(mut self, log: VerifierLog) -> Self {
        self.0.log = Some(log);
        self
    }

    pub(crate) fn with_mismatches(mut self, mismatches: Vec<Mismatch>) -> Self {
        self.0.mismatches = mismatches;
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// With an error as the reason, whose text is then part of this one's.
    pub(crate) fn with_cause(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        let mut error = self.with_reason(cause.to_string()).with_source(cause);
        error.0.told = true;
        error
    }
}

/// What a process without privileges can do about it.
const PERMISSION_HINT: &str = "needs root, or CAP_BPF with CAP_PERFMON or CAP_NET_ADMIN (before 5.8 CAP_SYS_ADMIN); \
     before 5.11 also a high enough RLIMIT_MEMLOCK, which `raise_memlock_limit` sets";

/// The kind that an error number means for any command; commands with a more exact meaning set their own.
fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::EPERM | Errno::EACCES => ErrorKind::NotPermitted,
        _ => ErrorKind::System,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "cannot {}: ", inner.action)?;
        match inner.kind {
            ErrorKind::NotPermitted => f.write_str("not permitted")?,
            ErrorKind::NotSupported { feature, since: Some(since) } => {
                write!(f, "this kernel has no {feature} (in Linux since {since})")?;
            }
            ErrorKind::NotSupported { feature, since: None } => {
                write!(f, "this kernel has no {feature}")?;
            }
            ErrorKind::Verifier => match &inner.log {
                Some(log) => write!(f, "the verifier refused it: {log}")?,
                None => f.write_str("the verifier refused it")?,
            },
            ErrorKind::NotFound => f.write_str("not found")?,
            ErrorKind::KeyNotFound => f.write_str("no entry has this key")?,
            ErrorKind::KeyExists => f.write_str("an entry has this key already")?,
            ErrorKind::Full => f.write_str("the map is full")?,
            ErrorKind::Incompatible => {
                f.write_str("it differs from its specification")?;
                let mut separator = ": ";
                for mismatch in &inner.mismatches {
                    write!(f, "{separator}{mismatch}")?;
                    separator = ", ";
                }
            }
            ErrorKind::WrongSize => f.write_str("wrong size")?,
            ErrorKind::WrongType => f.write_str("wrong type")?,
            ErrorKind::ReadOnly => f.write_str("read-only")?,
            ErrorKind::InvalidSpec => f.write_str("invalid specification")?,
            ErrorKind::Interrupted => f.write_str("interrupted")?,
            ErrorKind::NoBpffs => f.write_str("not a BPF file system")?,
            ErrorKind::Corrupt => f.write_str("corrupt")?,
            ErrorKind::Exists => f.write_str("exists already")?,
            ErrorKind::System => match inner.errno {
                Some(errno) => write!(f, "{errno}")?,
                None => f.write_str("the system refused")?,
            },
        }
        if let Some(reason) = &inner.reason {
            write!(f, ": {reason}")?;
        }
        if let Some(hint) = &inner.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &inner.kind).field("message", &self.to_string());
        if let Some(errno) = inner.errno {
            debug.field("errno", &errno);
        }
        if let Some(log) = &inner.log {
            debug.field("verifier_log", &log.text());
        }
        if let Some(source) = &inner.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source: &(dyn StdError + 'static) = self.0.source.as_deref()?;
        if self.0.told { source.source() } else { Some(source) }
    }
}

#[cfg(test)]
mod tests {
    use bpf_sys::abi::Command;

    use super::*;

    fn system(errno: Errno) -> Error {
        Error::system("create map `m`", SysError::bpf(Command::MAP_CREATE, errno))
    }

    #[test]
    fn a_message_is_one_line_with_action_reason_and_advice() {
        let since = Some(KernelVersion::new(5, 8, 0));
        let log = VerifierLog::from_bytes(b"0: (95) exit\nR0 !read_ok\n", false);
        let rows = [
            (system(Errno::EINVAL), "cannot create map `m`: EINVAL (invalid argument)"),
            (
                system(Errno::EINVAL)
                    .with_kind(ErrorKind::NotSupported { feature: "ringbuf", since }),
                "cannot create map `m`: this kernel has no ringbuf (in Linux since 5.8)",
            ),
            (
                system(Errno::EINVAL).with_hint("max_entries is 0"),
                "cannot create map `m`: EINVAL (invalid argument); max_entries is 0",
            ),
            (
                Error::new(ErrorKind::WrongSize, "update map `m`")
                    .with_reason("the key has 1 byte"),
                "cannot update map `m`: wrong size: the key has 1 byte",
            ),
            (
                Error::new(ErrorKind::Verifier, "load program `p`").with_log(log),
                "cannot load program `p`: the verifier refused it: R0 !read_ok, at instruction 0: exit",
            ),
        ];
        for (error, expected) in rows {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn missing_rights_are_a_kind_of_their_own_with_advice() {
        for errno in [Errno::EPERM, Errno::EACCES] {
            let error = system(errno);
            assert_eq!((error.kind(), error.errno()), (ErrorKind::NotPermitted, Some(errno)));
            assert!(error.to_string().contains("CAP_BPF"));
            // The advice goes with the kind.
            assert!(!error.with_kind(ErrorKind::ReadOnly).to_string().contains("CAP_BPF"));
        }
    }

    #[test]
    fn the_call_is_the_source_and_the_log_is_in_the_debug_form() {
        let error =
            system(Errno::E2BIG).with_log(VerifierLog::from_bytes(b"line 1\nline 2", false));
        let source = StdError::source(&error).unwrap().to_string();
        assert!(source.starts_with("bpf(BPF_MAP_CREATE): E2BIG"), "{source}");
        assert!(format!("{error:?}").contains("line 1"));
        assert_eq!(error.missing_feature(), None);
    }

    #[test]
    fn a_cause_that_is_told_is_not_the_source_but_its_source_is() {
        #[derive(Debug, thiserror::Error)]
        #[error("attaching to x: refused")]
        struct Told(#[source] SysError);

        let call = SysError::bpf(Command::LINK_CREATE, Errno::EBUSY);
        let action = || Error::new(ErrorKind::Exists, "attach program `p`");
        let error = action().with_cause(Told(call));
        assert_eq!(
            error.to_string(),
            "cannot attach program `p`: exists already: attaching to x: refused"
        );
        assert!(error.source().is_some_and(<dyn StdError>::is::<SysError>));
        assert!(action().with_cause(call).source().is_none());
        assert!(action().with_source(call).source().is_some_and(<dyn StdError>::is::<SysError>));
    }

    #[test]
    fn files_that_are_not_there_are_not_found() {
        let error = Error::io("read x", std::fs::read("/no/such/file").unwrap_err());
        assert_eq!((error.kind(), error.errno()), (ErrorKind::NotFound, Some(Errno::ENOENT)));
        assert_eq!(error.to_string(), "cannot read x: not found");
    }
}
