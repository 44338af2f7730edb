//! The table of section names, in libbpf's order: the first row that fits wins.

use bpf_sys::abi::{AttachType as A, ProgramFlags, ProgramType as P};

/// How a section name has to look for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The pattern itself. libbpf writes it without a mark.
    Exact,
    /// The pattern itself, or followed by a slash and a target. libbpf writes it with a `+` at the end.
    Target,
    /// As `Target`, but what follows the slash has no meaning.
    Comment,
}

/// A row: a section name and what it says about programs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) pattern: &'static str,
    pub(super) form: Form,
    pub(super) program_type: P,
    pub(super) attach_type: Option<A>,
    /// The attach type is sent only to kernels that know the field (`SEC_EXP_ATTACH_OPT`).
    pub(super) optional: bool,
    /// The BTF id of the target has to be known before load (`SEC_ATTACH_BTF`).
    pub(super) btf: bool,
    /// `BPF_F_SLEEPABLE`, `BPF_F_XDP_HAS_FRAGS`.
    pub(super) flags: ProgramFlags,
}

impl Row {
    const fn new(
        pattern: &'static str,
        form: Form,
        program_type: P,
        attach_type: Option<A>,
    ) -> Self {
        Self {
            pattern,
            form,
            program_type,
            attach_type,
            optional: false,
            btf: false,
            flags: ProgramFlags::NONE,
        }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    const fn btf(self) -> Self {
        Self { btf: true, ..self }
    }

    const fn sleepable(self) -> Self {
        Self { flags: ProgramFlags::SLEEPABLE, ..self }
    }

    const fn frags(self) -> Self {
        Self { flags: ProgramFlags::XDP_HAS_FRAGS, ..self }
    }
}

/// An exact name without attach type.
const fn plain(pattern: &'static str, program_type: P) -> Row {
    Row::new(pattern, Form::Exact, program_type, None)
}

/// An exact name with attach type.
const fn attach(pattern: &'static str, program_type: P, attach_type: A) -> Row {
    Row::new(pattern, Form::Exact, program_type, Some(attach_type))
}

/// A name with a target, without attach type.
const fn target(pattern: &'static str, program_type: P) -> Row {
    Row::new(pattern, Form::Target, program_type, None)
}

/// A name with a target and an attach type.
const fn hook(pattern: &'static str, program_type: P, attach_type: A) -> Row {
    Row::new(pattern, Form::Target, program_type, Some(attach_type))
}

/// A name with a target, whose BTF id the kernel wants.
const fn traced(pattern: &'static str, program_type: P, attach_type: A) -> Row {
    hook(pattern, program_type, attach_type).btf()
}

/// All rows.
pub(super) const TABLE: &[Row] = &[
    plain("socket", P::SOCKET_FILTER),
    attach("sk_reuseport/migrate", P::SK_REUSEPORT, A::SK_REUSEPORT_SELECT_OR_MIGRATE),
    attach("sk_reuseport", P::SK_REUSEPORT, A::SK_REUSEPORT_SELECT),
    target("kprobe", P::KPROBE),
    target("uprobe", P::KPROBE),
    target("uprobe.s", P::KPROBE).sleepable(),
    target("kretprobe", P::KPROBE),
    target("uretprobe", P::KPROBE),
    target("uretprobe.s", P::KPROBE).sleepable(),
    hook("kprobe.multi", P::KPROBE, A::TRACE_KPROBE_MULTI),
    hook("kretprobe.multi", P::KPROBE, A::TRACE_KPROBE_MULTI),
    hook("kprobe.session", P::KPROBE, A::TRACE_KPROBE_SESSION),
    hook("uprobe.multi", P::KPROBE, A::TRACE_UPROBE_MULTI),
    hook("uretprobe.multi", P::KPROBE, A::TRACE_UPROBE_MULTI),
    hook("uprobe.session", P::KPROBE, A::TRACE_UPROBE_SESSION),
    hook("uprobe.multi.s", P::KPROBE, A::TRACE_UPROBE_MULTI).sleepable(),
    hook("uretprobe.multi.s", P::KPROBE, A::TRACE_UPROBE_MULTI).sleepable(),
    hook("uprobe.session.s", P::KPROBE, A::TRACE_UPROBE_SESSION).sleepable(),
    target("ksyscall", P::KPROBE),
    target("kretsyscall", P::KPROBE),
    target("usdt", P::KPROBE),
    target("usdt.s", P::KPROBE).sleepable(),
    attach("tc/ingress", P::SCHED_CLS, A::TCX_INGRESS),
    attach("tc/egress", P::SCHED_CLS, A::TCX_EGRESS),
    attach("tcx/ingress", P::SCHED_CLS, A::TCX_INGRESS),
    attach("tcx/egress", P::SCHED_CLS, A::TCX_EGRESS),
    plain("tc", P::SCHED_CLS),
    plain("classifier", P::SCHED_CLS),
    plain("action", P::SCHED_ACT),
    attach("netkit/primary", P::SCHED_CLS, A::NETKIT_PRIMARY),
    attach("netkit/peer", P::SCHED_CLS, A::NETKIT_PEER),
    target("tracepoint", P::TRACEPOINT),
    target("tp", P::TRACEPOINT),
    target("tracepoint.s", P::TRACEPOINT).sleepable(),
    target("tp.s", P::TRACEPOINT).sleepable(),
    target("raw_tracepoint", P::RAW_TRACEPOINT),
    target("raw_tp", P::RAW_TRACEPOINT),
    target("raw_tracepoint.s", P::RAW_TRACEPOINT).sleepable(),
    target("raw_tp.s", P::RAW_TRACEPOINT).sleepable(),
    target("raw_tracepoint.w", P::RAW_TRACEPOINT_WRITABLE),
    target("raw_tp.w", P::RAW_TRACEPOINT_WRITABLE),
    traced("tp_btf", P::TRACING, A::TRACE_RAW_TP),
    traced("tp_btf.s", P::TRACING, A::TRACE_RAW_TP).sleepable(),
    traced("fentry", P::TRACING, A::TRACE_FENTRY),
    traced("fmod_ret", P::TRACING, A::MODIFY_RETURN),
    traced("fexit", P::TRACING, A::TRACE_FEXIT),
    traced("fentry.s", P::TRACING, A::TRACE_FENTRY).sleepable(),
    traced("fmod_ret.s", P::TRACING, A::MODIFY_RETURN).sleepable(),
    traced("fexit.s", P::TRACING, A::TRACE_FEXIT).sleepable(),
    traced("fsession", P::TRACING, A::TRACE_FSESSION),
    traced("fsession.s", P::TRACING, A::TRACE_FSESSION).sleepable(),
    hook("fentry.multi", P::TRACING, A::TRACE_FENTRY_MULTI),
    hook("fexit.multi", P::TRACING, A::TRACE_FEXIT_MULTI),
    hook("fsession.multi", P::TRACING, A::TRACE_FSESSION_MULTI),
    hook("fentry.multi.s", P::TRACING, A::TRACE_FENTRY_MULTI).sleepable(),
    hook("fexit.multi.s", P::TRACING, A::TRACE_FEXIT_MULTI).sleepable(),
    hook("fsession.multi.s", P::TRACING, A::TRACE_FSESSION_MULTI).sleepable(),
    target("freplace", P::EXT).btf(),
    traced("lsm", P::LSM, A::LSM_MAC),
    traced("lsm.s", P::LSM, A::LSM_MAC).sleepable(),
    traced("lsm_cgroup", P::LSM, A::LSM_CGROUP),
    traced("iter", P::TRACING, A::TRACE_ITER),
    traced("iter.s", P::TRACING, A::TRACE_ITER).sleepable(),
    plain("syscall", P::SYSCALL).sleepable(),
    attach("xdp.frags/devmap", P::XDP, A::XDP_DEVMAP).frags(),
    attach("xdp/devmap", P::XDP, A::XDP_DEVMAP),
    attach("xdp.frags/cpumap", P::XDP, A::XDP_CPUMAP).frags(),
    attach("xdp/cpumap", P::XDP, A::XDP_CPUMAP),
    attach("xdp.frags", P::XDP, A::XDP).frags(),
    attach("xdp", P::XDP, A::XDP).optional(),
    plain("perf_event", P::PERF_EVENT),
    plain("lwt_in", P::LWT_IN),
    plain("lwt_out", P::LWT_OUT),
    plain("lwt_xmit", P::LWT_XMIT),
    plain("lwt_seg6local", P::LWT_SEG6LOCAL),
    attach("sockops", P::SOCK_OPS, A::CGROUP_SOCK_OPS).optional(),
    attach("sk_skb/stream_parser", P::SK_SKB, A::SK_SKB_STREAM_PARSER).optional(),
    attach("sk_skb/stream_verdict", P::SK_SKB, A::SK_SKB_STREAM_VERDICT).optional(),
    attach("sk_skb/verdict", P::SK_SKB, A::SK_SKB_VERDICT).optional(),
    plain("sk_skb", P::SK_SKB),
    attach("sk_msg", P::SK_MSG, A::SK_MSG_VERDICT).optional(),
    attach("lirc_mode2", P::LIRC_MODE2, A::LIRC_MODE2).optional(),
    attach("flow_dissector", P::FLOW_DISSECTOR, A::FLOW_DISSECTOR).optional(),
    attach("cgroup_skb/ingress", P::CGROUP_SKB, A::CGROUP_INET_INGRESS).optional(),
    attach("cgroup_skb/egress", P::CGROUP_SKB, A::CGROUP_INET_EGRESS).optional(),
    plain("cgroup/skb", P::CGROUP_SKB),
    attach("cgroup/sock_create", P::CGROUP_SOCK, A::CGROUP_INET_SOCK_CREATE),
    attach("cgroup/sock_release", P::CGROUP_SOCK, A::CGROUP_INET_SOCK_RELEASE),
    attach("cgroup/sock", P::CGROUP_SOCK, A::CGROUP_INET_SOCK_CREATE).optional(),
    attach("cgroup/post_bind4", P::CGROUP_SOCK, A::CGROUP_INET4_POST_BIND),
    attach("cgroup/post_bind6", P::CGROUP_SOCK, A::CGROUP_INET6_POST_BIND),
    attach("cgroup/bind4", P::CGROUP_SOCK_ADDR, A::CGROUP_INET4_BIND),
    attach("cgroup/bind6", P::CGROUP_SOCK_ADDR, A::CGROUP_INET6_BIND),
    attach("cgroup/connect4", P::CGROUP_SOCK_ADDR, A::CGROUP_INET4_CONNECT),
    attach("cgroup/connect6", P::CGROUP_SOCK_ADDR, A::CGROUP_INET6_CONNECT),
    attach("cgroup/connect_unix", P::CGROUP_SOCK_ADDR, A::CGROUP_UNIX_CONNECT),
    attach("cgroup/sendmsg4", P::CGROUP_SOCK_ADDR, A::CGROUP_UDP4_SENDMSG),
    attach("cgroup/sendmsg6", P::CGROUP_SOCK_ADDR, A::CGROUP_UDP6_SENDMSG),
    attach("cgroup/sendmsg_unix", P::CGROUP_SOCK_ADDR, A::CGROUP_UNIX_SENDMSG),
    attach("cgroup/recvmsg4", P::CGROUP_SOCK_ADDR, A::CGROUP_UDP4_RECVMSG),
    attach("cgroup/recvmsg6", P::CGROUP_SOCK_ADDR, A::CGROUP_UDP6_RECVMSG),
    attach("cgroup/recvmsg_unix", P::CGROUP_SOCK_ADDR, A::CGROUP_UNIX_RECVMSG),
    attach("cgroup/getpeername4", P::CGROUP_SOCK_ADDR, A::CGROUP_INET4_GETPEERNAME),
    attach("cgroup/getpeername6", P::CGROUP_SOCK_ADDR, A::CGROUP_INET6_GETPEERNAME),
    attach("cgroup/getpeername_unix", P::CGROUP_SOCK_ADDR, A::CGROUP_UNIX_GETPEERNAME),
    attach("cgroup/getsockname4", P::CGROUP_SOCK_ADDR, A::CGROUP_INET4_GETSOCKNAME),
    attach("cgroup/getsockname6", P::CGROUP_SOCK_ADDR, A::CGROUP_INET6_GETSOCKNAME),
    attach("cgroup/getsockname_unix", P::CGROUP_SOCK_ADDR, A::CGROUP_UNIX_GETSOCKNAME),
    attach("cgroup/sysctl", P::CGROUP_SYSCTL, A::CGROUP_SYSCTL),
    attach("cgroup/getsockopt", P::CGROUP_SOCKOPT, A::CGROUP_GETSOCKOPT),
    attach("cgroup/setsockopt", P::CGROUP_SOCKOPT, A::CGROUP_SETSOCKOPT),
    attach("cgroup/dev", P::CGROUP_DEVICE, A::CGROUP_DEVICE).optional(),
    Row::new("struct_ops", Form::Comment, P::STRUCT_OPS, None),
    Row::new("struct_ops.s", Form::Comment, P::STRUCT_OPS, None).sleepable(),
    attach("sk_lookup", P::SK_LOOKUP, A::SK_LOOKUP),
    attach("netfilter", P::NETFILTER, A::NETFILTER),
];
