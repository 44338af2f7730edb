//! Links: programs attached to hooks.
#![forbid(unsafe_code)]
