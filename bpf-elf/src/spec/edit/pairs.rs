//! Pairs of keys and values that a map begins with: how they are set, and what can be wrong with them.
use std::borrow::Cow;
use std::collections::HashSet;

use bpf_asm::ByteOrder;
use bpf_sys::abi::MapType;
use zerocopy::{Immutable, IntoBytes};

use super::MapMut;
use super::error::EditError;
use super::map_problem::MapProblem;
use super::map_rules;
use super::path::Shape;
use crate::reader::is_data_section;
use crate::spec::{MapContents, MapPair, MapSpec, TypeRef};

impl MapMut<'_> {
    /// The keys that the map begins with and their values, instead of what it began with so far; none for an empty map.
    ///
    /// Both are bytes in the byte order of the spec and have the sizes of the map; in a per-CPU map every CPU gets the value. Refused are a key
    /// given twice, more pairs than `max_entries`, an index or a prefix that is too large, and types of maps that take no such pairs:
    /// those without keys, with values that are descriptors, or with contents that are made by the kernel. See [`MapContents::Pairs`].
    pub fn set_pairs(
        &mut self,
        pairs: impl IntoIterator<Item = MapPair>,
    ) -> Result<&mut Self, EditError> {
        self.edit(|map| map.contents = MapContents::Pairs(pairs.into_iter().collect()))
    }

    /// As [`set_pairs`](Self::set_pairs), from values of Rust types.
    ///
    /// ```
    /// use bpf_asm::ByteOrder;
    /// use bpf_elf::spec::{CollectionSpec, MapSpec};
    /// use bpf_sys::abi::MapType;
    ///
    /// let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    /// spec.add_map(MapSpec::new("limits", MapType::HASH, 4, 8, 64))?;
    /// spec.map_mut("limits")?.set_typed_pairs([(1000_u32, 50_u64), (1001, 20)])?;
    /// assert!(spec.map_mut("limits")?.set_typed_pairs([(1000_u32, 50_u32)]).is_err());
    /// # Ok::<(), bpf_elf::spec::EditError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for `set_pairs`; or the types are none for the map: BTF says that keys or values are something else (a structure, and an integer is
    /// given), or they are numbers in the byte order of this machine and the object is in the other one (a type of alignment 1, as
    /// `zerocopy::byteorder` has, names its byte order and is taken as it is).
    pub fn set_typed_pairs<K, V>(
        &mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<&mut Self, EditError>
    where
        K: IntoBytes + Immutable,
        V: IntoBytes + Immutable,
    {
        let map = self.spec().ok_or_else(|| EditError::missing("map", &self.name))?;
        let (key, value) = (map.key_type.as_ref(), map.value_type.as_ref());
        self.check_type::<K>("key", key).map_err(EditError::map(&self.name))?;
        self.check_type::<V>("value", value).map_err(EditError::map(&self.name))?;
        let bytes = |(key, value): (K, V)| MapPair::new(key.as_bytes(), value.as_bytes());
        self.set_pairs(pairs.into_iter().map(bytes))
    }

    /// Whether keys or values can be made from a Rust type.
    fn check_type<T>(&self, part: &'static str, of: Option<&TypeRef>) -> Result<(), MapProblem> {
        let expected = Shape::of(self.spec.btf.as_ref(), of.map_or(0, TypeRef::id));
        let found = Shape::of_value::<T>();
        if !expected.takes(found) {
            let (expected, found) = (expected.name(), found.name());
            return Err(MapProblem::PairType { part, expected, found });
        }
        if align_of::<T>() > 1 && !self.spec.byte_order.is_native() {
            return Err(MapProblem::PairByteOrder { part });
        }
        Ok(())
    }
}

/// What is wrong with the pairs of a map that can hold some, whatever the byte order is.
pub(super) fn alone(map: &MapSpec, pairs: &[MapPair], found: &mut Vec<MapProblem>) {
    if is_data_section(&map.section) || is_data_section(&map.name) {
        found.push(MapProblem::SectionPairs);
    }
    let max_entries = map.max_entries;
    if u32::try_from(pairs.len()).map_or(true, |count| count > max_entries) {
        found.push(MapProblem::TooManyPairs { pairs: pairs.len(), max_entries });
    }
    sizes(map, pairs, found);
    // Keys of a trie are compared where the length of their prefixes is known.
    if map.map_type != MapType::LPM_TRIE {
        twice(pairs, Cow::Borrowed, found);
    }
    if matches!(map.map_type, MapType::DEVMAP | MapType::DEVMAP_HASH | MapType::CPUMAP) {
        // `union { int fd; __u32 id; } bpf_prog`: none with a number that is not positive, of which two are the same in either byte order.
        let none = |program: &[u8]| matches!(program, [] | [0, 0, 0, 0] | [0xff, 0xff, 0xff, 0xff]);
        let programs = pairs.iter().filter(|pair| pair.value.get(4..).is_some_and(|of| !none(of)));
        found.extend(programs.map(|pair| MapProblem::PairProgram { key: pair.key.clone() }));
    }
}

/// Keys and values of another size than those of the map.
pub(super) fn sizes(map: &MapSpec, pairs: &[MapPair], found: &mut Vec<MapProblem>) {
    for pair in pairs {
        let parts = [("key", map.key_size, &pair.key), ("value", map.value_size, &pair.value)];
        for (part, size, bytes) in parts {
            if usize::try_from(size) != Ok(bytes.len()) {
                let key = pair.key.clone();
                found.push(MapProblem::PairSize { key, part, size, found: bytes.len() });
            }
        }
    }
}

/// What is wrong with keys that begin with a number, in this byte order.
pub(super) fn in_order(
    map: &MapSpec,
    pairs: &[MapPair],
    order: ByteOrder,
    found: &mut Vec<MapProblem>,
) {
    let number = |key: &[u8]| {
        let bytes = *key.first_chunk()?;
        Some(match order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        })
    };
    if map_rules::is_indexed(map.map_type) {
        let max_entries = map.max_entries;
        let keys = pairs.iter().filter_map(|pair| number(&pair.key));
        let outside = keys.filter(|key| *key >= max_entries);
        found.extend(outside.map(|key| MapProblem::Slot { key, max_entries }));
    }
    if map.map_type == MapType::LPM_TRIE {
        let most = map.key_size.saturating_sub(4).saturating_mul(8);
        for key in pairs.iter().map(|pair| &pair.key) {
            if let Some(prefix) = number(key).filter(|prefix| *prefix > most) {
                found.push(MapProblem::Prefix { key: key.clone(), prefix, most });
            }
        }
        twice(pairs, |key| Cow::Owned(masked(key, number(key).unwrap_or(u32::MAX))), found);
    }
}

/// Keys that are there before.
fn twice<'a>(
    pairs: &'a [MapPair],
    same: impl Fn(&'a [u8]) -> Cow<'a, [u8]>,
    found: &mut Vec<MapProblem>,
) {
    let mut keys = HashSet::with_capacity(pairs.len());
    for pair in pairs {
        if !keys.insert(same(&pair.key)) {
            found.push(MapProblem::PairTwice { key: pair.key.clone() });
        }
    }
}

/// The key of a trie without the bits behind its prefix, which are not compared (`longest_prefix_match` in `kernel/bpf/lpm_trie.c`).
fn masked(key: &[u8], prefix: u32) -> Vec<u8> {
    let mut key = key.to_vec();
    let mut left = prefix;
    for byte in key.iter_mut().skip(4) {
        *byte &= !0xff_u8.checked_shr(left).unwrap_or(0);
        left = left.saturating_sub(8);
    }
    key
}
