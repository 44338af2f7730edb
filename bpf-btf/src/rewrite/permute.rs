//! Types in another order.

use alloc::vec::Vec;

use super::{Rewritten, TypeMap, refuse_unknown, words_of};
use crate::build::strings::StringTable;
use crate::{Btf, BtfBuilder, BuildError, TypeId, words};

/// The own types of a blob in the given order, which names each of them once. Strings keep their offsets.
pub fn permute(btf: &Btf, order: &[TypeId]) -> Result<Rewritten, BuildError> {
    refuse_unknown(btf)?;
    let first = btf.first_id().get();
    let count = btf.len().saturating_sub(first) as usize;
    let mut ids = alloc::vec![0_u32; count];
    for (new, old) in (first..).zip(order) {
        let index = old.get().checked_sub(first).map(|index| index as usize);
        match index.and_then(|index| ids.get_mut(index)) {
            Some(slot @ 0) => *slot = new,
            _ => return Err(BuildError::Order { id: *old }),
        }
    }
    if let Some((id, _)) = (first..).zip(&ids).find(|(_, new)| **new == 0) {
        return Err(BuildError::Order { id: TypeId::new(id) });
    }
    let ids = TypeMap::new(first, ids);
    let strings = StringTable::import(btf.base().map_or(0, Btf::string_end), btf.own_strings());
    let mut builder = BtfBuilder::like(btf, strings);
    for old in order {
        let mut record = words_of(btf, *old);
        words::map_targets(&mut record, &mut |target| {
            ids.get(TypeId::new(target)).map_or(target, TypeId::get)
        });
        builder.push_record(&record)?;
    }
    Ok(Rewritten { builder, ids })
}

/// The own types of a blob sorted by name, those without a name first, so that [`Btf::find`] needs no index. Types of
/// one name keep their order.
pub fn sort_by_name(btf: &Btf) -> Result<Rewritten, BuildError> {
    let mut order = btf.types().collect::<Vec<_>>();
    order.sort_by_cached_key(|(_, found)| found.name());
    permute(btf, &order.into_iter().map(|(id, _)| id).collect::<Vec<_>>())
}
