//! The control-flow graph of a program.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;

use crate::{Code, FlowError, Imm64, Instruction};

/// Basic blocks and the ways between them.
///
/// A block is entered only at its first instruction and left only at its last. Calls do not end a block:
/// they come back. Where a `gotox` goes is not known from the program alone: its block has no successor unless the
/// targets are given, see [`ControlFlow::with_targets`].
///
/// ```
/// use bpf_asm::{Code, ControlFlow};
///
/// let code = Code::assemble("if r1 == 0 goto out\nr0 = 1\nout:\nexit")?;
/// let flow = ControlFlow::new(&code)?;
/// let blocks: Vec<_> = flow.blocks.iter().map(|block| block.slots.clone()).collect();
/// assert_eq!(blocks, [0..1, 1..2, 2..3]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlFlow {
    /// All blocks in the order of their slots; together they are the whole program.
    pub blocks: Vec<Block>,
}

/// Instructions that run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// Index of the first slot, and of the one behind the last.
    pub slots: Range<usize>,
    /// First slot of the function that the block belongs to.
    pub function: usize,
    /// The ways out; none after `exit`.
    pub edges: Vec<Edge>,
}

/// A way from the end of a block to the start of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Edge {
    /// First slot of the other block.
    pub target: usize,
    /// When it is taken.
    pub kind: EdgeKind,
}

/// When a way is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EdgeKind {
    /// Always: a jump, or the next block is entered without one.
    Always,
    /// If the condition holds.
    Taken,
    /// If the condition does not hold.
    NotTaken,
    /// If the register of a `gotox` holds the address.
    Indirect,
}

impl ControlFlow {
    /// Finds the blocks. A jump out of the program or into a 64-bit immediate load is an error, as it is
    /// for the verifier.
    pub fn new(code: &Code) -> Result<Self, FlowError> {
        Self::with_targets(code, [])
    }

    /// As [`ControlFlow::new`], with the slots that jump tables lead to: each `gotox` may go to any of those in its own
    /// function. A target that is no instruction of the program is an error.
    ///
    /// ```
    /// use bpf_asm::{Code, ControlFlow, EdgeKind};
    ///
    /// let code = Code::assemble("gotox r1\nr0 = 1\nexit\nr0 = 2\nexit")?;
    /// let flow = ControlFlow::with_targets(&code, [1, 3])?;
    /// let ways: Vec<_> = flow.blocks[0].edges.iter().map(|edge| (edge.target, edge.kind)).collect();
    /// assert_eq!(ways, [(1, EdgeKind::Indirect), (3, EdgeKind::Indirect)]);
    /// assert_eq!(flow.reachable(0).len(), 3);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    pub fn with_targets(
        code: &Code,
        targets: impl IntoIterator<Item = usize>,
    ) -> Result<Self, FlowError> {
        let starts: BTreeSet<usize> = code.instructions().map(|(slot, _)| slot).collect();
        let functions = function_starts(code, &starts)?;
        let targets: BTreeSet<usize> = targets.into_iter().collect();
        let mut leaders: BTreeSet<usize> = functions.clone();
        let mut exits = BTreeMap::new();
        for (slot, instruction) in code.instructions() {
            let Some(instruction) = instruction else { continue };
            let next = slot.saturating_add(instruction.slot_count());
            let found = match instruction {
                Instruction::JumpRegister { .. } => {
                    Some(indirect(slot, &functions, &targets, &starts)?)
                }
                _ => edges(slot, next, instruction, &starts)?,
            };
            if let Some(edges) = found {
                leaders.extend(edges.iter().map(|edge| edge.target));
                leaders.insert(next);
                exits.insert(next, edges);
            }
        }
        leaders.insert(0);
        let end = code.slots.len();
        leaders.retain(|leader| *leader < end);
        let ends = leaders.iter().skip(1).copied().chain([end]);
        let blocks = leaders.iter().copied().zip(ends).map(|(first, last)| Block {
            slots: first..last,
            function: functions.range(..=first).next_back().copied().unwrap_or(0),
            edges: exits.remove(&last).unwrap_or_else(|| {
                let falls_through = last < end;
                falls_through
                    .then_some(Edge { target: last, kind: EdgeKind::Always })
                    .into_iter()
                    .collect()
            }),
        });
        let blocks = blocks.collect();
        Ok(Self { blocks })
    }

    /// The block that starts at this slot.
    pub fn block(&self, start: usize) -> Option<&Block> {
        let index = self.blocks.binary_search_by_key(&start, |block| block.slots.start).ok()?;
        self.blocks.get(index)
    }

    /// First slots of the blocks that control can reach from the block at `start`, this one included.
    pub fn reachable(&self, start: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut pending = Vec::from([start]);
        while let Some(start) = pending.pop() {
            let Some(block) = self.block(start) else { continue };
            if found.insert(start) {
                pending.extend(block.edges.iter().map(|edge| edge.target));
            }
        }
        found
    }
}

/// Where functions start: by name, by call, and at the beginning.
fn function_starts(code: &Code, starts: &BTreeSet<usize>) -> Result<BTreeSet<usize>, FlowError> {
    let mut functions: BTreeSet<usize> = code.functions.iter().map(|symbol| symbol.slot).collect();
    functions.insert(0);
    let open: BTreeSet<usize> = code
        .references
        .iter()
        .filter(|reference| {
            reference.target.function().is_some_and(|name| code.function(name).is_none())
        })
        .map(|reference| reference.slot)
        .collect();
    for (slot, instruction) in code.instructions() {
        let Some(
            Instruction::CallFunction { distance }
            | Instruction::LdImm64 { value: Imm64::Function { distance }, .. },
        ) = instruction
        else {
            continue;
        };
        // The distance of an open reference means nothing yet.
        if !open.contains(&slot) {
            functions.insert(target(slot, distance, starts)?);
        }
    }
    Ok(functions)
}

/// The ways out of an instruction that ends its block.
fn edges(
    slot: usize,
    next: usize,
    instruction: Instruction,
    starts: &BTreeSet<usize>,
) -> Result<Option<Vec<Edge>>, FlowError> {
    let to =
        |distance: i32, kind| target(slot, distance, starts).map(|target| Edge { target, kind });
    Ok(Some(match instruction {
        Instruction::Jump { distance } => [to(distance.into(), EdgeKind::Always)?].into(),
        Instruction::JumpLong { distance } => [to(distance, EdgeKind::Always)?].into(),
        Instruction::JumpIf { distance, .. } | Instruction::MayGoto { distance } => {
            if !starts.contains(&next) {
                return Err(FlowError::Outside {
                    slot,
                    target: i64::try_from(next).unwrap_or(i64::MAX),
                });
            }
            let taken = to(distance.into(), EdgeKind::Taken)?;
            [taken, Edge { target: next, kind: EdgeKind::NotTaken }].into()
        }
        Instruction::Exit => Vec::new(),
        _ => return Ok(None),
    }))
}

/// The ways out of a `gotox`: all targets in its function.
fn indirect(
    slot: usize,
    functions: &BTreeSet<usize>,
    targets: &BTreeSet<usize>,
    starts: &BTreeSet<usize>,
) -> Result<Vec<Edge>, FlowError> {
    let first = functions.range(..=slot).next_back().copied().unwrap_or(0);
    let end = functions.range(slot.saturating_add(1)..).next().copied().unwrap_or(usize::MAX);
    let own = targets.range(first..end);
    own.map(|&index| {
        let distance = i64::try_from(index).unwrap_or(i64::MAX);
        match (starts.contains(&index), starts.last()) {
            (true, _) => Ok(Edge { target: index, kind: EdgeKind::Indirect }),
            (false, Some(last)) if index <= *last => {
                Err(FlowError::InsideLoad { slot, target: distance })
            }
            _ => Err(FlowError::Outside { slot, target: distance }),
        }
    })
    .collect()
}

/// The slot that is `distance` behind the one after `slot`, if an instruction starts there.
fn target(slot: usize, distance: i32, starts: &BTreeSet<usize>) -> Result<usize, FlowError> {
    let target =
        i64::try_from(slot).unwrap_or(i64::MAX).saturating_add(1).saturating_add(distance.into());
    let index = usize::try_from(target).ok();
    match index.filter(|index| starts.contains(index)) {
        Some(index) => Ok(index),
        None if index.is_some_and(|index| starts.last().is_some_and(|last| index <= *last)) => {
            Err(FlowError::InsideLoad { slot, target })
        }
        None => Err(FlowError::Outside { slot, target }),
    }
}
