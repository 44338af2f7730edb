//! What records refer to: that each type has an end, and what it is in the end.
//!
//! The kernel follows references depth first, up to 32 at once, and keeps for each type what it found out. How deep it gets
//! depends on what it found out before, so the order of the walk is part of the rules.

use alloc::vec::Vec;

use super::member::{self, is_regular};
use super::name::is_identifier;
use super::record::is_modifier;
use super::{Broken, KernelRule, MAX_DEPTH, RuleViolation};
use crate::{Array, Btf, Composite, Datasec, DeclTag, FuncProto, Kind, Type, TypeId};

/// Size of a pointer in 64-bit kernels.
const POINTER_SIZE: u32 = 8;

/// The second pass over all types (kernel: `btf_check_all_types`).
pub(super) fn check(btf: &Btf) -> Result<(), RuleViolation> {
    let own = btf.len().saturating_sub(btf.first_id().get()) as usize;
    let mut walk = Walk {
        btf,
        outcomes: alloc::vec![Outcome::Unknown; own],
        stack: Vec::with_capacity(MAX_DEPTH),
        goal: Goal::Any,
    };
    for (id, found) in btf.types() {
        if refers(found.kind()) && !walk.is_done(id) {
            walk.run(id)?;
        }
        if let Type::FuncProto(proto) = found {
            walk.prototype(proto)?;
        }
    }
    Ok(())
}

/// What is known of a type.
#[derive(Clone, Copy)]
enum Outcome {
    Unknown,
    /// It is on the stack.
    Open,
    /// The type that it stands for, and the size of an array in bytes.
    Done(TypeId, u32),
}

/// What a walk looks for, which the first pointer, structure or array on the way decides. A pointer may lead back to a
/// structure that contains it; so pointers are not followed on the way through members, nor members on the way through pointers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Any,
    Pointer,
    Whole,
}

/// What came of one look at a type.
enum Step {
    Enter(TypeId),
    Done(TypeId, u32),
}

/// A type on the way, and which of its members or entries comes next.
#[derive(Clone, Copy)]
struct Visit {
    id: TypeId,
    next: usize,
}

struct Walk<'a> {
    btf: &'a Btf,
    /// One per own type.
    outcomes: Vec<Outcome>,
    stack: Vec<Visit>,
    goal: Goal,
}

/// Whether a type has to be walked (kernel: `btf_type_needs_resolve`).
fn refers(kind: Kind) -> bool {
    is_modifier(kind)
        || matches!(
            kind,
            Kind::Ptr
                | Kind::Struct
                | Kind::Union
                | Kind::Array
                | Kind::Var
                | Kind::Func
                | Kind::DeclTag
                | Kind::Datasec
        )
}

/// Whether nothing may refer to the kind as to a type (kernel: `btf_type_is_resolve_source_only`).
const fn is_declaration(kind: Kind) -> bool {
    matches!(kind, Kind::Var | Kind::DeclTag | Kind::Datasec)
}

/// Whether the kind has no size (kernel: `btf_type_nosize`).
const fn has_no_size(kind: Kind) -> bool {
    matches!(kind, Kind::Void | Kind::Fwd | Kind::Func | Kind::FuncProto | Kind::DeclTag)
}

/// What a pointer or modifier may lead to besides types with a size.
const fn may_lack_size(kind: Kind) -> bool {
    matches!(kind, Kind::Void | Kind::Fwd | Kind::FuncProto)
}

impl<'a> Walk<'a> {
    fn kind(&self, id: TypeId) -> Kind {
        self.btf.get(id).map_or(Kind::Void, |found| found.kind())
    }

    fn outcome(&self, id: TypeId) -> Outcome {
        match id.get().checked_sub(self.btf.first_id().get()) {
            Some(own) => self.outcomes.get(own as usize).copied().unwrap_or(Outcome::Unknown),
            // Void is never looked at; all others of a base were.
            None if id.is_void() && self.btf.base().is_none() => Outcome::Unknown,
            None => {
                let end = self.btf.strip(id);
                let size = self.btf.size_of(end).ok().and_then(|size| u32::try_from(size).ok());
                Outcome::Done(end, size.unwrap_or(0))
            }
        }
    }

    fn set(&mut self, id: TypeId, outcome: Outcome) {
        let own = id.get().checked_sub(self.btf.first_id().get());
        if let Some(place) = own.and_then(|own| self.outcomes.get_mut(own as usize)) {
            *place = outcome;
        }
    }

    fn is_done(&self, id: TypeId) -> bool {
        matches!(self.outcome(id), Outcome::Done(..))
    }

    /// The type that a type stands for, once that is known.
    fn end_of(&self, id: TypeId) -> TypeId {
        match self.outcome(id) {
            Outcome::Done(end, _) => end,
            Outcome::Unknown | Outcome::Open => TypeId::VOID,
        }
    }

    /// The type with a size that a type is or stands for (kernel: `btf_type_id_size`).
    fn sized(&self, id: TypeId) -> Option<(TypeId, u32)> {
        let kind = self.kind(id);
        if is_modifier(kind) || kind == Kind::Var {
            let end = self.end_of(id);
            let kind = self.kind(end);
            return if is_modifier(kind) || kind == Kind::Var { None } else { self.own_size(end) };
        }
        self.own_size(id)
    }

    fn own_size(&self, id: TypeId) -> Option<(TypeId, u32)> {
        let size = match self.btf.get(id)? {
            Type::Int(int) => int.size(),
            Type::Struct(composite) | Type::Union(composite) => composite.size(),
            Type::Enum(values) | Type::Enum64(values) => values.size(),
            Type::Float(float) => float.size(),
            Type::Datasec(section) => section.size(),
            Type::Ptr(_) => POINTER_SIZE,
            Type::Array(_) => match self.outcome(id) {
                Outcome::Done(_, size) => size,
                Outcome::Unknown | Outcome::Open => 0,
            },
            _ => return None,
        };
        Some((id, size))
    }

    /// Whether the walk goes on into a type.
    fn enters(&self, id: TypeId) -> bool {
        let kind = self.kind(id);
        let passes = match self.goal {
            Goal::Any => refers(kind),
            Goal::Pointer => is_modifier(kind) || kind == Kind::Ptr,
            Goal::Whole => is_modifier(kind) || kind == Kind::Array || kind.is_composite(),
        };
        passes && !self.is_done(id)
    }

    fn enter(&mut self, id: TypeId) -> Result<(), KernelRule> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(KernelRule::Depth);
        }
        if matches!(self.outcome(id), Outcome::Open) {
            return Err(KernelRule::Loop);
        }
        self.set(id, Outcome::Open);
        self.stack.push(Visit { id, next: 0 });
        if self.goal == Goal::Any {
            self.goal = match self.kind(id) {
                Kind::Ptr => Goal::Pointer,
                Kind::Struct | Kind::Union | Kind::Array => Goal::Whole,
                _ => Goal::Any,
            };
        }
        Ok(())
    }

    /// Walks from a type until all below it is known.
    fn run(&mut self, root: TypeId) -> Result<(), RuleViolation> {
        self.goal = Goal::Any;
        self.stack.clear();
        // The kernel names the type where the walk began for what is too deep.
        let too_deep = |rule: KernelRule| rule.whole().at(root);
        self.enter(root).map_err(too_deep)?;
        while let Some(visit) = self.stack.last().copied() {
            match self.step(visit).map_err(|broken| broken.at(visit.id))? {
                Step::Enter(id) => self.enter(id).map_err(too_deep)?,
                Step::Done(end, size) => {
                    self.stack.pop();
                    self.set(visit.id, Outcome::Done(end, size));
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, visit: Visit) -> Result<Step, Broken> {
        let void = Step::Done(TypeId::VOID, 0);
        let Some(found) = self.btf.get(visit.id) else { return Ok(void) };
        match found {
            Type::Ptr(reference) => self.reference(reference.target(), true),
            Type::Typedef(reference)
            | Type::Volatile(reference)
            | Type::Const(reference)
            | Type::Restrict(reference)
            | Type::TypeTag(reference) => self.reference(reference.target(), false),
            Type::Var(var) => self.variable(var.type_id()),
            Type::Array(array) => self.array(array),
            Type::Struct(composite) | Type::Union(composite) => self.composite(composite, visit),
            Type::Datasec(section) => self.section(section, visit),
            Type::DeclTag(tag) => self.tag(tag),
            Type::Func(func) => {
                if let Some(Type::FuncProto(proto)) = self.btf.get(func.prototype()) {
                    for (index, param) in proto.raw_params().iter().enumerate() {
                        let nameless = param.name_off.get() == 0 && param.type_.get() != 0;
                        KernelRule::FuncParam.unless_element(index, nameless)?;
                    }
                }
                Ok(Step::Done(func.prototype(), 0))
            }
            _ => Ok(void),
        }
    }

    /// A modifier whose walk ended at a pointer: the pointer may still have to be followed.
    fn unfollowed_pointer(&self, target: TypeId) -> Option<TypeId> {
        let end = self.end_of(target);
        let is_open = is_modifier(self.kind(target)) && self.kind(end) == Kind::Ptr;
        (is_open && self.enters(end)).then_some(end)
    }

    fn reference(&mut self, target: TypeId, is_pointer: bool) -> Result<Step, Broken> {
        KernelRule::Target.unless(is_declaration(self.kind(target)))?;
        if self.enters(target) {
            return Ok(Step::Enter(target));
        }
        if let Some(pointer) = self.unfollowed_pointer(target).filter(|_| is_pointer) {
            return Ok(Step::Enter(pointer));
        }
        if let Some((end, _)) = self.sized(target) {
            return Ok(Step::Done(end, 0));
        }
        let end = if self.is_done(target) { self.end_of(target) } else { target };
        KernelRule::Target.unless(!may_lack_size(self.kind(end)))?;
        Ok(Step::Done(end, 0))
    }

    fn variable(&mut self, target: TypeId) -> Result<Step, Broken> {
        KernelRule::Target.unless(is_declaration(self.kind(target)))?;
        if self.enters(target) {
            return Ok(Step::Enter(target));
        }
        if let Some(pointer) = self.unfollowed_pointer(target) {
            return Ok(Step::Enter(pointer));
        }
        match self.sized(target) {
            Some((end, _)) => Ok(Step::Done(end, 0)),
            None => Err(KernelRule::VarType.whole()),
        }
    }

    fn array(&mut self, array: Array<'a>) -> Result<Step, Broken> {
        let (element, index) = (array.element(), array.index());
        let kind = self.kind(index);
        KernelRule::ArrayIndex.unless(has_no_size(kind) || is_declaration(kind))?;
        if self.enters(index) {
            return Ok(Step::Enter(index));
        }
        let is_index = match self.sized(index).and_then(|(end, _)| self.btf.get(end)) {
            Some(Type::Int(int)) => is_regular(int),
            _ => false,
        };
        KernelRule::ArrayIndex.unless(!is_index)?;
        let kind = self.kind(element);
        KernelRule::ArrayElement.unless(has_no_size(kind) || is_declaration(kind))?;
        if self.enters(element) {
            return Ok(Step::Enter(element));
        }
        let (end, size) = self.sized(element).ok_or(KernelRule::ArrayElement.whole())?;
        if let Some(Type::Int(int)) = self.btf.get(end) {
            KernelRule::ArrayElement.unless(!is_regular(int))?;
        }
        let total = size.checked_mul(array.len()).ok_or(KernelRule::ArrayOverflow.whole())?;
        Ok(Step::Done(end, total))
    }

    /// Notes which member or entry of the innermost type comes next.
    fn continue_at(&mut self, next: usize) {
        if let Some(visit) = self.stack.last_mut() {
            visit.next = next;
        }
    }

    fn composite(&mut self, composite: Composite<'a>, visit: Visit) -> Result<Step, Broken> {
        for (index, member) in composite.members().enumerate().skip(visit.next) {
            let target = member.type_id();
            let kind = self.kind(target);
            let has_no_value = has_no_size(kind) || is_declaration(kind);
            KernelRule::MemberType.unless_element(index, has_no_value)?;
            if self.enters(target) {
                self.continue_at(index);
                return Ok(Step::Enter(target));
            }
            let (end, size) = self.sized(target).ok_or(KernelRule::MemberType.element(index))?;
            let found = self.btf.get(end).unwrap_or(Type::Void);
            member::check(composite, member, found, size)
                .map_err(|broken| broken.rule.element(index))?;
        }
        Ok(Step::Done(TypeId::VOID, 0))
    }

    fn section(&mut self, section: Datasec<'a>, visit: Visit) -> Result<Step, Broken> {
        // Each variable begins anew.
        self.goal = Goal::Any;
        for (index, entry) in section.entries().enumerate().skip(visit.next) {
            let var = entry.variable().ok_or(KernelRule::SectionEntry.element(index))?;
            if self.enters(var.id()) {
                // The kernel does not come back to measure this one.
                self.continue_at(index.saturating_add(1));
                return Ok(Step::Enter(var.id()));
            }
            let (_, size) =
                self.sized(var.type_id()).ok_or(KernelRule::SectionEntry.element(index))?;
            KernelRule::SectionEntrySize.unless_element(index, entry.size() < size)?;
        }
        Ok(Step::Done(TypeId::VOID, 0))
    }

    fn tag(&mut self, tag: DeclTag<'a>) -> Result<Step, Broken> {
        let target = tag.target();
        let kind = self.kind(target);
        let taggable =
            kind.is_composite() || matches!(kind, Kind::Func | Kind::Var | Kind::Typedef);
        KernelRule::TagTarget.unless(!taggable)?;
        if self.enters(target) {
            return Ok(Step::Enter(target));
        }
        if let Some(component) = tag.component() {
            let count = match self.btf.get(target) {
                Some(Type::Struct(composite) | Type::Union(composite)) => composite.member_count(),
                Some(Type::Func(func)) => match self.btf.get(func.prototype()) {
                    Some(Type::FuncProto(proto)) => proto.param_count(),
                    _ => 0,
                },
                _ => 0,
            };
            KernelRule::TagComponent.unless(component as usize >= count)?;
        }
        Ok(Step::Done(target, 0))
    }

    /// Result and parameters of a prototype, which may be of any type with a size (kernel: `btf_func_proto_check`).
    fn prototype(&mut self, proto: FuncProto<'a>) -> Result<(), RuleViolation> {
        let at = |broken: Broken| broken.at(proto.id());
        let result = proto.return_type();
        if !result.is_void() {
            self.value_type(result, KernelRule::ReturnType.whole(), proto.id())?;
        }
        let params = proto.raw_params();
        for (index, param) in params.iter().enumerate() {
            let (name, target) = (param.name_off.get(), TypeId::new(param.type_.get()));
            let broken = KernelRule::Param.element(index);
            if target.is_void() && index.saturating_add(1) == params.len() {
                return KernelRule::Param.unless_element(index, name != 0).map_err(at);
            }
            let text = self.btf.string_bytes(name).unwrap_or_default();
            KernelRule::Param
                .unless_element(index, name != 0 && !is_identifier(text))
                .map_err(at)?;
            self.value_type(target, broken, proto.id())?;
        }
        Ok(())
    }

    fn value_type(
        &mut self,
        target: TypeId,
        broken: Broken,
        proto: TypeId,
    ) -> Result<(), RuleViolation> {
        let kind = self.kind(target);
        if is_declaration(kind) {
            return Err(broken.at(proto));
        }
        if refers(kind) && !self.is_done(target) {
            self.run(target)?;
        }
        if self.sized(target).is_none() {
            return Err(broken.at(proto));
        }
        Ok(())
    }
}
