//! Changes of variables and externs.

use std::cell::Cell;

use super::field::{ExternField, FieldChange, FieldValue, Fields, VariableField};
use super::map::bytes;
use crate::spec::digest::Parts;
use crate::spec::{CollectionSpec, ExternKind, ExternSpec, MapContents, VariableSpec};

/// The values of the variables of two specs.
pub(super) struct Values<'spec> {
    old: &'spec CollectionSpec,
    new: &'spec CollectionSpec,
    /// Bytes that may still be looked at.
    left: Cell<usize>,
}

/// Bytes of values that are looked at in any case.
const FLOOR: usize = 64 << 10;

impl<'spec> Values<'spec> {
    pub(super) fn new(old: &'spec CollectionSpec, new: &'spec CollectionSpec) -> Self {
        let maps = old.maps.values().chain(new.maps.values());
        let stored = maps.map(|map| map.contents.bytes().map_or(0, <[u8]>::len));
        // Variables that do not overlap have no more bytes than this.
        let left = stored.fold(FLOOR, usize::saturating_add);
        Self { old, new, left: Cell::new(left) }
    }

    /// The values of a variable, unless too many have been looked at.
    fn of(&self, old: &VariableSpec, new: &VariableSpec) -> Option<[FieldValue<'spec>; 2]> {
        let (old, new) = (stored(self.old, old), stored(self.new, new));
        let len = [&old, &new].map(|stored| stored.as_ref().map_or(0, Stored::len));
        let left = len.into_iter().try_fold(self.left.get(), usize::checked_sub)?;
        self.left.set(left);
        Some([old, new].map(|stored| stored.map_or(FieldValue::Nothing, Stored::value)))
    }
}

pub(super) fn variable<'spec>(
    values: &Values<'spec>,
    old: &'spec VariableSpec,
    new: &'spec VariableSpec,
    old_parts: &mut Parts<'spec>,
    new_parts: &mut Parts<'spec>,
) -> Option<Vec<FieldChange<'spec, VariableField>>> {
    let mut fields = Fields::new();
    fields.text(VariableField::Name, &old.name, &new.name);
    fields.text(VariableField::Map, &old.map, &new.map);
    fields.number(VariableField::Offset, old.offset, new.offset);
    fields.number(VariableField::Size, old.size, new.size);
    fields.flag(VariableField::Constant, old.constant, new.constant);
    let same = old_parts.type_of(old.type_id) == new_parts.type_of(new.type_id);
    fields.ty(VariableField::Type, old.type_name.as_deref(), new.type_name.as_deref(), same);
    if let Some([old, new]) = values.of(old, new) {
        fields.value(VariableField::Value, old, new);
    }
    Some(fields.finish()).filter(|fields| !fields.is_empty())
}

/// What a map holds for a variable.
enum Stored<'spec> {
    Zeros(u64),
    Bytes(&'spec [u8]),
}

impl<'spec> Stored<'spec> {
    /// Bytes to look at.
    fn len(&self) -> usize {
        if let Self::Bytes(bytes) = self { bytes.len() } else { 0 }
    }

    fn value(self) -> FieldValue<'spec> {
        match self {
            Self::Zeros(len) => FieldValue::Zeros(len),
            Self::Bytes(stored) => bytes(stored),
        }
    }
}

fn stored<'spec>(spec: &'spec CollectionSpec, of: &VariableSpec) -> Option<Stored<'spec>> {
    match &spec.maps.get(&of.map)?.contents {
        MapContents::Zeroed => Some(Stored::Zeros(of.size.into())),
        MapContents::Bytes(stored) => {
            let start = usize::try_from(of.offset).ok()?;
            let end = start.checked_add(usize::try_from(of.size).ok()?)?;
            stored.get(start..end).map(Stored::Bytes)
        }
        _ => None,
    }
}

pub(super) fn external<'spec>(
    old: &'spec ExternSpec,
    new: &'spec ExternSpec,
    old_parts: &mut Parts<'spec>,
    new_parts: &mut Parts<'spec>,
) -> Option<Vec<FieldChange<'spec, ExternField>>> {
    let mut fields = Fields::new();
    fields.text(ExternField::Name, &old.name, &new.name);
    fields.text(ExternField::Kind, kind(old.kind), kind(new.kind));
    fields.flag(ExternField::Weak, old.weak, new.weak);
    let same = old_parts.type_of(old.type_id) == new_parts.type_of(new.type_id);
    fields.ty(ExternField::Type, old.type_name.as_deref(), new.type_name.as_deref(), same);
    fields.number(ExternField::Offset, old.offset, new.offset);
    fields.number(ExternField::Size, old.size, new.size);
    Some(fields.finish()).filter(|fields| !fields.is_empty())
}

fn kind(of: ExternKind) -> &'static str {
    match of {
        ExternKind::Kconfig => "kconfig",
        ExternKind::Ksym => "ksym",
        ExternKind::Kfunc => "kfunc",
    }
}
