//! Which instructions of a prepared program the verifier looks at.
//!
//! Code behind a question that CO-RE answered with a number is dead: the verifier follows constants and does not look at branches
//! that they rule out. So an instruction that this kernel does not have is harmless behind a guard, and fails the program
//! without one. This walks the paths of a program as the verifier does, with nothing but constants and pointers that are
//! not null: less than any verifier knows, enough for guards.

mod state;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bpf_asm::{
    AtomicOp, ByteOrder, Condition, Imm64, Instruction, Operand, Register, Size, Slot, Width,
};

use state::State;
use value::{Value, alu, holds, immediate, signed, unsigned};

/// How sure it is that the verifier looks at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It does not.
    Never,
    /// That depends on something that neither the object nor BTF tells.
    Perhaps,
    /// It does.
    Surely,
}

/// What a 64-bit load gives, where its two slots do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loaded {
    /// A pointer that is not null.
    Pointer,
    /// Null, for something weak that is missing.
    Null,
    /// Something that may be null, for all the verifier knows.
    Any,
    /// Not known here.
    Open,
    /// An address in a read-only map, by its index in [`Program::data`].
    Data { map: usize, offset: i64 },
}

/// The value of a map that the verifier reads as constants: read-only for programs, and frozen.
#[derive(Clone, Debug)]
pub(super) struct ReadOnly<'a> {
    pub(super) bytes: &'a [u8],
    /// Only these are known, by offset and size; without it all.
    pub(super) known: Option<BTreeMap<i64, (u8, u64)>>,
}

/// A prepared program and what is known about it.
#[derive(Clone, Debug)]
pub(super) struct Program<'a> {
    pub(super) order: ByteOrder,
    pub(super) slots: &'a [Slot],
    pub(super) loads: HashMap<usize, Loaded>,
    pub(super) data: Vec<ReadOnly<'a>>,
    /// Starts of functions that are verified by themselves; the entry is one without being here.
    pub(super) global: BTreeSet<usize>,
    /// Starts of functions that run although nothing refers to them.
    pub(super) roots: Vec<usize>,
    /// Where indirect jumps may go.
    pub(super) jump_targets: Vec<usize>,
}

/// States that are kept apart at one place; more are joined.
const APART: usize = 64;

/// States that are kept in all, besides one for each slot.
const KEPT: usize = 1 << 14;

/// Instructions that are looked at: as many as the kernel's verifier does.
const STEPS: usize = 1_000_000;

/// For each slot, how sure it is that the verifier looks at the instruction there.
pub(super) fn reached(program: &Program<'_>) -> Vec<Reach> {
    let mut walk = Walk {
        program,
        reach: vec![Reach::Never; program.slots.len()],
        seen: HashMap::new(),
        kept: 0,
        paths: Vec::new(),
        entries: BTreeMap::new(),
        complete: true,
    };
    walk.enter(0, true);
    for &root in &program.roots {
        walk.enter(root, true);
    }
    let mut steps = STEPS;
    while let Some((slot, state)) = walk.paths.pop() {
        walk.path(slot, state, &mut steps);
        if steps == 0 {
            walk.complete = false;
            break;
        }
    }
    if !walk.complete {
        // What was not found may still be there.
        for reach in &mut walk.reach {
            *reach = (*reach).max(Reach::Perhaps);
        }
    }
    walk.reach
}

struct Walk<'a> {
    program: &'a Program<'a>,
    reach: Vec<Reach>,
    /// States at targets of jumps.
    seen: HashMap<usize, Vec<State>>,
    kept: usize,
    /// Paths that were not walked yet.
    paths: Vec<(usize, State)>,
    /// Functions that are verified by themselves, and whether that is sure.
    entries: BTreeMap<usize, bool>,
    complete: bool,
}

impl Walk<'_> {
    /// A function that is verified by itself.
    fn enter(&mut self, start: usize, certain: bool) {
        let known = self.entries.get(&start).copied();
        if known.is_none_or(|known| certain && !known) {
            self.entries.insert(start, certain);
            self.paths.push((start, State::entry(certain)));
        }
    }

    /// A state at the target of a jump, unless another that was there covers it.
    fn visit(&mut self, slot: usize, mut state: State) {
        let limit = KEPT.saturating_add(self.program.slots.len());
        let seen = self.seen.entry(slot).or_default();
        if seen.iter().any(|known| known.covers(&state)) {
            return;
        }
        if seen.len() >= APART || self.kept >= limit {
            let joined = seen.iter_mut().find_map(|known| {
                let joined = known.join(&state)?;
                if joined == *known {
                    return Some(None);
                }
                *known = joined.clone();
                Some(Some(joined))
            });
            match joined {
                Some(Some(joined)) => state = joined,
                Some(None) => return,
                None => {
                    self.complete = false;
                    return;
                }
            }
        } else {
            seen.push(state.clone());
            self.kept = self.kept.saturating_add(1);
        }
        self.paths.push((slot, state));
    }

    /// Walks until the path ends or forks.
    fn path(&mut self, mut slot: usize, mut state: State, steps: &mut usize) {
        while *steps > 0 {
            *steps = steps.saturating_sub(1);
            let how = if state.certain { Reach::Surely } else { Reach::Perhaps };
            let Some(reach) = self.reach.get_mut(slot) else { return };
            *reach = how.max(*reach);
            let code = self.program.slots.get(slot..).unwrap_or_default();
            // What is no instruction ends the path: the verifier refuses it.
            let Some(instruction) = Instruction::decode(code) else { return };
            let next = slot.saturating_add(instruction.slot_count());
            match instruction {
                Instruction::Jump { distance } => {
                    if let Some(target) = target(slot, distance.into()) {
                        self.visit(target, state);
                    }
                    return;
                }
                Instruction::JumpLong { distance } => {
                    if let Some(target) = target(slot, distance) {
                        self.visit(target, state);
                    }
                    return;
                }
                Instruction::JumpIf { width, condition, dst, operand, distance } => {
                    let Some(taken) = target(slot, distance.into()) else { return };
                    self.fork(width, condition, dst, operand, [taken, next], state);
                    return;
                }
                Instruction::MayGoto { distance } => {
                    if let Some(taken) = target(slot, distance.into()) {
                        self.visit(taken, state.clone());
                    }
                    self.visit(next, state);
                    return;
                }
                Instruction::JumpRegister { .. } => {
                    for &target in &self.program.jump_targets {
                        self.visit(target, state.clone());
                    }
                    return;
                }
                Instruction::Exit => match state.leave() {
                    Some(back) => slot = back,
                    None => return,
                },
                Instruction::CallFunction { distance } => {
                    let Some(start) = target(slot, distance) else { return };
                    if self.program.global.contains(&start) {
                        self.enter(start, state.certain);
                        state.call();
                        slot = next;
                    } else if state.enter(next) {
                        slot = start;
                    } else {
                        // The verifier refuses such depth.
                        return;
                    }
                }
                other => {
                    self.step(slot, other, &mut state);
                    slot = next;
                }
            }
        }
    }

    fn fork(
        &mut self,
        width: Width,
        condition: Condition,
        dst: Register,
        operand: Operand,
        [taken, next]: [usize; 2],
        state: State,
    ) {
        let left = state.get(dst);
        let right = value_of(operand, &state);
        match holds(width, condition, left, right) {
            Some(true) => self.visit(taken, state),
            Some(false) => self.visit(next, state),
            None => {
                let mut states = [state.clone(), state];
                if left == Value::Open || right == Value::Open {
                    for state in &mut states {
                        state.certain = false;
                    }
                }
                let [mut if_taken, mut if_not] = states;
                // Where it must be equal, it is this number.
                if let (Value::Const(_), Width::W64) = (right, width) {
                    match condition {
                        Condition::Eq => if_taken.set(dst, right),
                        Condition::Ne => if_not.set(dst, right),
                        _ => {}
                    }
                }
                self.visit(taken, if_taken);
                self.visit(next, if_not);
            }
        }
    }

    /// An instruction after which the next one follows.
    fn step(&mut self, slot: usize, instruction: Instruction, state: &mut State) {
        match instruction {
            Instruction::Alu { width, op, dst, operand } => {
                let value = alu(width, op, state.get(dst), value_of(operand, state));
                state.set(dst, value);
            }
            Instruction::LdImm64 { dst, value } => {
                let value = self.immediate(slot, value, state.certain);
                state.set(dst, value);
            }
            Instruction::Load { size, dst, base, offset } => {
                let value = self.load(state, base, offset, size, false);
                state.set(dst, value);
            }
            Instruction::LoadSigned { size, dst, base, offset } => {
                let value = self.load(state, base, offset, size.into(), true);
                state.set(dst, value);
            }
            Instruction::Store { size, base, offset, operand } => {
                let value = match operand {
                    Operand::Imm(0) => Value::Const(0),
                    // Verifiers before 6.3 know no other immediate.
                    Operand::Imm(_) => Value::Any,
                    Operand::Register(register) => state.get(register),
                };
                if let Value::Stack { frame, offset: start } = state.get(base) {
                    let at = start.saturating_add(offset.into());
                    state.store(frame, at, size.bytes(), value);
                }
            }
            Instruction::Atomic { op, base, offset, src, .. } => {
                if let Value::Stack { frame, offset: start } = state.get(base) {
                    state.store(frame, start.saturating_add(offset.into()), 8, Value::Any);
                }
                match op {
                    AtomicOp::CmpXchg => state.set(Register::R0, Value::Any),
                    AtomicOp::Add | AtomicOp::And | AtomicOp::Or | AtomicOp::Xor => {}
                    _ => state.set(src, Value::Any),
                }
            }
            Instruction::StoreRelease { size, base, offset, .. } => {
                if let Value::Stack { frame, offset: start } = state.get(base) {
                    let at = start.saturating_add(offset.into());
                    state.store(frame, at, size.bytes(), Value::Any);
                }
            }
            Instruction::Neg { dst, .. }
            | Instruction::SignExtend { dst, .. }
            | Instruction::ByteSwap { dst, .. }
            | Instruction::AddrSpaceCast { dst, .. }
            | Instruction::LoadAcquire { dst, .. } => state.set(dst, Value::Any),
            // Calls, and loads from packets, which take the same registers away.
            _ => state.call(),
        }
    }

    fn immediate(&mut self, slot: usize, value: Imm64, certain: bool) -> Value {
        if let Imm64::Function { distance } = value {
            // A callback: what it gets is not followed.
            if let Some(start) = target(slot, distance) {
                self.enter(start, certain);
            }
            return Value::Pointer;
        }
        match (self.program.loads.get(&slot), value) {
            (Some(Loaded::Null), _) => Value::Const(0),
            (Some(Loaded::Any), _) => Value::Any,
            (Some(Loaded::Open), _) => Value::Open,
            (Some(Loaded::Data { map, offset }), _) => Value::Data { map: *map, offset: *offset },
            (None, Imm64::Value(number)) => Value::Const(number),
            (Some(Loaded::Pointer) | None, _) => Value::Pointer,
        }
    }

    fn load(
        &self,
        state: &State,
        base: Register,
        offset: i16,
        size: Size,
        sign_extended: bool,
    ) -> Value {
        match state.get(base) {
            Value::Stack { frame, offset: start } if size.bytes() == 8 => {
                state.load(frame, start.saturating_add(offset.into()))
            }
            Value::Data { map, offset: start } => {
                let Some(data) = self.program.data.get(map) else { return Value::Any };
                let at = start.saturating_add(offset.into());
                let value = data.read(at, size.bytes(), self.program.order);
                if sign_extended { value.sign_extended(size.bytes()) } else { value }
            }
            _ => Value::Any,
        }
    }
}

impl Value {
    fn sign_extended(self, bytes: u8) -> Self {
        let unused = 64_u32.saturating_sub(u32::from(bytes).saturating_mul(8));
        match self {
            Self::Const(number) => {
                Self::Const(unsigned(signed(number.wrapping_shl(unused)).wrapping_shr(unused)))
            }
            other => other,
        }
    }
}

impl ReadOnly<'_> {
    /// As many bytes at an offset as the program reads.
    fn read(&self, at: i64, size: u8, order: ByteOrder) -> Value {
        if let Some(known) = &self.known {
            return match known.get(&at) {
                Some((bytes, number)) if *bytes == size => Value::Const(*number),
                _ => Value::Open,
            };
        }
        let start = usize::try_from(at).ok();
        let bytes = start.and_then(|start| self.bytes.get(start..)?.get(..usize::from(size)));
        let Some(bytes) = bytes else { return Value::Any };
        let push = |number: u64, byte: &u8| number.wrapping_shl(8) | u64::from(*byte);
        Value::Const(match order {
            ByteOrder::Big => bytes.iter().fold(0, push),
            ByteOrder::Little => bytes.iter().rev().fold(0, push),
        })
    }
}

fn value_of(operand: Operand, state: &State) -> Value {
    match operand {
        Operand::Register(register) => state.get(register),
        Operand::Imm(number) => immediate(number),
    }
}

/// The slot `distance` behind the one after `slot`.
fn target(slot: usize, distance: i32) -> Option<usize> {
    let next = i64::try_from(slot).ok()?.checked_add(1)?;
    usize::try_from(next.checked_add(i64::from(distance))?).ok()
}

#[cfg(test)]
mod tests;
