//! Socket filters: which of the packets that arrive at a socket it gets, and how much of them.

use std::os::fd::{AsFd, BorrowedFd};

use bpf_sys::abi::ProgramType;
use bpf_sys::{AsProgFd, Errno, ProgFd};

use crate::attempt::{Attempt, Feature, Hook};
use crate::error::Error;
use crate::legacy::Kind;
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("eBPF programs on sockets", 3, 19),
    programs: &[ProgramType::SOCKET_FILTER],
    privilege: "CAP_BPF for loading, and a socket that is not locked by SO_LOCK_FILTER",
};

/// Attaches a program to a socket, in place of the filter that it has (since Linux 3.19).
///
/// The kernel has no link object for it: the link holds a duplicate of the socket's descriptor, so the socket stays open
/// as long as the link. [Disconnect](Link::disconnect) it to leave the filter to the socket. When the link is dropped
/// the socket has no filter.
#[doc(alias = "SO_ATTACH_BPF")]
pub fn attach_socket_filter(program: &impl AsProgFd, socket: &impl AsFd) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), socket.as_fd())
}

fn attach_fd(program: ProgFd<'_>, socket: BorrowedFd<'_>) -> Result<Link, Error> {
    let attempt = Attempt::new(program, &HOOK, "attaching a filter to a socket".to_owned());
    // First what can fail without leaving a filter behind.
    let owned =
        socket.try_clone_to_owned().map_err(|error| Error::from_io(attempt.action(), error))?;
    bpf_sys::socket::attach_filter(socket, &program).map_err(|error| {
        let errno = error.errno;
        let failure = attempt.failed(error);
        if errno == Errno::ENOTSOCK {
            failure.with_advice("the descriptor is not a socket")
        } else {
            failure
        }
    })?;
    Ok(Link::legacy(Kind::Socket { socket: owned }))
}
