//! Names of sections: what they say about programs here, and to libbpf.
use std::path::Path;

use bpf_elf::section::SectionMatch;

use crate::Error;
use crate::libbpf::run;
use crate::report::{Check, Report};

/// The names that libbpf documents (`docs/program_types.rst` of libbpf), and some that nobody knows.
const NAMES: &str = "socket sk_reuseport/migrate sk_reuseport kprobe uprobe uprobe.s kretprobe uretprobe uretprobe.s kprobe.multi \
    kretprobe.multi kprobe.session uprobe.multi uretprobe.multi uprobe.multi.s uretprobe.multi.s ksyscall \
    kretsyscall usdt usdt.s tc/ingress tc/egress tcx/ingress tcx/egress tc classifier action netkit/primary netkit/peer tracepoint tp \
    raw_tracepoint raw_tp raw_tracepoint.w raw_tp.w tp_btf fentry fmod_ret fexit fentry.s fmod_ret.s fexit.s freplace lsm lsm.s lsm_cgroup \
    iter iter.s syscall xdp.frags/devmap xdp/devmap xdp.frags/cpumap xdp/cpumap xdp.frags xdp perf_event lwt_in lwt_out lwt_xmit \
    lwt_seg6local sockops sk_skb/stream_parser sk_skb/stream_verdict sk_skb/verdict sk_skb sk_msg lirc_mode2 flow_dissector \
    cgroup_skb/ingress cgroup_skb/egress cgroup/skb cgroup/sock_create cgroup/sock_release cgroup/sock cgroup/post_bind4 cgroup/post_bind6 \
    cgroup/bind4 cgroup/bind6 cgroup/connect4 cgroup/connect6 cgroup/connect_unix cgroup/sendmsg4 cgroup/sendmsg6 cgroup/sendmsg_unix \
    cgroup/recvmsg4 cgroup/recvmsg6 cgroup/recvmsg_unix cgroup/getpeername4 cgroup/getpeername6 cgroup/getpeername_unix \
    cgroup/getsockname4 cgroup/getsockname6 cgroup/getsockname_unix cgroup/sysctl cgroup/getsockopt cgroup/setsockopt cgroup/dev struct_ops \
    struct_ops.s sk_lookup netfilter unknown cgroup tc/other";

/// Those that libbpf got after Linux 6.12. An older libbpf is not asked about them.
const NEWER: &str = "uprobe.session uprobe.session.s tracepoint.s tp.s raw_tracepoint.s raw_tp.s tp_btf.s fsession fsession.s fentry.multi fexit.multi fsession.multi \
    fentry.multi.s fexit.multi.s fsession.multi.s";

/// Each name alone, with a target, with something that is no target, and with too little.
fn variants(name: &str) -> impl Iterator<Item = String> {
    let short = name.get(1..).unwrap_or_default();
    [
        name.to_owned(),
        format!("{name}/x"),
        format!("{name}/x/y"),
        format!("{name}/"),
        format!("{name}x"),
        short.to_owned(),
    ]
    .into_iter()
}

pub(crate) fn check(report: &mut Report, libbpf: &Path) -> Result<(), Error> {
    let is_new = run(libbpf, "\tfsession.multi")?.trim_end() != "section\tfsession.multi\tunknown";
    let newer = NEWER.split_whitespace().filter(|_| is_new);
    let names: Vec<_> = NAMES.split_whitespace().chain(newer).flat_map(variants).collect();
    let questions: Vec<_> = names.iter().map(|name| format!("\t{name}")).collect();
    let answers = run(libbpf, &questions.join("\n"))?;
    let mut answers = answers.lines();
    for name in &names {
        let answer = answers.next().ok_or("an answer is missing")?;
        // Names that only begin like one are taken with a warning.
        let ours = match SectionMatch::of(name).filter(|found| found.exact) {
            Some(found) => {
                let attach_type = found.attach_type.map_or(0, |attach_type| attach_type.0);
                format!("section\t{name}\t{}\t{attach_type}", found.program_type.0)
            }
            None => format!("section\t{name}\tunknown"),
        };
        if ours == answer {
            report.equal(Check::Sections);
        } else {
            report.differs(Check::Sections, "-", name, &format!("{ours}, libbpf: {answer}"));
        }
    }
    Ok(())
}
