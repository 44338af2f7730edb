//! Iterators: programs that walk over kernel objects and print what a reader reads.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use bpf_sys::abi::{AttachType, ProgramType};
use bpf_sys::link::{IterTarget, LinkCreate, LinkOptions, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsMapFd, AsProgFd, Errno, MapFd, ProgFd};

use crate::attempt::{Attempt, Feature, Hook, PERFMON};
use crate::error::{Error, ErrorKind};
use crate::link::Link;

static HOOK: Hook = Hook {
    feature: Feature::new("iterators", 5, 8),
    programs: &[ProgramType::TRACING],
    privilege: PERFMON,
};

/// What an iterator walks over, where its kind leaves a choice.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum IterOver<'a> {
    /// All objects of the kind.
    #[default]
    All,
    /// The elements of this map: for iterators `bpf_map_elem`, `bpf_sk_storage_map`, `sockmap` (since Linux 5.9).
    Map(MapFd<'a>),
    /// cgroups, from this one on (since Linux 6.1).
    Cgroup(BorrowedFd<'a>, CgroupOrder),
    /// The tasks of one process (since Linux 6.1).
    Process(u32),
    /// One thread (since Linux 6.1).
    Thread(u32),
    /// The tasks of the process of a pid descriptor (since Linux 6.1).
    PidFd(BorrowedFd<'a>),
}

impl<'a> IterOver<'a> {
    /// The elements of a map.
    pub fn map(map: &'a impl AsMapFd) -> Self {
        IterOver::Map(map.as_map_fd())
    }

    /// cgroups, from the one of this folder on.
    pub fn cgroup(folder: &'a impl AsFd, order: CgroupOrder) -> Self {
        IterOver::Cgroup(folder.as_fd(), order)
    }
}

/// Which cgroups an iterator visits, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CgroupOrder {
    /// Only the one that is given.
    SelfOnly,
    /// It and its descendants, parents before children.
    DescendantsPre,
    /// It and its descendants, children before parents.
    DescendantsPost,
    /// It and its ancestors.
    AncestorsUp,
}

/// Attaches an iterator program to what it walks over (since Linux 5.8). [`Link::read_iter`] runs it.
#[doc(alias = "bpf_program__attach_iter")]
pub fn attach_iter(program: &impl AsProgFd, over: IterOver<'_>) -> Result<Link, Error> {
    attach_fd(program.as_prog_fd(), over)
}

fn attach_fd(program: ProgFd<'_>, over: IterOver<'_>) -> Result<Link, Error> {
    let attempt = Attempt::new(program, &HOOK, "attaching an iterator".to_owned());
    let task = |tid, pid, pid_fd| LinkOptions::Iter(IterTarget::Task { tid, pid, pid_fd });
    let source = LinkSource::Program(program);
    let mut create = LinkCreate::new(source, Where::None, AttachType::TRACE_ITER);
    create.options = match over {
        IterOver::All => LinkOptions::None,
        IterOver::Map(map) => LinkOptions::Iter(IterTarget::Map(map)),
        IterOver::Cgroup(cgroup, order) => LinkOptions::Iter(IterTarget::Cgroup {
            cgroup,
            order: match order {
                CgroupOrder::SelfOnly => 1,
                CgroupOrder::DescendantsPre => 2,
                CgroupOrder::DescendantsPost => 3,
                CgroupOrder::AncestorsUp => 4,
            },
        }),
        IterOver::Process(pid) => task(0, pid, 0),
        IterOver::Thread(tid) => task(tid, 0, 0),
        IterOver::PidFd(fd) => task(0, 0, fd.as_raw_fd().unsigned_abs()),
    };
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let failure = attempt.failed(error);
        match (errno, failure.kind()) {
            (Errno::EBADF | Errno::EINVAL, ErrorKind::Invalid) => failure
                .with_advice("an iterator over a map's elements needs the map, others take none"),
            _ => failure,
        }
    })
}

/// One walk of an iterator: reading runs the program and gives what it prints. The end of the walk is the end of the file.
#[derive(Debug)]
pub struct IterReader(File);

impl Read for IterReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Link {
    /// Starts a walk of an iterator link from the beginning (since Linux 5.8).
    #[doc(alias = "BPF_ITER_CREATE")]
    pub fn read_iter(&self) -> Result<IterReader, Error> {
        let action = "starting an iterator";
        let fd = self.fd("iterator", || action.to_owned())?;
        match bpf_sys::link::open_iter(fd) {
            Ok(fd) => Ok(IterReader(File::from(fd))),
            Err(error) => {
                let errno = error.errno;
                let failed = Error::from_sys(action, error);
                let other = errno == Errno::EINVAL;
                Err(if other {
                    failed.with_advice("the link is not one of an iterator")
                } else {
                    failed
                })
            }
        }
    }
}
