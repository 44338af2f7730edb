//! What the relocations of an object look at in a target.

use alloc::vec::Vec;

use super::candidates::{NameSet, Root, most_candidates};
use super::field::{self, Place, Work};
use super::spec::Spec;
use super::{CoreError, CoreKind};
use crate::{Btf, CoreRelo, TypeId};

/// A type of the target that answers a relocation.
pub(crate) struct Usage {
    pub(crate) kind: CoreKind,
    pub(crate) root: TypeId,
    /// The composite or enumeration of each named step, and the index of its member or enumerator.
    pub(crate) steps: Vec<(TypeId, u32)>,
}

/// How many members, enumerators and types may be looked at, whatever the records are, and for each record. Most look at a few
/// hundred.
const STEPS: u64 = 1 << 24;
const STEPS_PER_RECORD: u64 = 1 << 13;

/// All that answers some record. Records that nothing answers, or that ask about the object itself, have no part in it. An error comes
/// with the index of its record.
pub(crate) fn usage(
    local: &Btf,
    relos: &[CoreRelo],
    target: &Btf,
) -> Result<Vec<Usage>, (usize, CoreError)> {
    let steps = (relos.len() as u64).saturating_mul(STEPS_PER_RECORD).saturating_add(STEPS);
    within(local, relos, target, Work::new(steps))
}

fn within(
    local: &Btf,
    relos: &[CoreRelo],
    target: &Btf,
    mut work: Work,
) -> Result<Vec<Usage>, (usize, CoreError)> {
    let mut roots = Vec::new();
    let mut specs = Vec::new();
    for (at, relo) in relos.iter().enumerate() {
        let kind = CoreKind::from_number(relo.kind);
        let kind = kind.ok_or((at, CoreError::UnknownKind { kind: relo.kind }))?;
        let spec = Spec::parse(local, relo, kind).map_err(|error| (at, error))?;
        if kind == CoreKind::TypeIdLocal {
            continue;
        }
        let found = local.get(relo.type_id).filter(|found| !found.name().is_empty());
        let found = found.ok_or((at, CoreError::Anonymous { kind, id: relo.type_id }))?;
        specs.push((at, relo.type_id, kind, spec));
        let (id, name, kind) = (relo.type_id, found.name(), found.kind());
        roots.push(Root { id, name, kind, candidates: Vec::new() });
    }
    roots.sort_by_key(|root| root.id);
    roots.dedup_by_key(|root| root.id);
    let kinds = roots.iter().map(|root| root.kind).collect::<Vec<_>>();
    let names = NameSet::new(roots.iter());
    let kind_of = |index: usize| kinds.get(index).copied().unwrap_or(crate::Kind::Void);
    let mut candidates = alloc::vec![Vec::new(); roots.len()];
    let mut left = most_candidates(relos.len());
    let levels = core::iter::successors(Some(target), |btf| btf.base());
    for level in levels {
        names.search(level, kind_of, |index, id| {
            if let Some(list) = candidates.get_mut(index) {
                list.push(id);
            }
            left = left.saturating_sub(1);
            left > 0
        });
    }
    let place = Place { btf: target, pointer: target.pointer_size() };
    let mut out = Vec::new();
    for (at, local_id, kind, spec) in &specs {
        let index = roots.binary_search_by_key(local_id, |root| root.id).ok();
        let asked =
            index.and_then(|index| candidates.get(index)).map(Vec::as_slice).unwrap_or_default();
        left = left.saturating_sub(asked.len());
        let too_many =
            || (*at, CoreError::TooManyCandidates { kind: *kind, access: spec.text(local) });
        // Once nothing is left, nobody knows what was not found.
        if left == 0 {
            return Err(too_many());
        }
        for root in asked {
            let found = field::find_within(local, spec, *kind, &place, *root, &mut work);
            if work.is_done() {
                return Err(too_many());
            }
            if let Ok(Ok(found)) = found {
                let named = found.steps.iter().filter(|step| step.named);
                let steps = named.map(|step| (step.type_id, step.index)).collect();
                out.push(Usage { kind: *kind, root: *root, steps });
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BtfBuilder, BuildError, ByteOrder, Definition, NewMember};

    /// `s` with a member `x` behind an anonymous one, in which as many unions of two lie within each other.
    fn tree(depth: u32) -> Result<(Btf, TypeId, u32), BuildError> {
        let mut builder = BtfBuilder::new();
        let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
        let int = builder.add(&int)?;
        let mut inner = builder.add(&Definition::Struct { name: "", size: 4, members: &[] })?;
        for _ in 0..depth {
            let twice = [NewMember::new("", inner, 0), NewMember::new("", inner, 0)];
            inner = builder.add(&Definition::Union { name: "", size: 4, members: &twice })?;
        }
        let members = [NewMember::new("", inner, 0), NewMember::new("x", int, 32)];
        let id = builder.add(&Definition::Struct { name: "s", size: 8, members: &members })?;
        let access = builder.add_string("0:1")?;
        Ok((Btf::parse(builder.write(ByteOrder::NATIVE)?)?, id, access))
    }

    #[test]
    fn all_records_together_have_so_many_steps() -> Result<(), BuildError> {
        let (local, id, access) = tree(0)?;
        let kind = CoreKind::FieldByteOffset;
        let relo = CoreRelo::new(0, id, access, kind.number());
        // Two members, and 2 + 4 + 8 + 16 in the first.
        let (target, ..) = tree(4)?;
        for (records, steps, failed) in
            [(1, 33, None), (1, 32, Some(0)), (3, 97, None), (3, 96, Some(2)), (3, 64, Some(1))]
        {
            let relos = alloc::vec![relo; records];
            let outcome = within(&local, &relos, &target, Work::new(steps));
            let access = "s->x".into();
            let expected = match failed {
                None => Ok(records),
                Some(at) => Err((at, CoreError::TooManyCandidates { kind, access })),
            };
            assert_eq!(outcome.map(|found| found.len()), expected, "{steps} for {records}");
        }
        Ok(())
    }
}
