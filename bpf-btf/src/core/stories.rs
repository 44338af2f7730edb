//! The texts of stories, and how much all of them together may look at.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::CoreKind;
use super::candidates::Candidate;
use super::field::{self, Fault, Place, Refusal};
use super::names::essential_name;
use super::nearest::{Names, nearest};
use super::spec::{Spec, step_name_offset};
use super::story::{Story, Target};
use super::text::{self, Short};
use super::work::Work;
use crate::{Btf, Kind, TypeId};

/// Makes the texts of many stories.
///
/// What one text looks at is remembered for the others, and all of them together look at no more than takes about a second, however
/// many there are: the texts that come too late end with a line that says so. Some hundred relocations that have no match, as
/// an object may have on an old kernel, are told whole.
///
/// ```
/// use bpf_btf::core::{Fixup, Stories};
///
/// fn tell(fixups: &[Fixup]) -> Vec<String> {
///     let mut stories = Stories::new();
///     let failed = fixups.iter().filter_map(|fixup| fixup.story.as_deref());
///     failed.map(|story| stories.text(story)).collect()
/// }
/// ```
#[derive(Debug)]
pub struct Stories {
    work: Work,
    /// What the rest was found in.
    targets: Option<Arc<[Target]>>,
    /// The names of the kernel's types.
    names: Names,
}

/// How many types, members and names are looked at, and bytes written, for all texts together: a second.
const STEPS: u64 = 1 << 25;

/// At most this many candidates are told of.
const MAX_CANDIDATES: usize = 8;

const LEFT_OUT: &str = "\n  more is left out: too many relocations without a match";

impl Default for Stories {
    fn default() -> Self {
        Self::new()
    }
}

impl Stories {
    /// None was told yet.
    pub fn new() -> Self {
        Self { work: Work::new(STEPS), targets: None, names: Names::default() }
    }

    /// The text of a story: a line that says what is missing; then, each on a line, the relocation as libbpf prints it, and each candidate
    /// and why it was refused, or that there is none and which names are nearly the same. Names are cut after 512 bytes.
    pub fn text(&mut self, story: &Story) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, story);
        self.work.spend(u32::try_from(text.len()).unwrap_or(u32::MAX));
        text
    }

    fn write(&mut self, text: &mut String, story: &Story) -> fmt::Result {
        let (Some(kind), Some(spec)) = (story.kind(), story.spec()) else {
            return text.write_str("relocation cannot be read");
        };
        let access = spec.text(&story.local);
        if let Some(width) = story.width {
            write!(
                text,
                "{access} has {} bytes in the object and {} in the target: only pointers and unsigned integers may \
                 change their size",
                width.local, width.target
            )?;
        } else {
            write!(text, "{} {access}: nothing in the target matches", kind.question())?;
        }
        if self.work.is_done() {
            return text.write_str(LEFT_OUT);
        }
        write!(text, "\n  relocation {}", story.spec_text())?;
        for candidate in story.candidates.iter().take(MAX_CANDIDATES) {
            let Some(target) = story.targets.get(candidate.target) else { continue };
            let why = self.refusal(story, target, kind, &spec, candidate);
            if self.work.is_done() {
                return text.write_str(LEFT_OUT);
            }
            let name = Short::of_type(&target.btf, candidate.id);
            write!(text, "\n  {name} [{}] of {}: {why}", candidate.id, target.name)?;
        }
        if let Some(more @ 1..) = story.candidates.len().checked_sub(MAX_CANDIDATES) {
            write!(text, "\n  and {more} more")?;
        }
        if story.candidates.is_empty() {
            let near = self.nearest_types(story);
            let found = story.local.get(story.relo.type_id);
            let kind = found.map_or(Kind::Void, |found| found.kind());
            let name = text::string(&story.local, found.map_or(0, |found| found.name_offset()));
            write!(text, "\n  no {} named {} in ", noun(kind), essential_name(&name))?;
            write_searched(text, &story.targets)?;
            self.work.spend(u32::try_from(story.targets.len()).unwrap_or(u32::MAX));
            if self.work.is_done() {
                return text.write_str(LEFT_OUT);
            }
            write_near(text, &near)?;
        }
        Ok(())
    }

    /// Names of types in the kernel that are nearly the one that was looked for, when no type had its name.
    fn nearest_types(&mut self, story: &Story) -> Vec<String> {
        let Some(wanted) = story.local.get(story.relo.type_id) else { return Vec::new() };
        let Some(kernel) = story.targets.first() else { return Vec::new() };
        if !self.targets.as_ref().is_some_and(|known| Arc::ptr_eq(known, &story.targets)) {
            self.targets = Some(story.targets.clone());
            self.names = Names::default();
        }
        let name = text::name(&story.local, wanted.name_offset());
        self.names.nearest(&kernel.btf, wanted.kind(), essential_name(name), &mut self.work)
    }

    /// Why a candidate is not it.
    fn refusal(
        &mut self,
        story: &Story,
        target: &Target,
        kind: CoreKind,
        spec: &Spec,
        candidate: &Candidate,
    ) -> String {
        let place = Place { btf: &target.btf, pointer: target.pointer };
        let local = &story.local;
        let refusal = match field::refusal(local, spec, kind, &place, candidate, &mut self.work) {
            Ok(None) => return "matches".into(),
            Ok(Some(refusal)) => refusal,
            Err(Fault::TooDeep) => return "nests too deeply".into(),
            Err(Fault::Size(error)) => return alloc::format!("{error}"),
        };
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write_refusal(&mut text, local, &target.btf, spec, candidate.id, refusal);
        text
    }

    fn write_refusal(
        &mut self,
        text: &mut String,
        local: &Btf,
        target: &Btf,
        spec: &Spec,
        id: TypeId,
        refusal: Refusal,
    ) -> fmt::Result {
        let name_offset =
            |step: usize| spec.steps.get(step).map_or(0, |step| step_name_offset(local, *step));
        let name = |step: usize| text::string(local, name_offset(step));
        let before = |step: usize| step.checked_sub(1).map_or_else(String::new, name);
        let theirs = |id| Short::of_type(target, id);
        match refusal {
            Refusal::NoMember { id: within, step } => {
                if within == target.strip(id) {
                    write!(text, "has no member {}", name(step))?;
                } else {
                    write!(text, "{} in it has no member {}", theirs(within), name(step))?;
                }
                let wanted = text::name(local, name_offset(step));
                let names = member_names(target, within, &mut self.work);
                write_near(text, &nearest(wanted, names.iter().copied(), &mut self.work))
            }
            Refusal::MemberType { local: ours, target: other, step } => {
                let ours = Short::of_type(local, ours);
                write!(
                    text,
                    "member {} is {}, which cannot be read as {ours}",
                    name(step),
                    theirs(other)
                )
            }
            Refusal::NotComposite { id, step } => {
                write!(text, "{} has no member {}", theirs(id), name(step))
            }
            Refusal::NotArray { id, step } => {
                write!(text, "{} is {}, which is no array", before(step), theirs(id))
            }
            Refusal::TooShort { len, step, .. } => {
                write!(text, "array {} has {len} elements", before(step))
            }
            Refusal::NotEnum { id } => write!(text, "{} is no enumeration", theirs(id)),
            Refusal::NoEnumerator { id } => {
                let wanted = name(0);
                let wanted = essential_name(&wanted);
                write!(text, "has no enumerator {wanted}")?;
                let values = target.get(id).and_then(|found| found.enumeration());
                let names = values.iter().flat_map(crate::Enum::values);
                let names = names.map(|value| text::name(target, value.name_offset()));
                write_near(text, &nearest(wanted, names, &mut self.work))
            }
            Refusal::Incompatible => text.write_str("is of an incompatible kind"),
            Refusal::Mismatch => text.write_str("is defined differently"),
        }
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

fn write_searched(text: &mut String, targets: &[Target]) -> fmt::Result {
    match targets {
        [] => text.write_str("any target, because none was searched"),
        [only] => text.write_str(&only.name),
        targets => {
            let (modules, others): (Vec<_>, Vec<_>) =
                targets.iter().partition(|target| target.is_module);
            for (index, target) in others.iter().enumerate() {
                let before = match index {
                    0 => "",
                    _ if index.saturating_add(1) == others.len() && modules.is_empty() => " and ",
                    _ => ", ",
                };
                write!(text, "{before}{}", target.name)?;
            }
            let plural = if modules.len() == 1 { "" } else { "s" };
            match (others.len(), modules.len()) {
                (_, 0) => Ok(()),
                (0, count) => write!(text, "{count} module{plural}"),
                (_, count) => write!(text, " and {count} module{plural}"),
            }
        }
    }
}

fn write_near(text: &mut String, names: &[String]) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        write!(text, "{}{name}", if index == 0 { "; nearest: " } else { ", " })?;
    }
    Ok(())
}

/// Names of members, those of anonymous members included. Few levels are enough for a hint.
fn member_names<'a>(btf: &'a Btf, id: TypeId, work: &mut Work) -> Vec<&'a str> {
    const MAX_NAMES: usize = 4096;
    let mut names = Vec::new();
    let mut open = alloc::vec![(id, 0_u8)];
    while let Some((id, depth)) = open.pop() {
        let Some(composite) = btf.resolve(id).and_then(|found| found.composite()) else { continue };
        for member in composite.members() {
            if names.len() >= MAX_NAMES || work.is_done() {
                return names;
            }
            work.spend(1);
            if !member.is_anonymous() {
                names.push(text::name(btf, member.name_offset()));
            } else if depth < 8 && open.len() < MAX_NAMES {
                open.push((member.type_id(), depth.saturating_add(1)));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::core::Resolver;
    use crate::{BtfBuilder, ByteOrder, CoreRelo, Definition, NewMember};

    /// Many structures with a member each.
    fn blob(names: &[(String, String)]) -> (Btf, u32) {
        let mut builder = BtfBuilder::new();
        for (name, member) in names {
            let members = [NewMember::new(member, TypeId::VOID, 0)];
            builder.add(&Definition::Struct { name, size: 4, members: &members }).unwrap();
        }
        let access = builder.add_string("0:0").unwrap();
        (Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap(), access)
    }

    /// The stories of all members of the one in the other.
    fn stories(local: &[(String, String)], target: &[(String, String)]) -> Vec<Story> {
        let ((local, access), (target, _)) = (blob(local), blob(target));
        let exists = CoreKind::FieldExists.number();
        let relos = local.types().map(|(id, _)| CoreRelo::new(0, id, access, exists));
        let relos = relos.collect::<Vec<_>>();
        let mut resolver = Resolver::new(&local, &relos);
        resolver.search_kernel(&target);
        resolver.resolve().into_iter().map(|fixup| *fixup.unwrap().story.unwrap()).collect()
    }

    fn named(count: u32, name: impl Fn(u32) -> (String, String)) -> Vec<(String, String)> {
        (0..count).map(name).collect()
    }

    #[test]
    fn all_texts_together_look_at_so_much() {
        let long = "n".repeat(5000);
        let of = |name: &str, member: &str| (String::from(name), String::from(member));
        let rows = [
            (
                "no type",
                named(100, |number| (format!("abcd_{number}"), "m".into())),
                named(100, |number| (format!("abce_{number}"), "m".into())),
            ),
            (
                "no member",
                named(100, |number| (format!("s___{number}"), format!("abcd_{number}"))),
                named(8, |number| (format!("s___{number}"), format!("abce_{number}"))),
            ),
            (
                "long names",
                named(100, |number| (format!("s___{number}"), long.clone())),
                alloc::vec![of("s", &long[1..])],
            ),
        ];
        for (what, local, target) in rows {
            let all = stories(&local, &target);
            let mut told = Stories { work: Work::new(20_000), ..Stories::new() };
            let texts = all.iter().map(|story| told.text(story)).collect::<Vec<_>>();
            let whole = texts.iter().position(|text| text.ends_with(LEFT_OUT)).unwrap();
            assert!((1..90).contains(&whole), "{what}: {whole}");
            for (index, (text, story)) in texts.iter().zip(&all).enumerate() {
                if index < whole {
                    assert_eq!(*text, story.to_string(), "{what}");
                } else {
                    let first = text.strip_suffix(LEFT_OUT).unwrap();
                    assert!(story.to_string().starts_with(first), "{what}: {text}");
                }
                assert!(text.len() < 5000, "{what}: {text}");
            }
            // What is told alone has enough.
            assert!(all.iter().all(|story| !story.to_string().contains(LEFT_OUT)), "{what}");
        }
    }

    #[test]
    fn what_is_near_to_a_name_is_looked_for_once() {
        let local = alloc::vec![("abcd".into(), "m".into())];
        let target = named(1000, |number| (format!("abcd{number}"), "m".into()));
        let [story] = stories(&local, &target).try_into().unwrap();
        let steps = 40_000;
        let mut told = Stories { work: Work::new(steps), ..Stories::new() };
        let texts = [told.text(&story), told.text(&story), told.text(&story)];
        assert!(texts[0].ends_with("; nearest: abcd0, abcd1, abcd2"), "{}", texts[0]);
        assert_eq!(texts[1..], [texts[0].clone(), texts[0].clone()]);
        let mut once = Stories { work: Work::new(steps), ..Stories::new() };
        once.text(&story);
        once.work.spend(u32::try_from(texts[0].len() * 2 + 2).unwrap());
        assert!(!told.work.is_done() && !once.work.is_done());
        assert_eq!(told.work.left(), once.work.left());
    }
}
