//! Maps: owners of one descriptor.

mod access;
mod batch;
mod compat;
mod create;
mod fill;
mod info;
mod iter;
mod nested;
mod per_cpu;
mod pin;
mod typed;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use bpf_sys::abi::{MapFlags, MapType};
use bpf_sys::map::MapShape;
use bpf_sys::{AsMapFd, MapFd, OwnedMapFd, SysError};

pub use self::batch::{Batch, Batches};
pub use self::compat::Mismatch;
pub(crate) use self::create::{CreateOptions, create};
pub use self::info::MapInfo;
pub use self::iter::{Entries, Keys};
pub(crate) use self::per_cpu::Layout;
pub use self::per_cpu::PerCpu;
pub use self::typed::{PerCpuMap, TypedMap};

use crate::error::{Error, Result};

/// A map in the kernel: the owner of one descriptor of it.
///
/// All methods take `&self`, since the kernel orders the operations; a map can be shared between threads.
/// Keys and values are bytes here, in the sizes that [`key_size`](Self::key_size) and [`value_len`](Self::value_len) give;
/// [`typed`](Self::typed) and [`per_cpu`](Self::per_cpu) give views with Rust types.
///
/// Dropping a `Map` closes the descriptor. The kernel keeps the map while a program, a pin or another descriptor uses it.
#[derive(Debug)]
pub struct Map {
    fd: OwnedMapFd,
    name: String,
    /// Set by [`freeze`](Self::freeze): tells a refused write to a frozen map from a missing capability.
    frozen: AtomicBool,
}

impl Map {
    fn new(fd: OwnedMapFd, name: impl Into<String>) -> Self {
        Self { fd, name: name.into(), frozen: AtomicBool::new(false) }
    }

    /// The name in the specification it was made from, else the name in the kernel (at most 15 bytes, empty before 4.15).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the map.
    pub fn map_type(&self) -> MapType {
        self.shape().map_type
    }

    /// Bytes of a key; 0 for queues, stacks, bloom filters and ring buffers.
    pub fn key_size(&self) -> u32 {
        self.shape().key_size
    }

    /// Bytes of one value, of one CPU in a per-CPU map.
    pub fn value_size(&self) -> u32 {
        self.shape().value_size
    }

    /// Bytes that a value has for [`lookup_into`](Self::lookup_into) and [`update`](Self::update): [`value_size`](Self::value_size),
    /// and in a per-CPU map that of all possible CPUs, each rounded up to a multiple of 8.
    pub fn value_len(&self) -> usize {
        self.shape().value_buffer_size()
    }

    /// The number of entries that the map can hold. Bytes, for a ring buffer.
    pub fn max_entries(&self) -> u32 {
        self.shape().max_entries
    }

    /// The flags that the map was made with.
    pub fn flags(&self) -> MapFlags {
        self.shape().flags
    }

    /// The type's extra parameter: hash functions of a bloom filter, the address of an arena.
    pub fn map_extra(&self) -> u64 {
        self.shape().map_extra
    }

    /// A second owner of the same map.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self
            .fd
            .try_clone()
            .map_err(|source| Error::io(self.action("duplicate the descriptor of"), source))?;
        let frozen = AtomicBool::new(self.is_frozen());
        Ok(Self { fd, name: self.name.clone(), frozen })
    }

    /// Makes the map read-only for user space, for ever; programs may still write to it unless it was made with `RDONLY_PROG` (Linux 5.2).
    ///
    /// Fails with `EBUSY` while the map is mapped for writing.
    pub fn freeze(&self) -> Result<()> {
        bpf_sys::map::freeze(self.as_map_fd()).map_err(|source| self.error("freeze", source))?;
        self.frozen.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A view with the types `K` and `V`, whose sizes must be those of the map. Per-CPU maps have [`per_cpu`](Self::per_cpu).
    pub fn typed<K, V>(&self) -> Result<TypedMap<'_, K, V>> {
        TypedMap::new(self)
    }

    /// A view with the types `K` and `V` of a per-CPU map.
    pub fn per_cpu<K, V>(&self) -> Result<PerCpuMap<'_, K, V>> {
        PerCpuMap::new(self)
    }

    pub(crate) fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Relaxed)
    }

    pub(crate) fn shape(&self) -> &MapShape {
        self.fd.shape()
    }

    /// `doing` with this map's name.
    pub(crate) fn action(&self, doing: &str) -> String {
        format!("{doing} map `{}`", self.name)
    }

    fn error(&self, doing: &str, source: SysError) -> Error {
        Error::system(self.action(doing), source)
    }
}

impl AsMapFd for Map {
    fn as_map_fd(&self) -> MapFd<'_> {
        self.fd.as_map_fd()
    }
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Map> for OwnedFd {
    fn from(map: Map) -> Self {
        map.fd.into()
    }
}

/// The types whose values are maps.
pub(crate) fn is_map_in_map(map_type: MapType) -> bool {
    matches!(map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS)
}
