//! Listings of whole programs, with names.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::cursor::Cursor;
use super::symbol::{Name, Quoted};
use crate::{Code, HelperId, Instruction, Slot, Symbol, Target};

/// A slot that need not be part of a valid instruction, in the form that keeps every field.
struct RawSlot(Slot);

impl fmt::Display for RawSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Slot { opcode, offset, imm, .. } = self.0;
        let (dst, src) = (self.0.dst(), self.0.src());
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
        write_listing(f, self, |_| None)
    }
}

/// A listing with comments, made by [`Code::with_comments`].
#[derive(Clone, Copy, Debug)]
pub struct Commented<'a> {
    code: &'a Code,
    comments: &'a BTreeMap<usize, String>,
}

impl fmt::Display for Commented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_listing(f, self.code, |slot| self.comments.get(&slot).map(String::as_str))
    }
}

fn write_listing<'c>(
    f: &mut fmt::Formatter<'_>,
    code: &Code,
    comment: impl Fn(usize) -> Option<&'c str>,
) -> fmt::Result {
    let index = Index::new(code);
    let mut slot = 0usize;
    while let Some(rest) = code.slots.get(slot..).filter(|rest| !rest.is_empty()) {
        index.write_names(f, slot)?;
        for line in comment(slot).into_iter().flat_map(str::lines) {
            writeln!(f, "; {line}")?;
        }
        if f.alternate() {
            write!(f, "{slot:6}:")?;
        }
        let line = Line::new(&index, slot, rest);
        writeln!(f, "    {line}")?;
        slot = slot.saturating_add(line.slot_count());
    }
    index.write_names(f, slot)
}

impl Code {
    /// The listing with comments, such as lines of the source, each in front of its slot.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    ///
    /// let code = bpf_asm::Code::assemble("r0 = 0\nexit")?;
    /// let comments = BTreeMap::from([(0, "return 0;".to_owned())]);
    /// let listing = code.with_comments(&comments).to_string();
    /// assert_eq!(listing, "; return 0;\n    r0 = 0\n    exit\n");
    /// # Ok::<(), bpf_asm::AssembleError>(())
    /// ```
    pub const fn with_comments<'a>(
        &'a self,
        comments: &'a BTreeMap<usize, String>,
    ) -> Commented<'a> {
        Commented { code: self, comments }
    }

    /// Gives every jump target without a name one after its slot: `L12`.
    ///
    /// What a compiler emits has no labels; with them a listing can be edited and assembled again.
    pub fn name_jump_targets(&mut self) {
        let mut named: BTreeSet<usize> = self.labels.iter().map(|label| label.slot).collect();
        let names: BTreeSet<&str> = self.labels.iter().map(|label| label.name.as_str()).collect();
        let mut added = Vec::new();
        for (slot, instruction) in self.instructions() {
            let target = instruction.and_then(|instruction| jump_target(slot, instruction));
            let Some(target) = target.filter(|target| *target <= self.slots.len()) else {
                continue;
            };
            if named.insert(target) {
                let mut name = format!("L{target}");
                while names.contains(name.as_str()) {
                    name.push('_');
                }
                added.push(Symbol { name, slot: target });
            }
        }
        self.labels.append(&mut added);
        self.labels.sort_by_key(|label| label.slot);
    }

    /// The lines of the listing that are instructions: for whoever sets them in a way of their own. Those of functions and
    /// labels are in [`functions`](Self::functions) and [`labels`](Self::labels).
    ///
    /// ```
    /// let code = bpf_asm::Code::assemble("<f>:\n r1 = map[counters] ll\n exit")?;
    /// let lines: Vec<_> = code.lines().map(|line| (line.slots, line.text)).collect();
    /// assert_eq!(lines, [(0..2, "r1 = map[counters] ll".into()), (2..3, "exit".into())]);
    /// # Ok::<(), bpf_asm::AssembleError>(())
    /// ```
    pub fn lines(&self) -> impl Iterator<Item = ListingLine> {
        self.lines_of(0..self.slots.len())
    }

    /// The lines of some slots.
    pub(super) fn lines_of(&self, slots: Range<usize>) -> impl Iterator<Item = ListingLine> {
        let index = Index::new(self);
        let mut slot = slots.start;
        core::iter::from_fn(move || {
            let rest = self.slots.get(slot..slots.end).filter(|rest| !rest.is_empty())?;
            let line = Line::new(&index, slot, rest);
            let slots = slot..slot.saturating_add(line.slot_count());
            slot = slots.end;
            Some(ListingLine { slots, text: line.to_string() })
        })
    }
}

/// An instruction in a listing, from [`Code::lines`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListingLine {
    /// The slots that it takes: one or two.
    pub slots: Range<usize>,
    /// The text, with names where the code has them.
    pub text: String,
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
                    write!(f, "call {}", Quoted(function))
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
        let target = jump_target(slot, instruction)
            .filter(|target| self.scope(*target) == self.scope(slot))?;
        self.labels.get(&target)?.first().copied()
    }
}

/// The slot that a jump goes to.
fn jump_target(slot: usize, instruction: Instruction) -> Option<usize> {
    let distance = match instruction {
        Instruction::Jump { distance }
        | Instruction::JumpIf { distance, .. }
        | Instruction::MayGoto { distance } => distance.into(),
        Instruction::JumpLong { distance } => distance,
        _ => return None,
    };
    slot.checked_add(1)?.checked_add_signed(isize::try_from(distance).ok()?)
}
