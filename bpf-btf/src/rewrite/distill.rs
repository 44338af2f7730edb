//! A base of just what a split blob needs, and the way from there to another base.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{TypeMap, refuse_unknown, words_of};
use crate::{Btf, BtfBuilder, BuildError, ByteOrder, Definition, Kind, Type, TypeId, words};

/// Split BTF on a base of its own, made by [`distill`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Distilled {
    /// The small base: what a module ships as `.BTF.base`.
    pub base: Btf,
    /// The types on it: what it ships as `.BTF`.
    pub split: BtfBuilder,
    /// What became of the split types.
    pub ids: TypeMap,
}

/// Why split BTF cannot go to another base.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelocateError {
    /// The new base has no such type, or one of another size.
    #[error("the base has no {kind} {name:?} for type {id}")]
    Missing {
        /// Id in the distilled base.
        id: TypeId,
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// The new base has several that would do.
    #[error("the base has types {first} and {second}, both of which could be {kind} {name:?}")]
    Ambiguous {
        /// Kind of the type.
        kind: Kind,
        /// Its name.
        name: String,
        /// One id in the new base.
        first: TypeId,
        /// Another one.
        second: TypeId,
    },
    /// The types cannot be copied.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Whether a type of a base stays in the distilled base; all others are copied into the split blob.
fn stays(found: Type<'_>) -> bool {
    !found.name().is_empty()
        && matches!(
            found.kind(),
            Kind::Int
                | Kind::Float
                | Kind::Fwd
                | Kind::Struct
                | Kind::Union
                | Kind::Enum
                | Kind::Enum64
        )
}

/// Makes a base that holds only what a split blob refers to, so that the blob can be used with other builds of the
/// kernel (libbpf: `btf__distill_base`): numbers and declarations as they are, structures, unions and enumerations with
/// name and size only. What has no name, and pointers, typedefs and the like are copied behind the types of the blob.
///
/// Fails with [`BuildError::Base`] when the blob has no base.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// use bpf_btf::{distill, relocate_base};
///
/// let kernel = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let mut module = BtfBuilder::split(&kernel);
/// let pointer = module.add(&Definition::Ptr { target: point })?;
/// module.add(&Definition::Typedef { name: "point_p", target: pointer })?;
/// let module = Btf::parse_split(module.write(ByteOrder::NATIVE)?, &kernel)?;
///
/// // What the module ships: its types, and a base with an outline of `point`.
/// let shipped = distill(&module)?;
/// let split = Btf::parse_split(shipped.split.write(ByteOrder::NATIVE)?, &shipped.base)?;
/// // Another kernel, where other types come first.
/// let mut other = BtfBuilder::new();
/// other.add(&Definition::Float { name: "double", size: 8 })?;
/// other.add_btf(&kernel)?;
/// let other = Btf::parse(other.write(ByteOrder::NATIVE)?)?;
/// let moved = relocate_base(&split, &other)?.write(ByteOrder::NATIVE)?;
/// let moved = Btf::parse_split(moved, &other)?;
/// let found = moved.find("point_p", bpf_btf::Kind::Typedef).ok_or("no point_p")?;
/// assert_eq!(moved.display_name(moved.strip(found)).to_string(), "struct point *");
/// # Ok(()) }
/// ```
pub fn distill(btf: &Btf) -> Result<Distilled, BuildError> {
    let old_base = btf.base().ok_or(BuildError::Base)?;
    btf.validate().map_err(BuildError::Source)?;
    for level in core::iter::successors(Some(btf), |btf| btf.base()) {
        refuse_unknown(level)?;
    }
    let first = btf.first_id().get();
    let mut base = BtfBuilder::new();
    let mut copied = Vec::new();
    let mut seen = alloc::vec![false; first as usize];
    let mut work = Vec::new();
    for (id, _) in btf.types() {
        btf.for_each_target(id, &mut |target| work.push(target));
    }
    while let Some(id) = work.pop() {
        match seen.get_mut(id.get() as usize) {
            Some(seen) if !*seen && !id.is_void() => *seen = true,
            _ => continue,
        }
        let Some(found) = old_base.get(id) else { continue };
        if !stays(found) {
            copied.push(id);
            btf.for_each_target(id, &mut |target| work.push(target));
        }
    }
    copied.sort_unstable();
    let mut ids = BTreeMap::new();
    for number in (1..first).filter(|number| seen.get(*number as usize) == Some(&true)) {
        let id = TypeId::new(number);
        if let Some(found) = old_base.get(id).filter(|found| stays(*found)) {
            ids.insert(number, base.add(&outline(found))?.get());
        }
    }
    let base = Btf::parse(base.write(ByteOrder::NATIVE)?)?;
    let new_first = base.len();
    let own = (first..btf.len()).map(TypeId::new);
    let order = own.chain(copied).collect::<Vec<_>>();
    for (new, old) in (new_first..).zip(&order) {
        ids.insert(old.get(), new);
    }
    let mut split = BtfBuilder::split(&base);
    for old in &order {
        copy(btf, *old, &mut split, &|id| ids.get(&id).copied().unwrap_or(0))?;
    }
    let own = (first..btf.len()).map(|id| ids.get(&id).copied().unwrap_or(0));
    Ok(Distilled { base, split, ids: TypeMap::new(first, own.collect()) })
}

/// What the distilled base says about a type.
fn outline(found: Type<'_>) -> Definition<'_> {
    let name = found.name();
    match found {
        Type::Int(int) => Definition::Bits { name, size: int.size(), encoding: int.encoding() },
        Type::Float(float) => Definition::Float { name, size: float.size() },
        Type::Struct(composite) => {
            Definition::Struct { name, size: composite.size(), members: &[] }
        }
        Type::Union(composite) => Definition::Union { name, size: composite.size(), members: &[] },
        Type::Enum(values) | Type::Enum64(values) => {
            Definition::Enum { name, size: values.size(), signed: false, values: &[] }
        }
        other => Definition::Fwd { name, union: other.kind_flag() },
    }
}

/// Adds a type of any level of a blob with other targets.
fn copy(
    btf: &Btf,
    id: TypeId,
    builder: &mut BtfBuilder,
    target: &dyn Fn(u32) -> u32,
) -> Result<(), BuildError> {
    let mut levels = core::iter::successors(Some(btf), |btf| btf.base());
    let owner = levels.find(|btf| btf.first_id() <= id).unwrap_or(btf);
    let mut record = words_of(owner, id);
    let mut failed = None;
    words::map_names(&mut record, &mut |offset| {
        let text = btf.string_bytes(offset).unwrap_or_default();
        builder.add_string_bytes(text).unwrap_or_else(|error| {
            failed = Some(error);
            0
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    words::map_targets(&mut record, &mut |id| if id == 0 { 0 } else { target(id) });
    builder.push_record(&record)?;
    Ok(())
}

/// Puts split BTF that was distilled onto another base (libbpf: `btf__relocate`). Types of the distilled base are found
/// there by kind and name; sizes must agree too, but for structures and unions that are only pointed to and whose name
/// is unique.
///
/// `split` was parsed on the distilled base. What a module has in `.BTF` goes with the `.BTF.base` beside it.
pub fn relocate_base(split: &Btf, base: &Btf) -> Result<BtfBuilder, RelocateError> {
    let distilled = split.base().ok_or(BuildError::Base)?;
    for blob in [split, base] {
        blob.validate().map_err(BuildError::Source)?;
    }
    refuse_unknown(split)?;
    let embedded = embedded(split);
    let first = split.first_id().get();
    let mut map = Vec::from([0_u32]);
    for (id, found) in (1..first).map(TypeId::new).filter_map(|id| Some((id, distilled.get(id)?))) {
        let is_embedded = embedded.get(id.get() as usize).copied().unwrap_or(false);
        map.push(counterpart(found, is_embedded, base)?.get());
    }
    let mut builder = BtfBuilder::split(base);
    let new_first = base.len();
    let target = |id: u32| match id.checked_sub(first) {
        Some(index) => new_first.saturating_add(index),
        None => map.get(id as usize).copied().unwrap_or(0),
    };
    for (id, _) in split.types() {
        copy(split, id, &mut builder, &target)?;
    }
    Ok(builder)
}

/// Types of the base that members of split types hold by value.
fn embedded(split: &Btf) -> Vec<bool> {
    let mut out = alloc::vec![false; split.first_id().get() as usize];
    let mut see = |id: TypeId| {
        let mut id = split.strip(id);
        // As many dimensions as anyone has.
        for _ in 0..64 {
            match split.get(id) {
                Some(Type::Array(array)) => id = split.strip(array.element()),
                _ => break,
            }
        }
        if let Some(embedded) = out.get_mut(id.get() as usize) {
            *embedded = true;
        }
    };
    for (_, found) in split.types() {
        match found {
            Type::Struct(composite) | Type::Union(composite) => {
                composite.members().for_each(|member| see(member.type_id()));
            }
            Type::Var(var) => see(var.type_id()),
            _ => {}
        }
    }
    out
}

/// The type of the new base that a distilled one stands for.
fn counterpart(wanted: Type<'_>, is_embedded: bool, base: &Btf) -> Result<TypeId, RelocateError> {
    let (kind, name) = (wanted.kind(), wanted.name());
    let candidates = base.find_all(name).filter_map(|id| base.get(id));
    let candidates = candidates.filter(|found| fits(wanted, *found)).collect::<Vec<_>>();
    let same_size = |found: &&Type<'_>| size(**found) == size(wanted);
    let decided = if kind.is_composite() && !is_embedded && candidates.len() == 1 {
        candidates
    } else {
        candidates.iter().filter(same_size).copied().collect()
    };
    match decided.as_slice() {
        [] => Err(RelocateError::Missing { id: wanted.id(), kind, name: name.to_string() }),
        [found] => Ok(found.id()),
        [first, second, ..] => Err(RelocateError::Ambiguous {
            kind,
            name: name.to_string(),
            first: first.id(),
            second: second.id(),
        }),
    }
}

fn fits(wanted: Type<'_>, found: Type<'_>) -> bool {
    match (wanted, found) {
        (Type::Int(wanted), Type::Int(found)) => wanted.encoding() == found.encoding(),
        (Type::Fwd(wanted), Type::Fwd(found)) => wanted.is_union() == found.is_union(),
        _ if wanted.kind().is_any_enum() => found.kind().is_any_enum(),
        _ => wanted.kind() == found.kind(),
    }
}

fn size(found: Type<'_>) -> Option<u32> {
    match found {
        Type::Int(int) => Some(int.size()),
        Type::Float(float) => Some(float.size()),
        Type::Struct(composite) | Type::Union(composite) => Some(composite.size()),
        Type::Enum(values) | Type::Enum64(values) => Some(values.size()),
        _ => None,
    }
}
