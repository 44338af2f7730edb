//! Objects: specifications loaded into a kernel, and the facade of the library.
#![forbid(unsafe_code)]
