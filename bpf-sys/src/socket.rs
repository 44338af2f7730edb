//! Programs on sockets, by `setsockopt(2)`.

#![expect(unsafe_code, reason = "calls socket(2) and setsockopt(2)")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;

use crate::errno::SysError;
use crate::fd::AsProgFd;

fn set(
    socket: BorrowedFd<'_>,
    option: libc::c_int,
    value: libc::c_int,
    call: &'static str,
) -> Result<(), SysError> {
    let size: libc::socklen_t = 4;
    // SAFETY: the kernel reads `size` bytes at the address of `value`, which is an `int` of 4 bytes.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            option,
            std::ptr::from_ref(&value).cast(),
            size,
        )
    };
    if result < 0 { Err(SysError::last(call)) } else { Ok(()) }
}

/// Filters what a socket receives, in place of an earlier filter: `SO_ATTACH_BPF`, Linux 3.19.
///
/// The program is a socket filter. Errors: `EINVAL` for another kind, `EPERM` when the filter is locked.
#[doc(alias = "SO_ATTACH_BPF")]
pub fn attach_filter(socket: impl AsFd, program: &impl AsProgFd) -> Result<(), SysError> {
    set(
        socket.as_fd(),
        libc::SO_ATTACH_BPF,
        program.as_prog_fd().as_raw_fd(),
        "setsockopt(SO_ATTACH_BPF)",
    )
}

/// Removes a socket's filter: `SO_DETACH_BPF`, Linux 3.19. Errors: `ENOENT` when there is none.
#[doc(alias = "SO_DETACH_BPF")]
pub fn detach_filter(socket: impl AsFd) -> Result<(), SysError> {
    // The value is not used, but must be there.
    set(socket.as_fd(), libc::SO_DETACH_BPF, 0, "setsockopt(SO_DETACH_BPF)")
}

/// Chooses among the sockets of a `SO_REUSEPORT` group: `SO_ATTACH_REUSEPORT_EBPF`, Linux 4.5.
#[doc(alias = "SO_ATTACH_REUSEPORT_EBPF")]
pub fn attach_reuseport(socket: impl AsFd, program: &impl AsProgFd) -> Result<(), SysError> {
    set(
        socket.as_fd(),
        libc::SO_ATTACH_REUSEPORT_EBPF,
        program.as_prog_fd().as_raw_fd(),
        "setsockopt(SO_ATTACH_REUSEPORT_EBPF)",
    )
}

/// A socket that gets every packet of every device of the network namespace, from the network header on (`AF_PACKET`), to be filtered by a
/// program. Needs `CAP_NET_RAW`.
#[doc(alias = "AF_PACKET")]
pub fn packet_socket() -> Result<OwnedFd, SysError> {
    const CALL: &str = "socket(AF_PACKET)";
    let all = u16::try_from(libc::ETH_P_ALL).unwrap_or(0).to_be();
    // SAFETY: takes numbers only.
    let fd = unsafe {
        libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, i32::from(all))
    };
    if fd < 0 {
        return Err(SysError::last(CALL));
    }
    // SAFETY: the call returned a new descriptor, which nobody else knows.
    unsafe { crate::syscall::adopt(fd) }.map_err(|errno| SysError::other(CALL, errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;

    #[test]
    fn a_file_is_no_socket_and_a_socket_has_no_filter() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(detach_filter(&file).unwrap_err().errno, Errno::ENOTSOCK);
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(
            detach_filter(&socket).unwrap_err().to_string(),
            "setsockopt(SO_DETACH_BPF): ENOENT (no such file, object or element)"
        );
    }
}
