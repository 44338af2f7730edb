//! BPF object files to specifications.
#![forbid(unsafe_code)]
