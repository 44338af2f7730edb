//! The commands against the running kernel, as root. Nothing here attaches to the kernel's own functions or to what others use.
#![cfg(target_os = "linux")]

#[path = "kernel/common.rs"]
mod common;
#[path = "kernel/features.rs"]
mod features;
#[path = "kernel/links.rs"]
mod links;
#[path = "kernel/maps.rs"]
mod maps;
#[path = "kernel/objects.rs"]
mod objects;
#[path = "kernel/programs.rs"]
mod programs;
#[path = "kernel/shared.rs"]
mod shared;
