//! What the relocations of an object look at in a target.

use alloc::vec::Vec;

use super::candidates::{Candidate, NameSet, Root, most_candidates};
use super::field::{self, Place};
use super::spec::Spec;
use super::work::{Work, name_steps};
use super::{CoreError, CoreKind};
use crate::{Btf, CoreRelo, TypeId};

/// A type of the target that answers a relocation.
pub(crate) struct Usage {
    pub(crate) kind: CoreKind,
    pub(crate) root: TypeId,
    /// The composite or enumeration of each named step, and the index of its member or enumerator.
    pub(crate) steps: Vec<(TypeId, u32)>,
}

/// All that answers some record. Records that nothing answers, or that ask about the object itself, have no part in it. An error comes
/// with the index of its record.
pub(crate) fn usage(
    local: &Btf,
    relos: &[CoreRelo],
    target: &Btf,
) -> Result<Vec<Usage>, (usize, CoreError)> {
    let mut work = Work::of(relos.len());
    let levels = core::iter::successors(Some(target), |btf| btf.base());
    levels.chain([local]).for_each(|btf| work.add(btf.bytes().len()));
    within(local, relos, target, work)
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
        if work.is_done() {
            return Err((at, CoreError::TooMuchWork { kind, access: spec.text(local) }));
        }
        let found = local.get(relo.type_id).map(|found| (found.name(), found.kind()));
        let found = found.filter(|(name, _)| !name.is_empty());
        let (name, of) = found.ok_or((at, CoreError::Anonymous { kind, id: relo.type_id }))?;
        work.spend(name_steps(name.len()));
        specs.push((at, relo.type_id, kind, spec));
        let (id, kind) = (relo.type_id, of);
        roots.push(Root { id, name, kind, candidates: Vec::new() });
    }
    roots.sort_by_key(|root| root.id);
    roots.dedup_by_key(|root| root.id);
    let names = NameSet::new(roots.iter(), &mut work);
    let mut candidates = alloc::vec![Vec::new(); roots.len()];
    let mut left = most_candidates(relos.len());
    let levels = core::iter::successors(Some(target), |btf| btf.base());
    for level in levels {
        names.search(level, &mut work, |index, id| {
            if let Some(list) = candidates.get_mut(index) {
                list.push(Candidate::new(0, id));
            }
            left = left.saturating_sub(1);
            left > 0
        });
    }
    let place = Place { btf: target, pointer: target.pointer_size() };
    let mut found = Spec::default();
    let mut out = Vec::new();
    for (at, local_id, kind, spec) in &specs {
        let index = roots.binary_search_by_key(local_id, |root| root.id).ok();
        let asked = index
            .and_then(|index| candidates.get_mut(index))
            .map(Vec::as_mut_slice)
            .unwrap_or_default();
        left = left.saturating_sub(asked.len());
        let access = || spec.text(local);
        // Once nothing is left, nobody knows what was not found.
        if left == 0 {
            return Err((*at, CoreError::TooManyCandidates { kind: *kind, access: access() }));
        }
        if work.is_done() {
            return Err((*at, CoreError::TooMuchWork { kind: *kind, access: access() }));
        }
        for root in asked {
            let fits = field::ask(local, spec, *kind, &place, root, &mut found, &mut work);
            if work.is_done() {
                return Err((*at, CoreError::TooMuchWork { kind: *kind, access: access() }));
            }
            if let Ok(true) = fits {
                let named = found.steps.iter().filter(|step| step.named);
                let steps = named.map(|step| (step.type_id, step.index)).collect();
                out.push(Usage { kind: *kind, root: root.id, steps });
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
        // Two steps of the access, two members, and 2 + 4 + 8 + 16 in the first; one more is left.
        let (target, ..) = tree(4)?;
        for (records, steps, failed) in
            [(1, 35, None), (1, 34, Some(0)), (3, 103, None), (3, 102, Some(2)), (3, 68, Some(1))]
        {
            let relos = alloc::vec![relo; records];
            let outcome = within(&local, &relos, &target, Work::new(steps));
            let access = "s->x".into();
            let expected = match failed {
                None => Ok(records),
                Some(at) => Err((at, CoreError::TooMuchWork { kind, access })),
            };
            assert_eq!(outcome.map(|found| found.len()), expected, "{steps} for {records}");
        }
        Ok(())
    }

    /// Each 64 bytes of a name that has to be read are a step: of the root, which is read twice, and of each type of the target.
    #[test]
    fn names_that_are_read_count() -> Result<(), BuildError> {
        let blob = |count: usize| -> Result<_, BuildError> {
            let mut builder = BtfBuilder::new();
            let name = alloc::format!("s{}", "x".repeat(6399));
            let named = Definition::Struct { name: &name, size: 4, members: &[] };
            let mut id = TypeId::VOID;
            for _ in 0..count {
                id = builder.add(&named)?;
            }
            let access = builder.add_string("0")?;
            Ok((Btf::parse(builder.write(ByteOrder::NATIVE)?)?, id, access))
        };
        let (local, id, access) = blob(1)?;
        let relos = [CoreRelo::new(0, id, access, CoreKind::TypeExists.number())];
        for (count, steps, enough) in
            [(1, 302, true), (1, 301, false), (5, 706, true), (5, 705, false), (5, 150, false)]
        {
            let (target, ..) = blob(count)?;
            let outcome = within(&local, &relos, &target, Work::new(steps));
            let found = outcome.map_or(None, |found| Some(found.len()));
            assert_eq!(found, enough.then_some(count), "{steps} for {count}");
        }
        Ok(())
    }
}
