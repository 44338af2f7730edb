//! Access strings of relocations, step by step.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::text::{self, Short};
use super::{CoreError, CoreKind};
use crate::view::Head;
use crate::{Array, Btf, Composite, CoreRelo, Error, Type, TypeId};

/// libbpf: `BPF_CORE_SPEC_MAX_LEN`.
pub(super) const MAX_STEPS: usize = 64;

/// Most bytes of an access string: so many steps of ten digits and a colon. Only zeros in front of them could make it longer.
const MAX_ACCESS: usize = MAX_STEPS * 11 + 1;

/// Pointers of programs have 8 bytes on every machine.
pub(super) const LOCAL_POINTER: u8 = 8;

/// A step that a programmer wrote: a named member, or an element. Anonymous members have no step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The composite that has the member, or the type of the element; without typedefs and modifiers.
    pub(super) type_id: TypeId,
    /// Index of the member or element.
    pub(super) index: u32,
    /// Whether this is a member or an enumerator.
    pub(super) named: bool,
}

/// An access in one blob.
#[derive(Clone, Debug, Default)]
pub(super) struct Spec {
    pub(super) root: TypeId,
    pub(super) steps: Vec<Step>,
    /// Offset in bits from the root.
    pub(super) bit_offset: u64,
}

/// Why a spec cannot be made. Turned into a [`CoreError`] where the access string is at hand.
pub(super) enum Fault {
    Syntax,
    TooManySteps,
    OutOfBounds { index: u32, id: TypeId, len: usize },
    NoParts { id: TypeId },
    Size(Error),
}

impl Spec {
    /// The local side of a relocation.
    pub(super) fn parse(local: &Btf, relo: &CoreRelo, kind: CoreKind) -> Result<Self, CoreError> {
        let mut spec = Self::default();
        spec.set(local, relo, kind)?;
        Ok(spec)
    }

    /// Begins another access from a type. The memory of the steps is used again.
    pub(super) fn restart(&mut self, root: TypeId) {
        self.root = root;
        self.steps.clear();
        self.bit_offset = 0;
    }

    /// Becomes the local side of a relocation.
    pub(super) fn set(
        &mut self,
        local: &Btf,
        relo: &CoreRelo,
        kind: CoreKind,
    ) -> Result<(), CoreError> {
        let id = relo.type_id;
        if !local.has(id) {
            return Err(CoreError::NoSuchType { id });
        }
        let offset = relo.access_offset;
        let tail = local.string_tail(offset).ok_or(CoreError::NoAccessString { offset })?;
        let start = tail.get(..MAX_ACCESS).unwrap_or(tail);
        let end = start.iter().position(|byte| *byte == 0);
        if end.is_none() && start.len() == tail.len() {
            return Err(CoreError::NoAccessString { offset });
        }
        let digits = start.get(..end.unwrap_or(start.len())).unwrap_or_default();
        let fault = match self.read(local, id, digits, kind) {
            Ok(()) if end.is_some() => return Ok(()),
            Ok(()) => Fault::Syntax,
            Err(fault) => fault,
        };
        let access = text::string(local, offset);
        Err(match fault {
            Fault::Syntax => CoreError::AccessString { access, kind, id },
            Fault::TooManySteps => CoreError::TooManySteps { id },
            Fault::OutOfBounds { index, id, len } => {
                CoreError::OutOfBounds { access, index, id, len }
            }
            Fault::NoParts { id } => {
                let kind = local.get(id).map_or(crate::Kind::Void, |found| found.kind());
                CoreError::NoParts { access, id, kind }
            }
            Fault::Size(source) => {
                let mut access = Short::default();
                access.push_type(local, id);
                CoreError::Size { access: access.finish(), source }
            }
        })
    }

    fn read(
        &mut self,
        local: &Btf,
        root: TypeId,
        access: &[u8],
        kind: CoreKind,
    ) -> Result<(), Fault> {
        self.restart(root);
        if kind.is_type() {
            return if access == b"0" { Ok(()) } else { Err(Fault::Syntax) };
        }
        let mut numbers = access.split(|byte| *byte == b':').map(step_number);
        let first = numbers.next().flatten().ok_or(Fault::Syntax)?;
        let mut head = local.under(root);
        let mut id = head.map_or_else(|| local.strip(root), |head| head.id);
        if kind.is_enumerator() {
            let Some(values) = head.and_then(Type::of).and_then(|found| found.enumeration()) else {
                return Err(Fault::NoParts { id });
            };
            if numbers.next().is_some() {
                return Err(Fault::Syntax);
            }
            let len = values.value_count();
            if first as usize >= len {
                return Err(Fault::OutOfBounds { index: first, id, len });
            }
            self.steps.push(Step { type_id: id, index: first, named: true });
            return Ok(());
        }
        self.element(local, (id, head), first, LOCAL_POINTER).map_err(Fault::Size)?;
        for (count, number) in (1..).zip(numbers) {
            let index = number.ok_or(Fault::Syntax)?;
            if count >= MAX_STEPS {
                return Err(Fault::TooManySteps);
            }
            match head.and_then(Type::of) {
                Some(Type::Struct(composite) | Type::Union(composite)) => {
                    let len = composite.member_count();
                    let out = Fault::OutOfBounds { index, id, len };
                    let member = composite.member(index as usize).ok_or(out)?;
                    self.bit_offset =
                        self.bit_offset.saturating_add(u64::from(member.bit_offset()));
                    if !member.is_anonymous() {
                        self.steps.push(Step { type_id: id, index, named: true });
                    }
                    id = member.type_id();
                    head = local.under(id);
                    id = head.map_or_else(|| local.strip(id), |head| head.id);
                }
                Some(Type::Array(array)) => {
                    let len = array.len() as usize;
                    if index as usize >= len && !self.is_flexible(local, array) {
                        return Err(Fault::OutOfBounds { index, id, len });
                    }
                    id = array.element();
                    head = local.under(id);
                    id = self
                        .element(local, (id, head), index, LOCAL_POINTER)
                        .map_err(Fault::Size)?;
                }
                _ => return Err(Fault::NoParts { id }),
            }
        }
        Ok(())
    }

    /// Adds the step to an element of a type, which is given with what is under it. Gives the id of that.
    pub(super) fn element(
        &mut self,
        btf: &Btf,
        (id, head): (TypeId, Option<Head<'_>>),
        index: u32,
        pointer: u8,
    ) -> Result<TypeId, Error> {
        let id = head.map_or_else(|| btf.strip(id), |head| head.id);
        let size = match head {
            Some(head) => btf.size_of_head(head, pointer)?,
            None => btf.size_with_pointers(id, pointer)?,
        };
        let bits = size.checked_mul(8).and_then(|bits| bits.checked_mul(u64::from(index)));
        let sum = bits.and_then(|bits| self.bit_offset.checked_add(bits));
        self.bit_offset = sum.ok_or(Error::SizeOverflow { id })?;
        self.steps.push(Step { type_id: id, index, named: false });
        Ok(id)
    }

    /// Whether an array that the last step leads to has no fixed length: it has no elements and is the last member of
    /// its structure.
    pub(super) fn is_flexible(&self, btf: &Btf, array: Array<'_>) -> bool {
        let last_member = self.steps.last().filter(|step| step.named).is_some_and(|step| {
            let composite = btf.get(step.type_id).and_then(|found| found.composite());
            composite.is_some_and(|composite| {
                (step.index as usize).checked_add(1) == Some(composite.member_count())
            })
        });
        array.len() == 0 && last_member
    }

    /// The composite and member that the last step names.
    pub(super) fn last_member<'a>(
        &self,
        btf: &'a Btf,
    ) -> Option<(Composite<'a>, crate::Member<'a>)> {
        let step = self.steps.last().filter(|step| step.named)?;
        let composite = btf.get(step.type_id)?.composite()?;
        Some((composite, composite.member(step.index as usize)?))
    }

    /// The access as C text: `task_struct->mm`, `sk_buff->cb[3]`, `struct foo`, `enum color::RED`; cut where it is too long
    /// for a person.
    pub(super) fn text(&self, btf: &Btf) -> String {
        let mut text = Short::default();
        let Some((first, rest)) = self.steps.split_first() else {
            text.push_type(btf, self.root);
            return text.finish();
        };
        if first.named {
            text.push_type(btf, self.root);
            text.push("::");
            text.push(text::name(btf, step_name_offset(btf, *first)));
            return text.finish();
        }
        text.push(text::name(btf, btf.get(self.root).map_or(0, |found| found.name_offset())));
        let mut arrow = "->";
        if first.index != 0 || rest.is_empty() {
            text.push("[");
            text.push(&first.index.to_string());
            text.push("]");
            arrow = ".";
        }
        for step in rest {
            if step.named {
                text.push(arrow);
                text.push(text::name(btf, step_name_offset(btf, *step)));
            } else {
                text.push("[");
                text.push(&step.index.to_string());
                text.push("]");
            }
            arrow = ".";
        }
        text.finish()
    }
}

/// Where the name of a member or an enumerator is.
pub(super) fn step_name_offset(btf: &Btf, step: Step) -> u32 {
    let index = step.index as usize;
    match btf.get(step.type_id) {
        Some(Type::Struct(composite) | Type::Union(composite)) => {
            composite.member(index).map_or(0, |member| member.name_offset())
        }
        Some(Type::Enum(values) | Type::Enum64(values)) => {
            values.value(index).map_or(0, |value| value.name_offset())
        }
        _ => 0,
    }
}

/// A number without sign that fits an `int`, as libbpf reads it.
fn step_number(digits: &[u8]) -> Option<u32> {
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        number
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u32::from(digit)))
            .filter(|_| digit < 10)
    })?;
    (!digits.is_empty() && i32::try_from(number).is_ok()).then_some(number)
}
