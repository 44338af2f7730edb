//! Whether a map is one that the kernel takes.
use std::collections::HashSet;

use bpf_btf::{Btf, TypeId};
use bpf_sys::abi::{MapFlags, MapType};

use super::error::{EditError, refuse};
use super::map_problem::MapProblem;
use super::map_rules::{self, EITHER, JUDGED, PAGE, rules};
use super::pairs;
use super::variable::fits;
use crate::spec::{CollectionSpec, MapContents, MapSpec, Pinning, Target, TypeRef};

impl MapSpec {
    /// Whether the kernel takes a map of this type with these sizes, flags and contents: what is fixed on every kernel, and can be told without
    /// the rest of the collection. [`CollectionSpec::check_map`] also looks at that, and at numbers in keys, which have its byte order.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), EditError> {
        refuse(alone(self), &[], EditError::map(&self.name))
    }
}

impl CollectionSpec {
    /// Whether the kernel and the rest of the collection agree with a map: what an edit by [`map_mut`](Self::map_mut) checks, for a map whose
    /// fields were set or read.
    ///
    /// # Errors
    ///
    /// There is no such map, or the first thing that is wrong with it.
    pub fn check_map(&self, name: &str) -> Result<(), EditError> {
        let map = self.maps.get(name).ok_or_else(|| EditError::missing("map", name))?;
        refuse(self.map_problems(name, map), &[], EditError::map(name))
    }

    /// All that is wrong with a map under this name.
    pub(super) fn map_problems(&self, name: &str, map: &MapSpec) -> Vec<MapProblem> {
        let mut found = alone(map);
        if map.name != name {
            found.push(MapProblem::Renamed { found: map.name.clone() });
        }
        self.types(map, &mut found);
        if let Some(inner) = &map.inner {
            let mut wrong = Vec::new();
            self.types(inner, &mut wrong);
            found.extend(wrong.into_iter().map(|problem| MapProblem::InInner(Box::new(problem))));
        }
        self.contents(map, &mut found);
        self.uses(name, map, &mut found);
        if map.map_type == MapType::ARENA {
            let other = self
                .maps
                .iter()
                .find(|(other, spec)| *other != name && spec.map_type == MapType::ARENA);
            found.extend(
                other.map(|(other, _)| MapProblem::SecondArena { other: other.to_owned() }),
            );
        }
        found
    }

    fn types(&self, map: &MapSpec, found: &mut Vec<MapProblem>) {
        if rules(map.map_type).is_some_and(|rules| rules.typed)
            && (map.key_type.is_none() || map.value_type.is_none())
        {
            found.push(MapProblem::Untyped { map_type: map.map_type });
        }
        // The value of a map of maps is a descriptor, whatever is declared.
        let value = map.value_type.as_ref().filter(|_| !map.map_type.holds_descriptors());
        let key = map.key_type.as_ref();
        for (part, size, declared) in [("key", map.key_size, key), ("value", map.value_size, value)]
        {
            let Some(declared) = declared else { continue };
            match self.type_size(declared, size) {
                Some(type_size) if type_size == u64::from(size) => {}
                Some(type_size) => found.push(MapProblem::TypeSize {
                    part,
                    size,
                    type_name: declared.name().to_owned(),
                    type_size,
                }),
                None => found.push(MapProblem::NoType { part, id: declared.id() }),
            }
        }
    }

    /// Bytes of a type. Compilers leave the size of a section open: the ELF file has it.
    fn type_size(&self, declared: &TypeRef, value_size: u32) -> Option<u64> {
        let btf: &Btf = self.btf.as_ref()?;
        let id = TypeId::new(declared.id());
        if let Some(bpf_btf::Type::Datasec(section)) = btf.get(id) {
            let read = self.layout.section(section.name()).map(|section| section.size);
            return Some(u64::from(match section.size() {
                0 => read.unwrap_or(value_size),
                size => size,
            }));
        }
        btf.size_of(id).ok()
    }

    fn contents(&self, map: &MapSpec, found: &mut Vec<MapProblem>) {
        let entries = match &map.contents {
            MapContents::Entries(entries) => entries,
            MapContents::Pairs(pairs) => {
                return pairs::in_order(map, pairs, self.byte_order, found);
            }
            _ => return self.members(map, found),
        };
        let programs = map.map_type == MapType::PROG_ARRAY;
        for entry in entries {
            let (kind, known) = if programs {
                ("program", self.programs.contains(&entry.name))
            } else {
                ("map", self.maps.contains(&entry.name))
            };
            let (key, name) = (entry.key, entry.name.clone());
            if !known {
                found.push(MapProblem::SlotMissing { key, kind, name });
                continue;
            }
            let inner = map.inner.as_deref().zip(self.maps.get(&entry.name));
            let field = inner.filter(|_| !programs).and_then(|(wanted, got)| differs(wanted, got));
            found.extend(field.map(|field| MapProblem::InnerDiffers { key, name, field }));
        }
    }

    fn members(&self, map: &MapSpec, found: &mut Vec<MapProblem>) {
        for member in &map.function_members {
            let end = u64::from(member.offset).saturating_add(8);
            if end > u64::from(map.value_size) || !self.programs.contains(&member.program) {
                let program = member.program.clone();
                found.push(MapProblem::Member { offset: member.offset, program });
            }
        }
    }

    /// What instructions and variables want of the value.
    fn uses(&self, name: &str, map: &MapSpec, found: &mut Vec<MapProblem>) {
        let (map_type, size) = (map.map_type, map.value_size);
        for function in self.code() {
            for reference in &function.references {
                let Target::MapValue { map: used, offset } = &reference.target else { continue };
                if **used == *name && !map_rules::reaches(map_type, size, *offset) {
                    let (function, offset) = (function.name.clone(), *offset);
                    found.push(MapProblem::DirectValue { function, offset, map_type, size });
                }
            }
        }
        let holders = self.maps.iter().filter(|(_, outer)| super::names::holds_map(outer, name));
        for (outer, holder) in holders {
            let field = holder.inner.as_deref().and_then(|inner| differs(inner, map));
            let outer = outer.to_owned();
            found.extend(field.map(|field| MapProblem::HolderDiffers { outer, field }));
        }
        let outside = self.variables.values().filter(|v| v.map == name && fits(v, map).is_err());
        found.extend(outside.map(|v| MapProblem::Variable { name: v.name.clone() }));
    }
}

/// What is wrong with a map by itself.
pub(super) fn alone(map: &MapSpec) -> Vec<MapProblem> {
    let mut found = Vec::new();
    shape(map, &mut found);
    flags(map, &mut found);
    inner(map, &mut found);
    own_contents(map, &mut found);
    let file =
        !map.name.is_empty() && map.name != "." && map.name != ".." && !map.name.contains('/');
    if map.pinning == Pinning::ByName && !file {
        found.push(MapProblem::PinName);
    }
    found
}

fn shape(map: &MapSpec, found: &mut Vec<MapProblem>) {
    let map_type = map.map_type;
    if let Some(rules) = rules(map_type) {
        let (key, value, max_entries) = (map.key_size, map.value_size, map.max_entries);
        if !rules.key.allow(key) {
            let allowed = rules.key.text();
            found.push(MapProblem::KeySize { map_type, size: key, allowed });
        }
        if !rules.value.allow(value) {
            let allowed = rules.value.text();
            found.push(MapProblem::ValueSize { map_type, size: value, allowed });
        }
        if !rules.entries.allow(max_entries) {
            let allowed = rules.entries.text();
            found.push(MapProblem::MaxEntries { map_type, max_entries, allowed });
        }
    }
    let map_extra = map.map_extra;
    let (good, allowed) = match map_type {
        MapType::BLOOM_FILTER => (map_extra < 16, "a number of hash functions: at most 15"),
        MapType::ARENA => {
            (map_extra & u64::from(PAGE - 1) == 0, "an address at the start of a page")
        }
        MapType::RHASH => (
            map_extra <= u64::from(map.max_entries).min(0xffff),
            "a number of entries: at most max_entries and 65535",
        ),
        known if rules(known).is_some() => (map_extra == 0, "0"),
        _ => (true, ""),
    };
    if !good {
        found.push(MapProblem::MapExtra { map_type, map_extra, allowed });
    }
}

fn flags(map: &MapSpec, found: &mut Vec<MapProblem>) {
    let map_type = map.map_type;
    if let Some(rules) = rules(map_type) {
        let judged = MapFlags::from_bits(map.flags.bits() & JUDGED.bits());
        let flags = judged.without(rules.allowed);
        if !flags.is_empty() {
            found.push(MapProblem::Flags { map_type, flags });
        }
        let flags = rules.needed.without(map.flags);
        if !flags.is_empty() {
            found.push(MapProblem::NeededFlags { map_type, flags });
        }
    }
    let both = EITHER.into_iter().filter(|flags| map.flags.contains(*flags));
    found.extend(both.map(|flags| MapProblem::Exclusive { flags }));
}

fn inner(map: &MapSpec, found: &mut Vec<MapProblem>) {
    let (map_type, expected) = (map.map_type, map.map_type.is_map_of_maps());
    let Some(inner) = &map.inner else {
        if expected {
            found.push(MapProblem::Inner { map_type, expected });
        }
        return;
    };
    if !expected {
        found.push(MapProblem::Inner { map_type, expected });
    }
    if !map_rules::can_be_inner(inner.map_type) {
        found.push(MapProblem::InnerType { map_type: inner.map_type });
    }
    if inner.pinning != Pinning::None {
        found.push(MapProblem::InnerHas { what: "pinning" });
    }
    if inner.contents != MapContents::None {
        found.push(MapProblem::InnerHas { what: "contents" });
    }
    let mut wrong = Vec::new();
    shape(inner, &mut wrong);
    flags(inner, &mut wrong);
    found.extend(wrong.into_iter().map(|problem| MapProblem::InInner(Box::new(problem))));
}

/// Contents that need nothing of the collection to be wrong.
fn own_contents(map: &MapSpec, found: &mut Vec<MapProblem>) {
    let map_type = map.map_type;
    let kind = |what| MapProblem::ContentsKind { map_type, what };
    let written = !matches!(map.contents, MapContents::None | MapContents::Zeroed);
    if written && map.flags.contains(MapFlags::RDONLY) {
        found.push(MapProblem::ContentsReadOnly);
    }
    match &map.contents {
        MapContents::Bytes(_) | MapContents::Pairs(_) if map.section == ".kconfig" => {
            found.push(MapProblem::Kconfig);
        }
        MapContents::Pairs(_) if !map_rules::holds_pairs(map_type) => {
            found.push(kind("pairs of keys and values"));
        }
        MapContents::Pairs(pairs) => pairs::alone(map, pairs, found),
        MapContents::Zeroed | MapContents::Bytes(_) if !holds_value(map_type) => {
            found.push(kind("the bytes of a value"));
        }
        MapContents::Bytes(bytes)
            if map_type != MapType::ARENA && usize::try_from(map.value_size) != Ok(bytes.len()) =>
        {
            found.push(MapProblem::ContentsSize { size: map.value_size, found: bytes.len() });
        }
        MapContents::None | MapContents::Zeroed | MapContents::Bytes(_) => {}
        MapContents::Entries(_)
            if map_type != MapType::PROG_ARRAY && !map_type.is_map_of_maps() =>
        {
            found.push(kind("maps or programs"));
        }
        MapContents::Entries(entries) => {
            // Keys are numbers of slots in a hash as well.
            if map.key_size != 4 {
                found.push(MapProblem::KeySize {
                    map_type,
                    size: map.key_size,
                    allowed: "4 if it has contents".to_owned(),
                });
            }
            let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
            let max_entries = map.max_entries;
            let mut keys = HashSet::new();
            for entry in entries {
                let key = entry.key;
                if map_type != MapType::HASH_OF_MAPS && key >= max_entries {
                    found.push(MapProblem::Slot { key, max_entries });
                }
                if !keys.insert(key) {
                    found.push(MapProblem::SlotTwice { key });
                }
            }
            if map_type == MapType::HASH_OF_MAPS && count > max_entries {
                found.push(MapProblem::Slot { key: count.saturating_sub(1), max_entries });
            }
        }
    }
}

/// Flags for another type: without those that it does not take, with those that it needs.
pub(super) fn usual_flags(map_type: MapType, flags: MapFlags) -> MapFlags {
    let Some(rules) = rules(map_type) else { return flags };
    flags.without(JUDGED.without(rules.allowed)).with(rules.needed)
}

/// Whether the loader can write one value into a new map.
fn holds_value(map_type: MapType) -> bool {
    matches!(
        map_type,
        MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::ARENA | MapType::STRUCT_OPS
    )
}

/// In what a map differs from the definition of inner maps that it has to be like (`bpf_map_meta_equal`, `array_map_meta_equal`).
fn differs(wanted: &MapSpec, map: &MapSpec) -> Option<&'static str> {
    let flexible = wanted.flags.contains(MapFlags::INNER_MAP);
    let rows = [
        ("type", wanted.map_type == map.map_type),
        ("key_size", wanted.key_size == map.key_size),
        ("value_size", wanted.value_size == map.value_size),
        ("flags", wanted.flags == map.flags),
        (
            "max_entries",
            wanted.map_type != MapType::ARRAY || flexible || wanted.max_entries == map.max_entries,
        ),
    ];
    rows.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}
