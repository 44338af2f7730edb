//! Attach loaded BPF programs to hooks.
//!
//! Every `attach_...` function takes a borrowed handle of a loaded program ([`AsProgFd`](bpf_sys::AsProgFd)), so it serves programs of any
//! origin: loaded by this workspace or another library, pinned, received over a socket. It returns a [`Link`], which
//! detaches when dropped.
//!
//! | hook | function | kernel |
//! |---|---|---|
//! | cgroup | [`attach_cgroup`] | 4.15, link 5.7 |
//! | XDP on a network device | [`attach_xdp`] | 5.9 |
//! | fentry, fexit, `fmod_ret`, typed raw tracepoint, LSM | [`attach_tracing`] | 5.5, LSM 5.7 |
//! | raw tracepoint | [`attach_raw_tracepoint`] | 4.17 |
//! | tracepoint | [`attach_tracepoint`] | 4.7, link 5.15 |
//! | kprobe, kretprobe | [`attach_kprobe`], [`attach_kretprobe`] | 4.1, link 5.15 |
//! | uprobe, uretprobe | [`attach_uprobe`], [`attach_uretprobe`] | 4.1, link 5.15 |
//! | system call, entry and return | [`attach_ksyscall`], [`attach_kretsyscall`] | as kprobe |
//! | many kernel functions | [`attach_kprobe_multi`] | 5.18 |
//! | many places of a file | [`attach_uprobe_multi`] | 6.6 |
//! | perf event of the caller | [`attach_perf_event`] | 4.9, link 5.15 |
//! | function of another program | [`attach_freplace`], [`attach_freplace_to`] | 5.6, other target 5.10 |
//! | iterator | [`attach_iter`] | 5.8 |
//! | `struct_ops` map | [`attach_struct_ops`] | 6.4 |
//! | network namespace: socket lookup, flow dissector | [`attach_netns`] | 5.9, 5.8 |
//! | tcx and netkit devices | [`attach_tcx`], [`attach_netkit`] | 6.6, 6.7 |
//! | netfilter | [`attach_netfilter`] | 6.4 |
//! | socket filter | [`attach_socket_filter`] | 3.19, never a link |
//!
//! Where a kernel has no link object for a hook, the function falls back to the older mechanism, unless an option asks
//! for what only a link has. What no mechanism of the running kernel can do is an [`Error`] whose [kind](Error::kind) is
//! [`NotSupported`](ErrorKind::NotSupported) and names the feature and the first kernel.
//!
//! # What this crate will not do
//!
//! - Load programs or create maps: it takes handles of loaded ones.
//! - Speak netlink: no `clsact` filters, no XDP without a link.
//! - Find the hook from a section name: that is for the crate that knows both objects and links.
//! - Read USDT notes: a USDT probe is a uprobe with a reference counter and a map of argument places, which belongs to objects.
//!
//! # Example
//!
//! ```no_run
//! use bpf_link::{KprobeOptions, ProbePoint, attach_kprobe};
//! # fn example(program: &impl bpf_sys::AsProgFd) -> Result<(), bpf_link::Error> {
//! let options = KprobeOptions::default().with_cookie(7);
//! let mut link = attach_kprobe(program, &ProbePoint::symbol("do_unlinkat"), &options)?;
//! link.pin("/sys/fs/bpf/unlink")?;
//! # Ok(()) }
//! ```
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod attempt;
mod binary_path;
mod cgroup;
mod device;
mod elf;
mod error;
mod event;
mod freplace;
mod glob;
mod ifindex;
mod iter;
mod kallsyms;
mod kprobe;
mod kprobe_multi;
mod ksyscall;
mod legacy;
mod link;
mod netfilter;
mod netns;
mod perf_event;
mod pmu;
mod position;
mod probe_event;
mod probe_options;
mod probe_point;
mod raw_tracepoint;
mod socket_filter;
mod struct_ops;
mod traceable;
mod tracefs;
mod tracepoint;
mod tracing;
mod uprobe;
mod uprobe_multi;
mod xdp;

#[doc(inline)]
pub use bpf_sys::link::{LinkDetails, LinkInfo};
pub use cgroup::{CgroupMechanism, CgroupOptions, attach_cgroup};
pub use device::{NetkitEnd, TcxDirection, attach_netkit, attach_tcx};
pub use error::{Error, ErrorKind};
pub use event::PerfAttachMode;
pub use freplace::{attach_freplace, attach_freplace_to};
pub use ifindex::IfIndex;
pub use iter::{CgroupOrder, IterOver, IterReader, attach_iter};
pub use kprobe::{KprobeOptions, attach_kprobe, attach_kretprobe};
pub use kprobe_multi::{KernelFunctions, KprobeMultiOptions, MultiMode, attach_kprobe_multi};
pub use ksyscall::{attach_kretsyscall, attach_ksyscall};
pub use link::Link;
pub use netfilter::{NetfilterFamily, NetfilterHook, NetfilterOptions, attach_netfilter};
pub use netns::{NetnsHook, attach_netns};
pub use perf_event::{PerfEventOptions, attach_perf_event};
pub use position::{DeviceOptions, Position};
pub use probe_options::ProbeEventSource;
pub use probe_point::{ParseProbePointError, ProbePoint};
pub use raw_tracepoint::{RawTracepointOptions, attach_raw_tracepoint};
pub use socket_filter::attach_socket_filter;
pub use struct_ops::attach_struct_ops;
pub use tracepoint::{TracepointOptions, attach_tracepoint};
pub use tracing::{TracingOptions, attach_tracing};
pub use uprobe::{UprobeOptions, UprobeProcess, attach_uprobe, attach_uretprobe};
pub use uprobe_multi::{UprobeMultiOptions, attach_uprobe_multi, binary_functions};
pub use xdp::{XdpMode, XdpOptions, attach_xdp};
