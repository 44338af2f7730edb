//! Creating maps: what the kernel wants rounded or left out, and what to try again without.

use bpf_elf::spec::{MapContents, MapSpec, TypeRef};
use bpf_sys::abi::{MapFlags, MapType, ObjectName};
use bpf_sys::feature::Feature;
use bpf_sys::map::MapCreate;
use bpf_sys::{AsMapFd, Errno, OwnedBtfFd, OwnedMapFd, SysError};

use super::{Map, is_map_in_map};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// What a map is created with, besides its specification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CreateOptions<'a> {
    /// The name of the object; empty for none.
    pub(crate) object: &'a str,
    /// The BTF of the object, where the kernel has it.
    pub(crate) btf: Option<&'a OwnedBtfFd>,
    /// An example of the inner maps.
    pub(crate) inner: Option<&'a Map>,
    pub(crate) context: &'a Context,
}

/// The properties that a map must have to be what a specification asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) map_type: MapType,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) flags: MapFlags,
    pub(super) map_extra: u64,
}

impl Wanted {
    /// The properties after what the running system decides (libbpf: E12, E13).
    pub(super) fn from_spec(spec: &MapSpec) -> Result<Self> {
        let mut wanted = Self {
            map_type: spec.map_type,
            key_size: spec.key_size,
            value_size: spec.value_size,
            max_entries: spec.max_entries,
            flags: spec.flags,
            map_extra: spec.map_extra,
        };
        match spec.map_type {
            MapType::RINGBUF | MapType::USER_RINGBUF => {
                let page = u32::try_from(bpf_sys::kernel::page_size()).unwrap_or(4096);
                wanted.max_entries = ring_size(spec.max_entries, page).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidSpec, action(spec))
                        .with_reason("its ring is larger than 2 GiB")
                })?;
            }
            MapType::PERF_EVENT_ARRAY => {
                wanted.key_size = 4;
                wanted.value_size = 4;
                if spec.max_entries == 0 {
                    let cpus = bpf_sys::kernel::possible_cpus()
                        .map_err(|source| Error::system(action(spec), source))?;
                    wanted.max_entries = u32::try_from(cpus.count()).unwrap_or(u32::MAX);
                }
            }
            map_type if is_map_in_map(map_type) => wanted.value_size = 4,
            _ => {}
        }
        Ok(wanted)
    }
}

/// Bytes of a ring: a power of two, and whole pages (libbpf: `adjust_ringbuf_sz`). Zero stays zero, which the kernel refuses.
fn ring_size(size: u32, page: u32) -> Option<u32> {
    if size == 0 { Some(0) } else { size.max(page).checked_next_power_of_two() }
}

impl Map {
    /// Creates a map by itself, without a collection: filled with the bytes or pairs of its specification, and frozen if that says so.
    ///
    /// It is not pinned, whatever the specification says: see [`pin`](Self::pin). Slots that name maps or programs need their collection, and are
    /// an error.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), bpf_core::Error> {
    /// use bpf_core::{Map, MapSpec, MapType};
    /// let map = Map::create(&MapSpec::new("counts", MapType::HASH, 4, 8, 1024))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(spec: &MapSpec) -> Result<Self> {
        let filled = |map: Self| match &spec.contents {
            MapContents::None | MapContents::Zeroed => Ok(map),
            MapContents::Bytes(bytes) => {
                map.fill(bytes)?;
                Ok(map)
            }
            MapContents::Pairs(pairs) => {
                map.fill_pairs(pairs)?;
                Ok(map)
            }
            _ => Err(Error::new(ErrorKind::InvalidSpec, action(spec))
                .with_reason("its slots name maps or programs of a collection")),
        };
        let context = Context::new();
        let create = |spec: &MapSpec, inner| {
            create(spec, &CreateOptions { object: "", btf: None, inner, context: &context })
        };
        let inner = spec.inner.as_deref().map(|inner| create(inner, None)).transpose()?;
        let map = filled(create(spec, inner.as_ref())?)?;
        if spec.freeze {
            map.freeze()?;
        }
        Ok(map)
    }
}

/// Creates a map; names, BTF and a mapping are left out when the kernel does not take them.
pub(crate) fn create(spec: &MapSpec, options: &CreateOptions<'_>) -> Result<Map> {
    let wanted = Wanted::from_spec(spec)?;
    let mut full =
        MapCreate::new(wanted.map_type, wanted.key_size, wanted.value_size, wanted.max_entries);
    full.flags = wanted.flags;
    full.inner_map = options.inner.map(AsMapFd::as_map_fd);
    full.numa_node = spec.numa_node;
    full.name = ObjectName::sanitized(&spec.kernel_name(options.object));
    full.map_extra = wanted.map_extra;
    add_types(&mut full, spec, options);
    match attempts(full, spec) {
        Ok(fd) => Ok(Map::new(fd, spec.name.as_str())),
        Err(source) => Err(explain(spec, &wanted, options.context, source)),
    }
}

/// The BTF types of key and value, where this type of map may have them (libbpf: R9).
fn add_types<'a>(create: &mut MapCreate<'a>, spec: &MapSpec, options: &CreateOptions<'a>) {
    let Some(value) = spec.value_type.as_ref().filter(|_| takes_types(spec.map_type)) else {
        return;
    };
    let Some(btf) = options.btf else { return };
    create.btf = Some(btf.as_borrowed());
    create.btf_key_type_id = spec.key_type.as_ref().map_or(0, TypeRef::id);
    create.btf_value_type_id = value.id();
}

fn takes_types(map_type: MapType) -> bool {
    !matches!(
        map_type,
        MapType::PERF_EVENT_ARRAY
            | MapType::CGROUP_ARRAY
            | MapType::STACK_TRACE
            | MapType::ARRAY_OF_MAPS
            | MapType::HASH_OF_MAPS
            | MapType::DEVMAP
            | MapType::DEVMAP_HASH
            | MapType::CPUMAP
            | MapType::XSKMAP
            | MapType::SOCKMAP
            | MapType::SOCKHASH
            | MapType::QUEUE
            | MapType::STACK
            | MapType::ARENA
    )
}

/// Tries with everything, then without what is only an aid, one thing after the other. The error is that of the first try.
fn attempts<'a>(full: MapCreate<'a>, spec: &MapSpec) -> Result<OwnedMapFd, SysError> {
    let mut create = full;
    let first = match bpf_sys::map::create(&create) {
        Ok(fd) => return Ok(fd),
        Err(error) => error,
    };
    if matches!(first.errno, Errno::EPERM | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) {
        return Err(first);
    }
    // Types before 5.2, names before 4.15 (with a dot: 5.2), mapping before 5.5.
    let mut edits: Vec<fn(&mut MapCreate<'a>)> = Vec::new();
    if full.btf.is_some() {
        edits.push(|create| {
            create.btf = None;
            create.btf_key_type_id = 0;
            create.btf_value_type_id = 0;
        });
    }
    edits.push(|create| create.name = ObjectName::NONE);
    if is_data(spec) && full.flags.contains(MapFlags::MMAPABLE) {
        edits.push(|create| create.flags = create.flags.without(MapFlags::MMAPABLE));
    }
    for edit in edits {
        edit(&mut create);
        if let Ok(fd) = bpf_sys::map::create(&create) {
            return Ok(fd);
        }
    }
    Err(first)
}

/// A map that holds a data section: nobody asked for it to be mappable.
fn is_data(spec: &MapSpec) -> bool {
    spec.section.starts_with('.') && spec.section != ".maps"
}

fn action(spec: &MapSpec) -> String {
    format!("create map `{}`", spec.name)
}

/// A refused map: what is missing, or what is wrong with it.
fn explain(spec: &MapSpec, wanted: &Wanted, context: &Context, source: SysError) -> Error {
    let error = Error::system(action(spec), source);
    if !matches!(source.errno, Errno::EINVAL | Errno::E2BIG | Errno::EOPNOTSUPP | Errno::ENOTSUPP) {
        return error;
    }
    if let Some(unsupported) = context.lacks_map_type(wanted.map_type) {
        return error.with_kind(unsupported);
    }
    let needs = [
        (MapFlags::RDONLY_PROG, Feature::GLOBAL_DATA),
        (MapFlags::WRONLY_PROG, Feature::GLOBAL_DATA),
        (MapFlags::MMAPABLE, Feature::ARRAY_MMAP),
        (MapFlags::INNER_MAP, Feature::INNER_MAP),
    ];
    for (flag, feature) in needs {
        if wanted.flags.contains(flag) {
            if let Some(unsupported) = context.lacks(&feature) {
                return error.with_kind(unsupported);
            }
        }
    }
    let no_prealloc = wanted.flags.contains(MapFlags::NO_PREALLOC);
    let hint = match wanted.map_type {
        _ if wanted.max_entries == 0 && !keyed_by_owner(wanted.map_type) => "max_entries is 0",
        MapType::LPM_TRIE if !no_prealloc => "maps of this type need the flag BPF_F_NO_PREALLOC",
        map_type if keyed_by_owner(map_type) && !no_prealloc => {
            "maps of this type need the flag BPF_F_NO_PREALLOC"
        }
        MapType::ARRAY | MapType::PERCPU_ARRAY if wanted.key_size != 4 => {
            "keys of arrays have 4 bytes"
        }
        MapType::ARRAY | MapType::PERCPU_ARRAY if wanted.value_size == 0 => "value_size is 0",
        MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::LRU_HASH if no_prealloc => {
            "maps of this type do not take the flag BPF_F_NO_PREALLOC"
        }
        map_type if is_map_in_map(map_type) && spec.inner.is_none() => {
            "it has no definition of its inner maps"
        }
        _ => return error,
    };
    error.with_hint(hint)
}

/// Storage that belongs to another kernel object, one value for each.
fn keyed_by_owner(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::SK_STORAGE
            | MapType::INODE_STORAGE
            | MapType::TASK_STORAGE
            | MapType::CGRP_STORAGE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_powers_of_two_of_whole_pages() {
        let rows = [
            (0, Some(0)),
            (1, Some(4096)),
            (4096, Some(4096)),
            (4097, Some(8192)),
            (12288, Some(16384)),
            (1 << 31, Some(1 << 31)),
            ((1 << 31) + 1, None),
            (u32::MAX, None),
        ];
        for (size, expected) in rows {
            assert_eq!(ring_size(size, 4096), expected, "{size}");
        }
        assert_eq!(ring_size(4096, 65536), Some(65536));
    }

    #[test]
    fn only_data_sections_may_lose_their_mapping() {
        for (section, data) in
            [(".bss", true), (".rodata.x", true), (".maps", false), ("maps", false), ("", false)]
        {
            let mut spec = MapSpec::new("m", MapType::ARRAY, 4, 4, 1);
            section.clone_into(&mut spec.section);
            assert_eq!(is_data(&spec), data, "{section}");
        }
    }
}
