//! What the kernel tells about a link: `BPF_OBJ_GET_INFO_BY_FD`, Linux 5.8.

#![expect(unsafe_code, reason = "hands buffers to the kernel through a structure")]

use std::os::fd::AsFd;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::abi::raw::{
    LinkInfo as RawLinkInfo, LinkInfoCgroup, LinkInfoDevice, LinkInfoIter, LinkInfoKprobeMulti,
    LinkInfoMap, LinkInfoNetfilter, LinkInfoNetns, LinkInfoPerfEvent, LinkInfoPerfEventSource,
    LinkInfoPerfKprobe, LinkInfoPerfTracepoint, LinkInfoPerfUprobe, LinkInfoRawTracepoint,
    LinkInfoTracing, LinkInfoUprobeMulti,
};
use crate::abi::{
    AttachType, BtfId, KprobeMultiFlags, LinkId, LinkType, MapId, NetfilterFlags, PerfEventType,
    ProgramId, UprobeMultiFlags,
};
use crate::errno::{Errno, SysError};
use crate::fd::LinkFd;
use crate::object::{expect_kind, fill_info};
use crate::syscall::address_mut;

/// What the kernel tells about a link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkInfo {
    /// The kind of link.
    pub link_type: LinkType,
    /// The id.
    pub id: LinkId,
    /// The program; zero for `struct_ops`.
    pub program: ProgramId,
    /// What only this kind has.
    pub details: LinkDetails,
}

/// What only one kind of link has. Numbers are zero where the kernel is too old to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkDetails {
    /// Raw tracepoint.
    RawTracepoint {
        /// Name of the tracepoint.
        name: String,
        /// Value given at attachment (6.17).
        cookie: u64,
    },
    /// fentry and relatives, LSM, freplace.
    Tracing {
        /// The hook.
        attach_type: AttachType,
        /// The BTF, or for freplace the program, by id (5.13).
        target_object: u32,
        /// The type in it (5.13).
        target_btf_id: u32,
        /// Value given at attachment (6.17).
        cookie: u64,
    },
    /// cgroup.
    Cgroup {
        /// The cgroup; zero when it is gone.
        cgroup: u64,
        /// The hook.
        attach_type: AttachType,
    },
    /// Iterator.
    Iter {
        /// What it walks over: `task`, `bpf_map_elem`.
        target: String,
        /// The map, for iterators over a map's elements.
        map: Option<MapId>,
    },
    /// Network namespace.
    Netns {
        /// Its inode; zero when it is gone.
        inode: u32,
        /// The hook.
        attach_type: AttachType,
    },
    /// XDP.
    Xdp {
        /// The device; zero when it is gone.
        ifindex: u32,
    },
    /// tcx.
    Tcx {
        /// The device; zero when it is gone.
        ifindex: u32,
        /// The hook.
        attach_type: AttachType,
    },
    /// netkit.
    Netkit {
        /// The device; zero when it is gone.
        ifindex: u32,
        /// The hook.
        attach_type: AttachType,
    },
    /// `struct_ops`.
    StructOps {
        /// The map.
        map: MapId,
    },
    /// Socket map.
    Sockmap {
        /// The map.
        map: MapId,
        /// The hook.
        attach_type: AttachType,
    },
    /// Netfilter.
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
    /// Many kernel functions.
    KprobeMulti {
        /// How many (6.6).
        count: u32,
        /// Flags (6.6).
        flags: KprobeMultiFlags,
        /// Runs that were skipped (6.7).
        missed: u64,
    },
    /// Many places in a user space file.
    UprobeMulti {
        /// The file (6.8).
        path: String,
        /// How many (6.8).
        count: u32,
        /// Flags (6.8).
        flags: UprobeMultiFlags,
        /// The process, or zero (6.8).
        pid: u32,
    },
    /// Perf event.
    PerfEvent {
        /// What it is on; unspecified when the kernel is too old (before 6.6).
        event: PerfEventType,
        /// The file, symbol or tracepoint.
        name: String,
        /// Offset in the file or from the symbol; `config` for [`PerfEventType::EVENT`].
        offset: u64,
        /// Value given at attachment (6.9).
        cookie: u64,
    },
    /// A kind that this crate does not know, or that tells nothing more.
    Other,
}

impl LinkInfo {
    /// For tracing links on a kernel function: the BTF that the target's type is in.
    pub fn target_btf(&self) -> Option<BtfId> {
        match self.details {
            LinkDetails::Tracing { target_object, .. } if target_object != 0 => {
                Some(BtfId(target_object))
            }
            _ => None,
        }
    }
}

/// Room for a name or path, with NUL.
const NAME_ROOM: usize = 4096;
/// The same as a length in the structures.
const NAME_LEN: u32 = 4096;

/// The details of a kind, from the room for them.
fn view<T: FromBytes>(info: &RawLinkInfo, offset: usize) -> Result<T, SysError> {
    let bytes = info.details.as_bytes().get(offset..).unwrap_or_default();
    T::read_from_prefix(bytes)
        .map(|(value, _)| value)
        .map_err(|_| SysError::other("link info", Errno::EIO))
}

fn put<T: IntoBytes + Immutable>(info: &mut RawLinkInfo, offset: usize, details: &T) {
    let room = info.details.as_mut_bytes().iter_mut().skip(offset);
    for (target, byte) in room.zip(details.as_bytes()) {
        *target = *byte;
    }
}

/// What the kernel tells about a link: `BPF_OBJ_GET_INFO_BY_FD`, Linux 5.8.
#[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
pub fn info(link: LinkFd<'_>) -> Result<LinkInfo, SysError> {
    expect_kind(link.as_fd(), "bpf-link")?;
    let mut raw = RawLinkInfo::default();
    // SAFETY: all zero: no address, no length.
    unsafe { fill_info(link.as_fd(), &mut raw) }?;
    let details = details(link, &raw)?;
    Ok(LinkInfo {
        link_type: LinkType(raw.r#type),
        id: LinkId(raw.id),
        program: ProgramId(raw.prog_id),
        details,
    })
}

fn details(link: LinkFd<'_>, raw: &RawLinkInfo) -> Result<LinkDetails, SysError> {
    Ok(match LinkType(raw.r#type) {
        LinkType::RAW_TRACEPOINT => {
            let details: LinkInfoRawTracepoint = view(raw, 0)?;
            let name = name(link, 0, |address| LinkInfoRawTracepoint {
                tp_name: address,
                tp_name_len: NAME_LEN,
                ..LinkInfoRawTracepoint::default()
            })?;
            LinkDetails::RawTracepoint { name, cookie: details.cookie }
        }
        LinkType::TRACING => {
            let details: LinkInfoTracing = view(raw, 0)?;
            LinkDetails::Tracing {
                attach_type: AttachType(details.attach_type),
                target_object: details.target_obj_id,
                target_btf_id: details.target_btf_id,
                cookie: details.cookie,
            }
        }
        LinkType::CGROUP => {
            let details: LinkInfoCgroup = view(raw, 0)?;
            LinkDetails::Cgroup {
                cgroup: details.cgroup_id,
                attach_type: AttachType(details.attach_type),
            }
        }
        LinkType::ITER => {
            let details: LinkInfoIter = view(raw, 0)?;
            let target = name(link, 0, |address| LinkInfoIter {
                target_name: address,
                target_name_len: NAME_LEN,
                ..LinkInfoIter::default()
            })?;
            LinkDetails::Iter {
                target,
                map: (details.map_id != 0).then_some(MapId(details.map_id)),
            }
        }
        LinkType::NETNS => {
            let details: LinkInfoNetns = view(raw, 0)?;
            LinkDetails::Netns {
                inode: details.netns_ino,
                attach_type: AttachType(details.attach_type),
            }
        }
        LinkType::XDP => LinkDetails::Xdp { ifindex: view::<LinkInfoDevice>(raw, 0)?.ifindex },
        LinkType::TCX => {
            let details: LinkInfoDevice = view(raw, 0)?;
            LinkDetails::Tcx {
                ifindex: details.ifindex,
                attach_type: AttachType(details.attach_type),
            }
        }
        LinkType::NETKIT => {
            let details: LinkInfoDevice = view(raw, 0)?;
            LinkDetails::Netkit {
                ifindex: details.ifindex,
                attach_type: AttachType(details.attach_type),
            }
        }
        LinkType::STRUCT_OPS => {
            LinkDetails::StructOps { map: MapId(view::<LinkInfoMap>(raw, 0)?.map_id) }
        }
        LinkType::SOCKMAP => {
            let details: LinkInfoMap = view(raw, 0)?;
            LinkDetails::Sockmap {
                map: MapId(details.map_id),
                attach_type: AttachType(details.attach_type),
            }
        }
        LinkType::NETFILTER => {
            let details: LinkInfoNetfilter = view(raw, 0)?;
            LinkDetails::Netfilter {
                family: details.pf,
                hook: details.hooknum,
                priority: details.priority,
                flags: NetfilterFlags::from_bits(details.flags),
            }
        }
        LinkType::KPROBE_MULTI => {
            let details: LinkInfoKprobeMulti = view(raw, 0)?;
            LinkDetails::KprobeMulti {
                count: details.count,
                flags: KprobeMultiFlags::from_bits(details.flags),
                missed: details.missed,
            }
        }
        LinkType::UPROBE_MULTI => {
            let details: LinkInfoUprobeMulti = view(raw, 0)?;
            let path = if details.path_size == 0 {
                String::new()
            } else {
                name(link, 0, |address| LinkInfoUprobeMulti {
                    path: address,
                    path_size: NAME_LEN,
                    ..LinkInfoUprobeMulti::default()
                })?
            };
            LinkDetails::UprobeMulti {
                path,
                count: details.count,
                flags: UprobeMultiFlags::from_bits(details.flags),
                pid: details.pid,
            }
        }
        LinkType::PERF_EVENT => perf_event(link, raw)?,
        _ => LinkDetails::Other,
    })
}

/// Offset of the structure that follows [`LinkInfoPerfEvent`].
const AFTER_PERF_TYPE: usize = size_of::<LinkInfoPerfEvent>();

fn perf_event(link: LinkFd<'_>, raw: &RawLinkInfo) -> Result<LinkDetails, SysError> {
    let event = PerfEventType(view::<LinkInfoPerfEvent>(raw, 0)?.r#type);
    let at = AFTER_PERF_TYPE;
    let (name, offset, cookie) = match event {
        PerfEventType::UPROBE | PerfEventType::URETPROBE => {
            let details: LinkInfoPerfUprobe = view(raw, at)?;
            let name = name(link, at, |address| LinkInfoPerfUprobe {
                file_name: address,
                name_len: NAME_LEN,
                ..LinkInfoPerfUprobe::default()
            })?;
            (name, details.offset.into(), details.cookie)
        }
        PerfEventType::KPROBE | PerfEventType::KRETPROBE => {
            let details: LinkInfoPerfKprobe = view(raw, at)?;
            let name = name(link, at, |address| LinkInfoPerfKprobe {
                func_name: address,
                name_len: NAME_LEN,
                ..LinkInfoPerfKprobe::default()
            })?;
            (name, details.offset.into(), details.cookie)
        }
        PerfEventType::TRACEPOINT => {
            let details: LinkInfoPerfTracepoint = view(raw, at)?;
            let name = name(link, at, |address| LinkInfoPerfTracepoint {
                tp_name: address,
                name_len: NAME_LEN,
                ..LinkInfoPerfTracepoint::default()
            })?;
            (name, 0, details.cookie)
        }
        PerfEventType::EVENT => {
            let details: LinkInfoPerfEventSource = view(raw, at)?;
            (String::new(), details.config, details.cookie)
        }
        _ => (String::new(), 0, 0),
    };
    Ok(LinkDetails::PerfEvent { event, name, offset, cookie })
}

/// Asks again with room for a name. `details` puts the room's address and [`NAME_LEN`] into the kind's structure, which lies at `offset`.
fn name<T: IntoBytes + Immutable>(
    link: LinkFd<'_>,
    offset: usize,
    details: impl Fn(u64) -> T,
) -> Result<String, SysError> {
    let mut room = vec![0u8; NAME_ROOM];
    let mut info = RawLinkInfo::default();
    put(&mut info, offset, &details(address_mut(&mut room)));
    // SAFETY: the kind of a link does not change, and each caller uses the structure of the kind that the kernel gave just before (for perf
    // events also the kind of event). The one address in it is that of `NAME_LEN` bytes, which the kernel writes at most (kernel: the
    // `fill_link_info` functions cut the text to the length given).
    unsafe { fill_info(link.as_fd(), &mut info) }?;
    let text = room.split(|&byte| byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_read_where_they_were_put() {
        let mut info = RawLinkInfo::default();
        let details = LinkInfoPerfKprobe {
            func_name: 1,
            name_len: 2,
            offset: 3,
            addr: 4,
            missed: 5,
            cookie: 6,
        };
        put(&mut info, AFTER_PERF_TYPE, &details);
        assert_eq!(view::<LinkInfoPerfKprobe>(&info, AFTER_PERF_TYPE).unwrap(), details);
        assert!(view::<LinkInfoPerfKprobe>(&info, 16).is_err());
    }

    #[test]
    fn only_tracing_links_have_a_target_btf() {
        let info = |details| LinkInfo {
            link_type: LinkType::TRACING,
            id: LinkId(1),
            program: ProgramId(1),
            details,
        };
        let tracing = |target_object| LinkDetails::Tracing {
            attach_type: AttachType::TRACE_FENTRY,
            target_object,
            target_btf_id: 1,
            cookie: 0,
        };
        assert_eq!(info(tracing(5)).target_btf(), Some(BtfId(5)));
        assert_eq!(info(tracing(0)).target_btf(), None);
        assert_eq!(info(LinkDetails::Other).target_btf(), None);
    }
}
