//! The kernel's BPF interface: the vocabulary on any system, bpf(2) on Linux.
