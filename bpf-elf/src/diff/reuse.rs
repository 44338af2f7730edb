//! Whether a map that an older object pinned is usable by a newer one.

use bpf_sys::abi::{MapFlags, MapType};

use super::field::MapField;
use crate::spec::MapSpec;

/// Whether a map that was made from one definition can be taken for another (libbpf: `map_is_reuse_compat`).
///
/// What is compared: type, sizes, number of entries, flags and the extra number. Types of keys and values are not: where they
/// change and their sizes do not, what is in the map is read as something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// It can.
    Works,
    /// It cannot: loading fails until the old map is unpinned or migrated.
    Refused {
        /// What differs.
        fields: Vec<MapField>,
    },
    /// It depends on the size of a page (of ring buffers) or the number of CPUs (of perf event arrays).
    DependsOnMachine,
}

/// Sizes of pages that Linux has: a ring buffer takes whole ones.
const PAGES: [u64; 3] = [4096, 16 * 1024, 64 * 1024];

impl Reuse {
    /// Whether a map that was made as `old` says can be taken where `new` is asked for.
    pub fn of(old: &MapSpec, new: &MapSpec) -> Self {
        let mut fields = Vec::new();
        let mut compare = |field, is_same: bool| {
            if !is_same {
                fields.push(field);
            }
        };
        compare(MapField::Type, old.map_type == new.map_type);
        compare(MapField::KeySize, old.key_size == new.key_size);
        compare(MapField::ValueSize, old.value_size == new.value_size);
        let entries = Entries::of(old, new);
        compare(MapField::MaxEntries, entries != Entries::Differ);
        compare(MapField::Flags, flags(old) == flags(new));
        compare(MapField::MapExtra, old.map_extra == new.map_extra);
        if !fields.is_empty() {
            return Self::Refused { fields };
        }
        if entries == Entries::DependOnMachine { Self::DependsOnMachine } else { Self::Works }
    }

    /// Whether the old map can be used on every machine.
    pub fn is_certain(&self) -> bool {
        *self == Self::Works
    }
}

#[derive(PartialEq)]
enum Entries {
    Same,
    DependOnMachine,
    Differ,
}

impl Entries {
    fn of(old: &MapSpec, new: &MapSpec) -> Self {
        let (old_entries, new_entries) = (old.max_entries, new.max_entries);
        if old_entries == new_entries {
            return Self::Same;
        }
        match new.map_type {
            MapType::RINGBUF | MapType::USER_RINGBUF if old_entries != 0 && new_entries != 0 => {
                let same = PAGES.iter().filter(|page| {
                    ring_size(old_entries, **page) == ring_size(new_entries, **page)
                });
                match same.count() {
                    0 => Self::Differ,
                    count if count == PAGES.len() => Self::Same,
                    _ => Self::DependOnMachine,
                }
            }
            // Zero stands for the number of CPUs.
            MapType::PERF_EVENT_ARRAY if old_entries == 0 || new_entries == 0 => {
                Self::DependOnMachine
            }
            _ => Self::Differ,
        }
    }
}

/// Bytes of a ring: a power of two, and whole pages (libbpf: `adjust_ringbuf_sz`).
fn ring_size(size: u32, page: u64) -> u64 {
    u64::from(size).max(page).checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// The flags that count. The kernel adds `RDONLY_PROG` to device maps by itself (`kernel/bpf/devmap.c`).
fn flags(map: &MapSpec) -> u32 {
    match map.map_type {
        MapType::DEVMAP | MapType::DEVMAP_HASH => map.flags.without(MapFlags::RDONLY_PROG).bits(),
        _ => map.flags.bits(),
    }
}
