//! Changes of maps.

use super::Reuse;
use super::field::{FieldChange, FieldValue, Fields, MapField, named};
use crate::spec::digest::Parts;
use crate::spec::{MapContents, MapSpec, Pinning, TypeRef};

/// What changes about a map.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MapChange<'spec> {
    /// What is different.
    pub fields: Vec<FieldChange<'spec, MapField>>,
    /// What is different about the maps in a map of maps.
    pub inner: Vec<FieldChange<'spec, MapField>>,
    /// Where both definitions are pinned by name: whether the map that the old one pinned remains usable.
    pub reuse: Option<Reuse>,
}

pub(super) fn change<'spec>(
    old: &'spec MapSpec,
    new: &'spec MapSpec,
    old_parts: &mut Parts<'spec>,
    new_parts: &mut Parts<'spec>,
) -> Option<MapChange<'spec>> {
    let fields = fields(old, new, old_parts, new_parts);
    // Definitions nest one level deep. What a hand nests deeper is a change of the whole inner map.
    let inner = match (old.inner.as_deref(), new.inner.as_deref()) {
        (Some(old), Some(new)) => self::fields(old, new, old_parts, new_parts),
        _ => Vec::new(),
    };
    let is_pinned = old.pinning == Pinning::ByName && new.pinning == Pinning::ByName;
    let reuse = is_pinned.then(|| Reuse::of(old, new));
    (!fields.is_empty() || !inner.is_empty()).then_some(MapChange { fields, inner, reuse })
}

fn fields<'spec>(
    old: &'spec MapSpec,
    new: &'spec MapSpec,
    old_parts: &mut Parts<'spec>,
    new_parts: &mut Parts<'spec>,
) -> Vec<FieldChange<'spec, MapField>> {
    let mut fields = Fields::new();
    fields.text(MapField::Name, &old.name, &new.name);
    fields.text(MapField::Section, &old.section, &new.section);
    let map_type = |of: &MapSpec| named(of.map_type.name(), of.map_type.0);
    fields.value(MapField::Type, map_type(old), map_type(new));
    fields.number(MapField::KeySize, old.key_size, new.key_size);
    fields.number(MapField::ValueSize, old.value_size, new.value_size);
    fields.number(MapField::MaxEntries, old.max_entries, new.max_entries);
    fields.bits(MapField::Flags, old.flags.bits(), new.flags.bits());
    fields.number(MapField::NumaNode, old.numa_node, new.numa_node);
    fields.bits(MapField::MapExtra, old.map_extra, new.map_extra);
    fields.text(MapField::Pinning, pinning(old.pinning), pinning(new.pinning));
    for (field, old, new) in [
        (MapField::KeyType, &old.key_type, &new.key_type),
        (MapField::ValueType, &old.value_type, &new.value_type),
    ] {
        let same = old.as_ref().map(|of| old_parts.type_of(of.id()))
            == new.as_ref().map(|of| new_parts.type_of(of.id()));
        let name = |of: &'spec Option<TypeRef>| of.as_ref().map(TypeRef::name);
        fields.ty(field, name(old), name(new), same);
    }
    match (&old.inner, &new.inner) {
        (Some(old), Some(new)) if old.inner == new.inner => {}
        (Some(old), Some(new)) => {
            let depth = |of: &MapSpec| FieldValue::Flag(of.inner.is_some());
            fields.add(MapField::Inner, depth(old), depth(new));
        }
        (old, new) => fields.flag(MapField::Inner, old.is_some(), new.is_some()),
    }
    fields.value(MapField::Contents, contents(old), contents(new));
    fields.value(MapField::Functions, functions(old), functions(new));
    fields.flag(MapField::Autocreate, old.autocreate, new.autocreate);
    fields.flag(MapField::Freeze, old.freeze, new.freeze);
    fields.value(MapField::Extra, FieldValue::Bytes(&old.extra), FieldValue::Bytes(&new.extra));
    fields.finish()
}

fn pinning(of: Pinning) -> &'static str {
    match of {
        Pinning::None => "none",
        Pinning::ByName => "by_name",
    }
}

/// Bytes, of which zeros are zeros whether they are stored or not.
pub(super) fn bytes(bytes: &[u8]) -> FieldValue<'_> {
    if bytes.iter().all(|byte| *byte == 0) {
        return FieldValue::Zeros(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    FieldValue::Bytes(bytes)
}

fn contents(of: &MapSpec) -> FieldValue<'_> {
    match &of.contents {
        MapContents::None => FieldValue::Nothing,
        MapContents::Zeroed => FieldValue::Zeros(of.value_size.into()),
        MapContents::Bytes(stored) => bytes(stored),
        MapContents::Entries(entries) => {
            let mut entries: Vec<_> =
                entries.iter().map(|entry| (entry.key, &entry.name)).collect();
            entries.sort();
            FieldValue::List(entries.iter().map(|(key, name)| format!("[{key}] {name}")).collect())
        }
        MapContents::Pairs(pairs) => {
            let mut pairs: Vec<_> =
                pairs.iter().map(|pair| (pair.key.as_slice(), pair.value.as_slice())).collect();
            pairs.sort_unstable();
            FieldValue::Pairs(pairs)
        }
    }
}

fn functions(of: &MapSpec) -> FieldValue<'_> {
    let mut members: Vec<_> =
        of.function_members.iter().map(|member| (member.offset, &member.program)).collect();
    members.sort();
    FieldValue::List(members.iter().map(|(offset, name)| format!("+{offset} {name}")).collect())
}
