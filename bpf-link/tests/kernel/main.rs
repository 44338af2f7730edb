//! Links on a running kernel, as root: only what touches this process's own sockets, cgroups, namespaces and code.
#![cfg(target_os = "linux")]

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod cgroup;
#[cfg(test)]
mod device;
#[cfg(test)]
mod iter;
#[cfg(test)]
mod link;
#[cfg(test)]
mod netfilter;
#[cfg(test)]
mod netns;
#[cfg(test)]
mod perf_event;
#[cfg(test)]
mod socket_filter;
#[cfg(test)]
mod uprobe;
#[cfg(test)]
mod xdp;
