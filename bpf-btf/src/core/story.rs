//! Why a relocation has no match.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::candidates::Candidate;
use super::field::{self, Fault, Place, Refusal};
use super::names::{essential_name, nearest};
use super::spec::{Spec, Step, step_name};
use super::{CoreKind, WidthChange};
use crate::{Btf, CoreRelo, Kind, TypeId};

/// A blob that was searched.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) btf: Btf,
    pub(super) name: String,
    pub(super) pointer: u8,
    /// Searched for what other targets do not have.
    pub(super) is_module: bool,
}

/// Why nothing in the target matched: the access, what the object says about it, each candidate and why it was refused,
/// and names that are nearly the same. The text is made when it is asked for, so keeping a story costs little.
#[derive(Clone, Debug)]
pub struct Story {
    pub(super) local: Btf,
    pub(super) relo: CoreRelo,
    pub(super) targets: Arc<[Target]>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) width: Option<WidthChange>,
}

/// The access of a relocation as C text: `task_struct->mm`, `sk_buff->cb[3]`, `struct foo`, `enum color::RED`. It comes from
/// the object alone; `None` if the relocation is wrong in itself.
pub fn access_text(local: &Btf, relo: &CoreRelo) -> Option<String> {
    let spec = Spec::parse(local, relo, CoreKind::from_number(relo.kind)?).ok()?;
    Some(spec.text(local))
}

impl Story {
    /// What was asked.
    pub fn kind(&self) -> Option<CoreKind> {
        CoreKind::from_number(self.relo.kind)
    }

    /// The access as C text: `task_struct->mm`, `sk_buff->cb[3]`, `struct foo`, `enum color::RED`.
    pub fn access(&self) -> String {
        self.spec().map_or_else(String::new, |spec| spec.text(&self.local))
    }

    /// The local type at which the access begins, as C names it.
    pub fn local_type(&self) -> String {
        self.local.display_name(self.relo.type_id).to_string()
    }

    /// The relocation as libbpf prints it: `<byte_off> [7] struct task_struct.mm (0:3 @ offset 24)`.
    pub fn spec_text(&self) -> String {
        let mut text = String::new();
        if let (Some(kind), Some(spec)) = (self.kind(), self.spec()) {
            // Writing to a string does not fail.
            let _ = write_spec(&mut text, &self.local, self.relo.access_offset, kind, &spec);
        }
        text
    }

    fn spec(&self) -> Option<Spec> {
        Spec::parse(&self.local, &self.relo, self.kind()?).ok()
    }

    /// Names of types in the kernel that are nearly the one that was looked for, when no type had its name.
    fn nearest_types(&self) -> Vec<String> {
        let Some(wanted) = self.local.get(self.relo.type_id) else { return Vec::new() };
        let Some(kernel) = self.targets.first() else { return Vec::new() };
        let alike = |kind: Kind| {
            kind == wanted.kind() || (kind.is_any_enum() && wanted.kind().is_any_enum())
        };
        let names = kernel
            .btf
            .types()
            .filter(|(_, found)| alike(found.kind()))
            .map(|(_, found)| essential_name(found.name()));
        nearest(essential_name(wanted.name()), names)
    }

    fn refusal(
        &self,
        f: &mut fmt::Formatter<'_>,
        target: &Target,
        kind: CoreKind,
        spec: &Spec,
        id: TypeId,
    ) -> fmt::Result {
        let place = Place { btf: &target.btf, pointer: target.pointer };
        let refusal = match field::find(&self.local, spec, kind, &place, id) {
            Ok(Ok(_)) => return f.write_str("matches"),
            Ok(Err(refusal)) => refusal,
            Err(Fault::TooDeep) => return f.write_str("nests too deeply"),
            Err(Fault::Size(error)) => return write!(f, "{error}"),
        };
        let name =
            |step: usize| spec.steps.get(step).map_or("", |step| step_name(&self.local, *step));
        let theirs = |id| target.btf.display_name(id);
        match refusal {
            Refusal::NoMember { id: within, step } => {
                if within == target.btf.strip(id) {
                    write!(f, "has no member {}", name(step))?;
                } else {
                    write!(f, "{} in it has no member {}", theirs(within), name(step))?;
                }
                near(f, &nearest(name(step), member_names(&target.btf, within).iter().copied()))
            }
            Refusal::MemberType { local, target: other, step } => {
                let ours = self.local.display_name(local);
                write!(
                    f,
                    "member {} is {}, which cannot be read as {ours}",
                    name(step),
                    theirs(other)
                )
            }
            Refusal::NotComposite { id, step } => {
                write!(f, "{} has no member {}", theirs(id), name(step))
            }
            Refusal::NotArray { id, step } => {
                let before = step.checked_sub(1).map_or("", name);
                write!(f, "{before} is {}, which is no array", theirs(id))
            }
            Refusal::TooShort { len, step, .. } => {
                let before = step.checked_sub(1).map_or("", name);
                write!(f, "array {before} has {len} elements")
            }
            Refusal::NotEnum { id } => write!(f, "{} is no enumeration", theirs(id)),
            Refusal::NoEnumerator { id } => {
                let wanted = essential_name(name(0));
                write!(f, "has no enumerator {wanted}")?;
                let values = target.btf.get(id).and_then(|found| found.enumeration());
                near(
                    f,
                    &nearest(
                        wanted,
                        values.iter().flat_map(crate::Enum::values).map(|value| value.name()),
                    ),
                )
            }
            Refusal::Incompatible => f.write_str("is of an incompatible kind"),
            Refusal::Mismatch => f.write_str("is defined differently"),
        }
    }
}

/// At most this many candidates are told of.
const MAX_CANDIDATES: usize = 8;

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(kind), Some(spec)) = (self.kind(), self.spec()) else {
            return f.write_str("relocation cannot be read");
        };
        let access = spec.text(&self.local);
        if let Some(width) = self.width {
            write!(
                f,
                "{access} has {} bytes in the object and {} in the target: only pointers and unsigned integers may \
                 change their size",
                width.local, width.target
            )?;
        } else {
            write!(f, "{} {access}: nothing in the target matches", kind.question())?;
        }
        write!(f, "\n  relocation {}", self.spec_text())?;
        for candidate in self.candidates.iter().take(MAX_CANDIDATES) {
            let Some(target) = self.targets.get(candidate.target) else { continue };
            let name = target.btf.display_name(candidate.id);
            write!(f, "\n  {name} [{}] of {}: ", candidate.id, target.name)?;
            self.refusal(f, target, kind, &spec, candidate.id)?;
        }
        if let Some(more @ 1..) = self.candidates.len().checked_sub(MAX_CANDIDATES) {
            write!(f, "\n  and {more} more")?;
        }
        if self.candidates.is_empty() {
            let name = self.local.get(self.relo.type_id).map_or("", |found| found.name());
            let kind = self.local.get(self.relo.type_id).map_or(Kind::Void, |found| found.kind());
            write!(f, "\n  no {} named {} in ", noun(kind), essential_name(name))?;
            match self.targets.as_ref() {
                [] => f.write_str("any target, because none was searched")?,
                [only] => f.write_str(&only.name)?,
                targets => {
                    let (modules, others): (Vec<_>, Vec<_>) =
                        targets.iter().partition(|target| target.is_module);
                    for (index, target) in others.iter().enumerate() {
                        let before = match index {
                            0 => "",
                            _ if index.saturating_add(1) == others.len() && modules.is_empty() => {
                                " and "
                            }
                            _ => ", ",
                        };
                        write!(f, "{before}{}", target.name)?;
                    }
                    let plural = if modules.len() == 1 { "" } else { "s" };
                    match (others.len(), modules.len()) {
                        (_, 0) => {}
                        (0, count) => write!(f, "{count} module{plural}")?,
                        (_, count) => write!(f, " and {count} module{plural}")?,
                    }
                }
            }
            near(f, &self.nearest_types())?;
        }
        Ok(())
    }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Struct => "struct",
        Kind::Union => "union",
        Kind::Enum | Kind::Enum64 => "enum",
        Kind::Typedef => "typedef",
        Kind::Int => "integer type",
        Kind::Func => "function",
        Kind::Fwd => "forward declaration",
        _ => "type",
    }
}

fn near(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        write!(f, "{}{name}", if index == 0 { "; nearest: " } else { ", " })?;
    }
    Ok(())
}

/// Names of members, those of anonymous members included. Few levels are enough for a hint.
fn member_names(btf: &Btf, id: TypeId) -> Vec<&str> {
    const MAX_NAMES: usize = 4096;
    let mut names = Vec::new();
    let mut open = alloc::vec![(id, 0_u8)];
    while let Some((id, depth)) = open.pop() {
        let Some(composite) = btf.resolve(id).and_then(|found| found.composite()) else { continue };
        for member in composite.members() {
            if names.len() >= MAX_NAMES {
                return names;
            }
            if !member.is_anonymous() {
                names.push(member.name());
            } else if depth < 8 && open.len() < MAX_NAMES {
                open.push((member.type_id(), depth.saturating_add(1)));
            }
        }
    }
    names
}

/// The relocation in libbpf's format.
fn write_spec(
    f: &mut dyn Write,
    btf: &Btf,
    access_offset: u32,
    kind: CoreKind,
    spec: &Spec,
) -> fmt::Result {
    let root = btf.get(spec.root);
    let keyword = match root.map(|found| found.kind()) {
        Some(Kind::Struct) => "struct ",
        Some(Kind::Union) => "union ",
        Some(Kind::Enum | Kind::Enum64) => "enum ",
        Some(Kind::Typedef) => "typedef ",
        Some(Kind::Fwd) => "fwd ",
        _ => "",
    };
    let name = root.map_or("", |found| found.name());
    let name = if name.is_empty() { "<anon>" } else { name };
    write!(f, "<{kind}> [{}] {keyword}{name}", spec.root)?;
    if kind.is_type() {
        return Ok(());
    }
    let access = btf.string(access_offset).unwrap_or_default();
    if kind.is_enumerator() {
        let step = spec.steps.first().copied().unwrap_or(Step {
            type_id: TypeId::VOID,
            index: 0,
            named: true,
        });
        let value = btf
            .get(step.type_id)
            .and_then(|found| found.enumeration())
            .and_then(|values| values.value(step.index as usize));
        return write!(
            f,
            "::{} = {}",
            step_name(btf, step),
            value.map_or(0, |value| value.value())
        );
    }
    for (number, step) in spec.steps.iter().enumerate() {
        if step.named {
            write!(f, ".{}", step_name(btf, *step))?;
        } else if number > 0 || step.index > 0 {
            write!(f, "[{}]", step.index)?;
        }
    }
    write!(f, " ({access} @ offset {}", spec.bit_offset >> 3)?;
    if spec.bit_offset & 7 != 0 {
        write!(f, ".{}", spec.bit_offset & 7)?;
    }
    f.write_char(')')
}
