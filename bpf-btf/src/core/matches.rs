//! Types whose definitions fit: what `bpf_core_type_matches` asks.

use super::CoreError;
use super::compat::TooDeep;
use super::names::same_essential;
use super::work::{spend, steps_to};
use crate::{Btf, Composite, Enum, Kind, Type, TypeId};

/// libbpf: how deep types are followed.
const MAX_DEPTH: u32 = 32;

/// How many pairs of types and members may be compared before the types are given up as hostile.
pub(super) const MAX_PAIRS: u32 = 1 << 20;

/// Whether the definition of a type in an object fits the one of a kernel (libbpf: `bpf_core_types_match`).
///
/// Names without flavours must be equal at every level. Every local member, enumerator and parameter must be in the
/// target, with a type that matches; the target may have more. Behind pointers structures match by name and kind alone.
/// Unlike libbpf, which does not know floating point numbers here, those of equal size match.
pub fn types_match(
    local: &Btf,
    local_id: TypeId,
    target: &Btf,
    target_id: TypeId,
) -> Result<bool, CoreError> {
    let mut budget = MAX_PAIRS;
    matching(local, local_id, target, target_id, &mut budget).map_err(|TooDeep| {
        CoreError::TooDeep { access: alloc::format!("{}", local.display_name(local_id)) }
    })
}

pub(super) fn matching(
    local: &Btf,
    local_id: TypeId,
    target: &Btf,
    target_id: TypeId,
    budget: &mut u32,
) -> Result<bool, TooDeep> {
    Matcher { local, target, budget }.types(local_id, target_id, false, MAX_DEPTH)
}

struct Matcher<'a> {
    local: &'a Btf,
    target: &'a Btf,
    budget: &'a mut u32,
}

impl Matcher<'_> {
    /// Whether the names at two offsets are equal without flavours; no name equals only no name.
    fn names(&mut self, ours: u32, theirs: u32) -> Result<bool, TooDeep> {
        let ours = self.local.string_tail(ours).unwrap_or_default();
        let theirs = self.target.string_tail(theirs).unwrap_or_default();
        let (same, steps) = same_essential(ours, theirs);
        spend(self.budget, steps.saturating_add(1))?;
        Ok(same)
    }

    fn types(
        &mut self,
        mut ours: TypeId,
        mut theirs: TypeId,
        mut behind: bool,
        depth: u32,
    ) -> Result<bool, TooDeep> {
        if depth == 0 {
            return Err(TooDeep);
        }
        for _ in 0..MAX_DEPTH {
            let (local, target) = (self.local, self.target);
            let (Some(ours_type), Some(theirs_type)) =
                (local.resolve(ours), target.resolve(theirs))
            else {
                return Ok(false);
            };
            let steps = steps_to(ours, Some(ours_type.id()))
                .saturating_add(steps_to(theirs, Some(theirs_type.id())));
            spend(self.budget, steps)?;
            if !self.names(ours_type.name_offset(), theirs_type.name_offset())? {
                return Ok(false);
            }
            let theirs_kind = theirs_type.kind();
            match (ours_type, theirs_type) {
                (Type::Void, _) => return Ok(theirs_kind == Kind::Void),
                (Type::Fwd(ours), Type::Fwd(theirs)) => {
                    return Ok(ours.is_union() == theirs.is_union());
                }
                (Type::Fwd(ours), _) => {
                    let wanted = if ours.is_union() { Kind::Union } else { Kind::Struct };
                    return Ok(behind && theirs_kind == wanted);
                }
                (
                    Type::Enum(ours) | Type::Enum64(ours),
                    Type::Enum(theirs) | Type::Enum64(theirs),
                ) => {
                    return self.enumerations(ours, theirs);
                }
                (Type::Struct(ours) | Type::Union(ours), _) if behind => {
                    return Ok(match theirs_type {
                        Type::Fwd(theirs) => ours.is_union() == theirs.is_union(),
                        _ => ours.kind() == theirs_kind,
                    });
                }
                (Type::Struct(ours), Type::Struct(theirs))
                | (Type::Union(ours), Type::Union(theirs)) => {
                    return self.composites(ours, theirs, depth);
                }
                (Type::Int(ours), Type::Int(theirs)) => {
                    return Ok(
                        ours.size() == theirs.size() && ours.is_signed() == theirs.is_signed()
                    );
                }
                (Type::Float(ours), Type::Float(theirs)) => return Ok(ours.size() == theirs.size()),
                (Type::Ptr(pointer), Type::Ptr(other)) => {
                    behind = true;
                    (ours, theirs) = (pointer.target(), other.target());
                }
                (Type::Array(array), Type::Array(other)) => {
                    if array.len() != other.len() {
                        return Ok(false);
                    }
                    (ours, theirs) = (array.element(), other.element());
                }
                (Type::FuncProto(proto), Type::FuncProto(other)) => {
                    if proto.param_count() != other.param_count() {
                        return Ok(false);
                    }
                    for (param, other) in proto.params().zip(other.params()) {
                        if !self.types(
                            param.type_id(),
                            other.type_id(),
                            behind,
                            depth.saturating_sub(1),
                        )? {
                            return Ok(false);
                        }
                    }
                    (ours, theirs) = (proto.return_type(), other.return_type());
                }
                _ => return Ok(false),
            }
        }
        Err(TooDeep)
    }

    fn enumerations(&mut self, ours: Enum<'_>, theirs: Enum<'_>) -> Result<bool, TooDeep> {
        if ours.size() != theirs.size() || ours.value_count() > theirs.value_count() {
            return Ok(false);
        }
        let count = theirs.value_count();
        let mut next = 0;
        for value in ours.values() {
            let mut found = None;
            for index in around(next, count) {
                let Some(other) = theirs.value(index) else { continue };
                if self.names(value.name_offset(), other.name_offset())? {
                    found = Some(index);
                    break;
                }
            }
            let Some(index) = found else { return Ok(false) };
            next = index.saturating_add(1);
        }
        Ok(true)
    }

    fn composites(
        &mut self,
        ours: Composite<'_>,
        theirs: Composite<'_>,
        depth: u32,
    ) -> Result<bool, TooDeep> {
        if ours.member_count() > theirs.member_count() {
            return Ok(false);
        }
        let count = theirs.member_count();
        let depth = depth.saturating_sub(1);
        let mut next = 0;
        for member in ours.members() {
            let mut found = None;
            for index in around(next, count) {
                let Some(other) = theirs.member(index) else { continue };
                if self.names(member.name_offset(), other.name_offset())?
                    && self.types(member.type_id(), other.type_id(), false, depth)?
                {
                    found = Some(index);
                    break;
                }
            }
            let Some(index) = found else { return Ok(false) };
            next = index.saturating_add(1);
        }
        Ok(true)
    }
}

/// All indices, from `next` on and then those before: the order of members seldom changes, so that the next one is mostly found at once.
fn around(next: usize, count: usize) -> impl Iterator<Item = usize> {
    (next..count).chain(0..next.min(count))
}
