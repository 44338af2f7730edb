//! Links to kernel functions, tracepoints and security hooks: global, so only in a guest that may break.
#![cfg(target_os = "linux")]

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod freplace;
#[cfg(test)]
mod kprobe;
#[cfg(test)]
mod netkit;
#[cfg(test)]
mod raw_tracepoint;
#[cfg(test)]
mod struct_ops;
#[cfg(test)]
mod tracepoint;
#[cfg(test)]
mod tracing;
