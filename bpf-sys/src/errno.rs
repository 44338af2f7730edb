//! Error numbers, and the call that returned one.

use std::fmt;
use std::io;

use nix::libc;

use crate::abi::Command;

/// An error number of the kernel.
///
/// A newtype and not an enumeration: `bpf(2)` also returns numbers that user space headers do not have, foremost
/// [`ENOTSUPP`](Self::ENOTSUPP).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Errno(pub i32);

/// Rows of name, number, meaning.
macro_rules! errno {
    ($( $name:ident = $value:expr, $text:literal; )+) => {
        impl Errno {
            $(
                #[doc = concat!($text, ".")]
                pub const $name: Self = Self($value);
            )+

            /// The symbolic name, `"EPERM"`; `None` for a number that is not in the table.
            pub const fn name(self) -> Option<&'static str> {
                $( if self.0 == $value { return Some(stringify!($name)); } )+
                None
            }

            /// What the number means, in a few words.
            pub const fn description(self) -> Option<&'static str> {
                $( if self.0 == $value { return Some($text); } )+
                None
            }

            #[cfg(test)]
            const TABLE: &'static [(Self, &'static str)] = &[$( (Self::$name, stringify!($name)) ),+];
        }
    };
}

errno! {
    EPERM = libc::EPERM, "operation not permitted";
    ENOENT = libc::ENOENT, "no such file, object or element";
    ESRCH = libc::ESRCH, "no such process or symbol";
    EINTR = libc::EINTR, "interrupted by a signal";
    EIO = libc::EIO, "input or output error";
    ENXIO = libc::ENXIO, "no such device or address";
    E2BIG = libc::E2BIG, "too big, or a field that this kernel does not know";
    EBADF = libc::EBADF, "bad file descriptor";
    EAGAIN = libc::EAGAIN, "try again";
    ENOMEM = libc::ENOMEM, "out of memory";
    EACCES = libc::EACCES, "permission denied";
    EFAULT = libc::EFAULT, "bad address";
    EBUSY = libc::EBUSY, "device or resource busy";
    EEXIST = libc::EEXIST, "exists already";
    EXDEV = libc::EXDEV, "on another file system";
    ENODEV = libc::ENODEV, "no such device";
    ENOTDIR = libc::ENOTDIR, "not a directory";
    EISDIR = libc::EISDIR, "is a directory";
    EINVAL = libc::EINVAL, "invalid argument";
    ENFILE = libc::ENFILE, "too many open files in the system";
    EMFILE = libc::EMFILE, "too many open files";
    ENOTTY = libc::ENOTTY, "wrong operation for the device";
    EFBIG = libc::EFBIG, "file too large";
    ENOSPC = libc::ENOSPC, "no space left";
    EROFS = libc::EROFS, "read-only file system";
    EPIPE = libc::EPIPE, "broken pipe";
    EDOM = libc::EDOM, "argument out of domain";
    ERANGE = libc::ERANGE, "result out of range";
    EDEADLK = libc::EDEADLK, "deadlock avoided";
    ENAMETOOLONG = libc::ENAMETOOLONG, "name too long";
    ENOSYS = libc::ENOSYS, "system call not implemented";
    ELOOP = libc::ELOOP, "too many levels of links";
    ENODATA = libc::ENODATA, "no data";
    EPROTO = libc::EPROTO, "protocol error";
    EBADMSG = libc::EBADMSG, "bad message";
    EOVERFLOW = libc::EOVERFLOW, "value too large";
    EILSEQ = libc::EILSEQ, "invalid byte sequence";
    EUSERS = libc::EUSERS, "too many users";
    ENOTSOCK = libc::ENOTSOCK, "not a socket";
    EPROTOTYPE = libc::EPROTOTYPE, "wrong protocol for the socket";
    ENOPROTOOPT = libc::ENOPROTOOPT, "protocol option not available";
    EPROTONOSUPPORT = libc::EPROTONOSUPPORT, "protocol not supported";
    EOPNOTSUPP = libc::EOPNOTSUPP, "operation not supported";
    EAFNOSUPPORT = libc::EAFNOSUPPORT, "address family not supported";
    EADDRINUSE = libc::EADDRINUSE, "address in use";
    ENETDOWN = libc::ENETDOWN, "network is down";
    ENOBUFS = libc::ENOBUFS, "no buffer space";
    ENOTCONN = libc::ENOTCONN, "not connected";
    ETIMEDOUT = libc::ETIMEDOUT, "timed out";
    EALREADY = libc::EALREADY, "already in progress";
    ESTALE = libc::ESTALE, "stale revision or handle";
    EKEYREJECTED = libc::EKEYREJECTED, "key rejected";
    ECANCELED = libc::ECANCELED, "canceled";
    ENOTSUPP = 524, "operation not supported by the kernel or its BPF compiler";
}

impl Errno {
    /// The error number of the last failed call of this thread.
    pub(crate) fn last() -> Self {
        Self(nix::errno::Errno::last_raw())
    }

    /// Whether the number says that the caller lacks a right: `EPERM` or `EACCES`.
    ///
    /// `BPF_PROG_LOAD` gives `EACCES` for a program that the verifier rejects, too.
    pub const fn is_permission(self) -> bool {
        self.0 == Self::EPERM.0 || self.0 == Self::EACCES.0
    }
}

/// The name, or `errno 4711`.
impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// The name and the meaning: `EPERM (operation not permitted)`.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)?;
        match self.description() {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Errno {}

impl From<nix::errno::Errno> for Errno {
    fn from(errno: nix::errno::Errno) -> Self {
        Self(errno as i32)
    }
}

/// [`io::ErrorKind`] is what std makes of the number; 524 has no kind there and becomes `Unsupported`.
impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        if errno == Errno::ENOTSUPP {
            io::Error::new(io::ErrorKind::Unsupported, errno)
        } else {
            Self::from_raw_os_error(errno.0)
        }
    }
}

/// The call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// A command of `bpf(2)`.
    Bpf(Command),
    /// Another system call, or a file read, by name.
    Other(&'static str),
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bpf(command) => match command.c_name() {
                Some(name) => write!(f, "bpf({name})"),
                None => write!(f, "bpf({})", command.0),
            },
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// A failed call: which one, and the error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {errno}{}{}", if note.is_some() { ": " } else { "" }, note.unwrap_or(""))]
#[non_exhaustive]
pub struct SysError {
    /// The call.
    pub call: Call,
    /// The error number.
    pub errno: Errno,
    /// What this crate found wrong before it made the call; `None` when the kernel gave the number.
    pub note: Option<&'static str>,
}

impl SysError {
    /// An error of a `bpf(2)` command.
    pub const fn bpf(command: Command, errno: Errno) -> Self {
        Self { call: Call::Bpf(command), errno, note: None }
    }

    /// An error of another call.
    pub const fn other(call: &'static str, errno: Errno) -> Self {
        Self { call: Call::Other(call), errno, note: None }
    }

    /// The command, when the call is `bpf(2)`.
    pub const fn command(&self) -> Option<Command> {
        match self.call {
            Call::Bpf(command) => Some(command),
            Call::Other(_) => None,
        }
    }

    /// An argument that this crate refuses before any call, because the kernel would go beyond a buffer.
    pub(crate) const fn refused(command: Command, note: &'static str) -> Self {
        Self { call: Call::Bpf(command), errno: Errno::EINVAL, note: Some(note) }
    }

    pub(crate) const fn with_note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    pub(crate) fn last(call: &'static str) -> Self {
        Self::other(call, Errno::last())
    }

    /// The number that std knows; `EIO` when it has none.
    pub(crate) fn io(call: &'static str, error: &io::Error) -> Self {
        Self::other(call, error.raw_os_error().map_or(Errno::EIO, Errno))
    }
}

impl From<SysError> for io::Error {
    fn from(error: SysError) -> Self {
        io::Error::new(io::Error::from(error.errno).kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_name_and_a_meaning() {
        for (index, (errno, name)) in Errno::TABLE.iter().enumerate() {
            assert_eq!(errno.name(), Some(*name));
            assert!(errno.description().is_some_and(|text| !text.is_empty()), "{name}");
            let same = Errno::TABLE.iter().filter(|(other, _)| other == errno).count();
            assert_eq!(same, 1, "row {index}, {name}");
        }
        assert_eq!(Errno(524).name(), Some("ENOTSUPP"));
        assert_eq!(Errno(1).name(), Some("EPERM"));
        assert_eq!(Errno(4711).name(), None);
    }

    #[test]
    fn messages_name_the_call_the_number_and_its_meaning() {
        let rows = [
            (
                SysError::bpf(Command::MAP_CREATE, Errno::EPERM),
                "bpf(BPF_MAP_CREATE): EPERM (operation not permitted)",
            ),
            (SysError::bpf(Command(999), Errno(4711)), "bpf(999): errno 4711"),
            (SysError::other("mmap", Errno::EINVAL), "mmap: EINVAL (invalid argument)"),
            (
                SysError::refused(Command::MAP_LOOKUP_ELEM, "key of another length than the map's"),
                "bpf(BPF_MAP_LOOKUP_ELEM): EINVAL (invalid argument): key of another length than the map's",
            ),
        ];
        for (error, text) in rows {
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(SysError::bpf(Command::OBJ_PIN, Errno::EPERM).command(), Some(Command::OBJ_PIN));
        assert_eq!(SysError::other("mmap", Errno::EPERM).command(), None);
    }

    #[test]
    fn io_errors_keep_the_kind() {
        let rows = [
            (Errno::EPERM, io::ErrorKind::PermissionDenied),
            (Errno::ENOENT, io::ErrorKind::NotFound),
            (Errno::EEXIST, io::ErrorKind::AlreadyExists),
            (Errno::ENOTSUPP, io::ErrorKind::Unsupported),
        ];
        for (errno, kind) in rows {
            assert_eq!(io::Error::from(errno).kind(), kind);
            assert_eq!(io::Error::from(SysError::other("x", errno)).kind(), kind);
        }
        assert!(
            Errno::EACCES.is_permission()
                && Errno::EPERM.is_permission()
                && !Errno::EINVAL.is_permission()
        );
    }
}
