//! Creating links, and changing them.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use zerocopy::{Immutable, IntoBytes};

use crate::abi::raw::{
    IterCreateAttr, LinkCreateAttr, LinkCreateCgroup, LinkCreateIter, LinkCreateKprobeMulti,
    LinkCreateNetfilter, LinkCreatePerfEvent, LinkCreateTracing, LinkCreateTracingMulti,
    LinkCreateUprobeMulti, LinkDetachAttr, LinkUpdateAttr, RawTracepointAttr,
};
use crate::abi::{
    AttachFlags, AttachType, Command, KprobeMultiFlags, NetfilterFlags, UprobeMultiFlags,
};
use crate::errno::SysError;
use crate::fd::{LinkFd, OwnedLinkFd, ProgFd};
use crate::map::MapFd;
use crate::prog::Where;
use crate::syscall::{address, bpf, bpf_fd, length, raw};

/// What a link attaches.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LinkSource<'a> {
    /// A program.
    Program(ProgFd<'a>),
    /// A `struct_ops` map (6.4).
    StructOps(MapFd<'a>),
}

impl LinkSource<'_> {
    fn value(self) -> u32 {
        match self {
            Self::Program(program) => raw(program),
            Self::StructOps(map) => raw(map),
        }
    }
}

/// Which functions of the kernel.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum KprobeTargets<'a> {
    /// By symbol.
    Symbols(&'a [&'a CStr]),
    /// By address.
    Addresses(&'a [u64]),
}

/// What an iterator walks over.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum IterTarget<'a> {
    /// The elements of a map (5.9).
    Map(MapFd<'a>),
    /// cgroups from this one on (6.1).
    Cgroup {
        /// The cgroup's folder.
        cgroup: BorrowedFd<'a>,
        /// 1: itself only, 2: descendants before, 3: descendants after, 4: ancestors.
        order: u32,
    },
    /// The tasks of one process or one thread (6.1); zero is not given.
    Task {
        /// Thread.
        tid: u32,
        /// Process.
        pid: u32,
        /// Process, by descriptor.
        pid_fd: u32,
    },
}

/// What only one kind of link has.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum LinkOptions<'a> {
    /// Nothing.
    #[default]
    None,
    /// fentry and relatives, LSM, freplace.
    Tracing {
        /// Function to replace in the target program, for freplace (5.10).
        target_btf_id: u32,
        /// Value for `bpf_get_attach_cookie` (6.0).
        cookie: u64,
    },
    /// Perf event.
    PerfEvent {
        /// Value for `bpf_get_attach_cookie` (5.15).
        cookie: u64,
    },
    /// Many functions of the kernel (5.18).
    KprobeMulti {
        /// The functions.
        targets: KprobeTargets<'a>,
        /// A value per function, or none at all.
        cookies: &'a [u64],
        /// Flags.
        flags: KprobeMultiFlags,
    },
    /// Many places in a user space file (6.6).
    UprobeMulti {
        /// The file.
        path: &'a CStr,
        /// Offsets in the file.
        offsets: &'a [u64],
        /// Offset of the semaphore of each place, or none at all.
        ref_ctr_offsets: &'a [u64],
        /// A value per place, or none at all.
        cookies: &'a [u64],
        /// Only this process; zero for all.
        pid: u32,
        /// Flags.
        flags: UprobeMultiFlags,
    },
    /// Many functions by their BTF id.
    TracingMulti {
        /// Type ids.
        ids: &'a [u32],
        /// A value per function, or none at all.
        cookies: &'a [u64],
    },
    /// Netfilter hook (6.4).
    Netfilter {
        /// Protocol family.
        family: u32,
        /// Hook.
        hook: u32,
        /// Order among the hook's functions.
        priority: i32,
        /// Flags.
        flags: NetfilterFlags,
    },
    /// Position among the programs of a device (tcx 6.6, netkit 6.7) or a cgroup (6.16).
    Position {
        /// The neighbour, by descriptor or, with [`AttachFlags::ID`], by id; zero for none.
        relative: u32,
        /// Refuse unless the list has this revision; zero for any.
        expected_revision: u64,
    },
    /// Iterator (5.8).
    Iter(IterTarget<'a>),
}

/// What `BPF_LINK_CREATE` takes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LinkCreate<'a> {
    /// What.
    pub source: LinkSource<'a>,
    /// Where: cgroup, network namespace, device, perf event, socket map, program to extend.
    pub target: Where<'a>,
    /// At which hook. For programs that know it, the type that they were loaded with.
    pub attach_type: AttachType,
    /// Flags: [`AttachFlags`] or [`XdpFlags`](crate::abi::XdpFlags) as bits, by kind.
    pub flags: u32,
    /// What only this kind has.
    pub options: LinkOptions<'a>,
}

impl<'a> LinkCreate<'a> {
    /// No flags, no options.
    pub fn new(source: LinkSource<'a>, target: Where<'a>, attach_type: AttachType) -> Self {
        Self { source, target, attach_type, flags: 0, options: LinkOptions::None }
    }
}

const COMMAND: Command = Command::LINK_CREATE;

/// Attaches through a link, which detaches when its last descriptor and pin are gone: `BPF_LINK_CREATE`, Linux 5.7.
///
/// Errors: `EINVAL` for a program of another kind or a hook that this kernel has no links for, `EBADF` for a target that is no such thing, `EBUSY` when
/// somebody else is attached, `E2BIG` for options that this kernel does not know.
#[doc(alias = "BPF_LINK_CREATE")]
pub fn create(link: &LinkCreate<'_>) -> Result<OwnedLinkFd, SysError> {
    check_attach_type(link.attach_type, &link.options)?;
    let mut attr = LinkCreateAttr {
        prog_fd: link.source.value(),
        target_fd: link.target.value(),
        attach_type: link.attach_type.0,
        flags: link.flags,
        options: [0; 6],
    };
    // What the options point to beside the caller's slices; alive until after the call.
    let symbols: Vec<u64>;
    let walk: [u32; 4];
    match link.options {
        LinkOptions::None => {}
        LinkOptions::Tracing { target_btf_id, cookie } => {
            put(&mut attr, &LinkCreateTracing { target_btf_id, pad: 0, cookie });
        }
        LinkOptions::PerfEvent { cookie } => {
            put(&mut attr, &LinkCreatePerfEvent { bpf_cookie: cookie });
        }
        LinkOptions::KprobeMulti { targets, cookies, flags } => {
            let mut options =
                LinkCreateKprobeMulti { flags: flags.bits(), ..LinkCreateKprobeMulti::default() };
            match targets {
                KprobeTargets::Symbols(names) => {
                    symbols =
                        names.iter().map(|name| name.as_ptr().expose_provenance() as u64).collect();
                    options.cnt = length(COMMAND, &symbols)?;
                    options.syms = address(&symbols);
                }
                KprobeTargets::Addresses(addresses) => {
                    options.cnt = length(COMMAND, addresses)?;
                    options.addrs = address(addresses);
                }
            }
            options.cookies = per_place(cookies, options.cnt)?;
            put(&mut attr, &options);
        }
        LinkOptions::UprobeMulti { path, offsets, ref_ctr_offsets, cookies, pid, flags } => {
            let cnt = length(COMMAND, offsets)?;
            let options = LinkCreateUprobeMulti {
                path: path.as_ptr().expose_provenance() as u64,
                offsets: address(offsets),
                ref_ctr_offsets: per_place(ref_ctr_offsets, cnt)?,
                cookies: per_place(cookies, cnt)?,
                cnt,
                flags: flags.bits(),
                pid,
                pad: 0,
            };
            put(&mut attr, &options);
        }
        LinkOptions::TracingMulti { ids, cookies } => {
            let cnt = length(COMMAND, ids)?;
            put(
                &mut attr,
                &LinkCreateTracingMulti {
                    ids: address(ids),
                    cookies: per_place(cookies, cnt)?,
                    cnt,
                    pad: 0,
                },
            );
        }
        LinkOptions::Netfilter { family, hook, priority, flags } => {
            put(
                &mut attr,
                &LinkCreateNetfilter { pf: family, hooknum: hook, priority, flags: flags.bits() },
            );
        }
        LinkOptions::Position { relative, expected_revision } => {
            put(&mut attr, &LinkCreateCgroup { relative_fd: relative, pad: 0, expected_revision });
        }
        LinkOptions::Iter(target) => {
            // `union bpf_iter_link_info`, 16 bytes.
            walk = match target {
                IterTarget::Map(map) => [raw(map), 0, 0, 0],
                IterTarget::Cgroup { cgroup, order } => [order, raw(cgroup), 0, 0],
                IterTarget::Task { tid, pid, pid_fd } => [tid, pid, pid_fd, 0],
            };
            put(
                &mut attr,
                &LinkCreateIter { iter_info: address(&walk), iter_info_len: 16, pad: 0 },
            );
        }
    }
    // SAFETY: the structure is that of the command, which only reads. Which addresses it follows depends on `attach_type`, and
    // `check_attach_type` made sure that the options are those of this type, or without addresses for a type that has none: for kprobe, uprobe and tracing
    // multi, `cnt` elements at each address that is not zero (slices of that length: `length`, `per_place`), strings with NUL at the symbols and the
    // path; for iterators 16 bytes. All live until the end of this function. The command returns a new descriptor.
    unsafe { bpf_fd(COMMAND, &mut attr) }.map(OwnedLinkFd::from)
}

/// Writes one kind's options into the room for them.
fn put<T: IntoBytes + Immutable>(attr: &mut LinkCreateAttr, options: &T) {
    const { assert!(size_of::<T>() <= 48, "room for the largest options") };
    for (target, byte) in attr.options.as_mut_bytes().iter_mut().zip(options.as_bytes()) {
        *target = *byte;
    }
}

/// The address of one value per place; zero when there are none at all.
fn per_place(values: &[u64], count: u32) -> Result<u64, SysError> {
    if values.is_empty() || length(COMMAND, values)? == count {
        Ok(address(values))
    } else {
        Err(SysError::refused(COMMAND, "another number of values than of places"))
    }
}

/// Refuses options whose numbers the kernel would take for addresses.
///
/// Kernel: `link_create` in kernel/bpf/syscall.c decides by the attach type, which must be that of the program.
fn check_attach_type(attach_type: AttachType, options: &LinkOptions<'_>) -> Result<(), SysError> {
    let follows_addresses = matches!(
        attach_type,
        AttachType::TRACE_KPROBE_MULTI
            | AttachType::TRACE_KPROBE_SESSION
            | AttachType::TRACE_UPROBE_MULTI
            | AttachType::TRACE_UPROBE_SESSION
            | AttachType::TRACE_FENTRY_MULTI
            | AttachType::TRACE_FEXIT_MULTI
            | AttachType::TRACE_FSESSION_MULTI
            | AttachType::TRACE_ITER
    ) || attach_type.name().is_none();
    let fits = match options {
        LinkOptions::None => true,
        LinkOptions::KprobeMulti { .. } => {
            matches!(attach_type, AttachType::TRACE_KPROBE_MULTI | AttachType::TRACE_KPROBE_SESSION)
        }
        LinkOptions::UprobeMulti { .. } => {
            matches!(attach_type, AttachType::TRACE_UPROBE_MULTI | AttachType::TRACE_UPROBE_SESSION)
        }
        LinkOptions::TracingMulti { .. } => matches!(
            attach_type,
            AttachType::TRACE_FENTRY_MULTI
                | AttachType::TRACE_FEXIT_MULTI
                | AttachType::TRACE_FSESSION_MULTI
        ),
        LinkOptions::Iter(_) => attach_type == AttachType::TRACE_ITER,
        LinkOptions::Tracing { .. }
        | LinkOptions::PerfEvent { .. }
        | LinkOptions::Netfilter { .. }
        | LinkOptions::Position { .. } => !follows_addresses,
    };
    if fits {
        Ok(())
    } else {
        Err(SysError::refused(COMMAND, "options of another kind than the attach type"))
    }
}

/// Replaces what a link attaches, without a gap: `BPF_LINK_UPDATE`, Linux 5.7.
///
/// With `old`, only if that is attached now; otherwise `EPERM`. Errors: `EINVAL` for kinds that cannot be updated.
#[doc(alias = "BPF_LINK_UPDATE")]
pub fn update(
    link: LinkFd<'_>,
    new: LinkSource<'_>,
    old: Option<LinkSource<'_>>,
) -> Result<(), SysError> {
    let flags = if old.is_some() { AttachFlags::REPLACE } else { AttachFlags::NONE };
    let mut attr = LinkUpdateAttr {
        link_fd: raw(link),
        new_prog_fd: new.value(),
        flags: flags.bits(),
        old_prog_fd: old.map_or(0, LinkSource::value),
    };
    // SAFETY: the structure is that of the command; it holds no address.
    unsafe { bpf(Command::LINK_UPDATE, &mut attr) }.map(drop)
}

/// Detaches for good, and keeps the link: `BPF_LINK_DETACH`, Linux 5.9.
///
/// Errors: `EOPNOTSUPP` for kinds that cannot.
#[doc(alias = "BPF_LINK_DETACH")]
pub fn detach(link: LinkFd<'_>) -> Result<(), SysError> {
    let mut attr = LinkDetachAttr { link_fd: raw(link) };
    // SAFETY: the structure is that of the command; it holds no address.
    unsafe { bpf(Command::LINK_DETACH, &mut attr) }.map(drop)
}

/// A descriptor that runs an iterator and reads what it prints: `BPF_ITER_CREATE`, Linux 5.8.
#[doc(alias = "BPF_ITER_CREATE")]
pub fn open_iter(link: LinkFd<'_>) -> Result<OwnedFd, SysError> {
    let mut attr = IterCreateAttr { link_fd: raw(link), flags: 0 };
    // SAFETY: the structure is that of the command; it holds no address. The command returns a new descriptor.
    unsafe { bpf_fd(Command::ITER_CREATE, &mut attr) }
}

/// Attaches to the raw tracepoint `name`, or without one to what the program was loaded for: `BPF_RAW_TRACEPOINT_OPEN`, Linux 4.17.
///
/// The cookie needs 6.10 when it is not zero. Errors: `ENOENT` for an unknown tracepoint, `EINVAL` for a program of another kind.
#[doc(alias = "BPF_RAW_TRACEPOINT_OPEN")]
pub fn open_raw_tracepoint(
    name: Option<&CStr>,
    program: ProgFd<'_>,
    cookie: u64,
) -> Result<OwnedLinkFd, SysError> {
    let mut attr = RawTracepointAttr {
        name: name.map_or(0, |name| name.as_ptr().expose_provenance() as u64),
        prog_fd: raw(program),
        pad: 0,
        cookie,
    };
    // SAFETY: the structure is that of the command. The kernel reads a string at `name` up to its NUL, unless it is zero. The command
    // returns a new descriptor.
    unsafe { bpf_fd(Command::RAW_TRACEPOINT_OPEN, &mut attr) }.map(OwnedLinkFd::from)
}

/// The options of a raw structure, for tests.
#[cfg(test)]
fn read<T: zerocopy::FromBytes>(attr: &LinkCreateAttr) -> T {
    T::read_from_prefix(attr.options.as_bytes()).unwrap().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_must_be_those_of_the_attach_type() {
        let cookie = LinkOptions::PerfEvent { cookie: 1 };
        let tracing = LinkOptions::Tracing { target_btf_id: 0, cookie: 1 };
        let kprobes = LinkOptions::KprobeMulti {
            targets: KprobeTargets::Addresses(&[]),
            cookies: &[],
            flags: KprobeMultiFlags::NONE,
        };
        let functions = LinkOptions::TracingMulti { ids: &[], cookies: &[] };
        let walk = LinkOptions::Iter(IterTarget::Task { tid: 0, pid: 0, pid_fd: 0 });
        let position = LinkOptions::Position { relative: 0, expected_revision: 7 };
        let rows = [
            (AttachType::PERF_EVENT, cookie, true),
            (AttachType::TRACE_KPROBE_MULTI, cookie, false),
            (AttachType::TRACE_UPROBE_SESSION, cookie, false),
            (AttachType::TRACE_KPROBE_MULTI, kprobes, true),
            (AttachType::TRACE_KPROBE_SESSION, kprobes, true),
            (AttachType::TRACE_UPROBE_MULTI, kprobes, false),
            (AttachType::TRACE_FENTRY, tracing, true),
            (AttachType::TRACE_FENTRY_MULTI, tracing, false),
            (AttachType::TRACE_FENTRY_MULTI, functions, true),
            (AttachType::TRACE_ITER, walk, true),
            (AttachType::TRACE_ITER, tracing, false),
            (AttachType::TRACE_FEXIT, walk, false),
            (AttachType::TCX_INGRESS, position, true),
            (AttachType(999), position, false),
            (AttachType(999), LinkOptions::None, true),
        ];
        for (attach_type, options, good) in rows {
            assert_eq!(
                check_attach_type(attach_type, &options).is_ok(),
                good,
                "{attach_type} {options:?}"
            );
        }
    }

    #[test]
    fn values_are_one_per_place_or_none() {
        assert_eq!(per_place(&[], 3).unwrap(), 0);
        assert!(per_place(&[1, 2, 3], 3).is_ok());
        assert_eq!(
            per_place(&[1, 2], 3).unwrap_err().note,
            Some("another number of values than of places")
        );
    }

    #[test]
    fn options_lie_behind_the_shared_fields() {
        let mut attr = LinkCreateAttr::default();
        let options = LinkCreateTracing { target_btf_id: 7, pad: 0, cookie: 9 };
        put(&mut attr, &options);
        assert_eq!(read::<LinkCreateTracing>(&attr), options);
    }
}
