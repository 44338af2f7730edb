//! What kprobes and uprobes have in common.

/// What the event of a probe is made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProbeEventSource {
    /// The PMU where the kernel has it, otherwise the trace file system.
    #[default]
    Auto,
    /// `perf_event_open` on the `kprobe` or `uprobe` PMU (since Linux 4.17): the event is gone with its descriptor.
    Pmu,
    /// A line in `kprobe_events` or `uprobe_events`: works on every kernel, but a process that is killed leaves the
    /// event behind, with a name that starts with `bpf_link_` and its process id.
    Tracefs,
}
