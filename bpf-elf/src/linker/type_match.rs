//! Whether two objects mean the same type.

use bpf_btf::{Btf, Kind, Type, TypeId};

/// Structures in structures that are looked at; no real type is that deep.
const DEPTH: u32 = 64;

/// What differs between two types, if anything that matters. libbpf: `glob_sym_btf_matches`.
///
/// Modifiers and typedefs do not matter, nor do the signs of numbers, the values of enumerations and the lengths of arrays. Behind a
/// pointer a structure is its name.
pub(super) fn difference(one: (&Btf, TypeId), other: (&Btf, TypeId)) -> Option<String> {
    Comparison { one: one.0, other: other.0 }.types(one.1, other.1, true, DEPTH).err()
}

struct Comparison<'a> {
    one: &'a Btf,
    other: &'a Btf,
}

impl Comparison<'_> {
    fn types(
        &self,
        one_id: TypeId,
        other_id: TypeId,
        exact: bool,
        depth: u32,
    ) -> Result<(), String> {
        let depth = depth.checked_sub(1).ok_or("the types are too deep")?;
        let (Some(one), Some(other)) = (self.one.resolve(one_id), self.other.resolve(other_id))
        else {
            return Err("a type is missing".to_owned());
        };
        let (one_name, other_name) = (one.name(), other.name());
        if one.kind() != other.kind() {
            // A declaration stands for what it declares.
            let declared = !exact && declares(one, other) && one_name == other_name;
            return if declared {
                Ok(())
            } else {
                Err(format!("{} instead of {}", self.other_name(other_id), self.one_name(one_id)))
            };
        }
        let named = matches!(
            one.kind(),
            Kind::Struct
                | Kind::Union
                | Kind::Fwd
                | Kind::Enum
                | Kind::Enum64
                | Kind::Func
                | Kind::Var
        );
        if named && one_name != other_name {
            return Err(format!(
                "{} instead of {}",
                self.other_name(other_id),
                self.one_name(one_id)
            ));
        }
        let size = |one: u32, other: u32| {
            if one == other {
                return Ok(());
            }
            let name = self.one_name(one_id);
            Err(format!("{name} has {other} bytes instead of {one}"))
        };
        match (one, other) {
            (Type::Int(one), Type::Int(other)) => size(one.size(), other.size()),
            (Type::Float(one), Type::Float(other)) => size(one.size(), other.size()),
            (Type::Enum(one) | Type::Enum64(one), Type::Enum(other) | Type::Enum64(other)) => {
                size(one.size(), other.size())
            }
            (Type::Ptr(one), Type::Ptr(other)) => {
                self.types(one.target(), other.target(), false, depth)
            }
            (Type::Array(one), Type::Array(other)) => {
                self.types(one.element(), other.element(), exact, depth)
            }
            (Type::Func(one), Type::Func(other)) => {
                self.types(one.prototype(), other.prototype(), exact, depth)
            }
            (Type::Var(one), Type::Var(other)) => {
                self.types(one.type_id(), other.type_id(), exact, depth)
            }
            (Type::FuncProto(one), Type::FuncProto(other)) => {
                if one.param_count() != other.param_count() {
                    let (one, other) = (one.param_count(), other.param_count());
                    return Err(format!("{other} parameters instead of {one}"));
                }
                self.types(one.return_type(), other.return_type(), exact, depth)?;
                for (one, other) in one.params().zip(other.params()) {
                    self.types(one.type_id(), other.type_id(), exact, depth)?;
                }
                Ok(())
            }
            (Type::Struct(one), Type::Struct(other)) | (Type::Union(one), Type::Union(other)) => {
                if !exact {
                    return Ok(());
                }
                size(one.size(), other.size())?;
                if one.member_count() != other.member_count() {
                    let (one, other) = (one.member_count(), other.member_count());
                    let name = self.one_name(one_id);
                    return Err(format!("{name} has {other} members instead of {one}"));
                }
                for (one, other) in one.members().zip(other.members()) {
                    let place = |member: &bpf_btf::Member<'_>| {
                        (member.bit_offset(), member.bitfield_size())
                    };
                    if one.name() != other.name() || place(&one) != place(&other) {
                        let (struct_name, one, other) =
                            (self.one_name(one_id), one.name(), other.name());
                        return Err(format!(
                            "{struct_name} has member {other:?} instead of {one:?}, or has it in another place"
                        ));
                    }
                    self.types(one.type_id(), other.type_id(), exact, depth)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn one_name(&self, id: TypeId) -> String {
        shown(self.one, id)
    }

    fn other_name(&self, id: TypeId) -> String {
        shown(self.other, id)
    }
}

fn shown(btf: &Btf, id: TypeId) -> String {
    match btf.get(id) {
        Some(Type::Var(found)) => format!("variable {:?}", found.name()),
        Some(Type::Func(found)) => format!("function {:?}", found.name()),
        _ => crate::reader::type_name(btf, id),
    }
}

/// Whether one of two types is a declaration of such a type as the other.
fn declares(one: Type<'_>, other: Type<'_>) -> bool {
    match (one, other) {
        (Type::Fwd(fwd), Type::Struct(_)) | (Type::Struct(_), Type::Fwd(fwd)) => !fwd.is_union(),
        (Type::Fwd(fwd), Type::Union(_)) | (Type::Union(_), Type::Fwd(fwd)) => fwd.is_union(),
        _ => false,
    }
}
