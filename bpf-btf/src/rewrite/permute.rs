//! Types in another order.

use alloc::vec::Vec;

use super::{Rewritten, TypeMap, refuse_unknown, words_of};
use crate::build::strings::StringTable;
use crate::{Btf, BtfBuilder, BuildError, TypeId, words};

/// The own types of a blob in the given order, which names each of them once. Strings keep their offsets.
///
/// Errors: [`BuildError::Order`] for an id that is missing, named twice or no own type.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let turned = bpf_btf::permute(&btf, &[point, int])?;
/// assert_eq!(turned.ids.get(int), Some(point));
/// # Ok(()) }
/// ```
pub fn permute(btf: &Btf, order: &[TypeId]) -> Result<Rewritten, BuildError> {
    btf.validate().map_err(BuildError::Source)?;
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
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// builder.add(&Definition::Typedef { name: "apple", target: point })?;
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let sorted = bpf_btf::sort_by_name(&btf)?;
/// let sorted = Btf::parse(sorted.builder.write(ByteOrder::NATIVE)?)?;
/// assert_eq!(sorted.types().map(|(_, found)| found.name()).collect::<Vec<_>>(), ["apple", "int", "point"]);
/// # Ok(()) }
/// ```
pub fn sort_by_name(btf: &Btf) -> Result<Rewritten, BuildError> {
    let mut order = btf.types().collect::<Vec<_>>();
    order.sort_by_cached_key(|(_, found)| found.name());
    permute(btf, &order.into_iter().map(|(id, _)| id).collect::<Vec<_>>())
}
