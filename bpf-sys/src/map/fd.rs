//! Descriptors of maps, with the sizes that the kernel uses for them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::abi::{Command, MapFlags, MapType, UpdateFlags};
use crate::errno::{Errno, SysError};
use crate::{kernel, object};

/// What a map is, as the kernel tells it. None of this changes as long as the map lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapShape {
    /// The kind of map.
    pub map_type: MapType,
    /// Bytes of a key; zero for maps without keys.
    pub key_size: u32,
    /// Bytes of one value.
    pub value_size: u32,
    /// Largest number of elements; bytes for a ring buffer, pages for an arena.
    pub max_entries: u32,
    /// Flags of the creation.
    pub flags: MapFlags,
    /// Depends on the type.
    pub map_extra: u64,
    /// Possible CPUs for a per-CPU map, otherwise 1.
    pub values: usize,
    /// Distance between the values of two CPUs: `value_size`, rounded up to 8 for a per-CPU map.
    pub stride: usize,
}

impl MapShape {
    /// Bytes of the buffer for all the values of one key: what lookups and updates take without a CPU flag.
    ///
    /// Kernel: `bpf_map_value_size` in kernel/bpf/syscall.c.
    pub const fn value_buffer_size(&self) -> usize {
        // Checked when the shape was made.
        self.stride.saturating_mul(self.values)
    }

    /// Bytes of the buffer for the values of one key, with these flags: one value with a CPU flag.
    pub fn value_buffer_size_with(&self, flags: UpdateFlags) -> usize {
        if flags.intersects(UpdateFlags::CPU | UpdateFlags::ALL_CPUS) {
            usize::try_from(self.value_size).unwrap_or(usize::MAX)
        } else {
            self.value_buffer_size()
        }
    }

    /// Bytes of a key.
    pub fn key_len(&self) -> usize {
        // 32 bits fit into every `usize` of Linux.
        usize::try_from(self.key_size).unwrap_or(usize::MAX)
    }

    /// Asks the kernel.
    fn read(fd: BorrowedFd<'_>) -> Result<Self, SysError> {
        // Without /proc this is left out: no address is handed over here, and what the sizes of something else serve for later gets an error
        // from the kernel, which knows that it is no map.
        if object::is_kind(fd, "bpf-map") == Some(false) {
            return Err(SysError::bpf(Command::OBJ_GET_INFO_BY_FD, Errno::EINVAL)
                .with_note("descriptor of something else"));
        }
        let info = object::raw_map_info(fd)?;
        let map_type = MapType(info.r#type);
        let values = if map_type.is_per_cpu() { kernel::possible_cpus()?.count() } else { 1 };
        Self::new(map_type, values, &info).ok_or(SysError::other("map size", Errno::EOVERFLOW))
    }

    fn new(map_type: MapType, values: usize, info: &crate::abi::raw::MapInfo) -> Option<Self> {
        let size = usize::try_from(info.value_size).ok()?;
        let stride = if map_type.is_per_cpu() {
            size.checked_next_multiple_of(8)?
        } else if map_type.holds_descriptors() {
            // The kernel copies a u32 whatever the size says.
            size.max(4)
        } else {
            size
        };
        stride.checked_mul(values)?;
        Some(Self {
            map_type,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            flags: MapFlags::from_bits(info.map_flags),
            map_extra: info.map_extra,
            values,
            stride,
        })
    }
}

/// What the kernel tells about a map: `BPF_OBJ_GET_INFO_BY_FD`, Linux 4.13.
#[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
pub fn info(map: MapFd<'_>) -> Result<crate::abi::raw::MapInfo, SysError> {
    object::raw_map_info(map.fd)
}

/// A borrowed descriptor of a map, with the map's sizes.
///
/// Made by `TryFrom<BorrowedFd>`, which asks the kernel for the sizes. So a key or value of a wrong length is caught before the call, and the kernel
/// cannot go beyond a buffer. The sizes stay right: the borrow keeps the descriptor open and on the same map.
#[derive(Clone, Copy, Debug)]
pub struct MapFd<'fd> {
    fd: BorrowedFd<'fd>,
    shape: MapShape,
}

impl MapFd<'_> {
    /// What the map is.
    pub const fn shape(&self) -> &MapShape {
        &self.shape
    }
}

/// Fails when the descriptor is not a map's (`EINVAL`), and for per-CPU maps when the number of CPUs cannot be read.
impl<'fd> TryFrom<BorrowedFd<'fd>> for MapFd<'fd> {
    type Error = SysError;

    fn try_from(fd: BorrowedFd<'fd>) -> Result<Self, SysError> {
        Ok(Self { fd, shape: MapShape::read(fd)? })
    }
}

impl AsFd for MapFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd
    }
}

impl AsRawFd for MapFd<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// An owned descriptor of a map, closed when dropped. See [`MapFd`].
#[derive(Debug)]
pub struct OwnedMapFd {
    fd: OwnedFd,
    shape: MapShape,
}

impl OwnedMapFd {
    /// The borrowed form.
    pub fn as_borrowed(&self) -> MapFd<'_> {
        MapFd { fd: self.fd.as_fd(), shape: self.shape }
    }

    /// What the map is.
    pub const fn shape(&self) -> &MapShape {
        &self.shape
    }

    /// Another descriptor of the same map, closed on exec.
    pub fn try_clone(&self) -> std::io::Result<Self> {
        Ok(Self { fd: self.fd.try_clone()?, shape: self.shape })
    }
}

/// Fails as for [`MapFd`]; the descriptor is closed then.
impl TryFrom<OwnedFd> for OwnedMapFd {
    type Error = SysError;

    fn try_from(fd: OwnedFd) -> Result<Self, SysError> {
        let shape = MapShape::read(fd.as_fd())?;
        Ok(Self { fd, shape })
    }
}

impl From<OwnedMapFd> for OwnedFd {
    fn from(map: OwnedMapFd) -> Self {
        map.fd
    }
}

impl AsFd for OwnedMapFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for OwnedMapFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::raw::MapInfo;

    #[test]
    fn buffers_have_the_sizes_that_the_kernel_copies() {
        let rows = [
            // type, value size, CPUs, stride, buffer, buffer with a CPU flag
            (MapType::HASH, 5, 1, 5, 5, 5),
            (MapType::PERCPU_HASH, 5, 3, 8, 24, 5),
            (MapType::PERCPU_ARRAY, 16, 2, 16, 32, 16),
            (MapType::LRU_PERCPU_HASH, 1, 128, 8, 1024, 1),
            (MapType::PERCPU_CGROUP_STORAGE, 12, 2, 16, 32, 12),
            (MapType::ARRAY_OF_MAPS, 4, 1, 4, 4, 4),
            (MapType::RINGBUF, 0, 1, 0, 0, 0),
            (MapType(999), 7, 1, 7, 7, 7),
        ];
        for (map_type, value_size, cpus, stride, buffer, one) in rows {
            let info = MapInfo { r#type: map_type.0, value_size, ..MapInfo::default() };
            let shape = MapShape::new(map_type, cpus, &info).unwrap();
            assert_eq!((shape.stride, shape.value_buffer_size()), (stride, buffer), "{map_type}");
            assert_eq!(shape.value_buffer_size_with(UpdateFlags::for_cpu(0)), one, "{map_type}");
            assert_eq!(shape.value_buffer_size_with(UpdateFlags::NOEXIST), buffer, "{map_type}");
        }
    }

    #[test]
    fn a_size_that_does_not_fit_into_memory_is_refused() {
        let info = MapInfo { value_size: u32::MAX, ..MapInfo::default() };
        assert_eq!(MapShape::new(MapType::PERCPU_HASH, usize::MAX / 8, &info), None);
    }

    #[test]
    fn a_descriptor_of_a_file_is_no_map() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let error = MapFd::try_from(file.as_fd()).unwrap_err();
        assert!(error.errno == Errno::EINVAL || error.errno.is_permission(), "{error}");
        assert!(OwnedMapFd::try_from(OwnedFd::from(file)).is_err());
    }
}
