//! Attaching by section name: the one place that knows both loaded programs and links.

use bpf_link::{
    IterOver, KernelFunctions, KprobeMultiOptions, KprobeOptions, Link, MultiMode, ProbePoint,
    RawTracepointOptions, TracepointOptions, TracingOptions, UprobeMultiOptions, UprobeOptions,
};
use bpf_sys::abi::AttachType;

use crate::error::{Error, ErrorKind, Result};
use crate::program::Program;

/// How the program of a section attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    Kprobe {
        on_return: bool,
    },
    KprobeMulti(MultiMode),
    Ksyscall {
        on_return: bool,
    },
    Uprobe {
        on_return: bool,
    },
    UprobeMulti(MultiMode),
    Tracepoint,
    RawTracepoint,
    /// The hook was chosen when the program was loaded.
    Tracing(AttachType),
    Iterator,
    /// The caller must say to what: the constructor to use.
    Other(&'static str),
    Unknown,
}

/// The hook that a section name stands for (libbpf: S5). What follows the first slash does not matter here.
fn hook(section: &str) -> Hook {
    let kind = section.split('/').next().unwrap_or(section);
    // A sleepable program attaches as any other.
    let kind = kind.strip_suffix(".s").unwrap_or(kind);
    match kind {
        "kprobe" => Hook::Kprobe { on_return: false },
        "kretprobe" => Hook::Kprobe { on_return: true },
        "kprobe.multi" => Hook::KprobeMulti(MultiMode::Entry),
        "kretprobe.multi" => Hook::KprobeMulti(MultiMode::Return),
        "kprobe.session" => Hook::KprobeMulti(MultiMode::Session),
        "ksyscall" => Hook::Ksyscall { on_return: false },
        "kretsyscall" => Hook::Ksyscall { on_return: true },
        "uprobe" => Hook::Uprobe { on_return: false },
        "uretprobe" => Hook::Uprobe { on_return: true },
        "uprobe.multi" => Hook::UprobeMulti(MultiMode::Entry),
        "uretprobe.multi" => Hook::UprobeMulti(MultiMode::Return),
        "uprobe.session" => Hook::UprobeMulti(MultiMode::Session),
        "tracepoint" | "tp" => Hook::Tracepoint,
        "raw_tracepoint" | "raw_tp" | "raw_tracepoint.w" | "raw_tp.w" => Hook::RawTracepoint,
        "tp_btf" => Hook::Tracing(AttachType::TRACE_RAW_TP),
        "fentry" => Hook::Tracing(AttachType::TRACE_FENTRY),
        "fexit" => Hook::Tracing(AttachType::TRACE_FEXIT),
        "fmod_ret" => Hook::Tracing(AttachType::MODIFY_RETURN),
        "fsession" => Hook::Tracing(AttachType::TRACE_FSESSION),
        "lsm" => Hook::Tracing(AttachType::LSM_MAC),
        "iter" => Hook::Iterator,
        "freplace" => Hook::Other("link::attach_freplace"),
        "socket" => Hook::Other("link::attach_socket_filter"),
        "xdp" | "xdp.frags" => Hook::Other("link::attach_xdp"),
        "tc" | "tcx" | "classifier" => Hook::Other("link::attach_tcx"),
        "netkit" => Hook::Other("link::attach_netkit"),
        "perf_event" => Hook::Other("link::attach_perf_event"),
        "netfilter" => Hook::Other("link::attach_netfilter"),
        "sk_lookup" | "flow_dissector" => Hook::Other("link::attach_netns"),
        "struct_ops" => Hook::Other("link::attach_struct_ops, with its map"),
        "cgroup" | "cgroup_skb" | "sockops" | "lsm_cgroup" => Hook::Other("link::attach_cgroup"),
        _ => Hook::Unknown,
    }
}

impl Program {
    /// Attaches the program to the hook that its section name says: `kprobe/tcp_connect`, `tracepoint/sched/sched_switch`, `fentry/vfs_read`.
    ///
    /// For kprobes, uprobes, tracepoints, raw tracepoints, fentry, fexit, `fmod_ret`, LSM hooks and iterators, with default options. Hooks that
    /// also need an object to attach to (a cgroup, a network device, a socket) have constructors in [`link`](crate::link), and the error names the
    /// one to use. The program stays attached until the link is dropped.
    pub fn attach(&self) -> Result<Link> {
        let hook = hook(self.section());
        let attached = match hook {
            Hook::Kprobe { on_return } => {
                self.attach_kprobe(&self.point(self.target()?)?, on_return)
            }
            Hook::Ksyscall { on_return } => {
                let symbol = crate::kconfig::syscall_symbol(self.target()?);
                self.attach_kprobe(&ProbePoint::symbol(symbol), on_return)
            }
            Hook::KprobeMulti(mode) => {
                let name = self.exact(self.target()?)?;
                let options = KprobeMultiOptions::default().with_mode(mode);
                bpf_link::attach_kprobe_multi(self, KernelFunctions::Names(&[name]), &options)
            }
            Hook::Uprobe { on_return } => {
                let (path, point) = self.file_and_point()?;
                let (point, options) = (self.point(point)?, UprobeOptions::default());
                if on_return {
                    bpf_link::attach_uretprobe(self, path, &point, &options)
                } else {
                    bpf_link::attach_uprobe(self, path, &point, &options)
                }
            }
            Hook::UprobeMulti(mode) => {
                let (path, name) = self.file_and_point()?;
                let points = [self.point(self.exact(name)?)?];
                let options = UprobeMultiOptions::default().with_mode(mode);
                bpf_link::attach_uprobe_multi(self, path, &points, &options)
            }
            Hook::Tracepoint => {
                let target = self.target()?;
                let (category, name) = target
                    .split_once('/')
                    .ok_or_else(|| self.refused(format!("`{target}` is not CATEGORY/NAME")))?;
                bpf_link::attach_tracepoint(self, category, name, &TracepointOptions::default())
            }
            Hook::RawTracepoint => {
                let options = RawTracepointOptions::default();
                bpf_link::attach_raw_tracepoint(self, self.target()?, &options)
            }
            Hook::Tracing(attach_type) => {
                bpf_link::attach_tracing(self, attach_type, &TracingOptions::default())
            }
            Hook::Iterator => bpf_link::attach_iter(self, IterOver::All),
            Hook::Other(constructor) => {
                return Err(self
                    .refused(format!("its section name `{}` does not say to what", self.section()))
                    .with_hint(format!("use `{constructor}`")));
            }
            Hook::Unknown => {
                return Err(self
                    .refused(format!("its section name `{}` stands for no hook", self.section()))
                    .with_hint("use a constructor of `link`"));
            }
        };
        attached.map_err(|source| attach_error(self.name(), source))
    }

    fn attach_kprobe(&self, point: &ProbePoint, on_return: bool) -> Result<Link, bpf_link::Error> {
        let options = KprobeOptions::default();
        if on_return {
            bpf_link::attach_kretprobe(self, point, &options)
        } else {
            bpf_link::attach_kprobe(self, point, &options)
        }
    }

    /// The text after the slash, or what the load options say instead.
    fn target(&self) -> Result<&str> {
        let target = self.origin().attach_to.as_deref().filter(|target| !target.is_empty());
        target.ok_or_else(|| {
            self.refused(format!("its section name `{}` does not say to what", self.section()))
                .with_hint("use a constructor of `link`")
        })
    }

    /// `PATH:FUNCTION`; a path may hold anything but a colon.
    fn file_and_point(&self) -> Result<(&str, &str)> {
        let target = self.target()?;
        let split = target.split_once(':').filter(|(path, _)| !path.is_empty());
        split.ok_or_else(|| self.refused(format!("`{target}` is not PATH:FUNCTION")))
    }

    fn point(&self, text: &str) -> Result<ProbePoint> {
        text.parse()
            .map_err(|source: bpf_link::ParseProbePointError| self.invalid().with_cause(source))
    }

    /// A name, not a pattern of names.
    fn exact<'a>(&self, name: &'a str) -> Result<&'a str> {
        if name.contains(['*', '?']) {
            return Err(self
                .refused(format!("`{name}` is a pattern"))
                .with_hint("find the functions, and give them to the constructor of `link`"));
        }
        Ok(name)
    }

    fn refused(&self, reason: String) -> Error {
        self.invalid().with_reason(reason)
    }

    fn invalid(&self) -> Error {
        Error::new(ErrorKind::InvalidSpec, format!("attach program `{}`", self.name()))
    }
}

/// A failure of a link, with what it means here.
fn attach_error(name: &str, source: bpf_link::Error) -> Error {
    use bpf_link::ErrorKind as Link;
    let kind = match *source.kind() {
        Link::NotPermitted => ErrorKind::NotPermitted,
        Link::NotSupported { feature, since, .. } => ErrorKind::NotSupported { feature, since },
        Link::WrongProgramType { .. } => ErrorKind::WrongType,
        Link::NotFound => ErrorKind::NotFound,
        Link::Exists | Link::Busy => ErrorKind::Exists,
        Link::Invalid => ErrorKind::InvalidSpec,
        _ => ErrorKind::System,
    };
    let errno = source.errno();
    Error::new(kind, format!("attach program `{name}`")).with_errno(errno).with_cause(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_stand_for_hooks() {
        let rows = [
            ("kprobe/tcp_connect", Hook::Kprobe { on_return: false }),
            ("kretprobe", Hook::Kprobe { on_return: true }),
            ("kprobe.session/f", Hook::KprobeMulti(MultiMode::Session)),
            ("ksyscall/getpid", Hook::Ksyscall { on_return: false }),
            ("uprobe.s//bin/sh:main", Hook::Uprobe { on_return: false }),
            ("uretprobe.multi.s/x:y", Hook::UprobeMulti(MultiMode::Return)),
            ("tp/a/b", Hook::Tracepoint),
            ("raw_tp.w/x", Hook::RawTracepoint),
            ("tp_btf/x", Hook::Tracing(AttachType::TRACE_RAW_TP)),
            ("fentry.s/x", Hook::Tracing(AttachType::TRACE_FENTRY)),
            ("lsm.s/file_open", Hook::Tracing(AttachType::LSM_MAC)),
            ("iter.s/task", Hook::Iterator),
            ("xdp.frags/devmap", Hook::Other("link::attach_xdp")),
            ("cgroup/connect4", Hook::Other("link::attach_cgroup")),
            ("usdt/x:y:z", Hook::Unknown),
            ("", Hook::Unknown),
        ];
        for (section, expected) in rows {
            assert_eq!(hook(section), expected, "{section}");
        }
    }
}
