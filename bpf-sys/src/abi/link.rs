//! Kinds of links, and the flags that only one kind has.

use super::macros::{flags, lower_name, open_enum};

open_enum! {
    /// What kind of link it is: `enum bpf_link_type`.
    ///
    /// The version of a type is that of the first kernel which names it to user space.
    LinkType(u32), "BPF_LINK_TYPE_";
    /// No type.
    UNSPEC = 0, (5, 8);
    /// Raw tracepoint.
    RAW_TRACEPOINT = 1, (5, 8);
    /// fentry, fexit, `fmod_ret`, typed raw tracepoint, LSM, freplace.
    TRACING = 2, (5, 8);
    /// cgroup.
    CGROUP = 3, (5, 8);
    /// Iterator.
    ITER = 4, (5, 8);
    /// Network namespace: flow dissector, socket lookup.
    NETNS = 5, (5, 8);
    /// XDP on a network device.
    XDP = 6, (5, 9);
    /// Perf event: tracepoint, kprobe, uprobe, counter.
    PERF_EVENT = 7, (5, 15);
    /// Many kernel functions through fprobe.
    KPROBE_MULTI = 8, (5, 18);
    /// `struct_ops` map.
    STRUCT_OPS = 9, (6, 4);
    /// Netfilter hook.
    NETFILTER = 10, (6, 4);
    /// tcx on a network device.
    TCX = 11, (6, 6);
    /// Many places in a user space file.
    UPROBE_MULTI = 12, (6, 6);
    /// netkit device.
    NETKIT = 13, (6, 7);
    /// Socket map.
    SOCKMAP = 14, (6, 10);
    /// Many functions through trampolines.
    TRACING_MULTI = 15, (7, 2);
}

open_enum! {
    /// What a perf event link is attached to: `enum bpf_perf_event_type`.
    PerfEventType(u32), "BPF_PERF_EVENT_";
    /// Not known.
    UNSPEC = 0, (6, 6);
    /// Entry of a user space function.
    UPROBE = 1, (6, 6);
    /// Return of a user space function.
    URETPROBE = 2, (6, 6);
    /// Entry of a kernel function.
    KPROBE = 3, (6, 6);
    /// Return of a kernel function.
    KRETPROBE = 4, (6, 6);
    /// Tracepoint.
    TRACEPOINT = 5, (6, 6);
    /// Counter or other event.
    EVENT = 6, (6, 6);
}

flags! {
    /// Flags of attaching XDP to a network device: `XDP_FLAGS_*` of `if_link.h`.
    XdpFlags(u32);
    /// Fail when a program is attached already.
    UPDATE_IF_NOEXIST = 1 << 0, (4, 8);
    /// Generic mode: run on socket buffers.
    SKB_MODE = 1 << 1, (4, 12);
    /// Driver mode.
    DRV_MODE = 1 << 2, (4, 12);
    /// Offload to the hardware.
    HW_MODE = 1 << 3, (4, 13);
    /// Replace the program that the call names.
    REPLACE = 1 << 4, (5, 7);
}

flags! {
    /// Flags of a kprobe multi link.
    KprobeMultiFlags(u32);
    /// Attach to returns, not entries.
    RETURN = 1 << 0, (5, 18);
}

flags! {
    /// Flags of a uprobe multi link.
    UprobeMultiFlags(u32);
    /// Attach to returns, not entries.
    RETURN = 1 << 0, (6, 6);
}

flags! {
    /// Flags of a netfilter link.
    NetfilterFlags(u32);
    /// Reassemble IP fragments before the program runs.
    IP_DEFRAG = 1 << 0, (6, 6);
}
