//! Merging equal types.
//!
//! The passes are libbpf's: numbers, enumerations and declarations by content; structures, unions and typedefs by graph;
//! declarations by the one structure that has their name; then everything that only refers to others, from the
//! inside out. What is left gets new ids without gaps.

mod graph;
mod pool;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::rewrite::{Rewritten, TypeMap, refuse_unknown};
use crate::{Btf, BtfBuilder, BuildError, Kind, words};

use pool::{Pool, Table, mix, type_id};

/// Merges equal types and equal strings of a blob; of split BTF also with those of the base, which stays as it is.
///
/// Types are equal when all below them is, and a forward declaration is equal to the structure, union or enumeration
/// that it declares. Variables and sections are never merged. Strings that no type uses are dropped: those of `.BTF.ext`
/// come back with [`Rewritten::write_ext`]. Work is bounded by the number of types: of a blob made to need more (thousands of
/// nearly equal types of one name), some equal types are left as they are.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// use bpf_btf::dedup;
///
/// let one = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// builder.add_btf(&one)?;
/// let twice = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let merged = dedup(&twice)?;
/// assert_eq!((twice.len(), merged.builder.len()), (5, 3));
/// assert_eq!(merged.ids.get(bpf_btf::TypeId::new(4)), Some(point));
/// # Ok(()) }
/// ```
pub fn dedup(btf: &Btf) -> Result<Rewritten, BuildError> {
    btf.validate().map_err(BuildError::Source)?;
    for level in core::iter::successors(Some(btf), |btf| btf.base()) {
        refuse_unknown(level)?;
    }
    let (pool, strings) = Pool::new(btf)?;
    let len = pool.len() as usize;
    let mut dedup = Dedup {
        map: alloc::vec![OPEN; len],
        partners: alloc::vec![0; len],
        partnered: Vec::new(),
        base_would_change: false,
        steps: STEPS.saturating_add(STEPS_PER_TYPE.saturating_mul(pool.len())),
        pool,
    };
    for id in 0..dedup.pool.len() {
        if id < dedup.pool.first || matches!(dedup.pool.kind(id), Kind::Var | Kind::Datasec) {
            dedup.set(id, id);
        }
    }
    dedup.merge_plain();
    dedup.merge_graphs();
    dedup.merge_declarations();
    dedup.merge_references();
    dedup.write(btf, BtfBuilder::like(btf, strings))
}

/// A type that is not decided yet.
const OPEN: u32 = u32::MAX;
/// A type whose targets are being decided.
const BUSY: u32 = u32::MAX - 1;

/// How many pairs of types may be compared, whatever the blob, and for each type of it. Merging the types of a kernel twice over
/// takes a few for each.
const STEPS: u32 = 1 << 18;
const STEPS_PER_TYPE: u32 = 64;

struct Dedup {
    pool: Pool,
    /// The type that each type becomes, perhaps by way of others; itself when it stays.
    map: Vec<u32>,
    /// Assumed partner of each type of the canonical graph; 0 for none.
    partners: Vec<u32>,
    /// The types that have one.
    partnered: Vec<u32>,
    /// The assumption holds only if the base changes.
    base_would_change: bool,
    /// Comparisons that are left.
    steps: u32,
}

impl Dedup {
    fn get(&self, id: u32) -> u32 {
        self.map.get(id as usize).copied().unwrap_or(OPEN)
    }

    /// Takes one comparison from those that are left; false if none is.
    fn step(&mut self) -> bool {
        let left = self.steps.checked_sub(1);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }

    fn set(&mut self, id: u32, to: u32) {
        if let Some(slot) = self.map.get_mut(id as usize) {
            *slot = to;
        }
    }

    fn is_mapped(&self, id: u32) -> bool {
        self.get(id) < BUSY
    }

    /// The type that a type becomes as far as is known.
    fn resolve(&self, id: u32) -> u32 {
        let mut id = id;
        while self.is_mapped(id) && self.get(id) != id {
            id = self.get(id);
        }
        id
    }

    /// The structure that a forward declaration became, or the type itself.
    fn resolve_fwd(&self, id: u32) -> u32 {
        if self.pool.kind(id) != Kind::Fwd {
            return id;
        }
        let resolved = self.resolve(id);
        if self.pool.kind(resolved) == Kind::Fwd { id } else { resolved }
    }

    /// Makes a type another one, unless that is the type itself or belongs to the base. So the map has no cycles.
    fn link(&mut self, from: u32, to: u32) {
        if from >= self.pool.first && self.resolve(to) != from {
            self.set(from, to);
        }
    }

    fn own(&self) -> core::ops::Range<u32> {
        self.pool.first..self.pool.len()
    }

    /// A table of the base's types of some kinds.
    fn table(&self, wanted: impl Fn(Kind) -> bool, hash: impl Fn(&Pool, u32) -> u32) -> Table {
        let mut table = Table::new(self.pool.len());
        for id in (1..self.pool.first).filter(|id| wanted(self.pool.kind(*id))) {
            table.insert(hash(&self.pool, id), id);
        }
        table
    }

    /// Numbers, enumerations and forward declarations refer to nothing.
    fn merge_plain(&mut self) {
        let wanted =
            |kind| matches!(kind, Kind::Int | Kind::Float | Kind::Fwd | Kind::Enum | Kind::Enum64);
        // A declaration of an enumeration has nothing but its name in common with it.
        let hash = |pool: &Pool, id| match pool.kind(id) {
            Kind::Enum | Kind::Enum64 if pool.name(id) != 0 => mix(1, pool.name(id)),
            _ => pool.hash(id),
        };
        let mut table = self.table(wanted, hash);
        for id in self.own().filter(|id| wanted(self.pool.kind(*id))).collect::<Vec<_>>() {
            let slot = hash(&self.pool, id);
            let mut found = None;
            let mut other = table.first(slot);
            while other != 0 && found.is_none() && self.step() {
                if self.pool.kind(id).is_any_enum() {
                    if self.enums_agree(id, other) {
                        if self.pool.is_enum_fwd(other) && !self.pool.is_enum_fwd(id) {
                            self.link(other, id);
                        } else {
                            found = Some(other);
                        }
                    }
                } else if self.pool.record(id) == self.pool.record(other) {
                    found = Some(other);
                }
                other = table.after(other);
            }
            self.set(id, found.unwrap_or(id));
            if found.is_none() {
                table.insert(slot, id);
            }
        }
    }

    /// Structures, unions and typedefs.
    fn merge_graphs(&mut self) {
        let wanted = |kind| matches!(kind, Kind::Struct | Kind::Union | Kind::Typedef);
        let mut table = self.table(wanted, Pool::hash_but_targets);
        for id in self.own().filter(|id| wanted(self.pool.kind(*id))).collect::<Vec<_>>() {
            if self.is_mapped(id) {
                continue;
            }
            let slot = self.pool.hash_but_targets(id);
            let mut found = None;
            let mut other = table.first(slot);
            while other != 0 && found.is_none() && self.step() {
                if words::equal_but_targets(self.pool.record(id), self.pool.record(other)) {
                    self.base_would_change = false;
                    if self.equivalent(id, other) {
                        found = (!self.base_would_change).then_some(other);
                        self.merge_partners();
                    } else {
                        self.drop_partners();
                    }
                }
                other = table.after(other);
            }
            // A type below it may have decided about it already.
            if !self.is_mapped(id) {
                let found = found.filter(|found| self.resolve(*found) != id);
                self.set(id, found.unwrap_or(id));
            }
            if self.get(id) == id {
                table.insert(slot, id);
            }
        }
    }

    /// Forward declarations of names that exactly one structure or union has.
    fn merge_declarations(&mut self) {
        let mut by_name = BTreeMap::<u32, Option<u32>>::new();
        for id in 1..self.pool.len() {
            let named = self.pool.kind(id).is_composite() && self.pool.name(id) != 0;
            if named && self.resolve(id) == id {
                let only = |entry: &mut Option<u32>| *entry = None;
                by_name.entry(self.pool.name(id)).and_modify(only).or_insert(Some(id));
            }
        }
        for id in self.own().filter(|id| self.pool.kind(*id) == Kind::Fwd).collect::<Vec<_>>() {
            let body = by_name.get(&self.pool.name(id)).copied().flatten();
            match body {
                Some(body)
                    if self.get(id) == id && self.pool.kind(body) == self.pool.fwd_kind(id) =>
                {
                    self.link(id, body);
                }
                _ => {}
            }
        }
    }

    /// Pointers, modifiers, arrays, prototypes, functions and tags, each after what it refers to.
    fn merge_references(&mut self) {
        let wanted = |kind: Kind| {
            kind.is_modifier()
                || matches!(
                    kind,
                    Kind::Ptr | Kind::Array | Kind::Func | Kind::FuncProto | Kind::DeclTag
                )
        };
        let mut table = self.table(wanted, Pool::hash);
        let mut stack: Vec<(u32, Vec<u32>)> = Vec::new();
        for root in self.own() {
            self.enter(root, &mut stack);
            while let Some((id, targets)) = stack.last_mut() {
                let id = *id;
                if let Some(target) = targets.pop() {
                    self.enter(target, &mut stack);
                    continue;
                }
                stack.pop();
                self.resolve_targets(id);
                let slot = self.pool.hash(id);
                let mut other = table.first(slot);
                while other != 0 && self.pool.record(other) != self.pool.record(id) {
                    other = if self.step() { table.after(other) } else { 0 };
                }
                self.set(id, if other == 0 { id } else { other });
                if other == 0 {
                    table.insert(slot, id);
                }
            }
        }
    }

    /// Begins with a type that is not decided. What refers to itself without a structure between is left as it is.
    fn enter(&mut self, id: u32, stack: &mut Vec<(u32, Vec<u32>)>) {
        if self.get(id) == OPEN && id < self.pool.len() {
            self.set(id, BUSY);
            stack.push((id, self.pool.targets(id)));
        }
    }

    fn resolve_targets(&mut self, id: u32) {
        let mut record = self.pool.record(id).to_vec();
        words::map_targets(&mut record, &mut |target| self.resolve(target));
        self.pool.record_mut(id).copy_from_slice(&record);
    }

    /// Numbers what is left.
    fn write(mut self, btf: &Btf, mut builder: BtfBuilder) -> Result<Rewritten, BuildError> {
        let first = self.pool.first;
        let mut new = alloc::vec![0_u32; self.map.len()];
        let mut next = first;
        for id in self.own() {
            if self.resolve(id) == id {
                if let Some(slot) = new.get_mut(id as usize) {
                    *slot = next;
                }
                next = next.checked_add(1).ok_or(BuildError::TooManyTypes)?;
            }
        }
        let number = |resolved: u32| {
            if resolved < first {
                resolved
            } else {
                new.get(resolved as usize).copied().unwrap_or(0)
            }
        };
        for id in self.own() {
            if self.resolve(id) != id {
                continue;
            }
            let mut record = self.pool.record(id).to_vec();
            words::map_targets(&mut record, &mut |target| number(self.resolve(target)));
            let added = builder.push_record(&record)?;
            debug_assert_eq!(added, type_id(number(id)), "numbers are given in order");
        }
        let ids = self.own().map(|id| number(self.resolve(id))).collect();
        debug_assert_eq!(btf.len(), self.pool.len(), "the pool has all types");
        self.map.clear();
        Ok(Rewritten { builder, ids: TypeMap::new(first, ids) })
    }
}
