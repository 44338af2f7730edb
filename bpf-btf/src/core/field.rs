//! Finding in a target what a local access means.

use super::CoreKind;
use super::compat::{MAX_TYPES, TooDeep, compatible, kinds_compatible};
use super::matches::{MAX_PAIRS, matching};
use super::names::essential;
use super::spec::{MAX_STEPS, Spec, Step, step_name};
use crate::btf::Strings;
use crate::{Btf, Error, Kind, Member, Type, TypeId};

/// How many members one search may look at: anonymous members of a hostile blob could be counted for ever.
const MAX_MEMBERS: u32 = 1 << 16;

/// Why a candidate is not what the access means. Ids are those of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A composite has no member of the name of this local step.
    NoMember { id: TypeId, step: usize },
    /// The member of this local step is of a type that cannot be read as the local one.
    MemberType { local: TypeId, target: TypeId, step: usize },
    /// The local step names a member, but the type is no composite.
    NotComposite { id: TypeId, step: usize },
    /// The local step is an element, but the type is no array.
    NotArray { id: TypeId, step: usize },
    /// The array is shorter.
    TooShort { id: TypeId, len: u32, step: usize },
    /// Not an enumeration.
    NotEnum { id: TypeId },
    /// The enumeration has no enumerator of the name.
    NoEnumerator { id: TypeId },
    /// The type as a whole is not compatible.
    Incompatible,
    /// The definition of the type does not match.
    Mismatch,
}

/// Why a search ended without an answer.
pub(super) enum Fault {
    TooDeep,
    Size(Error),
}

impl From<TooDeep> for Fault {
    fn from(_: TooDeep) -> Self {
        Self::TooDeep
    }
}

/// A blob to search in.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) btf: &'a Btf,
    /// Size of its pointers in bytes.
    pub(super) pointer: u8,
}

/// How many members, enumerators and types may be looked at by several searches together.
pub(super) struct Work(u64);

impl Work {
    /// So much that the limits of each search are what counts.
    pub(super) const fn unlimited() -> Self {
        Self(u64::MAX)
    }

    pub(super) const fn new(steps: u64) -> Self {
        Self(steps)
    }

    /// Whether nothing is left, so that what was not found may yet be there.
    pub(super) const fn is_done(&self) -> bool {
        self.0 == 0
    }

    fn spend(&mut self, steps: u32) {
        self.0 = self.0.saturating_sub(u64::from(steps));
    }

    /// A search that may take at most so many steps, and no more than there are.
    fn search<T>(&mut self, most: u32, run: impl FnOnce(&mut u32) -> T) -> T {
        let given = u32::try_from(self.0).unwrap_or(u32::MAX).min(most);
        let mut left = given;
        let outcome = run(&mut left);
        self.spend(given.saturating_sub(left));
        outcome
    }
}

/// The access in the target if the type `id` of it is what the local type means (libbpf: `bpf_core_spec_match`).
pub(super) fn find(
    local: &Btf,
    spec: &Spec,
    kind: CoreKind,
    target: &Place<'_>,
    id: TypeId,
) -> Result<Result<Spec, Refusal>, Fault> {
    find_within(local, spec, kind, target, id, &mut Work::unlimited())
}

/// The same with no more work than is left.
pub(super) fn find_within(
    local: &Btf,
    spec: &Spec,
    kind: CoreKind,
    target: &Place<'_>,
    id: TypeId,
    work: &mut Work,
) -> Result<Result<Spec, Refusal>, Fault> {
    let mut found = Spec::default();
    Ok(find_into(local, spec, kind, target, id, &mut found, work)?.map(|()| found))
}

/// The same into a spec that was used before, whose memory is used again.
pub(super) fn find_into(
    local: &Btf,
    spec: &Spec,
    kind: CoreKind,
    target: &Place<'_>,
    id: TypeId,
    found: &mut Spec,
    work: &mut Work,
) -> Result<Result<(), Refusal>, Fault> {
    found.restart(id);
    if kind == CoreKind::TypeMatches {
        let fits =
            work.search(MAX_PAIRS, |budget| matching(local, spec.root, target.btf, id, budget))?;
        return Ok(if fits { Ok(()) } else { Err(Refusal::Mismatch) });
    }
    if kind.is_type() {
        let fits =
            work.search(MAX_TYPES, |budget| compatible(local, spec.root, target.btf, id, budget))?;
        return Ok(if fits { Ok(()) } else { Err(Refusal::Incompatible) });
    }
    if kind.is_enumerator() {
        return Ok(find_enumerator(local, spec, target.btf, id, found, work));
    }
    work.search(MAX_MEMBERS, |budget| find_field(local, spec, target, id, found, budget))
}

/// The field that an access leads to.
fn find_field(
    local: &Btf,
    spec: &Spec,
    target: &Place<'_>,
    id: TypeId,
    found: &mut Spec,
    budget: &mut u32,
) -> Result<Result<(), Refusal>, Fault> {
    found.steps.reserve(spec.steps.len());
    let strings = target.btf.strings();
    let mut search = Search { local, target: target.btf, strings, budget };
    let mut id = id;
    for (number, step) in spec.steps.iter().enumerate() {
        if step.named {
            let member = local_member(local, *step);
            let wanted = Wanted {
                name: member.map_or(&[], |member| {
                    local.string_bytes(member.name_offset()).unwrap_or_default()
                }),
                type_id: member.map_or(TypeId::VOID, |member| member.type_id()),
                step: number,
            };
            match search.member(&wanted, id, found, number)? {
                Ok(Some(next)) => id = next,
                Ok(None) => {
                    let id = target.btf.strip(id);
                    let composite =
                        target.btf.get(id).is_some_and(|found| found.composite().is_some());
                    return Ok(Err(if composite {
                        Refusal::NoMember { id, step: number }
                    } else {
                        Refusal::NotComposite { id, step: number }
                    }));
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
            continue;
        }
        let mut head = target.btf.under(id);
        // The root is itself the first element.
        if number > 0 {
            let Some(Type::Array(array)) = head.and_then(Type::of) else {
                let id = target.btf.strip(id);
                return Ok(Err(Refusal::NotArray { id, step: number }));
            };
            if step.index >= array.len() && !found.is_flexible(target.btf, array) {
                return Ok(Err(Refusal::TooShort {
                    id: array.id(),
                    len: array.len(),
                    step: number,
                }));
            }
            id = array.element();
            head = target.btf.under(id);
        }
        let place = (id, head);
        id = found.element(target.btf, place, step.index, target.pointer).map_err(Fault::Size)?;
    }
    Ok(Ok(()))
}

fn local_member(local: &Btf, step: Step) -> Option<Member<'_>> {
    let composite = local.get(step.type_id)?.composite()?;
    composite.member(step.index as usize)
}

/// The member to be found.
struct Wanted<'a> {
    name: &'a [u8],
    /// Its local type.
    type_id: TypeId,
    /// Number of the local step.
    step: usize,
}

struct Search<'a> {
    local: &'a Btf,
    target: &'a Btf,
    strings: Strings<'a>,
    budget: &'a mut u32,
}

impl Search<'_> {
    /// Looks for a member in a composite and, depth first, in its anonymous members. Adds the step and the offset to
    /// `found` and gives the member's type. The first member of the name decides, even if its type is refused.
    fn member(
        &mut self,
        wanted: &Wanted<'_>,
        id: TypeId,
        found: &mut Spec,
        depth: usize,
    ) -> Result<Result<Option<TypeId>, Refusal>, Fault> {
        let here = self.target.under(id).and_then(Type::of);
        let Some(composite) = here.and_then(|found| found.composite()) else {
            return Ok(Ok(None));
        };
        if depth >= MAX_STEPS {
            return Err(Fault::TooDeep);
        }
        for (index, member) in (0..).zip(composite.members()) {
            *self.budget = self.budget.checked_sub(1).ok_or(Fault::TooDeep)?;
            let name = self.strings.tail(member.name_offset()).unwrap_or_default();
            let anonymous = matches!(name, [] | [0, ..]);
            if !anonymous && !begins_with(name, wanted.name) {
                continue;
            }
            let offset = u64::from(member.bit_offset());
            if anonymous {
                let before = found.bit_offset;
                found.bit_offset = before.saturating_add(offset);
                match self.member(wanted, member.type_id(), found, depth.saturating_add(1))? {
                    Ok(None) => found.bit_offset = before,
                    done => return Ok(done),
                }
            } else {
                if !fields_compatible(self.local, wanted.type_id, self.target, member.type_id()) {
                    let (local, target) = (wanted.type_id, member.type_id());
                    return Ok(Err(Refusal::MemberType { local, target, step: wanted.step }));
                }
                found.bit_offset = found.bit_offset.saturating_add(offset);
                found.steps.push(Step { type_id: composite.id(), index, named: true });
                return Ok(Ok(Some(member.type_id())));
            }
        }
        Ok(Ok(None))
    }
}

/// Whether the string at the start of `tail` is `name`. Most differ in the first byte, which saves a call.
#[inline]
fn begins_with(tail: &[u8], name: &[u8]) -> bool {
    tail.first() == name.first().or(Some(&0))
        && tail.strip_prefix(name).and_then(<[u8]>::first) == Some(&0)
}

/// Whether a field of one type can be read as one of the other (libbpf: `bpf_core_fields_are_compat`): sizes and signs
/// of integers may differ, any composite stands for any other.
fn fields_compatible(local: &Btf, mut ours: TypeId, target: &Btf, mut theirs: TypeId) -> bool {
    // As many dimensions as a chain of types may have.
    for _ in 0..MAX_STEPS {
        let (Some(a), Some(b)) = (local.under(ours), target.under(theirs)) else { return false };
        let (kind, other) = (a.kind(), b.kind());
        if kind.is_composite() && other.is_composite() {
            return true;
        }
        if !kinds_compatible(kind, other) {
            return false;
        }
        if matches!(kind, Kind::Ptr | Kind::Float) {
            return true;
        }
        let (Some(a), Some(b)) = (Type::of(a), Type::of(b)) else { return false };
        match (a, b) {
            (Type::Int(a), Type::Int(b)) => return a.bit_offset() == 0 && b.bit_offset() == 0,
            (Type::Array(a), Type::Array(b)) => (ours, theirs) = (a.element(), b.element()),
            _ if matches!(a.kind(), Kind::Fwd | Kind::Enum | Kind::Enum64) => {
                let (a, b) = (essential(a.name().as_bytes()), essential(b.name().as_bytes()));
                return a.is_empty() || b.is_empty() || a == b;
            }
            _ => return false,
        }
    }
    false
}

fn find_enumerator(
    local: &Btf,
    spec: &Spec,
    target: &Btf,
    id: TypeId,
    found: &mut Spec,
    work: &mut Work,
) -> Result<(), Refusal> {
    let wanted = spec.steps.first().map_or("", |step| step_name(local, *step));
    let wanted = essential(wanted.as_bytes());
    let id = target.strip(id);
    let values =
        target.get(id).and_then(|found| found.enumeration()).ok_or(Refusal::NotEnum { id })?;
    let same = |name: &str| essential(name.as_bytes()) == wanted;
    let value = (0..).zip(values.values()).find(|(_, value)| same(value.name()));
    let looked_at = value.as_ref().map(|(index, _)| *index);
    work.spend(
        looked_at.unwrap_or_else(|| u32::try_from(values.value_count()).unwrap_or(u32::MAX)),
    );
    let (index, _) = value.ok_or(Refusal::NoEnumerator { id })?;
    found.steps.push(Step { type_id: id, index, named: true });
    Ok(())
}
