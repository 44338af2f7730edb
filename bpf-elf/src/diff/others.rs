//! Changes of variables and externs.

use super::field::{ExternField, FieldChange, FieldValue, Fields, VariableField};
use super::map::bytes;
use crate::spec::digest::Parts;
use crate::spec::{CollectionSpec, ExternKind, ExternSpec, MapContents, VariableSpec};

pub(super) fn variable<'spec>(
    (old_spec, old): (&'spec CollectionSpec, &'spec VariableSpec),
    (new_spec, new): (&'spec CollectionSpec, &'spec VariableSpec),
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
    fields.value(VariableField::Value, value(old_spec, old), value(new_spec, new));
    Some(fields.finish()).filter(|fields| !fields.is_empty())
}

fn value<'spec>(spec: &'spec CollectionSpec, of: &VariableSpec) -> FieldValue<'spec> {
    let stored = || -> Option<FieldValue<'spec>> {
        match &spec.maps.get(&of.map)?.contents {
            MapContents::Zeroed => Some(FieldValue::Zeros(of.size.into())),
            MapContents::Bytes(stored) => {
                let start = usize::try_from(of.offset).ok()?;
                let end = start.checked_add(usize::try_from(of.size).ok()?)?;
                stored.get(start..end).map(bytes)
            }
            _ => None,
        }
    };
    stored().unwrap_or(FieldValue::Nothing)
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
