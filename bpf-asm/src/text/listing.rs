//! Listings of whole programs, with names.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::cursor::Cursor;
use super::symbol::Name;
use crate::{Code, HelperId, Instruction, Slot, Target};

/// A slot that need not be part of a valid instruction, in the form that keeps every field.
struct RawSlot(Slot);

impl fmt::Display for RawSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slot { opcode, dst, src, offset, imm } = self.0;
        write!(f, ".insn {:#04x}, {dst}, {src}, {offset}, {imm}", opcode.byte())
    }
}

/// The slot alone: as an instruction if it is one, otherwise field by field.
///
/// Half of a 64-bit immediate load is no instruction; print a [`Code`] to see the two as one.
impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Instruction::decode(&[*self]) {
            Some(instruction) => fmt::Display::fmt(&instruction, f),
            None => fmt::Display::fmt(&RawSlot(*self), f),
        }
    }
}

/// A listing: one instruction per line, functions and labels on lines of their own, and names in place of
/// the numbers that stand for them. [`Code::assemble`] reads it back.
///
/// The alternate form (`{:#}`) starts each line with the index of its slot.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = Index::new(self);
        let mut slot = 0usize;
        while let Some(rest) = self.slots.get(slot..).filter(|rest| !rest.is_empty()) {
            index.write_names(f, slot)?;
            if f.alternate() {
                write!(f, "{slot:6}:")?;
            }
            let line = Line::new(&index, slot, rest);
            writeln!(f, "    {line}")?;
            slot = slot.saturating_add(line.slot_count());
        }
        index.write_names(f, slot)
    }
}

impl Code {
    /// The lines of some slots, without those of functions and labels.
    pub(super) fn lines(&self, slots: Range<usize>) -> Vec<String> {
        let index = Index::new(self);
        let mut lines = Vec::new();
        let mut slot = slots.start;
        while let Some(rest) = self.slots.get(slot..slots.end).filter(|rest| !rest.is_empty()) {
            let line = Line::new(&index, slot, rest);
            lines.push(line.to_string());
            slot = slot.saturating_add(line.slot_count());
        }
        lines
    }
}

/// The line of an instruction, or of a slot that is none.
struct Line<'a> {
    index: &'a Index<'a>,
    slot: usize,
    first: Slot,
    instruction: Option<Instruction>,
}

impl<'a> Line<'a> {
    fn new(index: &'a Index<'a>, slot: usize, rest: &[Slot]) -> Self {
        // A name inside a 64-bit immediate load can only be shown between its halves.
        let instruction = Instruction::decode(rest).filter(|instruction| {
            instruction.slot_count() == 1 || !index.is_named(slot.saturating_add(1))
        });
        Self { index, slot, first: rest.first().copied().unwrap_or_default(), instruction }
    }

    fn slot_count(&self) -> usize {
        self.instruction.map_or(1, Instruction::slot_count)
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instruction {
            Some(instruction) => self.index.write_instruction(f, self.slot, instruction),
            None => fmt::Display::fmt(&RawSlot(self.first), f),
        }
    }
}

/// The side tables by slot.
struct Index<'a> {
    functions: BTreeMap<usize, Vec<&'a str>>,
    /// Slots where a function starts, each as often as one does.
    starts: Vec<usize>,
    labels: BTreeMap<usize, Vec<&'a str>>,
    references: BTreeMap<usize, &'a Target>,
}

impl<'a> Index<'a> {
    fn new(code: &'a Code) -> Self {
        let mut functions = BTreeMap::<_, Vec<_>>::new();
        for function in &code.functions {
            functions.entry(function.slot).or_default().push(function.name.as_str());
        }
        let mut starts: Vec<usize> = code.functions.iter().map(|function| function.slot).collect();
        starts.sort_unstable();
        // Within a function a label has one place. One that stands behind the end of its function
        // appears to be in the next, and may meet a namesake there: the first is kept.
        let mut labels = BTreeMap::<_, Vec<_>>::new();
        let mut known = BTreeSet::new();
        let mut index =
            Self { functions, starts, labels: BTreeMap::new(), references: BTreeMap::new() };
        for label in &code.labels {
            if known.insert((index.scope(label.slot), label.name.as_str())) {
                labels.entry(label.slot).or_default().push(label.name.as_str());
            }
        }
        index.labels = labels;
        index.references =
            code.references.iter().map(|reference| (reference.slot, &reference.target)).collect();
        index
    }

    /// Number of functions that have begun at this slot.
    fn scope(&self, slot: usize) -> usize {
        self.starts.partition_point(|start| *start <= slot)
    }

    fn is_named(&self, slot: usize) -> bool {
        self.functions.contains_key(&slot) || self.labels.contains_key(&slot)
    }

    fn write_names(&self, f: &mut fmt::Formatter<'_>, slot: usize) -> fmt::Result {
        for function in self.functions.get(&slot).into_iter().flatten() {
            writeln!(f, "<{}>:", Name(function))?;
        }
        for label in self.labels.get(&slot).into_iter().flatten() {
            writeln!(f, "{}:", Name(label))?;
        }
        Ok(())
    }

    fn write_instruction(
        &self,
        f: &mut fmt::Formatter<'_>,
        slot: usize,
        instruction: Instruction,
    ) -> fmt::Result {
        if let Some(label) = self.label_of(slot, instruction) {
            instruction.write_condition(f)?;
            let word = match instruction {
                Instruction::JumpLong { .. } => "gotol",
                Instruction::MayGoto { .. } => "may_goto",
                _ => "goto",
            };
            return write!(f, "{word} {}", Name(label));
        }
        match (self.references.get(&slot), instruction) {
            (Some(target), Instruction::LdImm64 { dst, .. }) => match target {
                Target::Map { name } => write!(f, "{dst} = map[{}] ll", Name(name)),
                Target::MapValue { map, offset } => {
                    write!(f, "{dst} = map[{}][0]+{offset} ll", Name(map))
                }
                Target::FunctionAddress { function } => {
                    write!(f, "{dst} = func[{}] ll", Name(function))
                }
                Target::Ksym { name } => write!(f, "{dst} = ksym[{}] ll", Name(name)),
                Target::Call { .. } | Target::Kfunc { .. } => write!(f, "{instruction}"),
            },
            (Some(Target::Call { function }), Instruction::CallFunction { .. }) => {
                // The bare name of a helper or register would be read as a call of that.
                let taken =
                    HelperId::from_name(function).is_some() || Cursor::new(function).is_register();
                if taken {
                    write!(f, "call \"{function}\"")
                } else {
                    write!(f, "call {}", Name(function))
                }
            }
            (Some(Target::Kfunc { name }), Instruction::CallKfunc { .. }) => {
                write!(f, "call kfunc[{}]", Name(name))
            }
            _ => write!(f, "{instruction}"),
        }
    }

    /// The label that a jump goes to, if there is one in its function.
    fn label_of(&self, slot: usize, instruction: Instruction) -> Option<&'a str> {
        let distance = match instruction {
            Instruction::Jump { distance }
            | Instruction::JumpIf { distance, .. }
            | Instruction::MayGoto { distance } => distance.into(),
            Instruction::JumpLong { distance } => distance,
            _ => return None,
        };
        let target = isize::try_from(distance)
            .ok()
            .and_then(|distance| slot.checked_add(1)?.checked_add_signed(distance))
            .filter(|target| self.scope(*target) == self.scope(slot))?;
        self.labels.get(&target)?.first().copied()
    }
}
