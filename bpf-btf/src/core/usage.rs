//! What the relocations of an object look at in a target.

use alloc::vec::Vec;

use super::candidates::{NameSet, Root};
use super::field::{self, Place};
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

/// All that answers some record. Records that nothing answers, or that ask about the object itself, have no part in it.
pub(crate) fn usage(
    local: &Btf,
    relos: &[CoreRelo],
    target: &Btf,
) -> Result<Vec<Usage>, CoreError> {
    let mut roots = Vec::new();
    let mut specs = Vec::new();
    for relo in relos {
        let kind =
            CoreKind::from_number(relo.kind).ok_or(CoreError::UnknownKind { kind: relo.kind })?;
        let spec = Spec::parse(local, relo, kind)?;
        if kind == CoreKind::TypeIdLocal {
            continue;
        }
        let found = local.get(relo.type_id).filter(|found| !found.name().is_empty());
        let found = found.ok_or(CoreError::Anonymous { kind, id: relo.type_id })?;
        specs.push((relo.type_id, kind, spec));
        let (id, name, kind) = (relo.type_id, found.name(), found.kind());
        roots.push(Root { id, name, kind, candidates: Vec::new() });
    }
    roots.sort_by_key(|root| root.id);
    roots.dedup_by_key(|root| root.id);
    let kinds = roots.iter().map(|root| root.kind).collect::<Vec<_>>();
    let names = NameSet::new(roots.iter());
    let kind_of = |index: usize| kinds.get(index).copied().unwrap_or(crate::Kind::Void);
    let mut candidates = alloc::vec![Vec::new(); roots.len()];
    let levels = core::iter::successors(Some(target), |btf| btf.base());
    for level in levels {
        names.search(level, kind_of, |index, id| {
            if let Some(list) = candidates.get_mut(index) {
                list.push(id);
            }
            true
        });
    }
    let place = Place { btf: target, pointer: target.pointer_size() };
    let mut out = Vec::new();
    for (local_id, kind, spec) in &specs {
        let index = roots.binary_search_by_key(local_id, |root| root.id).ok();
        for root in index.and_then(|index| candidates.get(index)).into_iter().flatten() {
            if let Ok(Ok(found)) = field::find(local, spec, *kind, &place, *root) {
                let named = found.steps.iter().filter(|step| step.named);
                let steps = named.map(|step| (step.type_id, step.index)).collect();
                out.push(Usage { kind: *kind, root: *root, steps });
            }
        }
    }
    Ok(out)
}
