//! Kinds of programs, and the flags of loading and of test runs.

use super::macros::{flags, lower_name, open_enum};

open_enum! {
    /// What kind of program it is: `enum bpf_prog_type`. It decides the context, the helpers and where it attaches.
    ProgramType(u32), "BPF_PROG_TYPE_";
    /// No type; the kernel refuses it.
    UNSPEC = 0, (3, 18);
    /// Filter of the packets that a socket receives.
    SOCKET_FILTER = 1, (3, 19);
    /// Function entry or return in the kernel or in user space: kprobe, uprobe, and their multi forms.
    KPROBE = 2, (4, 1);
    /// Traffic control classifier; tcx and netkit, too.
    SCHED_CLS = 3, (4, 1);
    /// Traffic control action.
    SCHED_ACT = 4, (4, 1);
    /// Kernel tracepoint, with the arguments as its format file describes them.
    TRACEPOINT = 5, (4, 7);
    /// Packets at the driver, before the kernel allocates a socket buffer.
    XDP = 6, (4, 8);
    /// Overflow of a perf event.
    PERF_EVENT = 7, (4, 9);
    /// Packets of the sockets of a cgroup.
    CGROUP_SKB = 8, (4, 10);
    /// Creation, release and binding of the sockets of a cgroup.
    CGROUP_SOCK = 9, (4, 10);
    /// Lightweight tunnel, input.
    LWT_IN = 10, (4, 10);
    /// Lightweight tunnel, output.
    LWT_OUT = 11, (4, 10);
    /// Lightweight tunnel, transmission.
    LWT_XMIT = 12, (4, 10);
    /// TCP connection events in a cgroup.
    SOCK_OPS = 13, (4, 13);
    /// Packets of a socket map: parser and verdict.
    SK_SKB = 14, (4, 14);
    /// Device access of a cgroup.
    CGROUP_DEVICE = 15, (4, 15);
    /// `sendmsg` on the sockets of a socket map.
    SK_MSG = 16, (4, 17);
    /// Kernel tracepoint, with its raw arguments.
    RAW_TRACEPOINT = 17, (4, 17);
    /// Addresses in `bind`, `connect`, `sendmsg` and their relatives, in a cgroup.
    CGROUP_SOCK_ADDR = 18, (4, 17);
    /// Segment routing over IPv6, local action.
    LWT_SEG6LOCAL = 19, (4, 18);
    /// Infrared signals.
    LIRC_MODE2 = 20, (4, 18);
    /// Choice of a socket among those with `SO_REUSEPORT`.
    SK_REUSEPORT = 21, (4, 19);
    /// Dissection of packet headers.
    FLOW_DISSECTOR = 22, (4, 20);
    /// Access to sysctl values in a cgroup.
    CGROUP_SYSCTL = 23, (5, 2);
    /// [`RAW_TRACEPOINT`](Self::RAW_TRACEPOINT) that may write to a buffer among the arguments.
    RAW_TRACEPOINT_WRITABLE = 24, (5, 2);
    /// `getsockopt` and `setsockopt` in a cgroup.
    CGROUP_SOCKOPT = 25, (5, 3);
    /// Kernel functions and tracepoints by their BTF: fentry, fexit, `fmod_ret`, iterators.
    TRACING = 26, (5, 5);
    /// A function of a kernel structure of function pointers.
    STRUCT_OPS = 27, (5, 6);
    /// Replacement of a function of another program.
    EXT = 28, (5, 6);
    /// Hook of the Linux security modules.
    LSM = 29, (5, 7);
    /// Choice of a socket for a packet.
    SK_LOOKUP = 30, (5, 9);
    /// A program that user space runs and that may call `bpf(2)`.
    SYSCALL = 31, (5, 14);
    /// Netfilter hook.
    NETFILTER = 32, (6, 4);
}

flags! {
    /// Flags of `BPF_PROG_LOAD`.
    ProgramFlags(u32);
    /// Every memory access must be aligned, also where the architecture does not need it.
    STRICT_ALIGNMENT = 1 << 0, (4, 12);
    /// No memory access needs to be aligned; for tests of the verifier.
    ANY_ALIGNMENT = 1 << 1, (5, 0);
    /// Fill the upper halves of 32-bit results with random bits; for tests of the verifier.
    TEST_RND_HI32 = 1 << 2, (5, 3);
    /// Keep many more verifier states; for tests of the verifier.
    TEST_STATE_FREQ = 1 << 3, (5, 4);
    /// The program may sleep.
    SLEEPABLE = 1 << 4, (5, 10);
    /// The program understands packets in several buffers.
    XDP_HAS_FRAGS = 1 << 5, (5, 18);
    /// Bind the program to the device `prog_ifindex`, without offloading it.
    XDP_DEV_BOUND_ONLY = 1 << 6, (6, 3);
    /// Fail when the verifier breaks its own invariants on registers; for tests of the verifier.
    TEST_REG_INVARIANTS = 1 << 7, (6, 8);
    /// `prog_token_fd` is given.
    TOKEN_FD = 1 << 16, (6, 9);
}

flags! {
    /// Flags of `BPF_PROG_TEST_RUN`.
    TestRunFlags(u32);
    /// Run on the CPU that the call names.
    RUN_ON_CPU = 1 << 0, (5, 11);
    /// Send the packets that an XDP program returns to where its verdict says.
    XDP_LIVE_FRAMES = 1 << 1, (5, 18);
    /// The packet's checksum is complete.
    SKB_CHECKSUM_COMPLETE = 1 << 2, (6, 18);
}
