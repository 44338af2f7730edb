//! Tests that attach to kernel functions and tracepoints: only in a virtual machine made for it.

#[path = "guest/tracing.rs"]
mod tracing;
