//! What the kernel tells about a map.

use bpf_sys::abi::{BtfId, MapFlags, MapId, MapType};
use bpf_sys::{AsMapFd, MapFd};

use super::Map;
use crate::error::{Error, Result};

/// What the kernel tells about a map (Linux 4.13).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapInfo {
    /// The id.
    pub id: MapId,
    /// The type.
    pub map_type: MapType,
    /// The name in the kernel: at most 15 bytes, empty before 4.15.
    pub name: String,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of one value.
    pub value_size: u32,
    /// The number of entries that the map can hold.
    pub max_entries: u32,
    /// The flags that the map was made with.
    pub flags: MapFlags,
    /// The type's extra parameter (5.16).
    pub map_extra: u64,
    /// The BTF that describes key and value (4.18).
    pub btf_id: Option<BtfId>,
    /// The type of the key in that BTF; 0 for none.
    pub key_type_id: u32,
    /// The type of the value in that BTF; 0 for none.
    pub value_type_id: u32,
}

impl Map {
    /// What the kernel tells about this map.
    pub fn info(&self) -> Result<MapInfo> {
        read(self.as_map_fd(), self.name())
    }

    /// The id (Linux 4.13).
    pub fn id(&self) -> Result<MapId> {
        Ok(self.info()?.id)
    }
}

/// What the kernel tells about the map `name`.
pub(super) fn read(fd: MapFd<'_>, name: &str) -> Result<MapInfo> {
    let info = bpf_sys::map::info(fd)
        .map_err(|source| Error::system(format!("describe map `{name}`"), source))?;
    Ok(MapInfo {
        id: MapId(info.id),
        map_type: MapType(info.r#type),
        name: crate::text(&info.name),
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
        flags: MapFlags::from_bits(info.map_flags),
        map_extra: info.map_extra,
        btf_id: (info.btf_id != 0).then_some(BtfId(info.btf_id)),
        key_type_id: info.btf_key_type_id,
        value_type_id: info.btf_value_type_id,
    })
}
