//! Map definitions as types: every attribute is a member of a structure, its type the value.

use bpf_btf::{BuildError, Definition, NewEnumValue, NewMember, TypeId};
use bpf_sys::abi::MapType;

use super::error::WriteError;
use super::types::Types;
use crate::budget::Budget;
use crate::reader::map_definition;
use crate::spec::{MapContents, MapSpec, Pinning, TypeRef};

/// Bytes of a pointer, which every attribute is.
const POINTER: u32 = 8;

/// Where a map has its definition.
pub(super) struct Defined {
    /// The type, if it is another one than before.
    pub(super) type_id: Option<TypeId>,
    /// Bytes of the variable, with the room for its initial values.
    pub(super) size: u32,
    /// Bytes from the start of the variable to the initial values.
    pub(super) values: u32,
}

/// The definition of a map: the one that it had, if that still says the same.
pub(super) fn define(
    types: &mut Types<'_>,
    key: &str,
    map: &MapSpec,
) -> Result<Defined, WriteError> {
    let room = |start: u32| start.checked_add(slots(map)?.checked_mul(POINTER)?);
    let too_large = || WriteError::map(key, "has an entry at an index that is too large");
    if let Some((type_id, size)) = variable(types, &map.name, key) {
        if let Some(btf) = types.old {
            let mut budget = Budget::new(usize::MAX);
            let mut warnings = Vec::new();
            let found = map_definition::read(
                btf,
                &mut budget,
                &map.name,
                type_id,
                &map.section,
                Some(&mut warnings),
            );
            if let Ok(found) = found {
                let values = found.values.unwrap_or(size);
                let enough = match found.values {
                    Some(start) => Some(room(start).ok_or_else(too_large)?),
                    None if slots(map) == Some(0) => Some(size),
                    None => None,
                };
                if let (true, Some(enough)) = (same(&found.map, map), enough) {
                    return Ok(Defined { type_id: None, size: size.max(enough), values });
                }
            }
        }
    }
    let (type_id, values) = structure(types, key, map, false)?;
    let size = room(values).ok_or_else(too_large)?;
    Ok(Defined { type_id: Some(type_id), size, values })
}

/// The variable that defined the map: its type and its size.
fn variable(types: &Types<'_>, name: &str, key: &str) -> Option<(TypeId, u32)> {
    let find = |name: &str| types.variable(".maps", name);
    find(key).or_else(|| find(name))
}

/// How many slots of initial values the map needs.
fn slots(map: &MapSpec) -> Option<u32> {
    match &map.contents {
        MapContents::Entries(entries) => entries
            .iter()
            .map(|entry| entry.key.checked_add(1))
            .try_fold(0, |most, end| Some(u32::max(most, end?))),
        _ => Some(0),
    }
}

/// Whether a definition says what the spec says, as far as a definition says something.
fn same(found: &MapSpec, map: &MapSpec) -> bool {
    let attributes = |map: &MapSpec| {
        (
            map.map_type,
            (map.key_size, map.value_size, map.max_entries),
            (map.flags, map.numa_node, map.map_extra, map.pinning),
            map.key_type.as_ref().map(TypeRef::id),
            map.value_type.as_ref().map(TypeRef::id),
        )
    };
    attributes(found) == attributes(map)
        && match (&found.inner, &map.inner) {
            (Some(found), Some(map)) => same(found, map),
            (None, None) => true,
            _ => false,
        }
}

/// The structure that defines a map, and bytes from its start to the initial values.
fn structure(
    types: &mut Types<'_>,
    key: &str,
    map: &MapSpec,
    inner: bool,
) -> Result<(TypeId, u32), WriteError> {
    let mut members = vec![("type", number(types, map.map_type.0).map_err(WriteError::btf)?)];
    let numbers = [
        ("max_entries", map.max_entries),
        ("map_flags", map.flags.bits()),
        ("numa_node", map.numa_node),
        ("pinning", u32::from(map.pinning == Pinning::ByName)),
    ];
    for (name, value) in numbers {
        if value != 0 {
            members.push((name, number(types, value).map_err(WriteError::btf)?));
        }
    }
    if map.map_extra != 0 {
        members.push(("map_extra", wide_number(types, map.map_extra).map_err(WriteError::btf)?));
    }
    let key_type = map.key_type.as_ref().map(TypeRef::id);
    let value_type = map.value_type.as_ref().map(TypeRef::id);
    for (name, size_name, type_id, size) in [
        ("key", "key_size", key_type, map.key_size),
        ("value", "value_size", value_type, map.value_size),
    ] {
        match type_id {
            Some(target) => {
                let target = TypeId::new(target);
                members.push((
                    name,
                    types.builder().add(&Definition::Ptr { target }).map_err(WriteError::btf)?,
                ));
            }
            None if size != 0 => {
                members.push((size_name, number(types, size).map_err(WriteError::btf)?));
            }
            None => {}
        }
    }
    let of_maps = matches!(map.map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS);
    let element = match &map.inner {
        Some(pattern) if of_maps && !inner => Some(structure(types, key, pattern, true)?.0),
        Some(_) => return Err(WriteError::map(key, "cannot have a pattern for inner maps")),
        None if matches!(map.contents, MapContents::Entries(_)) => {
            if map.map_type != MapType::PROG_ARRAY || inner {
                return Err(WriteError::map(key, "holds maps, but has no pattern for them"));
            }
            let return_type = types.int().map_err(WriteError::btf)?;
            let prototype = Definition::FuncProto { return_type, params: &[] };
            Some(types.builder().add(&prototype).map_err(WriteError::btf)?)
        }
        None => None,
    };
    if let Some(target) = element {
        let index = types.int().map_err(WriteError::btf)?;
        let element = types.builder().add(&Definition::Ptr { target }).map_err(WriteError::btf)?;
        let values = Definition::Array { element, index, len: 0 };
        members.push(("values", types.builder().add(&values).map_err(WriteError::btf)?));
    }
    let mut offset = 0_u32;
    let mut list = Vec::with_capacity(members.len());
    for (name, type_id) in members {
        list.push(NewMember::new(name, type_id, offset.saturating_mul(8)));
        if name != "values" {
            offset = offset.saturating_add(POINTER);
        }
    }
    let definition = Definition::Struct { name: "", size: offset, members: &list };
    Ok((types.builder().add(&definition).map_err(WriteError::btf)?, offset))
}

/// `__uint(..., number)`: a pointer to an array of this length.
fn number(types: &mut Types<'_>, len: u32) -> Result<TypeId, BuildError> {
    let int = types.int()?;
    let target = types.builder().add(&Definition::Array { element: int, index: int, len })?;
    types.builder().add(&Definition::Ptr { target })
}

/// The same, or `__ulong(..., number)` if it takes more than 32 bits: an enumeration with one value.
fn wide_number(types: &mut Types<'_>, wide: u64) -> Result<TypeId, BuildError> {
    if let Ok(narrow) = u32::try_from(wide) {
        return number(types, narrow);
    }
    let values = [NewEnumValue::new("map_extra_value", i128::from(wide))];
    types.builder().add(&Definition::Enum64 { name: "", size: 8, signed: false, values: &values })
}
