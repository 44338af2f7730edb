//! Attach types, and the flags of attaching.

use super::macros::{flags, lower_name, open_enum};

open_enum! {
    /// Where a program attaches: `enum bpf_attach_type`.
    ///
    /// Zero is a real value, [`CGROUP_INET_INGRESS`](Self::CGROUP_INET_INGRESS), and is what the kernel sees when none is given.
    AttachType(u32), "BPF_";
    /// Packets that arrive at the sockets of a cgroup.
    CGROUP_INET_INGRESS = 0, (4, 10);
    /// Packets that leave the sockets of a cgroup.
    CGROUP_INET_EGRESS = 1, (4, 10);
    /// Creation of a socket in a cgroup.
    CGROUP_INET_SOCK_CREATE = 2, (4, 10);
    /// TCP connection events in a cgroup.
    CGROUP_SOCK_OPS = 3, (4, 13);
    /// Message boundaries in the stream of a socket map.
    SK_SKB_STREAM_PARSER = 4, (4, 14);
    /// Verdict on the messages of a socket map with a parser.
    SK_SKB_STREAM_VERDICT = 5, (4, 14);
    /// Device access in a cgroup.
    CGROUP_DEVICE = 6, (4, 15);
    /// Verdict on `sendmsg` to a socket of a socket map.
    SK_MSG_VERDICT = 7, (4, 17);
    /// `bind` with IPv4, in a cgroup.
    CGROUP_INET4_BIND = 8, (4, 17);
    /// `bind` with IPv6, in a cgroup.
    CGROUP_INET6_BIND = 9, (4, 17);
    /// `connect` with IPv4, in a cgroup.
    CGROUP_INET4_CONNECT = 10, (4, 17);
    /// `connect` with IPv6, in a cgroup.
    CGROUP_INET6_CONNECT = 11, (4, 17);
    /// After a `bind` with IPv4, in a cgroup.
    CGROUP_INET4_POST_BIND = 12, (4, 17);
    /// After a `bind` with IPv6, in a cgroup.
    CGROUP_INET6_POST_BIND = 13, (4, 17);
    /// `sendmsg` over UDP and IPv4, in a cgroup.
    CGROUP_UDP4_SENDMSG = 14, (4, 18);
    /// `sendmsg` over UDP and IPv6, in a cgroup.
    CGROUP_UDP6_SENDMSG = 15, (4, 18);
    /// Infrared receiver.
    LIRC_MODE2 = 16, (4, 18);
    /// Packet dissector of a network namespace.
    FLOW_DISSECTOR = 17, (4, 20);
    /// sysctl access in a cgroup.
    CGROUP_SYSCTL = 18, (5, 2);
    /// `recvmsg` over UDP and IPv4, in a cgroup.
    CGROUP_UDP4_RECVMSG = 19, (5, 2);
    /// `recvmsg` over UDP and IPv6, in a cgroup.
    CGROUP_UDP6_RECVMSG = 20, (5, 2);
    /// `getsockopt` in a cgroup.
    CGROUP_GETSOCKOPT = 21, (5, 3);
    /// `setsockopt` in a cgroup.
    CGROUP_SETSOCKOPT = 22, (5, 3);
    /// Kernel tracepoint, its arguments typed by BTF.
    TRACE_RAW_TP = 23, (5, 5);
    /// Entry of a function.
    TRACE_FENTRY = 24, (5, 5);
    /// Exit of a function, with its arguments and result.
    TRACE_FEXIT = 25, (5, 5);
    /// Before a function that may be skipped by returning an error.
    MODIFY_RETURN = 26, (5, 7);
    /// Hook of the Linux security modules.
    LSM_MAC = 27, (5, 7);
    /// Iterator over kernel objects.
    TRACE_ITER = 28, (5, 8);
    /// `getpeername` with IPv4, in a cgroup.
    CGROUP_INET4_GETPEERNAME = 29, (5, 8);
    /// `getpeername` with IPv6, in a cgroup.
    CGROUP_INET6_GETPEERNAME = 30, (5, 8);
    /// `getsockname` with IPv4, in a cgroup.
    CGROUP_INET4_GETSOCKNAME = 31, (5, 8);
    /// `getsockname` with IPv6, in a cgroup.
    CGROUP_INET6_GETSOCKNAME = 32, (5, 8);
    /// Packets redirected to an entry of a device map.
    XDP_DEVMAP = 33, (5, 8);
    /// Release of a socket in a cgroup.
    CGROUP_INET_SOCK_RELEASE = 34, (5, 9);
    /// Packets redirected to an entry of a CPU map.
    XDP_CPUMAP = 35, (5, 9);
    /// Socket lookup of a network namespace.
    SK_LOOKUP = 36, (5, 9);
    /// Network device, through a link.
    XDP = 37, (5, 9);
    /// Verdict on the data of a socket map, without a parser.
    SK_SKB_VERDICT = 38, (5, 13);
    /// Choice among sockets with `SO_REUSEPORT`.
    SK_REUSEPORT_SELECT = 39, (5, 14);
    /// [`SK_REUSEPORT_SELECT`](Self::SK_REUSEPORT_SELECT), also when a listener closes.
    SK_REUSEPORT_SELECT_OR_MIGRATE = 40, (5, 14);
    /// Perf event: tracepoint, kprobe, uprobe or counter, through a link.
    PERF_EVENT = 41, (5, 15);
    /// Many kernel functions at once, through fprobe.
    TRACE_KPROBE_MULTI = 42, (5, 18);
    /// Hook of the Linux security modules, for the tasks and sockets of a cgroup.
    LSM_CGROUP = 43, (6, 0);
    /// A `struct_ops` map, through a link.
    STRUCT_OPS = 44, (6, 4);
    /// Netfilter hook.
    NETFILTER = 45, (6, 4);
    /// Packets that arrive at a device, traffic control layer.
    TCX_INGRESS = 46, (6, 6);
    /// Packets that leave a device, traffic control layer.
    TCX_EGRESS = 47, (6, 6);
    /// Many places in a user space file at once.
    TRACE_UPROBE_MULTI = 48, (6, 6);
    /// `connect` on a Unix socket, in a cgroup.
    CGROUP_UNIX_CONNECT = 49, (6, 7);
    /// `sendmsg` on a Unix socket, in a cgroup.
    CGROUP_UNIX_SENDMSG = 50, (6, 7);
    /// `recvmsg` on a Unix socket, in a cgroup.
    CGROUP_UNIX_RECVMSG = 51, (6, 7);
    /// `getpeername` on a Unix socket, in a cgroup.
    CGROUP_UNIX_GETPEERNAME = 52, (6, 7);
    /// `getsockname` on a Unix socket, in a cgroup.
    CGROUP_UNIX_GETSOCKNAME = 53, (6, 7);
    /// Primary device of a netkit pair.
    NETKIT_PRIMARY = 54, (6, 7);
    /// Peer device of a netkit pair.
    NETKIT_PEER = 55, (6, 7);
    /// Entry and exit of many kernel functions, with state between the two.
    TRACE_KPROBE_SESSION = 56, (6, 10);
    /// Entry and exit of many user space functions, with state between the two.
    TRACE_UPROBE_SESSION = 57, (6, 13);
    /// Entry and exit of a function, with state between the two.
    TRACE_FSESSION = 58, (7, 0);
    /// Entry of many functions.
    TRACE_FENTRY_MULTI = 59, (7, 2);
    /// Exit of many functions.
    TRACE_FEXIT_MULTI = 60, (7, 2);
    /// Entry and exit of many functions, with state between the two.
    TRACE_FSESSION_MULTI = 61, (7, 2);
}

flags! {
    /// How a program joins those that are attached already: `BPF_PROG_ATTACH`, and `BPF_LINK_CREATE` for cgroup, tcx and netkit.
    ///
    /// The position flags are those of the kernel's multi-program interface (6.6); cgroups have them since 6.16.
    AttachFlags(u32);
    /// A cgroup below may override this program.
    ALLOW_OVERRIDE = 1 << 0, (4, 11);
    /// A cgroup below may add programs; all of them run.
    ALLOW_MULTI = 1 << 1, (4, 15);
    /// Replace the program that the call names. For `BPF_LINK_UPDATE`: only if the old program is the one named.
    REPLACE = 1 << 2, (5, 6);
    /// Go before the program or link that the call names, or first of all.
    BEFORE = 1 << 3, (6, 6);
    /// Go after the program or link that the call names, or last of all.
    AFTER = 1 << 4, (6, 6);
    /// The program or link is named by its id, not by a descriptor.
    ID = 1 << 5, (6, 6);
    /// Run before the programs of cgroups below.
    PREORDER = 1 << 6, (6, 15);
    /// What is named is a link, not a program.
    LINK = 1 << 13, (6, 6);
}

flags! {
    /// Flags of `BPF_PROG_QUERY`.
    QueryFlags(u32);
    /// Include what a cgroup inherits.
    EFFECTIVE = 1 << 0, (4, 15);
}
