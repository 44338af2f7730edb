//! Changes to maps, each checked when it is made.
use bpf_sys::abi::{MapFlags, MapType};

use super::error::{EditError, refuse};
use super::map_check;
use super::names::check_name;
use crate::spec::{CollectionSpec, MapContents, MapEntry, MapSpec, Pinning, TypeRef};

impl CollectionSpec {
    /// A map whose properties can be changed. Each change is checked when it is made.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// let mut spec = CollectionSpec::open("counter.o")?;
    /// spec.map_mut("events")?.set_max_entries(1 << 20)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// There is no such map.
    pub fn map_mut(&mut self, name: &str) -> Result<MapMut<'_>, EditError> {
        if !self.maps.contains(name) {
            return Err(EditError::missing("map", name));
        }
        Ok(MapMut { spec: self, name: name.to_owned() })
    }

    /// Adds a map under its name.
    ///
    /// # Errors
    ///
    /// The name is none or is taken, or the kernel would refuse the map: see [`MapProblem`](super::MapProblem). The spec is then what it was.
    pub fn add_map(&mut self, map: MapSpec) -> Result<&mut MapSpec, EditError> {
        check_name("map", &map.name)?;
        if self.maps.contains(&map.name) {
            return Err(EditError::Taken { kind: "map", name: map.name });
        }
        refuse(self.map_problems(&map.name, &map), &[], EditError::map(&map.name))?;
        let name = map.name.clone();
        self.maps.insert(name.as_str(), map);
        self.maps.get_mut(&name).ok_or_else(|| EditError::missing("map", &name))
    }
}

/// A map whose properties can be changed.
///
/// A change is refused if it makes anything wrong that was not wrong before: with it the kernel would not take the map, or the collection would
/// not hold together. The spec is then what it was, and the error names the map and what is wrong. What was wrong before (an object that leaves
/// `max_entries` open) does not stand in the way of other changes.
///
/// The fields of [`MapSpec`] can also be set without a check, for a kernel that takes more than is known here: [`MapSpec::check`] and
/// [`CollectionSpec::check_map`] then tell what these methods would.
#[derive(Debug)]
pub struct MapMut<'spec> {
    pub(super) spec: &'spec mut CollectionSpec,
    pub(super) name: String,
}

impl MapMut<'_> {
    /// The map as it is.
    pub fn spec(&self) -> Option<&MapSpec> {
        self.spec.maps.get(&self.name)
    }

    /// Makes several changes as one: they are checked together when all are made.
    ///
    /// A key or value that gets another size loses its type, unless the change gives it one.
    ///
    /// ```
    /// use bpf_asm::ByteOrder;
    /// use bpf_elf::spec::{CollectionSpec, MapSpec};
    /// use bpf_sys::abi::{MapFlags, MapType};
    ///
    /// let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    /// spec.add_map(MapSpec::new("seen", MapType::HASH, 8, 4, 1024))?;
    /// spec.map_mut("seen")?.edit(|map| {
    ///     map.map_type = MapType::LPM_TRIE;
    ///     map.flags = MapFlags::NO_PREALLOC;
    /// })?;
    /// assert!(spec.map_mut("seen")?.set_key_size(2).is_err());
    /// # Ok::<(), bpf_elf::spec::EditError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EditError::Map`] with what is wrong now.
    pub fn edit(&mut self, change: impl FnOnce(&mut MapSpec)) -> Result<&mut Self, EditError> {
        let missing = || EditError::missing("map", &self.name);
        let map = self.spec.maps.get(&self.name).ok_or_else(missing)?;
        let known = self.spec.map_problems(&self.name, map);
        let mut changed = map.clone();
        change(&mut changed);
        follow(map, &mut changed);
        let found = self.spec.map_problems(&self.name, &changed);
        refuse(found, &known, EditError::map(&self.name))?;
        self.spec.maps.insert(self.name.as_str(), changed);
        Ok(self)
    }

    /// Another type, with the sizes that go with it. Flags that maps of the type do not take are dropped, those that it needs are set.
    pub fn set_type(
        &mut self,
        map_type: MapType,
        key_size: u32,
        value_size: u32,
    ) -> Result<&mut Self, EditError> {
        self.edit(|map| {
            (map.map_type, map.key_size, map.value_size) = (map_type, key_size, value_size);
            map.flags = map_check::usual_flags(map_type, map.flags);
        })
    }

    /// Bytes in a key. The type of the key is dropped if it has another size.
    ///
    /// Pairs of another size are refused: [`edit`](Self::edit) changes both as one.
    pub fn set_key_size(&mut self, size: u32) -> Result<&mut Self, EditError> {
        self.edit(|map| map.key_size = size)
    }

    /// Bytes in a value. The type of the value is dropped if it has another size.
    ///
    /// In a map that holds a data section, this is the size of the last variable: see
    /// [`resize_variable`](CollectionSpec::resize_variable) (libbpf: `bpf_map__set_value_size`). A single value that the map begins with is cut, or
    /// filled up with zeros; pairs of another size are refused: [`edit`](Self::edit) changes both as one.
    pub fn set_value_size(&mut self, size: u32) -> Result<&mut Self, EditError> {
        let of = self.spec.variables.values().filter(|variable| variable.map == self.name);
        let last = of.max_by_key(|variable| variable.offset);
        if let Some((name, offset)) = last.map(|variable| (variable.name.clone(), variable.offset))
        {
            let outside = || EditError::Outside { name: name.clone(), map: self.name.clone() };
            let size = size.checked_sub(offset).filter(|size| *size != 0).ok_or_else(outside)?;
            self.spec.resize_variable(&name, size)?;
            return Ok(self);
        }
        self.edit(|map| {
            map.value_size = size;
            if let (MapContents::Bytes(bytes), Ok(len)) = (&mut map.contents, usize::try_from(size))
            {
                // Without room the contents stay too short, which the check tells.
                if bytes.try_reserve_exact(len.saturating_sub(bytes.len())).is_ok() {
                    bytes.resize(len, 0);
                }
            }
        })
    }

    /// The most entries that the map can hold: for a ring its bytes, for an arena its pages.
    ///
    /// A ring has a power of two, and at least 4096. An object may say otherwise: a size is rounded up when the map is created, as libbpf does, also
    /// to the page of the machine. Who sets one says what it is.
    pub fn set_max_entries(&mut self, max_entries: u32) -> Result<&mut Self, EditError> {
        self.edit(|map| map.max_entries = max_entries)
    }

    /// Flags for `BPF_MAP_CREATE`.
    pub fn set_flags(&mut self, flags: MapFlags) -> Result<&mut Self, EditError> {
        self.edit(|map| map.flags = flags)
    }

    /// The NUMA node for the memory, with the flag that has the kernel heed it; `None` for any.
    pub fn set_numa_node(&mut self, node: Option<u32>) -> Result<&mut Self, EditError> {
        self.edit(|map| {
            map.numa_node = node.unwrap_or_default();
            map.flags = match node {
                Some(_) => map.flags.with(MapFlags::NUMA_NODE),
                None => map.flags.without(MapFlags::NUMA_NODE),
            };
        })
    }

    /// A number whose meaning depends on the type: hash functions of a bloom filter, address of an arena.
    pub fn set_map_extra(&mut self, map_extra: u64) -> Result<&mut Self, EditError> {
        self.edit(|map| map.map_extra = map_extra)
    }

    /// Whether the map is pinned by its name.
    pub fn set_pinning(&mut self, pinning: Pinning) -> Result<&mut Self, EditError> {
        self.edit(|map| map.pinning = pinning)
    }

    /// Types of keys and values. They have to have the sizes of the map.
    pub fn set_types(
        &mut self,
        key: Option<TypeRef>,
        value: Option<TypeRef>,
    ) -> Result<&mut Self, EditError> {
        self.edit(|map| (map.key_type, map.value_type) = (key, value))
    }

    /// What each map in this map of maps looks like.
    pub fn set_inner(&mut self, inner: MapSpec) -> Result<&mut Self, EditError> {
        self.edit(|map| map.inner = Some(Box::new(inner)))
    }

    /// The value that the map begins with, in the byte order of the object: of an array, a data section or a `struct_ops` value.
    pub fn set_value(&mut self, value: impl Into<Vec<u8>>) -> Result<&mut Self, EditError> {
        self.edit(|map| map.contents = MapContents::Bytes(value.into()))
    }

    /// The maps in this map of maps, or the programs in this program array.
    pub fn set_entries(
        &mut self,
        entries: impl IntoIterator<Item = MapEntry>,
    ) -> Result<&mut Self, EditError> {
        self.edit(|map| map.contents = MapContents::Entries(entries.into_iter().collect()))
    }

    /// Whether loading the collection creates this map.
    pub fn set_autocreate(&mut self, autocreate: bool) -> Result<&mut Self, EditError> {
        self.edit(|map| map.autocreate = autocreate)
    }
}

/// Types that no longer fit because the sizes were changed.
fn follow(old: &MapSpec, new: &mut MapSpec) {
    if old.key_size != new.key_size && old.key_type == new.key_type {
        new.key_type = None;
    }
    if old.value_size != new.value_size && old.value_type == new.value_type {
        new.value_type = None;
    }
}
