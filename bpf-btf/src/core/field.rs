//! Finding in a target what a local access means.

use super::CoreKind;
use super::candidates::Candidate;
use super::compat::{MAX_TYPES, TooDeep, compatible, kinds_compatible};
use super::matches::{MAX_PAIRS, matching};
use super::names::{essential, name_at, same_essential};
use super::spec::{MAX_STEPS, Spec, Step, step_name_offset};
use super::work::{Work, name_steps, spend, steps_to};
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

/// Why a candidate is not what the local type means, if it is not (libbpf: `bpf_core_spec_match`). What was found before about the
/// whole type is not looked for again.
pub(super) fn refusal(
    local: &Btf,
    spec: &Spec,
    kind: CoreKind,
    target: &Place<'_>,
    candidate: &Candidate,
    work: &mut Work,
) -> Result<Option<Refusal>, Fault> {
    match candidate.fits(kind) {
        Some(true) => Ok(None),
        Some(false) if kind == CoreKind::TypeMatches => Ok(Some(Refusal::Mismatch)),
        Some(false) => Ok(Some(Refusal::Incompatible)),
        None => {
            let found = &mut Spec::default();
            Ok(find_into(local, spec, kind, target, candidate.id, found, work)?.err())
        }
    }
}

/// Whether a candidate is it, for `found` to tell where: what was found before about the whole type holds for all records.
pub(super) fn ask(
    local: &Btf,
    spec: &Spec,
    kind: CoreKind,
    target: &Place<'_>,
    candidate: &mut Candidate,
    found: &mut Spec,
    work: &mut Work,
) -> Result<bool, Fault> {
    let id = candidate.id;
    if let Some(fits) = candidate.fits(kind) {
        work.spend(1);
        found.restart(id);
        return Ok(fits);
    }
    let fits = find_into(local, spec, kind, target, id, found, work)?.is_ok();
    candidate.keep(kind, fits);
    Ok(fits)
}

/// The access into a spec that was used before, whose memory is used again.
fn find_into(
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
        return work.search(u32::MAX, |budget| {
            find_enumerator(local, spec, target.btf, id, found, budget)
        });
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
            let name = member.map_or(&[][..], |member| {
                local.string_bytes(member.name_offset()).unwrap_or_default()
            });
            let wanted = Wanted {
                name,
                steps: name_steps(name.len()).saturating_add(1),
                type_id: member.map_or(TypeId::VOID, |member| member.type_id()),
                step: number,
            };
            spend(search.budget, wanted.steps)?;
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
        spend(search.budget, steps_to(id, head.map(|head| head.id)).saturating_add(1))?;
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
    /// What it takes to look at one member.
    steps: u32,
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
        let here = self.target.under(id);
        spend(self.budget, steps_to(id, here.map(|here| here.id)))?;
        let here = here.and_then(Type::of);
        let Some(composite) = here.and_then(|found| found.composite()) else {
            return Ok(Ok(None));
        };
        if depth >= MAX_STEPS {
            return Err(Fault::TooDeep);
        }
        for (index, member) in (0..).zip(composite.members()) {
            *self.budget = self.budget.checked_sub(wanted.steps).ok_or(Fault::TooDeep)?;
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
                let (local, target) = (wanted.type_id, member.type_id());
                if !fields_compatible(self.local, local, self.target, target, self.budget)? {
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
fn fields_compatible(
    local: &Btf,
    mut ours: TypeId,
    target: &Btf,
    mut theirs: TypeId,
    budget: &mut u32,
) -> Result<bool, TooDeep> {
    // As many dimensions as a chain of types may have.
    for _ in 0..MAX_STEPS {
        let (Some(a), Some(b)) = (local.under(ours), target.under(theirs)) else {
            return Ok(false);
        };
        spend(budget, steps_to(ours, Some(a.id)).saturating_add(steps_to(theirs, Some(b.id))))?;
        let (kind, other) = (a.kind(), b.kind());
        if kind.is_composite() && other.is_composite() {
            return Ok(true);
        }
        if !kinds_compatible(kind, other) {
            return Ok(false);
        }
        if matches!(kind, Kind::Ptr | Kind::Float) {
            return Ok(true);
        }
        let (Some(a), Some(b)) = (Type::of(a), Type::of(b)) else { return Ok(false) };
        match (a, b) {
            (Type::Int(a), Type::Int(b)) => return Ok(a.bit_offset() == 0 && b.bit_offset() == 0),
            (Type::Array(a), Type::Array(b)) => (ours, theirs) = (a.element(), b.element()),
            _ if matches!(a.kind(), Kind::Fwd | Kind::Enum | Kind::Enum64) => {
                let ours = local.string_tail(a.name_offset()).unwrap_or_default();
                let theirs = target.string_tail(b.name_offset()).unwrap_or_default();
                if matches!(ours, [] | [0, ..]) || matches!(theirs, [] | [0, ..]) {
                    return Ok(true);
                }
                let (same, steps) = same_essential(ours, theirs);
                spend(budget, steps)?;
                return Ok(same);
            }
            _ => return Ok(false),
        }
    }
    Ok(false)
}

fn find_enumerator(
    local: &Btf,
    spec: &Spec,
    target: &Btf,
    id: TypeId,
    found: &mut Spec,
    budget: &mut u32,
) -> Result<Result<(), Refusal>, Fault> {
    let wanted = spec.steps.first().map_or(0, |step| step_name_offset(local, *step));
    let wanted = essential(name_at(local.string_tail(wanted).unwrap_or_default()));
    let steps = name_steps(wanted.len()).saturating_add(1);
    spend(budget, steps)?;
    let id = target.strip(id);
    let Some(values) = target.get(id).and_then(|found| found.enumeration()) else {
        return Ok(Err(Refusal::NotEnum { id }));
    };
    let strings = target.strings();
    for (index, value) in (0..).zip(values.values()) {
        spend(budget, steps)?;
        let tail = strings.tail(value.name_offset()).unwrap_or_default();
        if !tail.starts_with(wanted) {
            continue;
        }
        let name = name_at(tail);
        spend(budget, name_steps(name.len()))?;
        if essential(name) == wanted {
            found.steps.push(Step { type_id: id, index, named: true });
            return Ok(Ok(()));
        }
    }
    Ok(Err(Refusal::NoEnumerator { id }))
}
