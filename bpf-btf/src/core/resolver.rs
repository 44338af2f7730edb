//! All relocations of an object together.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::candidates::{Candidate, NameSet, Root, most_candidates};
use super::field::{self, Fault, Place};
use super::spec::{LOCAL_POINTER, Spec};
use super::story::{Story, Target};
use super::text::Short;
use super::value::{self, Side, Value};
use super::work::{Work, name_steps};
use super::{CoreError, CoreKind};
use crate::{Btf, CoreRelo, Type, TypeId};

/// What becomes of one relocation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fixup {
    /// What was asked.
    pub kind: CoreKind,
    /// The number for the target.
    pub value: u64,
    /// The number that the compiler put into the instruction.
    pub original: u64,
    /// Whether the instruction must hold `original`; not for ids and most questions about bitfields.
    pub validate: bool,
    /// Nothing in the target has the answer: the instruction must not be run, so that code which is never reached
    /// still loads.
    pub poison: bool,
    /// The size of what a load or store accesses differs. Other instructions are not concerned.
    pub width: Option<WidthChange>,
    /// Why nothing matched, also when that gives a value (existence is 0); or why the size must not change.
    pub story: Option<Box<Story>>,
}

/// The target's field has another size than the local one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WidthChange {
    /// Size in bytes in the object, which is that of the load or store.
    pub local: u64,
    /// Size in bytes in the target.
    pub target: u64,
    /// Both are pointers or both unsigned integers: the load or store may get the target's size. Otherwise it has to
    /// be poisoned.
    pub allowed: bool,
}

/// Resolves the relocations of one object against one kernel.
#[derive(Clone, Debug)]
pub struct Resolver<'a> {
    local: &'a Btf,
    relos: &'a [CoreRelo],
    /// Sorted by id.
    roots: Vec<Root<'a>>,
    targets: Vec<Target>,
    /// Candidates that may still be found and asked.
    left: usize,
    /// What all searches and records together may look at.
    work: Work,
}

/// Memory that all records use in turn, so that none allocates.
#[derive(Default)]
struct Scratch {
    local: Spec,
    found: Spec,
    matched: Vec<Candidate>,
    /// Number of the root of the record before.
    last: usize,
}

/// The answer of one candidate.
struct Answer {
    candidate: Candidate,
    bit_offset: u64,
    value: Value,
}

impl<'a> Resolver<'a> {
    /// Collects the types at which the records begin. `local` is the object's BTF.
    pub fn new(local: &'a Btf, relos: &'a [CoreRelo]) -> Self {
        let searched = relos
            .iter()
            .filter(|relo| CoreKind::from_number(relo.kind) != Some(CoreKind::TypeIdLocal));
        let mut ids = Vec::with_capacity(relos.len());
        ids.extend(searched.map(|relo| relo.type_id));
        ids.sort_unstable();
        ids.dedup();
        let mut work = Work::of(relos.len());
        work.add(local.bytes().len());
        let root = |id| {
            let found = local.get(id).filter(|_| !work.is_done())?;
            let name = found.name();
            work.spend(name_steps(name.len()));
            (!name.is_empty()).then(|| Root {
                id,
                name,
                kind: found.kind(),
                candidates: Vec::new(),
            })
        };
        let roots = ids.into_iter().filter_map(root).collect();
        let left = most_candidates(relos.len());
        Self { local, relos, roots, targets: Vec::new(), left, work }
    }

    /// Looks for candidates in the kernel's own BTF, or in one that stands for it (libbpf: `btf_custom_path`, after which
    /// modules must not be searched: their ids are those of another kernel).
    pub fn search_kernel(&mut self, kernel: &Btf) {
        self.search(kernel, "vmlinux", false, |_| true);
    }

    /// Looks for candidates in a further target, which has a say about every type whatever other targets have: types of
    /// something beside the kernel, or a module that is to be asked always. What it has, no
    /// [`search_module`](Self::search_module) looks for any more.
    ///
    /// Where it gives another answer than the kernel, the relocation is [ambiguous](CoreError::Ambiguous).
    pub fn search_target(&mut self, target: &Btf, name: &str) {
        self.search(target, name, false, |_| true);
    }

    /// Whether some type was not found so far but in modules, so that those have to be searched.
    pub fn needs_modules(&self) -> bool {
        self.roots.iter().any(|root| self.is_only_in_modules(root))
    }

    /// Looks in a module, whose BTF is split, for the types that only modules have. All modules count alike.
    pub fn search_module(&mut self, module: &Btf, name: &str) {
        let missing = self.roots.iter().map(|root| self.is_only_in_modules(root));
        let missing = missing.collect::<Vec<_>>();
        self.search(module, name, true, |root| missing.get(root).copied().unwrap_or(false));
    }

    fn is_only_in_modules(&self, root: &Root<'_>) -> bool {
        root.candidates.iter().all(|candidate| {
            self.targets.get(candidate.target).is_some_and(|target| target.is_module)
        })
    }

    fn search(&mut self, btf: &Btf, name: &str, is_module: bool, wanted: impl Fn(usize) -> bool) {
        let number = self.targets.len();
        let pointer = btf.pointer_size();
        let name = String::from(name);
        self.targets.push(Target { btf: btf.clone(), name, pointer, is_module });
        let wanted = (0..self.roots.len()).filter(|root| wanted(*root)).collect::<Vec<_>>();
        let work = &mut self.work;
        work.add(btf.bytes().len());
        let names = NameSet::new(wanted.iter().filter_map(|root| self.roots.get(*root)), work);
        let mut found = Vec::new();
        let left = &mut self.left;
        names.search(btf, work, |index, id| {
            *left = left.saturating_sub(1);
            found.push((index, id));
            *left > 0
        });
        for (index, id) in found {
            if let Some(root) = wanted.get(index).and_then(|root| self.roots.get_mut(*root)) {
                root.candidates.push(Candidate::new(number, id));
            }
        }
    }

    /// The fixup of each record, in the order of the records.
    pub fn resolve(mut self) -> Vec<Result<Fixup, CoreError>> {
        let targets: Arc<[Target]> = core::mem::take(&mut self.targets).into();
        let mut scratch = Scratch::default();
        self.relos.iter().map(|relo| self.record(relo, &targets, &mut scratch)).collect()
    }

    fn record(
        &mut self,
        relo: &CoreRelo,
        targets: &Arc<[Target]>,
        scratch: &mut Scratch,
    ) -> Result<Fixup, CoreError> {
        let kind =
            CoreKind::from_number(relo.kind).ok_or(CoreError::UnknownKind { kind: relo.kind })?;
        let Scratch { local: spec, found, matched, last } = scratch;
        spec.set(self.local, relo, kind)?;
        let mut fixup = Fixup {
            kind,
            value: 0,
            original: 0,
            validate: false,
            poison: false,
            width: None,
            story: None,
        };
        if kind == CoreKind::TypeIdLocal {
            fixup.value = u64::from(relo.type_id.get());
            fixup.original = fixup.value;
            return Ok(fixup);
        }
        let matcher = Matcher { local: self.local, kind, spec, targets };
        // Once none is left, nobody knows what was not found.
        if self.work.is_done() {
            return Err(CoreError::TooMuchWork { kind, access: matcher.text() });
        }
        // Records of one type mostly follow each other.
        let same = self.roots.get(*last).is_some_and(|root| root.id == relo.type_id);
        if !same {
            *last = self.roots.partition_point(|root| root.id < relo.type_id);
        }
        let root = self.roots.get_mut(*last).filter(|root| root.id == relo.type_id);
        let root = root.ok_or(CoreError::Anonymous { kind, id: relo.type_id })?;
        self.left = self.left.saturating_sub(root.candidates.len());
        if self.left == 0 {
            return Err(CoreError::TooManyCandidates { kind, access: matcher.text() });
        }
        let ours = matcher.local_value()?;
        let answer = matcher.answer(&mut root.candidates, found, matched, &mut self.work)?;

        let story = |width| {
            let candidates = root.candidates.clone();
            Some(Box::new(Story {
                local: self.local.clone(),
                relo: *relo,
                targets: targets.clone(),
                candidates,
                width,
            }))
        };
        fixup.original = ours.number;
        fixup.validate = ours.validate;
        let Some(answer) = answer else {
            fixup.poison = poisons(kind);
            fixup.story = story(None);
            return Ok(fixup);
        };
        fixup.value = answer.value.number;
        fixup.width = matcher.width(&ours, &answer);
        if let Some(width) = fixup.width.filter(|width| !width.allowed) {
            fixup.story = story(Some(width));
        }
        Ok(fixup)
    }
}

/// Whether an instruction is poisoned when nothing matches; otherwise its value is 0.
fn poisons(kind: CoreKind) -> bool {
    !matches!(kind, CoreKind::FieldExists | CoreKind::EnumvalExists) && !kind.is_type()
}

/// One relocation against all candidates.
struct Matcher<'a> {
    local: &'a Btf,
    kind: CoreKind,
    spec: &'a Spec,
    targets: &'a [Target],
}

impl Matcher<'_> {
    fn text(&self) -> String {
        self.spec.text(self.local)
    }

    /// What the compiler computed. Questions about existence have 1 in the instruction.
    fn local_value(&self) -> Result<Value, CoreError> {
        let side = Side {
            btf: self.local,
            pointer: LOCAL_POINTER,
            order: self.local.byte_order(),
            signed: false,
        };
        side.value(self.kind, self.spec).map_err(|fault| self.value_error(fault))
    }

    /// The answer on which all candidates that match agree; `None` when none matches. Candidates that do not match are
    /// dropped as soon as one does, as in libbpf: later records of the same type then ask only those that did.
    fn answer(
        &self,
        candidates: &mut Vec<Candidate>,
        found: &mut Spec,
        matched: &mut Vec<Candidate>,
        work: &mut Work,
    ) -> Result<Option<Answer>, CoreError> {
        let mut first: Option<Answer> = None;
        matched.clear();
        for candidate in candidates.iter_mut() {
            let Some(answer) = self.ask(candidate, found, work)? else { continue };
            matched.push(*candidate);
            match &first {
                None => first = Some(answer),
                Some(first) => {
                    if first.bit_offset != answer.bit_offset
                        || first.value.number != answer.value.number
                    {
                        return Err(CoreError::Ambiguous {
                            kind: self.kind,
                            access: self.text(),
                            first: self.candidate_text(first),
                            second: self.candidate_text(&answer),
                        });
                    }
                }
            }
        }
        // Those that matched are a part of them: as many are all.
        if !matched.is_empty() && matched.len() < candidates.len() {
            candidates.clone_from(matched);
        }
        Ok(first)
    }

    fn candidate_text(&self, answer: &Answer) -> String {
        let Some(target) = self.targets.get(answer.candidate.target) else { return String::new() };
        let mut name = Short::default();
        name.push_type(&target.btf, answer.candidate.id);
        alloc::format!(
            "{} [{}] of {} gives {}",
            name.finish(),
            answer.candidate.id,
            target.name,
            answer.value.number
        )
    }

    fn ask(
        &self,
        candidate: &mut Candidate,
        found: &mut Spec,
        work: &mut Work,
    ) -> Result<Option<Answer>, CoreError> {
        let Some(target) = self.targets.get(candidate.target) else { return Ok(None) };
        let place = Place { btf: &target.btf, pointer: target.pointer };
        let fits = field::ask(self.local, self.spec, self.kind, &place, candidate, found, work);
        if work.is_done() {
            return Err(CoreError::TooMuchWork { kind: self.kind, access: self.text() });
        }
        match fits {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(Fault::TooDeep) => return Err(CoreError::TooDeep { access: self.text() }),
            Err(Fault::Size(source)) => {
                return Err(CoreError::Size { access: self.text(), source });
            }
        }
        let candidate = *candidate;
        let order = self.local.byte_order();
        let side =
            Side { btf: &target.btf, pointer: target.pointer, order, signed: self.is_signed() };
        let value = side.value(self.kind, found).map_err(|fault| self.value_error(fault))?;
        Ok(Some(Answer { candidate, bit_offset: found.bit_offset, value }))
    }

    /// Whether the local enumeration is signed.
    fn is_signed(&self) -> bool {
        let step = self.spec.steps.first().filter(|_| self.kind.is_enumerator());
        let values = step
            .and_then(|step| self.local.get(step.type_id))
            .and_then(|found| found.enumeration());
        values.is_some_and(|values| values.is_signed())
    }

    fn value_error(&self, fault: value::Fault) -> CoreError {
        let access = self.text();
        match fault {
            value::Fault::Size(source) => CoreError::Size { access, source },
            value::Fault::BitfieldTooWide => CoreError::BitfieldTooWide { access },
            value::Fault::ArrayElement | value::Fault::Kind => {
                CoreError::ArrayElement { kind: self.kind, access }
            }
        }
    }

    fn width(&self, ours: &Value, answer: &Answer) -> Option<WidthChange> {
        if self.kind != CoreKind::FieldByteOffset {
            return None;
        }
        let target_btf = &self.targets.get(answer.candidate.target)?.btf;
        // A bitfield has no size that a load could have.
        let (local, local_type) = ours.accessed.unwrap_or((0, TypeId::VOID));
        let (target, target_type) = answer.value.accessed.unwrap_or((0, TypeId::VOID));
        if local == target {
            return None;
        }
        let allowed = match (self.local.get(local_type), target_btf.get(target_type)) {
            (Some(Type::Ptr(_)), Some(Type::Ptr(_))) => true,
            // Encodings of characters and truth values count as unsigned.
            (Some(Type::Int(ours)), Some(Type::Int(theirs))) => {
                !is_plainly_signed(ours) && !is_plainly_signed(theirs)
            }
            _ => false,
        };
        Some(WidthChange { local, target, allowed })
    }
}

/// The encoding says signed and nothing else.
fn is_plainly_signed(int: crate::Int<'_>) -> bool {
    int.is_signed() && !int.is_char() && !int.is_bool()
}

impl core::fmt::Display for WidthChange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = if self.allowed { "may" } else { "must not" };
        write!(
            f,
            "{} bytes here, {} in the target: a load or store {text} change",
            self.local, self.target
        )
    }
}
