//! What has to be written before what.
//!
//! A pointer wants to know the name of its target only, a member its whole body. So each type is visited at most twice,
//! for its name and as a whole, and what needs itself as a whole cannot be written. The walk keeps its own stack: a blob
//! may nest as deep as it is long.

use alloc::vec::Vec;

use super::{CError, CPrinter};
use crate::{Type, TypeId};

/// What of a type somebody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A name in scope.
    Name,
    /// Size and members.
    Whole,
}

/// A type that is being visited.
struct Visit {
    id: TypeId,
    need: Need,
    next: usize,
    /// Whether text will be written for it at the end.
    defines: bool,
}

/// Bits of the state per type.
const NAME_OPEN: u8 = 1;
const NAME_DONE: u8 = 2;
const WHOLE_OPEN: u8 = 4;
const WHOLE_DONE: u8 = 8;

const fn bits(need: Need) -> (u8, u8) {
    match need {
        Need::Name => (NAME_OPEN, NAME_DONE),
        Need::Whole => (WHOLE_OPEN, WHOLE_DONE),
    }
}

impl CPrinter<'_> {
    /// Writes all that a type needs, and the type itself where it has a name.
    pub(super) fn visit(&mut self, id: TypeId, need: Need) -> Result<(), CError> {
        let mut stack = Vec::new();
        // The definitions among them, innermost last.
        let mut open = Vec::new();
        let result = self.run(id, need, &mut stack, &mut open);
        for left in stack {
            self.mark(left.id, |marks| marks & !bits(left.need).0);
        }
        result
    }

    fn run(
        &mut self,
        id: TypeId,
        need: Need,
        stack: &mut Vec<Visit>,
        open: &mut Vec<TypeId>,
    ) -> Result<(), CError> {
        self.enter(id, need, stack, open)?;
        while let Some(visit) = stack.last_mut() {
            let (id, need, index) = (visit.id, visit.need, visit.next);
            visit.next = visit.next.saturating_add(1);
            if let Some((target, need)) = self.edge(id, need, index) {
                self.enter(target, need, stack, open)?;
                continue;
            }
            if visit.defines {
                open.pop();
            }
            self.finish(id, need)?;
            let (opened, done) = bits(need);
            self.mark(id, |marks| marks & !opened | done);
            stack.pop();
        }
        Ok(())
    }

    fn mark(&mut self, id: TypeId, change: impl Fn(u8) -> u8) {
        if let Some(marks) = self.marks.get_mut(id.get() as usize) {
            *marks = change(*marks);
        }
    }

    fn enter(
        &mut self,
        id: TypeId,
        need: Need,
        stack: &mut Vec<Visit>,
        open: &mut Vec<TypeId>,
    ) -> Result<(), CError> {
        let found = self.btf.get(id).ok_or(CError::NoSuchType { id })?;
        let mut defines = false;
        let need = match found {
            Type::Void => return Ok(()),
            Type::Struct(composite) | Type::Union(composite) if !composite.name().is_empty() => {
                if need == Need::Name {
                    // Within its own body the name is known.
                    if open.last() != Some(&id) {
                        self.forward(found);
                    }
                    return Ok(());
                }
                defines = true;
                need
            }
            // What has no name is written where it is used.
            Type::Struct(_) | Type::Union(_) => Need::Whole,
            Type::Typedef(_) => {
                defines = need == Need::Name;
                need
            }
            Type::Const(_) | Type::Volatile(_) | Type::Restrict(_) | Type::TypeTag(_) => need,
            _ => Need::Name,
        };
        let marks = self.marks.get(id.get() as usize).copied().unwrap_or(0);
        let (opened, done) = bits(need);
        if marks & opened != 0 {
            return Err(CError::Cycle { id });
        }
        if marks & done == 0 {
            self.mark(id, |marks| marks | opened);
            if defines {
                open.push(id);
            }
            stack.push(Visit { id, need, next: 0, defines });
        }
        Ok(())
    }

    /// The `index`-th type that a type needs.
    fn edge(&self, id: TypeId, need: Need, index: usize) -> Option<(TypeId, Need)> {
        let first = |target, need| (index == 0).then_some((target, need));
        match self.btf.get(id)? {
            Type::Ptr(pointer) => first(pointer.target(), Need::Name),
            Type::Array(array) => first(array.element(), Need::Whole),
            Type::Const(found)
            | Type::Volatile(found)
            | Type::Restrict(found)
            | Type::TypeTag(found) => first(found.target(), need),
            Type::Typedef(found) if super::is_builtin_typedef(found.name()) => None,
            Type::Typedef(found) => match (need, index) {
                (Need::Whole, 0) => Some((id, Need::Name)),
                (Need::Name, 0) | (Need::Whole, 1) => Some((found.target(), need)),
                _ => None,
            },
            Type::Struct(composite) | Type::Union(composite) => {
                Some((composite.member(index)?.type_id(), Need::Whole))
            }
            Type::FuncProto(proto) => match index.checked_sub(1) {
                None => Some((proto.return_type(), Need::Name)),
                Some(index) => Some((proto.params().nth(index)?.type_id(), Need::Name)),
            },
            Type::Func(func) => first(func.prototype(), Need::Name),
            Type::Var(var) => first(var.type_id(), Need::Whole),
            _ => None,
        }
    }
}
