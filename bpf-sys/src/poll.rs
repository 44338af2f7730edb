//! Waiting for descriptors to become readable: ring buffers, perf events, iterators.
//!
//! A wait goes on after a signal, for what is left of its time.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll as NixEpoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::errno::{Errno, SysError};

/// What is left of a time, in milliseconds, rounded up so that a wait never ends early; `None` is forever.
struct Deadline(Option<Instant>);

impl Deadline {
    fn new(timeout: Option<Duration>) -> Self {
        // A time beyond what the clock can express is forever.
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// -1 is forever.
    fn milliseconds(&self) -> i32 {
        let Some(deadline) = self.0 else { return -1 };
        let left = deadline.saturating_duration_since(Instant::now());
        i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    }
}

/// Waits until a descriptor is readable, and tells whether it is; `false` when the time is over. Without a time it waits forever.
pub fn wait_readable(fd: impl AsFd, timeout: Option<Duration>) -> Result<bool, SysError> {
    fn inner(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> Result<bool, SysError> {
        let deadline = Deadline::new(timeout);
        loop {
            let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
            let time = PollTimeout::try_from(deadline.milliseconds()).unwrap_or(PollTimeout::NONE);
            match poll(&mut fds, time) {
                Ok(ready) => return Ok(ready > 0),
                Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(SysError::other("poll", errno.into())),
            }
        }
    }
    inner(fd.as_fd(), timeout)
}

/// A set of descriptors to wait for.
#[derive(Debug)]
pub struct Epoll(NixEpoll);

impl Epoll {
    /// An empty set.
    pub fn new() -> Result<Self, SysError> {
        NixEpoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map(Self)
            .map_err(|errno| SysError::other("epoll_create1", errno.into()))
    }

    /// Adds a descriptor; `token` is what [`wait`](Self::wait) gives when it is readable.
    ///
    /// The set holds no reference: a descriptor that is closed leaves it. Errors: `EEXIST` when it is in, `EPERM` for a file that cannot be waited for.
    pub fn add(&self, fd: impl AsFd, token: u64) -> Result<(), SysError> {
        self.0
            .add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token))
            .map_err(|errno| SysError::other("epoll_ctl", errno.into()))
    }

    /// Removes a descriptor. Errors: `ENOENT` when it is not in.
    pub fn remove(&self, fd: impl AsFd) -> Result<(), SysError> {
        self.0.delete(fd).map_err(|errno| SysError::other("epoll_ctl", errno.into()))
    }

    /// Waits until a descriptor is readable, and puts the tokens of those that are into `ready`; none when the time is over. Without a time it
    /// waits forever.
    pub fn wait(&self, ready: &mut Vec<u64>, timeout: Option<Duration>) -> Result<(), SysError> {
        ready.clear();
        let deadline = Deadline::new(timeout);
        let mut events = [EpollEvent::empty(); 64];
        loop {
            let time =
                EpollTimeout::try_from(deadline.milliseconds()).unwrap_or(EpollTimeout::NONE);
            match self.0.wait(&mut events, time) {
                Ok(count) => {
                    ready.extend(events.iter().take(count).map(EpollEvent::data));
                    return Ok(());
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(SysError::other("epoll_wait", Errno::from(errno))),
            }
        }
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

/// Ends another thread's wait: its descriptor is readable from [`wake`](Self::wake) to [`reset`](Self::reset).
#[derive(Debug)]
pub struct Waker(EventFd);

impl Waker {
    /// Not woken.
    pub fn new() -> Result<Self, SysError> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        EventFd::from_flags(flags)
            .map(Self)
            .map_err(|errno| SysError::other("eventfd", errno.into()))
    }

    /// Wakes, until it is reset; once more changes nothing.
    pub fn wake(&self) -> Result<(), SysError> {
        match self.0.write(1) {
            // The counter is full, so it is awake.
            Ok(_) | Err(nix::errno::Errno::EAGAIN) => Ok(()),
            Err(errno) => Err(SysError::other("write(eventfd)", errno.into())),
        }
    }

    /// Takes the wakes back, and tells whether there were any.
    pub fn reset(&self) -> Result<bool, SysError> {
        match self.0.read() {
            Ok(_) => Ok(true),
            Err(nix::errno::Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(SysError::other("read(eventfd)", errno.into())),
        }
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_with_data_is_readable() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let zero = Some(Duration::ZERO);
        assert!(!wait_readable(&far, zero).unwrap());
        let epoll = Epoll::new().unwrap();
        epoll.add(&far, 42).unwrap();
        assert_eq!(epoll.add(&far, 43).unwrap_err().errno, Errno::EEXIST);
        let mut ready = vec![7];
        epoll.wait(&mut ready, zero).unwrap();
        assert!(ready.is_empty());
        near.write_all(b"x").unwrap();
        assert!(wait_readable(&far, None).unwrap());
        epoll.wait(&mut ready, None).unwrap();
        assert_eq!(ready, [42]);
        assert!(wait_readable(&epoll, zero).unwrap());
        epoll.remove(&far).unwrap();
        assert_eq!(epoll.remove(&far).unwrap_err().errno, Errno::ENOENT);
    }

    #[test]
    fn times_are_rounded_up_and_forever_is_minus_one() {
        assert_eq!(Deadline::new(None).milliseconds(), -1);
        assert_eq!(Deadline::new(Some(Duration::ZERO)).milliseconds(), 0);
        assert_eq!(Deadline::new(Some(Duration::MAX)).milliseconds(), -1);
        assert!(Deadline::new(Some(Duration::from_secs(1 << 40))).milliseconds() == i32::MAX);
        assert!((1..=1000).contains(&Deadline::new(Some(Duration::from_secs(1))).milliseconds()));
    }

    #[test]
    fn a_waker_is_readable_until_it_is_reset() {
        let waker = Waker::new().unwrap();
        let zero = Some(Duration::ZERO);
        assert!(!wait_readable(&waker, zero).unwrap());
        assert!(!waker.reset().unwrap());
        waker.wake().unwrap();
        waker.wake().unwrap();
        assert!(wait_readable(&waker, zero).unwrap());
        assert!(waker.reset().unwrap());
        assert!(!wait_readable(&waker, zero).unwrap() && !waker.reset().unwrap());
    }
}
