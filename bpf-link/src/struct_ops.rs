//! Kernel structures of function pointers that programs implement.

use bpf_sys::abi::AttachType;
use bpf_sys::link::{LinkCreate, LinkSource};
use bpf_sys::prog::Where;
use bpf_sys::{AsMapFd, Errno, MapFd};

use crate::attempt::Feature;
use crate::error::{Error, ErrorKind};
use crate::link::Link;

const LINKS: Feature = Feature::new("links of struct_ops maps", 6, 4);

/// Registers a `struct_ops` map with the kernel by a link (since Linux 6.4).
///
/// The map was created with the flag `BPF_F_LINK` and its value is set. Maps without that flag are registered by
/// setting their value, and have no link.
#[doc(alias = "bpf_map__attach_struct_ops")]
pub fn attach_struct_ops(map: &impl AsMapFd) -> Result<Link, Error> {
    attach_fd(map.as_map_fd())
}

fn attach_fd(map: MapFd<'_>) -> Result<Link, Error> {
    let source = LinkSource::StructOps(map);
    let create = LinkCreate::new(source, Where::None, AttachType::STRUCT_OPS);
    bpf_sys::link::create(&create).map(Link::object).map_err(|error| {
        let errno = error.errno;
        let failed = Error::from_sys("registering a struct_ops map", error);
        let old = bpf_sys::kernel::release().is_ok_and(|running| running < LINKS.since);
        match (errno, failed.kind()) {
            (Errno::EINVAL | Errno::EBADF, _) if old => failed.with_kind(LINKS.missing()),
            (Errno::EINVAL, _) => failed.with_advice(
                "the map must be of type struct_ops, have BPF_F_LINK, and be updated before",
            ),
            (_, ErrorKind::NotSupported { .. }) => failed.with_kind(LINKS.missing()),
            _ => failed,
        }
    })
}
