//! Global variables of loaded programs.

use std::ops::Range;
use std::sync::Arc;

use bpf_elf::spec::VariableSpec;
use bpf_sys::abi::{MapFlags, MapType, UpdateFlags};
use bpf_sys::memory::{ReadMapping, WriteMapping};
use bpf_sys::{AsMapFd, Errno};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::error::{Error, ErrorKind, Result};
use crate::map::{Layout, Map, PerCpu};

/// What holds the values of the variables of one section.
#[derive(Debug)]
pub(crate) enum Backing {
    /// The value, mapped: no system call.
    Shared(WriteMapping),
    /// The value of a constant section, mapped.
    Constant(ReadMapping),
    /// A map that cannot be mapped: whole values go in and out by system call.
    Map(Map),
    /// A section with a value for each CPU (`.percpu`), which cannot be mapped either.
    PerCpu(Map),
}

impl Backing {
    pub(crate) fn new(map: &Map) -> Result<Self> {
        if map.map_type() == MapType::PERCPU_ARRAY {
            return Ok(Self::PerCpu(map.try_clone()?));
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
            Backing::Map(map) | Backing::PerCpu(map) => is_read_only(map),
        }
    }

    /// True when each CPU has its own value (section `.percpu`): see [`get_per_cpu`](Self::get_per_cpu).
    pub fn is_per_cpu(&self) -> bool {
        matches!(&*self.backing, Backing::PerCpu(_))
    }

    /// The values of a variable of which each CPU has its own, by CPU number.
    ///
    /// Programs that read such a variable need a kernel that gives them its address (`libbpf 1.8`: section `.percpu`); the map that holds it is of
    /// any kernel since 4.6. What the specification says is the value of every CPU.
    ///
    /// ```no_run
    /// # fn packets(collection: &bpf_core::Collection) -> Result<u64, bpf_core::Error> {
    /// let packets: u64 = collection.variable("packets")?.get_per_cpu::<u64>()?.iter().sum();
    /// # Ok(packets)
    /// # }
    /// ```
    pub fn get_per_cpu<T: FromBytes + IntoBytes + Immutable>(&self) -> Result<PerCpu<T>> {
        self.check("read", size_of::<T>())?;
        let (map, layout) = self.per_cpu("read")?;
        let whole = self.whole(map)?;
        let stride = size_of::<T>().next_multiple_of(8);
        let mut values = PerCpu::zeroed(Layout { stride, cpus: layout.cpus });
        for cpu in 0..layout.cpus {
            let value = self.of_cpu(cpu, layout).and_then(|place| whole.get(place));
            let value = value.and_then(|bytes| T::read_from_bytes(bytes).ok());
            values.set(cpu, &value.ok_or_else(|| self.outside("read"))?);
        }
        Ok(values)
    }

    /// Sets the values of a variable of which each CPU has its own.
    ///
    /// The kernel takes the section as a whole: what programs write to other variables of it meanwhile may be lost.
    pub fn set_per_cpu<T>(&self, values: &PerCpu<T>) -> Result<()>
    where
        T: FromBytes + IntoBytes + Immutable,
    {
        self.check("set", size_of::<T>())?;
        let (map, layout) = self.per_cpu("set")?;
        let mut whole = self.whole(map)?;
        for (cpu, value) in values.iter().enumerate() {
            let place = self.of_cpu(cpu, layout).and_then(|place| whole.get_mut(place));
            place.ok_or_else(|| self.outside("set"))?.copy_from_slice(value.as_bytes());
        }
        map.update(&FIRST, &whole, UpdateFlags::ANY)
    }

    fn per_cpu(&self, doing: &str) -> Result<(&Map, Layout)> {
        match &*self.backing {
            Backing::PerCpu(map) => {
                let shape = map.shape();
                Ok((map, Layout { stride: shape.stride, cpus: shape.values }))
            }
            _ => Err(Error::new(ErrorKind::WrongType, self.action(doing))
                .with_reason("all CPUs share one value")),
        }
    }

    /// Where the value of a CPU is in the values of the section.
    fn of_cpu(&self, cpu: usize, layout: Layout) -> Option<Range<usize>> {
        let start = cpu.checked_mul(layout.stride)?.checked_add(self.offset)?;
        let within = self.offset.checked_add(self.size)? <= layout.stride;
        within.then_some(start..start.checked_add(self.size)?)
    }

    fn one_for_each(&self, doing: &str) -> Error {
        Error::new(ErrorKind::WrongType, self.action(doing))
            .with_reason("each CPU has its own value")
            .with_hint("use get_per_cpu and set_per_cpu")
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
            Backing::PerCpu(_) => Err(self.one_for_each("read")),
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
            Backing::PerCpu(_) => Err(self.one_for_each("set")),
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
