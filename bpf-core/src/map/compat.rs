//! Is an existing map what a specification asks for?

use std::fmt;

use bpf_sys::abi::{MapFlags, MapType};

use super::Map;
use super::create::Wanted;
use crate::error::{Error, ErrorKind, Result};
use bpf_elf::spec::MapSpec;

/// One difference between a map and what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// What differs: the name of the map's property, as in the `.maps` section.
    pub property: &'static str,
    /// What the specification asks for.
    pub wanted: String,
    /// What the map has.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, not {}", self.property, self.found, self.wanted)
    }
}

impl Map {
    /// Compares this map with a specification: type, sizes, number of entries, flags, extra parameter.
    ///
    /// The error, of kind [`ErrorKind::Incompatible`], lists all [differences](Error::mismatches).
    pub fn check_compatible(&self, spec: &MapSpec) -> Result<()> {
        let found = Wanted {
            map_type: self.map_type(),
            key_size: self.key_size(),
            value_size: self.value_size(),
            max_entries: self.max_entries(),
            flags: self.flags(),
            map_extra: self.map_extra(),
        };
        let mismatches = mismatches(&Wanted::from_spec(spec)?, &found);
        if mismatches.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Incompatible, format!("use an existing map for `{}`", spec.name))
            .with_mismatches(mismatches))
    }
}

/// All structural differences (libbpf: `map_is_reuse_compat`).
fn mismatches(wanted: &Wanted, found: &Wanted) -> Vec<Mismatch> {
    let mut list = Vec::new();
    let mut compare = |property, wanted: String, found: String| {
        if wanted != found {
            list.push(Mismatch { property, wanted, found });
        }
    };
    compare("type", wanted.map_type.to_string(), found.map_type.to_string());
    compare("key_size", wanted.key_size.to_string(), found.key_size.to_string());
    compare("value_size", wanted.value_size.to_string(), found.value_size.to_string());
    compare("max_entries", wanted.max_entries.to_string(), found.max_entries.to_string());
    compare("map_flags", format!("{:#x}", flags(wanted)), format!("{:#x}", flags(found)));
    compare("map_extra", format!("{:#x}", wanted.map_extra), format!("{:#x}", found.map_extra));
    list
}

/// The flags that count. The kernel adds `RDONLY_PROG` to device maps by itself (`kernel/bpf/devmap.c`).
fn flags(facts: &Wanted) -> u32 {
    match facts.map_type {
        MapType::DEVMAP | MapType::DEVMAP_HASH => facts.flags.without(MapFlags::RDONLY_PROG).bits(),
        _ => facts.flags.bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Wanted {
        Wanted {
            map_type: MapType::HASH,
            key_size: 4,
            value_size: 8,
            max_entries: 16,
            flags: MapFlags::NONE,
            map_extra: 0,
        }
    }

    /// One row: an edit of the found map, and the differences that it makes.
    #[track_caller]
    fn check(edit: impl FnOnce(&mut Wanted), expected: &[&str]) {
        let mut found = facts();
        edit(&mut found);
        let got: Vec<String> =
            mismatches(&facts(), &found).iter().map(ToString::to_string).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn every_property_is_compared() {
        check(|_| (), &[]);
        check(|map| map.key_size = 8, &["key_size is 8, not 4"]);
        check(|map| map.value_size = 4, &["value_size is 4, not 8"]);
        check(|map| map.max_entries = 1, &["max_entries is 1, not 16"]);
        check(|map| map.flags = MapFlags::NO_PREALLOC, &["map_flags is 0x1, not 0x0"]);
        check(|map| map.map_extra = 3, &["map_extra is 0x3, not 0x0"]);
        check(
            |map| {
                map.map_type = MapType::ARRAY;
                map.max_entries = 2;
            },
            &["type is array, not hash", "max_entries is 2, not 16"],
        );
    }

    #[test]
    fn device_maps_may_have_become_read_only_for_programs() {
        for (map_type, differ) in
            [(MapType::DEVMAP, false), (MapType::DEVMAP_HASH, false), (MapType::ARRAY, true)]
        {
            let wanted = Wanted { map_type, ..facts() };
            let found = Wanted { flags: MapFlags::RDONLY_PROG, ..wanted };
            assert_eq!(!mismatches(&wanted, &found).is_empty(), differ, "{map_type:?}");
        }
    }
}
