//! Maps by path and by id.

use std::path::Path;

use bpf_sys::AsMapFd;
use bpf_sys::abi::{MapFlags, MapId};

use super::{Map, info};
use crate::error::{Error, Result};

impl Map {
    /// Opens the map that is pinned at `path`. Nothing is assumed of it: type and sizes are the kernel's answer.
    pub fn from_pin(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fd = bpf_sys::object::open_map(path, MapFlags::NONE)
            .map_err(|source| crate::pin::open_error("map", path, source))?;
        let info = info::read(fd.as_map_fd(), "")?;
        // Kernels before 4.15 have no names.
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = if info.name.is_empty() { file.unwrap_or_default() } else { info.name };
        Ok(Self::new(fd, name))
    }

    /// Opens the map with this id (Linux 4.13). Needs `CAP_SYS_ADMIN`.
    pub fn from_id(id: MapId) -> Result<Self> {
        let fd = bpf_sys::object::map_by_id(id, MapFlags::NONE)
            .map_err(|source| Error::system(format!("open map {id}"), source).or_not_found())?;
        let info = info::read(fd.as_map_fd(), "")?;
        Ok(Self::new(fd, info.name))
    }

    /// Gives the map a path, on a bpffs, that keeps it alive.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        bpf_sys::object::pin(self, None, path)
            .map_err(|source| crate::pin::pin_error("map", self.name(), path, source))
    }

    /// Removes a path that keeps a map alive.
    pub fn unpin(path: impl AsRef<Path>) -> Result<()> {
        crate::pin::unpin(path.as_ref())
    }
}
