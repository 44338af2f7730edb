//! The specification of a map.
use bpf_sys::abi::{MapFlags, MapType};

use super::{MapContents, TypeRef};

/// Whether a map lives on in the BPF file system under its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pinning {
    /// Not pinned.
    #[default]
    None,
    /// Pinned by its name below the pin path, and taken from there if it is already pinned (`LIBBPF_PIN_BY_NAME`).
    ByName,
}

/// A map as the object defines it.
///
/// Sizes are those of the definition: what depends on the machine (page size, number of CPUs) is applied when the map is created.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MapSpec {
    /// The name; the section for a map that holds a data section.
    pub name: String,
    /// The section that defines it.
    pub section: String,
    /// The map type.
    pub map_type: MapType,
    /// Bytes in a key.
    pub key_size: u32,
    /// Bytes in a value.
    pub value_size: u32,
    /// The most entries it can hold.
    pub max_entries: u32,
    /// Flags for `BPF_MAP_CREATE`.
    pub flags: MapFlags,
    /// NUMA node for the memory, heeded by the kernel if the flags say so.
    pub numa_node: u32,
    /// Number whose meaning depends on the map type (hash functions of a bloom filter, address of an arena).
    pub map_extra: u64,
    /// Whether the map is pinned.
    pub pinning: Pinning,
    /// Type of a key, if the object says.
    pub key_type: Option<TypeRef>,
    /// Type of a value, if the object says.
    pub value_type: Option<TypeRef>,
    /// What each map in this map of maps looks like.
    pub inner: Option<Box<MapSpec>>,
    /// What the map holds before the first program runs.
    pub contents: MapContents,
    /// The programs that a `struct_ops` value points to.
    pub function_members: Vec<FunctionMember>,
    /// Whether loading the collection creates this map.
    pub autocreate: bool,
    /// Whether the map is frozen (no more writes by system call) once it has its contents.
    pub freeze: bool,
    /// What a definition in a legacy `maps` section has after its five fields, if that is not zero. A loader that does not
    /// know what it means must refuse the map.
    pub extra: Vec<u8>,
}

impl MapSpec {
    /// A map of this type and these sizes without flags, types and contents.
    pub fn new(
        name: impl Into<String>,
        map_type: MapType,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    ) -> Self {
        Self {
            name: name.into(),
            section: String::new(),
            map_type,
            key_size,
            value_size,
            max_entries,
            flags: MapFlags::default(),
            numa_node: 0,
            map_extra: 0,
            pinning: Pinning::None,
            key_type: None,
            value_type: None,
            inner: None,
            contents: MapContents::None,
            function_members: Vec::new(),
            autocreate: true,
            freeze: false,
            extra: Vec::new(),
        }
    }
}

/// A member of a `struct_ops` value that points to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionMember {
    /// Bytes from the start of the value.
    pub offset: u32,
    /// The program.
    pub program: String,
}
