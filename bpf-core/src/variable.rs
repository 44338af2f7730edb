//! Global variables of loaded programs.

use std::sync::Arc;

use bpf_elf::spec::VariableSpec;
use bpf_sys::abi::{MapFlags, MapType, UpdateFlags};
use bpf_sys::memory::{ReadMapping, WriteMapping};
use bpf_sys::{AsMapFd, Errno};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::error::{Error, ErrorKind, Result};
use crate::map::Map;

/// What holds the values of the variables of one section.
#[derive(Debug)]
pub(crate) enum Backing {
    /// The value, mapped: no system call.
    Shared(WriteMapping),
    /// The value of a constant section, mapped.
    Constant(ReadMapping),
    /// A map that cannot be mapped: whole values go in and out by system call.
    Map(Map),
}

impl Backing {
    pub(crate) fn new(map: &Map) -> Result<Self> {
        if map.map_type() == MapType::PERCPU_ARRAY {
            let error = Error::new(ErrorKind::WrongType, map.action("read variables of"));
            return Err(error.with_hint(
                "each CPU has its own value: Map::per_cpu reads them, at the offset in the specification",
            ));
        }
        if !map.flags().contains(MapFlags::MMAPABLE) {
            return Ok(Self::Map(map.try_clone()?));
        }
        let failed = |source| Error::system(map.action("map into memory"), source);
        let len = usize::try_from(map.value_size()).unwrap_or(usize::MAX);
        if is_read_only(map) {
            return ReadMapping::of_map(map.as_map_fd(), 0, len)
                .map(Self::Constant)
                .map_err(failed);
        }
        match WriteMapping::of_map(map.as_map_fd(), 0, len) {
            Ok(mapping) => Ok(Self::Shared(mapping)),
            // Frozen by someone else.
            Err(source) if source.errno == Errno::EPERM => {
                ReadMapping::of_map(map.as_map_fd(), 0, len).map(Self::Constant).map_err(failed)
            }
            Err(source) => Err(failed(source)),
        }
    }
}

fn is_read_only(map: &Map) -> bool {
    map.is_frozen() || map.flags().contains(MapFlags::RDONLY_PROG)
}

/// A global variable of loaded programs.
///
/// Programs write to it at the same time: a value of 1, 2, 4 or 8 bytes at an address that is a multiple of its size is read and written as one;
/// a larger one may be seen half-written.
#[derive(Clone, Debug)]
pub struct Variable {
    name: String,
    offset: usize,
    size: usize,
    backing: Arc<Backing>,
}

impl Variable {
    pub(crate) fn new(spec: &VariableSpec, backing: Arc<Backing>) -> Self {
        let fits = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let (offset, size) = (fits(spec.offset), fits(spec.size));
        Self { name: spec.name.clone(), offset, size, backing }
    }

    /// The symbol.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the variable.
    pub fn size(&self) -> usize {
        self.size
    }

    /// True when the value can be read only: a constant, or its map is frozen.
    pub fn is_read_only(&self) -> bool {
        match &*self.backing {
            Backing::Shared(_) => false,
            Backing::Constant(_) => true,
            Backing::Map(map) => is_read_only(map),
        }
    }

    /// The value.
    #[inline]
    pub fn get<T: FromBytes + IntoBytes>(&self) -> Result<T> {
        let mut value = T::new_zeroed();
        self.read(value.as_mut_bytes())?;
        Ok(value)
    }

    /// Sets the value.
    #[inline]
    pub fn set<T: IntoBytes + Immutable>(&self, value: &T) -> Result<()> {
        self.write(value.as_bytes())
    }

    /// Copies the value to `bytes`, of exactly [`size`](Self::size) bytes.
    #[inline]
    pub fn read(&self, bytes: &mut [u8]) -> Result<()> {
        self.check("read", bytes.len())?;
        match &*self.backing {
            Backing::Shared(memory) => memory
                .read(self.offset, bytes)
                .map_err(|source| self.outside("read").with_source(source)),
            Backing::Constant(memory) => memory
                .read(self.offset, bytes)
                .map_err(|source| self.outside("read").with_source(source)),
            Backing::Map(map) => {
                let whole = self.whole(map)?;
                let value = whole
                    .get(self.offset..)
                    .and_then(|rest| rest.get(..bytes.len()))
                    .ok_or_else(|| self.outside("read"))?;
                bytes.copy_from_slice(value);
                Ok(())
            }
        }
    }

    /// Copies `bytes`, of exactly [`size`](Self::size), to the value.
    #[inline]
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        self.check("set", bytes.len())?;
        match &*self.backing {
            _ if self.is_read_only() => Err(Error::new(ErrorKind::ReadOnly, self.action("set"))
                .with_hint("constants are set in the specification, before it is loaded")),
            Backing::Shared(memory) => memory
                .write(self.offset, bytes)
                .map_err(|source| self.outside("set").with_source(source)),
            Backing::Constant(_) => Err(self.outside("set")),
            Backing::Map(map) => {
                let mut whole = self.whole(map)?;
                let value =
                    whole.get_mut(self.offset..).and_then(|rest| rest.get_mut(..bytes.len()));
                value.ok_or_else(|| self.outside("set"))?.copy_from_slice(bytes);
                map.update(&FIRST, &whole, UpdateFlags::ANY)
            }
        }
    }

    fn whole(&self, map: &Map) -> Result<Vec<u8>> {
        map.lookup(&FIRST)?.ok_or_else(|| Error::new(ErrorKind::KeyNotFound, self.action("read")))
    }

    fn check(&self, doing: &str, len: usize) -> Result<()> {
        if len == self.size {
            return Ok(());
        }
        Err(Error::new(ErrorKind::WrongSize, self.action(doing))
            .with_reason(format!("it has {} bytes, not {len}", self.size)))
    }

    fn outside(&self, doing: &str) -> Error {
        Error::new(ErrorKind::InvalidSpec, self.action(doing))
            .with_reason("it lies beyond the end of its section")
    }

    fn action(&self, doing: &str) -> String {
        format!("{doing} variable `{}`", self.name)
    }
}

/// A data section is the one value of an array.
const FIRST: [u8; 4] = [0; 4];
