//! What is known at one place of a program: the registers and the stack of each function on the way there.

use std::collections::BTreeMap;

use bpf_asm::Register;

use super::value::Value;

/// What the kernel allows to be called one in the other (`MAX_CALL_FRAMES`).
pub(super) const MAX_FRAMES: usize = 8;

/// Bytes of the stack of a function (`MAX_BPF_STACK`).
const STACK: i64 = 512;

/// A function that was called and has not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    registers: [Value; 11],
    /// Values of 8 bytes that were stored whole, by their offset from the frame pointer.
    stack: BTreeMap<i64, Value>,
    /// Slot of its caller at which that goes on.
    back: usize,
}

impl Frame {
    fn new(number: usize, back: usize) -> Self {
        let mut registers = [Value::Any; 11];
        if let Some(pointer) = registers.last_mut() {
            *pointer = Value::Stack { frame: number, offset: 0 };
        }
        Self { registers, stack: BTreeMap::new(), back }
    }
}

/// What is known at one place of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    frames: Vec<Frame>,
    /// No branch on the way here depended on what cannot be told.
    pub(super) certain: bool,
}

impl State {
    /// At the start of a function that is verified by itself.
    pub(super) fn entry(certain: bool) -> Self {
        Self { frames: vec![Frame::new(0, 0)], certain }
    }

    pub(super) fn get(&self, register: Register) -> Value {
        let frame = self.frames.last();
        let value = frame.and_then(|f| f.registers.get(usize::from(register.number())));
        value.copied().unwrap_or(Value::Any)
    }

    pub(super) fn set(&mut self, register: Register, value: Value) {
        let place = self
            .frames
            .last_mut()
            .and_then(|frame| frame.registers.get_mut(usize::from(register.number())));
        if let Some(place) = place {
            let old = std::mem::replace(place, value);
            // A pointer that may point anywhere in the stack: nothing there is sure any more.
            if let (Value::Stack { frame, .. }, Value::Any) = (old, value) {
                self.forget(frame, -STACK);
            }
        }
    }

    /// A call of a function that is verified with what its caller knows. False when calls nest too deeply.
    pub(super) fn enter(&mut self, back: usize) -> bool {
        if self.frames.len() >= MAX_FRAMES {
            return false;
        }
        let mut frame = Frame::new(self.frames.len(), back);
        for register in ARGUMENTS {
            let argument = self.get(register);
            if let Some(place) = frame.registers.get_mut(usize::from(register.number())) {
                *place = argument;
            }
        }
        self.frames.push(frame);
        true
    }

    /// The end of a function: where its caller goes on, if it has one.
    pub(super) fn leave(&mut self) -> Option<usize> {
        if self.frames.len() < 2 {
            return None;
        }
        let result = self.get(Register::R0);
        let frame = self.frames.pop()?;
        self.returned(result);
        Some(frame.back)
    }

    /// After a call that this analysis does not follow. It may write where the arguments point.
    pub(super) fn call(&mut self) {
        for register in ARGUMENTS {
            if let Value::Stack { frame, offset } = self.get(register) {
                self.forget(frame, offset);
            }
        }
        self.returned(Value::Any);
    }

    fn returned(&mut self, result: Value) {
        self.set(Register::R0, result);
        for register in ARGUMENTS {
            if let Some(frame) = self.frames.last_mut() {
                if let Some(place) = frame.registers.get_mut(usize::from(register.number())) {
                    *place = Value::Any;
                }
            }
        }
    }

    /// The value of 8 bytes on the stack.
    pub(super) fn load(&self, frame: usize, offset: i64) -> Value {
        let stack = self.frames.get(frame).map(|frame| &frame.stack);
        stack.and_then(|stack| stack.get(&offset)).copied().unwrap_or(Value::Any)
    }

    /// A store on the stack; only whole registers in their place are followed, as the verifiers of all kernels do.
    pub(super) fn store(&mut self, frame: usize, offset: i64, bytes: u8, value: Value) {
        let Some(of) = self.frames.get_mut(frame) else { return };
        let end = offset.saturating_add(i64::from(bytes));
        of.stack.retain(|&at, _| at.saturating_add(8) <= offset || at >= end);
        let follows = bytes == 8 && offset.rem_euclid(8) == 0 && (-STACK..0).contains(&offset);
        if follows && value != Value::Any {
            of.stack.insert(offset, value);
        }
    }

    /// What begins at an offset may have been written: objects reach upwards.
    fn forget(&mut self, frame: usize, offset: i64) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.stack.retain(|&at, _| at.saturating_add(8) <= offset);
        }
    }

    /// Where this state's functions go on, which tells apart ways to the same place.
    fn calls(&self) -> impl Iterator<Item = usize> + '_ {
        self.frames.iter().map(|frame| frame.back)
    }

    /// Whether all that follows from `other` follows from this state as well.
    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.certain || !other.certain)
            && self.calls().eq(other.calls())
            && self.frames.iter().zip(&other.frames).all(|(a, b)| {
                let registers = a.registers.iter().zip(&b.registers);
                registers.into_iter().all(|(a, b)| a.covers(*b))
                    && a.stack.iter().all(|(at, a)| b.stack.get(at).is_some_and(|b| a.covers(*b)))
            })
    }

    /// The state that stands for both, when both have the same callers.
    pub(super) fn join(&self, other: &Self) -> Option<Self> {
        if !self.calls().eq(other.calls()) {
            return None;
        }
        let mut joined = self.clone();
        joined.certain = self.certain && other.certain;
        for (into, from) in joined.frames.iter_mut().zip(&other.frames) {
            for (into, from) in into.registers.iter_mut().zip(&from.registers) {
                *into = into.join(*from);
            }
            into.stack.retain(|at, _| from.stack.contains_key(at));
            for (at, into) in &mut into.stack {
                *into = into.join(from.stack.get(at).copied().unwrap_or(Value::Any));
            }
        }
        Some(joined)
    }
}

const ARGUMENTS: [Register; 5] =
    [Register::R1, Register::R2, Register::R3, Register::R4, Register::R5];

#[cfg(test)]
mod tests {
    use super::*;
    use Value::{Any, Const};

    #[test]
    fn the_stack_keeps_whole_registers_until_they_are_overwritten() {
        let rows: &[(&[(i64, u8)], Value)] = &[
            (&[], Const(1)),
            (&[(-16, 8)], Const(1)),
            (&[(-8, 4)], Any),
            (&[(-12, 8)], Any),
            (&[(-1, 1)], Any),
        ];
        for (stores, expected) in rows {
            let mut state = State::entry(true);
            state.store(0, -8, 8, Const(1));
            for &(offset, bytes) in *stores {
                state.store(0, offset, bytes, Any);
            }
            assert_eq!(state.load(0, -8), *expected, "{stores:?}");
        }
    }

    #[test]
    fn a_call_may_write_upwards_of_its_arguments() {
        let mut state = State::entry(true);
        state.store(0, -8, 8, Const(1));
        state.store(0, -24, 8, Const(2));
        state.set(Register::R2, Value::Stack { frame: 0, offset: -16 });
        state.set(Register::R6, Const(3));
        state.call();
        assert_eq!((state.load(0, -8), state.load(0, -24)), (Any, Const(2)));
        assert_eq!((state.get(Register::R2), state.get(Register::R6)), (Any, Const(3)));
    }

    #[test]
    fn functions_get_arguments_and_give_a_result() {
        let mut state = State::entry(true);
        state.set(Register::R1, Const(5));
        state.set(Register::R6, Const(6));
        assert!(state.enter(17));
        assert_eq!((state.get(Register::R1), state.get(Register::R6)), (Const(5), Any));
        state.set(Register::R0, Const(7));
        assert_eq!(state.leave(), Some(17));
        assert_eq!((state.get(Register::R0), state.get(Register::R6)), (Const(7), Const(6)));
        assert_eq!(state.leave(), None);
        for _ in 1..MAX_FRAMES {
            assert!(state.enter(0));
        }
        assert!(!state.enter(0));
    }

    #[test]
    fn a_joined_state_covers_what_it_was_made_of_or_leaves_it_open() {
        let (mut a, mut b) = (State::entry(true), State::entry(true));
        a.set(Register::R6, Const(1));
        b.set(Register::R6, Any);
        assert!(b.covers(&a) && !a.covers(&b));
        b.set(Register::R6, Const(2));
        let joined = a.join(&b).unwrap();
        assert_eq!(joined.get(Register::R6), Value::Open);
        let mut called = a.clone();
        assert!(called.enter(3) && a.join(&called).is_none());
        let mut unsure = a.clone();
        unsure.certain = false;
        assert!(a.covers(&unsure) && !unsure.covers(&a));
    }
}
