//! CO-RE: the relocations of a whole collection against the types of a kernel, and what they do to instructions.

use std::collections::HashMap;

use bpf_asm::{Class, HelperId, Opcode, Size, Slot};
use bpf_btf::core::{CoreError, CoreKind, Fixup as Answer, Resolver, Story};
use bpf_btf::{Btf, CoreRelo, TypeId};

use super::{LocalTypeId, PlacedFunction, PrepareError};
use crate::error::WithSources;
use crate::spec::{CollectionSpec, CoreRelocation, Function};

/// The helper that a poisoned instruction calls. No kernel has it, so the verifier refuses the program if it can reach the
/// call, with a number in its log that is easy to recognise (libbpf: `bpf_core_poison_insn`).
pub const POISON_HELPER: u32 = 0x0bad_2310;

/// When the types of kernel modules have a say in CO-RE relocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModuleSearch {
    /// For types that neither the kernel nor another target has, as libbpf does it.
    #[default]
    WhenMissing,
    /// For all types. A module that has a type of the kernel's name with other offsets makes the relocation ambiguous, which is an error.
    Always,
    /// Never: what a BTF that only stands for the kernel needs, because modules describe their types by the ids of the running one
    /// (libbpf: `btf_custom_path`).
    Never,
}

/// Where the types that CO-RE relocations ask for are looked for, beside the kernel.
///
/// ```
/// use bpf_elf::prepare::{CoreOptions, ModuleSearch};
/// let options = CoreOptions::new().with_modules(ModuleSearch::Never);
/// assert_eq!(options.modules, ModuleSearch::Never);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CoreOptions {
    /// When modules are searched.
    pub modules: ModuleSearch,
    /// Further targets with their names, which have the same say as the kernel.
    pub targets: Vec<(String, Btf)>,
}

impl CoreOptions {
    /// As libbpf does it: the kernel, then modules for what it does not have.
    pub fn new() -> Self {
        Self::default()
    }

    /// With modules searched so.
    #[must_use]
    pub fn with_modules(self, modules: ModuleSearch) -> Self {
        Self { modules, ..self }
    }

    /// With a further target. Its name is what errors and stories call it.
    #[must_use]
    pub fn with_target(mut self, name: impl Into<String>, btf: Btf) -> Self {
        self.targets.push((name.into(), btf));
        self
    }
}

/// What became of all CO-RE relocations of a collection for one kernel.
///
/// One pass over the names of the kernel's types serves them all.
#[derive(Debug, Default)]
pub struct CoreResolution {
    functions: HashMap<String, Vec<Result<Answer, CoreError>>>,
    programs: HashMap<String, Vec<Result<Answer, CoreError>>>,
}

impl CoreResolution {
    /// Resolves the relocations of all functions and programs.
    ///
    /// `kernel` is the BTF of the kernel itself. Types that it does not have are looked for in modules (libbpf: `find_cand`), for
    /// which `modules` is asked then, and only then: names and split BTF.
    ///
    /// A relocation that is wrong in itself is no error here: it concerns only programs that hold it.
    ///
    /// # Errors
    ///
    /// Those of `modules`.
    pub fn new<E>(
        spec: &CollectionSpec,
        kernel: &Btf,
        modules: impl FnOnce() -> Result<Vec<(String, Btf)>, E>,
    ) -> Result<Self, E> {
        Self::with_options(spec, kernel, modules, &CoreOptions::new())
    }

    /// As [`new`](Self::new), with a say about where types are looked for.
    ///
    /// # Errors
    ///
    /// Those of `modules`.
    pub fn with_options<E>(
        spec: &CollectionSpec,
        kernel: &Btf,
        modules: impl FnOnce() -> Result<Vec<(String, Btf)>, E>,
        options: &CoreOptions,
    ) -> Result<Self, E> {
        Self::with_targets(spec, |resolver| {
            resolver.search_kernel(kernel);
            for (name, btf) in &options.targets {
                resolver.search_target(btf, name);
            }
            match options.modules {
                ModuleSearch::Always => {
                    for (name, btf) in modules()? {
                        resolver.search_target(&btf, &name);
                    }
                }
                ModuleSearch::WhenMissing if resolver.needs_modules() => {
                    for (name, btf) in modules()? {
                        resolver.search_module(&btf, &name);
                    }
                }
                ModuleSearch::WhenMissing | ModuleSearch::Never => {}
            }
            Ok(())
        })
    }

    fn with_targets<E>(
        spec: &CollectionSpec,
        search: impl FnOnce(&mut Resolver<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let Some(local) = &spec.btf else { return Ok(Self::default()) };
        let functions = spec.functions.iter();
        let programs = spec.programs.iter().map(|(name, program)| (name, &program.function));
        let records: Vec<CoreRelo> = functions
            .clone()
            .chain(programs.clone())
            .flat_map(|(_, function)| &function.core_relocations)
            .map(record)
            .collect();
        let mut resolver = Resolver::new(local, &records);
        if !records.is_empty() {
            search(&mut resolver)?;
        }
        let mut answers = resolver.resolve().into_iter();
        let mut take = |(name, function): (&str, &Function)| {
            let own = answers.by_ref().take(function.core_relocations.len()).collect::<Vec<_>>();
            (!own.is_empty()).then(|| (name.to_owned(), own))
        };
        Ok(Self {
            functions: functions.filter_map(&mut take).collect(),
            programs: programs.filter_map(&mut take).collect(),
        })
    }

    /// Without any kernel: enough for programs that only ask for types of their own.
    fn local(spec: &CollectionSpec) -> Self {
        let Ok(resolution) = Self::with_targets(spec, |_| Ok::<_, std::convert::Infallible>(()));
        resolution
    }

    fn answers(&self, key: &str, is_entry: bool) -> &[Result<Answer, CoreError>] {
        let function = if is_entry { None } else { self.functions.get(key) };
        function.or_else(|| self.programs.get(key)).map_or(&[], Vec::as_slice)
    }
}

/// A relocation as the resolver takes it.
pub(super) fn record(relocation: &CoreRelocation) -> CoreRelo {
    let id = TypeId::new(relocation.type_id);
    // The place is not the resolver's business.
    CoreRelo::new(0, id, relocation.access, relocation.kind.0)
}

/// An instruction that must not be run, because the kernel does not have what it accesses.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoisonedAccess {
    /// Slot of the program.
    pub slot: usize,
    /// What was looked for, and why nothing fits. Its text is made when it is asked for.
    pub story: Story,
}

/// What relocations did to a program, as far as it matters afterwards.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) poisoned: Vec<PoisonedAccess>,
    pub(super) local_type_ids: Vec<LocalTypeId>,
}

/// Applies the relocations of all functions of a program to its slots.
pub(super) fn apply(
    spec: &CollectionSpec,
    program: &str,
    functions: &[PlacedFunction<'_>],
    resolution: Option<&CoreResolution>,
    slots: &mut [Slot],
) -> Result<Applied, PrepareError> {
    let relocations = || functions.iter().flat_map(|placed| &placed.function.core_relocations);
    let local;
    let resolution = match resolution {
        Some(resolution) => resolution,
        None if relocations().next().is_none() => return Ok(Applied::default()),
        None => match relocations().filter(|relocation| !asks_for_own_id(relocation)).count() {
            0 => {
                local = CoreResolution::local(spec);
                &local
            }
            count => {
                return Err(PrepareError::NoTargetBtf { program: program.into(), count });
            }
        },
    };
    let mut applied = Applied::default();
    for (index, placed) in functions.iter().enumerate() {
        let answers = resolution.answers(placed.key, index == 0);
        for (at, relocation) in placed.function.core_relocations.iter().enumerate() {
            let fail = |reason: String| PrepareError::Core {
                function: placed.function.name.clone(),
                slot: relocation.slot,
                reason,
            };
            let answer = match answers.get(at) {
                Some(Ok(answer)) => answer,
                Some(Err(error)) => return Err(fail(WithSources(error).to_string())),
                None => return Err(fail("the relocation was not resolved".into())),
            };
            let slot = placed.start.saturating_add(relocation.slot);
            let end = placed.start.saturating_add(placed.function.slots.len());
            let code = slots.get_mut(slot..end).unwrap_or_default();
            if !patch(code, answer).map_err(fail)? {
                poison(code);
                if let Some(story) = &answer.story {
                    applied.poisoned.push(PoisonedAccess { slot, story: (**story).clone() });
                }
            } else if asks_for_own_id(relocation) {
                applied.local_type_ids.push(LocalTypeId { slot, type_id: relocation.type_id });
            }
        }
    }
    Ok(applied)
}

/// Whether it wants the number of a type in the BTF of the object, which no kernel has to be asked for.
fn asks_for_own_id(relocation: &CoreRelocation) -> bool {
    CoreKind::from_number(relocation.kind.0) == Some(CoreKind::TypeIdLocal)
}

/// Puts the number of a type in the place of another one that [`apply`] put there. False if no instruction can hold it.
pub(super) fn replace_type_id(code: &mut [Slot], id: TypeId) -> bool {
    let answer = u64::from(id.get());
    match code {
        [low, high, ..] if low.is_ld_imm64() => {
            (low.imm, high.imm) = (half(answer), 0);
            true
        }
        [slot, ..] => match (slot.opcode.class(), i16::try_from(answer)) {
            (Class::Alu | Class::Alu64, _) => {
                slot.imm = half(answer);
                true
            }
            (Class::Ldx | Class::St | Class::Stx, Ok(offset)) => {
                slot.offset = offset;
                true
            }
            _ => false,
        },
        [] => false,
    }
}

/// Puts the answer into the instruction at the start of `code` (libbpf: `bpf_core_patch_insn`). False when the
/// instruction must be poisoned instead.
fn patch(code: &mut [Slot], answer: &Answer) -> Result<bool, String> {
    if answer.poison {
        return if code.is_empty() { Err(no_instruction()) } else { Ok(false) };
    }
    match code {
        [low, high, ..] if low.is_ld_imm64() && low.src().number() == 0 => {
            let halves =
                [low.imm, high.imm].map(|half| u64::from(u32::from_ne_bytes(half.to_ne_bytes())));
            expect(answer, halves[0] | halves[1] << 32, answer.original)?;
            low.imm = half(answer.value);
            high.imm = half(answer.value >> 32);
            Ok(true)
        }
        [slot, ..] => match slot.opcode.class() {
            Class::Alu | Class::Alu64 if !slot.opcode.has_register_source() => {
                let held = u64::from(u32::from_ne_bytes(slot.imm.to_ne_bytes()));
                expect(answer, held, answer.original & 0xffff_ffff)?;
                slot.imm = half(answer.value);
                Ok(true)
            }
            Class::Ldx | Class::St | Class::Stx => patch_access(slot, answer),
            _ => Err(no_instruction()),
        },
        [] => Err(no_instruction()),
    }
}

/// A load or store: its offset, and its size where the field of the target has another one.
fn patch_access(slot: &mut Slot, answer: &Answer) -> Result<bool, String> {
    let held = i64::from(slot.offset);
    if answer.validate && i64::try_from(answer.original) != Ok(held) {
        return Err(format!(
            "the instruction has the offset {held}, the compiler's types say {}",
            answer.original
        ));
    }
    let offset = i16::try_from(answer.value)
        .map_err(|_| format!("offset {} does not fit in a load or store", answer.value))?;
    if let Some(width) = answer.width {
        if !width.allowed {
            return Ok(false);
        }
        if u64::from(slot.opcode.size().bytes()) != width.local {
            return Err(format!(
                "the instruction accesses {} bytes, the compiler's types say {}",
                slot.opcode.size().bytes(),
                width.local
            ));
        }
        let size = Size::ALL.into_iter().find(|size| u64::from(size.bytes()) == width.target);
        let size = size.ok_or_else(|| {
            format!("the field has {} bytes in the target: no load or store has", width.target)
        })?;
        let opcode = slot.opcode;
        slot.opcode = Opcode::new(opcode.mode() | size.bits() | opcode.class().bits());
    }
    slot.offset = offset;
    Ok(true)
}

fn expect(answer: &Answer, held: u64, original: u64) -> Result<(), String> {
    if answer.validate && held != original {
        return Err(format!("the instruction holds {held}, the compiler's types say {original}"));
    }
    Ok(())
}

/// The lower 32 bits.
fn half(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn no_instruction() -> String {
    "no instruction there that can hold a relocated number".into()
}

/// Replaces an instruction by a call that the verifier refuses, both halves of a 64-bit load.
fn poison(code: &mut [Slot]) {
    let wide = code.first().is_some_and(|slot| slot.is_ld_imm64());
    for slot in code.iter_mut().take(if wide { 2 } else { 1 }) {
        *slot = Slot::call(HelperId::new(POISON_HELPER));
    }
}

#[cfg(test)]
mod tests;
