//! Types that are compatible without looking at names and members.

use super::CoreError;
use super::work::{spend, steps_to};
use crate::{Btf, Kind, Type, TypeId};

/// libbpf: how deep types are followed.
const MAX_DEPTH: u32 = 32;

/// How many parameters may be looked at: prototypes of prototypes of a hostile blob could be counted for ever.
pub(super) const MAX_TYPES: u32 = 1 << 14;

/// Whether two kinds may stand for each other: equal ones, and enumerations of either width.
pub(super) fn kinds_compatible(local: Kind, target: Kind) -> bool {
    local == target || (local.is_any_enum() && target.is_any_enum())
}

/// Types nest too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// Whether a type of an object can stand for one of a kernel: what `bpf_core_type_exists` asks of candidates, and what
/// typed ksyms and kfuncs have to be (libbpf: `bpf_core_types_are_compat`).
///
/// Kinds must agree before and after stripping typedefs and modifiers; pointers, elements of arrays, results and
/// parameters are followed; names, sizes, members and lengths of arrays do not count. Unlike libbpf, which does not know
/// floating point numbers here, they are compatible with each other.
pub fn types_are_compatible(
    local: &Btf,
    local_id: TypeId,
    target: &Btf,
    target_id: TypeId,
) -> Result<bool, CoreError> {
    let mut budget = MAX_TYPES;
    compatible(local, local_id, target, target_id, &mut budget).map_err(|TooDeep| {
        CoreError::TooDeep { access: alloc::format!("{}", local.display_name(local_id)) }
    })
}

pub(super) fn compatible(
    local: &Btf,
    local_id: TypeId,
    target: &Btf,
    target_id: TypeId,
    budget: &mut u32,
) -> Result<bool, TooDeep> {
    let kind = |btf: &Btf, id| btf.get(id).map_or(Kind::Void, |found| found.kind());
    if !kinds_compatible(kind(local, local_id), kind(target, target_id)) {
        return Ok(false);
    }
    follow(local, local_id, target, target_id, MAX_DEPTH, budget)
}

fn follow(
    local: &Btf,
    mut local_id: TypeId,
    target: &Btf,
    mut target_id: TypeId,
    depth: u32,
    budget: &mut u32,
) -> Result<bool, TooDeep> {
    for _ in 0..MAX_DEPTH {
        let (ours, theirs) = (local.resolve(local_id), target.resolve(target_id));
        let steps = steps_to(local_id, ours.map(|ours| ours.id()))
            .saturating_add(steps_to(target_id, theirs.map(|theirs| theirs.id())));
        spend(budget, steps.saturating_add(1))?;
        match (ours, theirs) {
            (Some(Type::Void), Some(Type::Void))
            | (Some(Type::Struct(_)), Some(Type::Struct(_)))
            | (Some(Type::Union(_)), Some(Type::Union(_)))
            | (Some(Type::Enum(_) | Type::Enum64(_)), Some(Type::Enum(_) | Type::Enum64(_)))
            | (Some(Type::Fwd(_)), Some(Type::Fwd(_)))
            | (Some(Type::Float(_)), Some(Type::Float(_))) => return Ok(true),
            (Some(Type::Int(ours)), Some(Type::Int(theirs))) => {
                return Ok(ours.bit_offset() == 0 && theirs.bit_offset() == 0);
            }
            (Some(Type::Ptr(ours)), Some(Type::Ptr(theirs))) => {
                (local_id, target_id) = (ours.target(), theirs.target());
            }
            (Some(Type::Array(ours)), Some(Type::Array(theirs))) => {
                (local_id, target_id) = (ours.element(), theirs.element());
            }
            (Some(Type::FuncProto(ours)), Some(Type::FuncProto(theirs))) => {
                if ours.param_count() != theirs.param_count() {
                    return Ok(false);
                }
                let depth = depth.checked_sub(1).ok_or(TooDeep)?;
                for (ours, theirs) in ours.params().zip(theirs.params()) {
                    if !follow(local, ours.type_id(), target, theirs.type_id(), depth, budget)? {
                        return Ok(false);
                    }
                }
                (local_id, target_id) = (ours.return_type(), theirs.return_type());
            }
            _ => return Ok(false),
        }
    }
    Err(TooDeep)
}
