//! Programs written as method calls that read like assembly.

mod alu;
mod argument;
mod jump;
mod layout;
mod memory;

pub use argument::Argument;
pub(crate) use argument::immediate;

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{BuildError, Code, Instruction, Reference, Slot, Symbol, Target};

/// What to do with a jump to a label that 16 bits do not reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LongJumps {
    /// Refuse it with [`BuildError::JumpTooFar`].
    #[default]
    Refuse,
    /// Go the long way: `goto` becomes `gotol`, a conditional jump becomes a short one around or onto a
    /// `gotol` (ISA v4, since 6.6). Jumps that were given as distances keep their targets.
    ViaGotol,
}

/// Assembles a program.
///
/// Methods add one instruction each, at the end. Numbers are wide, so that one that does not fit
/// is an error and never another number; the first error is kept and [`Builder::finish`]
/// returns it. Labels belong to their function, and may be used before they are defined.
///
/// ```
/// use bpf_asm::{Builder, Condition, HelperId, R0, R1, R2, Size, FP};
///
/// let mut b = Builder::new();
/// b.function("count")
///     .store(Size::Word, FP, -4, 0)
///     .mov64(R2, FP)
///     .add64(R2, -4)
///     .ld_map(R1, "counters")
///     .call(HelperId::MAP_LOOKUP_ELEM)
///     .jump_if64(Condition::Eq, R0, 0, "out")
///     .mov64(R1, 1)
///     .atomic_add64(R0, 0, R1)
///     .label("out")
///     .mov64(R0, 0)
///     .exit();
/// let code = b.finish()?;
/// assert_eq!(code.slots.len(), 11);
/// assert_eq!(code.references[0].slot, 3);
/// # Ok::<(), bpf_asm::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    slots: Vec<Slot>,
    functions: BTreeMap<String, usize>,
    labels: BTreeMap<(usize, String), usize>,
    jumps: Vec<LabelJump>,
    references: Vec<Reference>,
    long_jumps: LongJumps,
    error: Option<BuildError>,
}

/// A jump whose distance is not known yet.
#[derive(Clone, Debug)]
struct LabelJump {
    slot: usize,
    /// Number of functions that had begun: labels of different functions do not meet.
    scope: usize,
    label: String,
}

impl Builder {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty program that treats far jumps as told.
    pub fn with_long_jumps(long_jumps: LongJumps) -> Self {
        Self { long_jumps, ..Self::default() }
    }

    /// Index of the slot that comes next, as long as no jump has to be made longer.
    pub fn position(&self) -> usize {
        self.slots.len()
    }

    /// Begins a function.
    pub fn function(&mut self, name: &str) -> &mut Self {
        let position = self.position();
        if self.functions.insert(name.to_owned(), position).is_some() {
            self.fail(BuildError::DuplicateFunction { function: name.to_owned() });
        }
        self
    }

    /// Names the next instruction as a jump target.
    pub fn label(&mut self, name: &str) -> &mut Self {
        let (scope, position) = (self.functions.len(), self.position());
        if self.labels.insert((scope, name.to_owned()), position).is_some() {
            self.fail(BuildError::DuplicateLabel { label: name.to_owned() });
        }
        self
    }

    /// Adds an instruction as it is.
    pub fn instruction(&mut self, instruction: Instruction) -> &mut Self {
        let slot = self.position();
        let encoding = instruction.encode();
        let registers = encoding.as_ref().iter().flat_map(|slot| [slot.dst(), slot.src()]);
        if let Some(register) = registers.into_iter().find(|register| !register.is_valid()) {
            self.fail(BuildError::Register { slot, register });
        }
        self.slots(encoding.as_ref())
    }

    /// Adds slots as they are, whatever they mean.
    pub fn slots(&mut self, slots: &[Slot]) -> &mut Self {
        self.slots.extend_from_slice(slots);
        self
    }

    /// The first error so far, which [`Builder::finish`] will return.
    pub const fn error(&self) -> Option<&BuildError> {
        self.error.as_ref()
    }

    /// Resolves labels and gives the program. Calls of functions that are not in it stay open:
    /// [`Code::append`] those and [`Code::link`] the whole.
    pub fn finish(self) -> Result<Code, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut labels = sorted(self.labels.iter().map(|((_, name), slot)| (name.clone(), *slot)));
        // One at the end of a function and one at the start of the next share a slot, and text does not tell whose they
        // are: the order must not depend on it.
        labels.sort_by(|a, b| (a.slot, &a.name).cmp(&(b.slot, &b.name)));
        let mut code = Code {
            slots: self.slots,
            functions: sorted(self.functions.into_iter()),
            labels,
            references: self.references,
        };
        let mut jumps = Vec::with_capacity(self.jumps.len());
        for LabelJump { slot, scope, label } in self.jumps {
            let key = (scope, label);
            let target = self.labels.get(&key).copied();
            let (_, label) = key;
            match target {
                Some(target) => jumps.push(layout::Jump { slot, target, label }),
                None => return Err(BuildError::UndefinedLabel { slot, label }),
            }
        }
        layout::place(&mut code, jumps, self.long_jumps)?;
        code.resolve()?;
        Ok(code)
    }

    fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    /// Adds an instruction that jumps to a label; the distance in it does not matter.
    pub(crate) fn instruction_to_label(
        &mut self,
        instruction: Instruction,
        label: &str,
    ) -> &mut Self {
        let (slot, scope) = (self.position(), self.functions.len());
        self.jumps.push(LabelJump { slot, scope, label: label.to_owned() });
        self.instruction(instruction)
    }

    /// Adds an instruction that refers to something by name.
    pub(crate) fn instruction_to_target(
        &mut self,
        instruction: Instruction,
        target: Target,
    ) -> &mut Self {
        self.references.push(Reference::new(self.position(), target));
        self.instruction(instruction)
    }
}

fn sorted(symbols: impl Iterator<Item = (String, usize)>) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = symbols.map(|(name, slot)| Symbol { name, slot }).collect();
    symbols.sort_by_key(|symbol| symbol.slot);
    symbols
}
