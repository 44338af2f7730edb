//! Attaching without links, and asking what is attached.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::os::fd::{AsFd, BorrowedFd};

use crate::abi::raw::{ProgAttachAttr, ProgQueryAttr, TaskFdQueryAttr};
use crate::abi::{AttachFlags, AttachType, Command, LinkId, ProgramId, QueryFlags};
use crate::errno::{Errno, SysError};
use crate::fd::ProgFd;
use crate::syscall::{address_mut, bpf, length, raw};

/// What a program attaches to.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Where<'a> {
    /// A cgroup's folder, a network namespace, a socket map, an infrared device.
    Fd(BorrowedFd<'a>),
    /// A network device, by its number.
    Device(u32),
    /// The current network namespace.
    None,
}

impl Where<'_> {
    pub(crate) fn value(self) -> u32 {
        match self {
            Self::Fd(fd) => raw(fd),
            Self::Device(ifindex) => ifindex,
            Self::None => 0,
        }
    }
}

/// What `BPF_PROG_ATTACH` and `BPF_PROG_DETACH` take beside the program.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attach<'a> {
    /// Where.
    pub target: Where<'a>,
    /// At which hook.
    pub attach_type: AttachType,
    /// How it joins the others.
    pub flags: AttachFlags,
    /// The program to replace, with [`AttachFlags::REPLACE`] (5.6).
    pub replace: Option<ProgFd<'a>>,
    /// The neighbour, by descriptor or, with [`AttachFlags::ID`], by id (6.6).
    pub relative: u32,
    /// Refuse unless the list has this revision; zero for any (6.6).
    pub expected_revision: u64,
}

impl<'a> Attach<'a> {
    /// No flags.
    pub fn new(target: Where<'a>, attach_type: AttachType) -> Self {
        Self {
            target,
            attach_type,
            flags: AttachFlags::NONE,
            replace: None,
            relative: 0,
            expected_revision: 0,
        }
    }

    fn attr(&self, program: Option<ProgFd<'_>>) -> ProgAttachAttr {
        ProgAttachAttr {
            target_fd: self.target.value(),
            attach_bpf_fd: program.map_or(0, raw),
            attach_type: self.attach_type.0,
            attach_flags: self.flags.bits(),
            replace_bpf_fd: self.replace.map_or(0, raw),
            relative_fd: self.relative,
            expected_revision: self.expected_revision,
        }
    }
}

/// Attaches a program until somebody detaches it: `BPF_PROG_ATTACH`, Linux 4.10.
#[doc(alias = "BPF_PROG_ATTACH")]
pub fn attach(program: ProgFd<'_>, attach: &Attach<'_>) -> Result<(), SysError> {
    let mut attr = attach.attr(Some(program));
    // SAFETY: the structure is that of the command; it holds no address.
    unsafe { bpf(Command::PROG_ATTACH, &mut attr) }.map(drop)
}

/// Detaches a program, or the only one: `BPF_PROG_DETACH`, Linux 4.10.
///
/// Errors: `ENOENT` when it is not attached.
#[doc(alias = "BPF_PROG_DETACH")]
pub fn detach(program: Option<ProgFd<'_>>, attach: &Attach<'_>) -> Result<(), SysError> {
    let mut attr = attach.attr(program);
    // SAFETY: the structure is that of the command; it holds no address.
    unsafe { bpf(Command::PROG_DETACH, &mut attr) }.map(drop)
}

/// One attached program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryEntry {
    /// The program.
    pub program: ProgramId,
    /// Flags of its attachment; none when the kernel does not tell.
    pub flags: AttachFlags,
    /// The link that attaches it (6.6, tcx and netkit).
    pub link: Option<LinkId>,
}

/// What is attached at a hook, in the order of execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The programs.
    pub programs: Vec<QueryEntry>,
    /// Flags of the hook as a whole.
    pub flags: AttachFlags,
    /// Revision of the list (6.6).
    pub revision: u64,
}

/// Lists the programs at a hook: `BPF_PROG_QUERY`, Linux 4.15.
#[doc(alias = "BPF_PROG_QUERY")]
pub fn query(
    target: Where<'_>,
    attach_type: AttachType,
    flags: QueryFlags,
) -> Result<Query, SysError> {
    let command = Command::PROG_QUERY;
    let mut room = 0;
    // The list can grow between the calls; some hooks have no count without room.
    for _ in 0..8 {
        let mut programs = vec![0u32; room];
        let mut program_flags = vec![0u32; room];
        let mut links = vec![0u32; room];
        // tcx and netkit take all arrays; cgroups refuse the links', and program flags with EFFECTIVE.
        let device = matches!(target, Where::Device(_));
        let mut attr = ProgQueryAttr {
            target_fd: target.value(),
            attach_type: attach_type.0,
            query_flags: flags.bits(),
            prog_ids: address_mut(&mut programs),
            count: length(command, &programs)?,
            prog_attach_flags: if device { address_mut(&mut program_flags) } else { 0 },
            link_ids: if device { address_mut(&mut links) } else { 0 },
            ..ProgQueryAttr::default()
        };
        // SAFETY: the structure is that of the command. The kernel writes at most `count` values of 4 bytes at each address that is not zero;
        // the three vectors are that long and borrowed exclusively. Others are zero.
        let result = unsafe { bpf(command, &mut attr) };
        let count = usize::try_from(attr.count).unwrap_or(0);
        match result {
            Ok(_) if count <= room => {
                let entries = programs.into_iter().zip(program_flags).zip(links).take(count);
                let programs = entries
                    .map(|((id, flags), link)| QueryEntry {
                        program: ProgramId(id),
                        flags: AttachFlags::from_bits(flags),
                        link: (link != 0).then_some(LinkId(link)),
                    })
                    .collect();
                return Ok(Query {
                    programs,
                    flags: AttachFlags::from_bits(attr.attach_flags),
                    revision: attr.revision,
                });
            }
            Err(error) if error.errno != Errno::ENOSPC => return Err(error),
            _ => room = count.max(room.saturating_add(1)).min(1 << 16),
        }
    }
    Err(SysError::bpf(command, Errno::ENOSPC))
}

/// What a perf event of a process is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskEvent {
    /// The program.
    pub program: ProgramId,
    /// 0: raw tracepoint, 1: tracepoint, 2: kprobe, 3: kretprobe, 4: uprobe, 5: uretprobe.
    pub kind: u32,
    /// Name of the tracepoint or function, or path of the file.
    pub name: String,
    /// Offset of the probe.
    pub offset: u64,
    /// Address of the probe.
    pub address: u64,
}

/// What the descriptor `fd` of the process `pid` is attached to: `BPF_TASK_FD_QUERY`, Linux 4.18.
///
/// Errors: `EOPNOTSUPP` when it is no such event, `EPERM` without `CAP_SYS_ADMIN`.
#[doc(alias = "BPF_TASK_FD_QUERY")]
pub fn task_event(pid: u32, fd: impl AsFd) -> Result<TaskEvent, SysError> {
    fn inner(pid: u32, fd: BorrowedFd<'_>) -> Result<TaskEvent, SysError> {
        let command = Command::TASK_FD_QUERY;
        let mut buffer = [0u8; 4096];
        let mut attr = TaskFdQueryAttr {
            pid,
            fd: raw(fd),
            buf: address_mut(&mut buffer),
            buf_len: length(command, &buffer)?,
            ..TaskFdQueryAttr::default()
        };
        // SAFETY: the structure is that of the command. The kernel writes at most `buf_len` bytes at `buf`, which is borrowed exclusively.
        unsafe { bpf(command, &mut attr) }?;
        let name = buffer.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok(TaskEvent {
            program: ProgramId(attr.prog_id),
            kind: attr.fd_type,
            name: String::from_utf8_lossy(name).into_owned(),
            offset: attr.probe_offset,
            address: attr.probe_addr,
        })
    }
    inner(pid, fd.as_fd())
}
