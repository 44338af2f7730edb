//! Creating maps.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::os::fd::OwnedFd;

use super::{MapFd, OwnedMapFd};
use crate::abi::raw::MapCreateAttr;
use crate::abi::{Command, MapFlags, MapType, ObjectName};
use crate::errno::SysError;
use crate::fd::{BtfFd, TokenFd};
use crate::syscall::{bpf_fd, raw, raw_signed};

/// What `BPF_MAP_CREATE` takes. The default is all zero.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct MapCreate<'a> {
    /// The kind of map.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Largest number of elements; bytes for a ring buffer (a power of two pages), pages for an arena.
    pub max_entries: u32,
    /// Flags. [`MapFlags::TOKEN_FD`] and [`MapFlags::VTYPE_BTF_OBJ_FD`] are added when their fields are set.
    pub flags: MapFlags,
    /// A map like those that a map of maps will hold (4.12).
    pub inner_map: Option<MapFd<'a>>,
    /// NUMA node, with [`MapFlags::NUMA_NODE`] (4.14).
    pub numa_node: u32,
    /// The name; none for kernels before 4.15.
    pub name: ObjectName,
    /// Device number for offloading (4.16).
    pub ifindex: u32,
    /// BTF that the type ids refer to (4.18).
    pub btf: Option<BtfFd<'a>>,
    /// Type of the key in that BTF.
    pub btf_key_type_id: u32,
    /// Type of the value in that BTF.
    pub btf_value_type_id: u32,
    /// Type of the value in the kernel's BTF, for `struct_ops` (5.6).
    pub btf_vmlinux_value_type_id: u32,
    /// BTF of the module that has the value's type (6.9).
    pub value_type_btf: Option<BtfFd<'a>>,
    /// Depends on the type (5.16).
    pub map_extra: u64,
    /// Rights delegated by a token (6.9).
    pub token: Option<TokenFd<'a>>,
    /// SHA-256 of the instructions of the one program that may use the map (6.18).
    pub exclusive_program_hash: Option<&'a [u8; 32]>,
}

impl<'a> MapCreate<'a> {
    /// A map of this kind and these sizes.
    pub fn new(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> Self {
        Self { map_type, key_size, value_size, max_entries, ..Self::default() }
    }

    fn attr(&self) -> MapCreateAttr {
        let mut flags = self.flags;
        if self.token.is_some() {
            flags |= MapFlags::TOKEN_FD;
        }
        if self.value_type_btf.is_some() {
            flags |= MapFlags::VTYPE_BTF_OBJ_FD;
        }
        let hash: &'a [u8] = self.exclusive_program_hash.map_or(&[], |hash| hash);
        MapCreateAttr {
            map_type: self.map_type.0,
            key_size: self.key_size,
            value_size: self.value_size,
            max_entries: self.max_entries,
            map_flags: flags.bits(),
            inner_map_fd: self.inner_map.map_or(0, raw),
            numa_node: self.numa_node,
            map_name: self.name.to_bytes(),
            map_ifindex: self.ifindex,
            btf_fd: self.btf.map_or(0, raw),
            btf_key_type_id: self.btf_key_type_id,
            btf_value_type_id: self.btf_value_type_id,
            btf_vmlinux_value_type_id: self.btf_vmlinux_value_type_id,
            map_extra: self.map_extra,
            value_type_btf_obj_fd: self.value_type_btf.map_or(0, raw_signed),
            map_token_fd: self.token.map_or(0, raw_signed),
            excl_prog_hash: crate::syscall::address(hash),
            excl_prog_hash_size: if hash.is_empty() { 0 } else { 32 },
            pad: 0,
        }
    }
}

/// Creates a map: `BPF_MAP_CREATE`, Linux 3.18.
///
/// Errors: `EPERM` without the rights or with too low a memlock limit (before 5.11), `EINVAL` for a combination that the type refuses,
/// `E2BIG` for a field that this kernel does not know or a size that is too large, `ENOMEM`.
#[doc(alias = "BPF_MAP_CREATE")]
pub fn create(map: &MapCreate<'_>) -> Result<OwnedMapFd, SysError> {
    create_fd(map)?.try_into()
}

/// [`create`] without asking for the map's sizes: for probes.
pub(crate) fn create_fd(map: &MapCreate<'_>) -> Result<OwnedFd, SysError> {
    let mut attr = map.attr();
    // SAFETY: the structure is that of the command. Its one address, `excl_prog_hash`, is zero with length zero, or that of the 32
    // bytes that `map` borrows, which the kernel only reads. The command returns a new descriptor.
    unsafe { bpf_fd(Command::MAP_CREATE, &mut attr) }
}

/// [`create_fd`] with the descriptor -1 for the BTF and the template, for probes.
pub(crate) fn create_with_bad_descriptors(map: &MapCreate<'_>) -> Result<(), SysError> {
    let mut attr = map.attr();
    if map.map_type.is_map_of_maps() {
        attr.inner_map_fd = u32::MAX;
    } else {
        attr.btf_fd = u32::MAX;
    }
    // SAFETY: as in `create_fd`.
    unsafe { bpf_fd(Command::MAP_CREATE, &mut attr) }.map(drop)
}
