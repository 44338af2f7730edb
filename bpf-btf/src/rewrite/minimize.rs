//! The part of a blob that somebody uses.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Rewritten, TypeMap, refuse_unknown, words_of};
use crate::build::strings::StringTable;
use crate::core::{CoreError, CoreKind, Usage, usage};
use crate::raw::MAX_VLEN;
use crate::{Btf, BtfBuilder, BuildError, CoreRelo, Type, TypeId, words};

/// How many anonymous members may be around a member.
const MAX_DEPTH: usize = 64;

/// Keeps of a blob the types that relocations or other roots need: a kernel's BTF of megabytes becomes a few kilobytes
/// that can be shipped with a program for kernels that have none (as `bpftool gen min_core_btf` does).
///
/// Of a structure that relocations go through only the members that they go through stay, at their places and in the
/// size of the whole; what a member points to becomes `void`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// use bpf_btf::Minimizer;
///
/// builder.add(&Definition::Float { name: "double", size: 8 })?;
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// let mut minimizer = Minimizer::new(&btf);
/// minimizer.keep(point);
/// let small = minimizer.finish()?;
/// assert_eq!(small.builder.len(), 3, "void, int and point");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Minimizer<'btf> {
    btf: &'btf Btf,
    /// What stays of each type, by id.
    marks: Vec<Mark>,
    /// Members of composites that stay in part.
    members: BTreeSet<(TypeId, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Nothing,
    /// The type itself: a composite without members, a pointer to nothing.
    Itself,
    /// The same with the targets of pointers.
    Pointees,
    /// The same with all members.
    Members,
    /// The type and all below it.
    Whole,
}

impl<'btf> Minimizer<'btf> {
    /// Begins with nothing. Types of a base are not copied: they stay in the base.
    pub fn new(btf: &'btf Btf) -> Self {
        let marks = alloc::vec![Mark::Nothing; btf.len() as usize];
        Self { btf, marks, members: BTreeSet::new() }
    }

    /// Keeps a type and all that it refers to.
    pub fn keep(&mut self, id: TypeId) {
        self.mark(id, Mark::Whole);
    }

    /// Keeps what the relocations of an object need to come to the same results, and no more. Whatever does not match
    /// anything now will not match then. The resolver's errors about the object are those that are given here, and
    /// [`CoreError::TooManyCandidates`] and [`CoreError::TooMuchWork`] for an object and a blob that were made to need more
    /// work than records and types can tell.
    pub fn keep_for(&mut self, local: &Btf, relos: &[CoreRelo]) -> Result<(), CoreError> {
        self.keep_for_each(local, relos).map_err(|(_, error)| error)
    }

    /// As [`keep_for`](Self::keep_for); an error comes with the index of the relocation that it is about.
    pub fn keep_for_each(
        &mut self,
        local: &Btf,
        relos: &[CoreRelo],
    ) -> Result<(), (usize, CoreError)> {
        for Usage { kind, root, steps } in usage(local, relos, self.btf)? {
            let mark = match kind {
                CoreKind::TypeMatches => Mark::Members,
                kind if kind.is_type() => Mark::Pointees,
                _ => Mark::Itself,
            };
            self.mark(root, mark);
            let mut outer = self.btf.strip(root);
            for (composite, index) in steps {
                self.go_to(outer, composite);
                self.mark(composite, Mark::Itself);
                self.members.insert((composite, index));
                let found = self.btf.get(composite).and_then(|found| found.composite());
                let Some(member) = found.and_then(|found| found.member(index as usize)) else {
                    continue;
                };
                self.mark(member.type_id(), Mark::Itself);
                outer = self.element(member.type_id());
            }
        }
        Ok(())
    }

    /// The type under arrays, typedefs and modifiers.
    fn element(&self, id: TypeId) -> TypeId {
        let mut id = self.btf.strip(id);
        for _ in 0..MAX_DEPTH {
            match self.btf.get(id) {
                Some(Type::Array(array)) => id = self.btf.strip(array.element()),
                _ => break,
            }
        }
        id
    }

    /// Keeps the anonymous members by which a composite contains another one.
    fn go_to(&mut self, outer: TypeId, inner: TypeId) {
        let mut path = Vec::new();
        let mut budget = 1_u32 << 16;
        if self.find_path(outer, inner, &mut path, &mut budget) {
            for (composite, index, member) in path {
                self.mark(composite, Mark::Itself);
                self.members.insert((composite, index));
                self.mark(member, Mark::Itself);
            }
        }
    }

    fn find_path(
        &self,
        outer: TypeId,
        inner: TypeId,
        path: &mut Vec<(TypeId, u32, TypeId)>,
        budget: &mut u32,
    ) -> bool {
        if outer == inner {
            return true;
        }
        let composite = self.btf.get(outer).and_then(|found| found.composite());
        let Some(composite) = composite.filter(|_| path.len() < MAX_DEPTH) else { return false };
        for (index, member) in (0..).zip(composite.members()) {
            let Some(left) = budget.checked_sub(1) else { return false };
            *budget = left;
            if member.is_anonymous() {
                path.push((outer, index, member.type_id()));
                if self.find_path(self.btf.strip(member.type_id()), inner, path, budget) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }

    fn mark(&mut self, id: TypeId, mark: Mark) {
        let mut work = Vec::from([(id, mark)]);
        while let Some((id, mark)) = work.pop() {
            match self.marks.get_mut(id.get() as usize) {
                Some(known) if *known < mark => *known = mark,
                _ => continue,
            }
            let Some(found) = self.btf.get(id) else { continue };
            let mut need = |id: TypeId, mark: Mark| work.push((id, mark));
            match (found, mark) {
                (_, Mark::Whole) => self.btf.for_each_target(id, &mut |id| need(id, mark)),
                (Type::Struct(composite) | Type::Union(composite), Mark::Members) => {
                    composite.members().for_each(|member| need(member.type_id(), mark));
                }
                (Type::Struct(_) | Type::Union(_), _) | (Type::Ptr(_), Mark::Itself) => {}
                // What is behind a pointer is compared by kind and name only.
                (Type::Ptr(pointer), _) => need(pointer.target(), Mark::Pointees),
                (_, _) => self.btf.for_each_target(id, &mut |id| need(id, mark)),
            }
        }
    }

    /// The types that stay, in their order. References to others become `void`.
    pub fn finish(mut self) -> Result<Rewritten, BuildError> {
        let btf = self.btf;
        btf.validate().map_err(BuildError::Source)?;
        refuse_unknown(btf)?;
        // Tags go with whole types: in others they could speak of members that are gone.
        for (id, found) in btf.types() {
            if let Type::DeclTag(tag) = found {
                if self.mark_of(tag.target()) == Mark::Whole {
                    self.mark(id, Mark::Whole);
                }
            }
        }
        let first = btf.first_id().get();
        let mut next = first;
        let mut ids = Vec::with_capacity(btf.len().saturating_sub(first) as usize);
        for (id, _) in btf.types() {
            if self.mark_of(id) == Mark::Nothing {
                ids.push(0);
            } else {
                ids.push(next);
                next = next.saturating_add(1);
            }
        }
        let ids = TypeMap::new(first, ids);
        let own_strings = btf.base().map_or(0, Btf::string_end);
        let strings = StringTable::new(btf.base().map(Btf::string_end));
        let mut builder = BtfBuilder::like(btf, strings);
        builder.drop_layout();
        for (id, _) in ids.iter() {
            let mut record = words_of(btf, id);
            let is_composite = btf.get(id).is_some_and(|found| found.kind().is_composite());
            if is_composite && self.mark_of(id) < Mark::Members {
                self.drop_members(id, &mut record);
            }
            let mut failed = None;
            words::map_names(&mut record, &mut |offset| {
                if offset < own_strings {
                    return offset;
                }
                let text = btf.string_bytes(offset).unwrap_or_default();
                builder.add_string_bytes(text).unwrap_or_else(|error| {
                    failed = Some(error);
                    0
                })
            });
            if let Some(error) = failed {
                return Err(error);
            }
            words::map_targets(&mut record, &mut |target| {
                ids.get(TypeId::new(target)).map_or(0, TypeId::get)
            });
            builder.push_record(&record)?;
        }
        Ok(Rewritten { builder, ids })
    }

    fn mark_of(&self, id: TypeId) -> Mark {
        self.marks.get(id.get() as usize).copied().unwrap_or(Mark::Nothing)
    }

    /// Removes the members that nobody uses from a record.
    fn drop_members(&self, id: TypeId, record: &mut Vec<u32>) {
        let kept = |index: u32| self.members.contains(&(id, index));
        let members = record.split_off(record.len().min(3));
        let mut count = 0_u32;
        for (_, member) in (0..).zip(members.chunks_exact(3)).filter(|(index, _)| kept(*index)) {
            record.extend_from_slice(member);
            count = count.saturating_add(1);
        }
        if let Some(info) = record.get_mut(1) {
            *info = *info & !MAX_VLEN | count;
        }
    }
}
