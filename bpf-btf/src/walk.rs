//! Visiting the names inside one type.

use crate::Type;

/// Calls `see` with the offset of each name in a type: its own, its members', values' and parameters'.
pub(crate) fn for_each_name(found: Type<'_>, see: &mut dyn FnMut(u32)) {
    if let Some(head) = found.head() {
        see(head.raw.name_off.get());
    }
    match found {
        Type::Struct(composite) | Type::Union(composite) => {
            composite.raw_members().iter().for_each(|member| see(member.name_off.get()));
        }
        Type::Enum(values) | Type::Enum64(values) => values.each_name(see),
        Type::FuncProto(proto) => {
            proto.raw_params().iter().for_each(|param| see(param.name_off.get()));
        }
        _ => {}
    }
}
