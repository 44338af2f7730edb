//! What is known of a register or a slot of the stack.

use bpf_asm::{AluOp, Condition, Width};

/// What the verifier of a kernel knows of a value, as far as an object and BTF can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nobody knows it before the program runs: both ways of a branch are taken.
    Any,
    /// The verifier may know it, but nothing here tells: an option of the kernel's configuration.
    Open,
    /// This number.
    Const(u64),
    /// A pointer that is not null.
    Pointer,
    /// An address in a read-only map, by its number, and bytes from the start of its value.
    Data { map: usize, offset: i64 },
    /// An address on the stack of a frame, by its number, and bytes from the frame pointer.
    Stack { frame: usize, offset: i64 },
}

impl Value {
    /// A value that stands for either.
    pub(super) fn join(self, other: Self) -> Self {
        if self == other {
            self
        } else if self == Self::Any || other == Self::Any {
            Self::Any
        } else {
            // The verifier looks at each by itself.
            Self::Open
        }
    }

    /// Whether all that follows from `other` follows from this one as well.
    pub(super) fn covers(self, other: Self) -> bool {
        self == other || self == Self::Any
    }

    fn is_pointer(self) -> bool {
        matches!(self, Self::Pointer | Self::Data { .. } | Self::Stack { .. })
    }
}

/// The result of an operation (`adjust_reg_min_max_vals` in kernel/bpf/verifier.c). What only newer verifiers follow is not followed.
pub(super) fn alu(width: Width, op: AluOp, dst: Value, src: Value) -> Value {
    match (op, dst, src) {
        (AluOp::Mov, _, Value::Const(number)) => Value::Const(cut(width, number)),
        (AluOp::Mov, _, value) if width == Width::W64 || value == Value::Open => value,
        (_, Value::Const(a), Value::Const(b)) => number(width, op, a, b),
        (AluOp::And | AluOp::Mul, Value::Const(0), other)
        | (AluOp::And | AluOp::Mul, other, Value::Const(0))
            if !other.is_pointer() =>
        {
            Value::Const(0)
        }
        (AluOp::And | AluOp::Mul, Value::Open, Value::Any)
        | (AluOp::And | AluOp::Mul, Value::Any, Value::Open)
        | (_, Value::Open, Value::Open | Value::Const(_))
        | (_, Value::Const(_), Value::Open) => Value::Open,
        (AluOp::Add | AluOp::Sub, pointer, Value::Const(by)) if width == Width::W64 => {
            let by = signed(by);
            moved(pointer, if op == AluOp::Add { by } else { by.wrapping_neg() })
        }
        (AluOp::Add, Value::Const(by), pointer) if width == Width::W64 => {
            moved(pointer, signed(by))
        }
        _ => Value::Any,
    }
}

fn moved(pointer: Value, by: i64) -> Value {
    match pointer {
        Value::Data { map, offset } => Value::Data { map, offset: offset.wrapping_add(by) },
        Value::Stack { frame, offset } => Value::Stack { frame, offset: offset.wrapping_add(by) },
        _ => Value::Any,
    }
}

fn number(width: Width, op: AluOp, a: u64, b: u64) -> Value {
    let last = if width == Width::W64 { 63 } else { 31 };
    let (a, b) = (cut(width, a), cut(width, b));
    // The kernel refuses longer shifts by a number, and takes what remains of others.
    let shift = u32::try_from(b & last).unwrap_or_default();
    Value::Const(cut(
        width,
        match op {
            AluOp::Add => a.wrapping_add(b),
            AluOp::Sub => a.wrapping_sub(b),
            AluOp::Mul => a.wrapping_mul(b),
            AluOp::Or => a | b,
            AluOp::And => a & b,
            AluOp::Xor => a ^ b,
            AluOp::Lsh => a.wrapping_shl(shift),
            AluOp::Rsh => a.wrapping_shr(shift),
            AluOp::Arsh => unsigned(extended(width, a).wrapping_shr(shift)),
            AluOp::Mov => b,
            // Verifiers before 6.20 do not follow divisions.
            AluOp::Div | AluOp::SDiv | AluOp::Mod | AluOp::SMod => return Value::Any,
        },
    ))
}

/// Whether a condition holds; `None` when that is not known (`is_branch_taken`).
pub(super) fn holds(width: Width, condition: Condition, a: Value, b: Value) -> Option<bool> {
    match (a, b) {
        (Value::Const(a), Value::Const(b)) => {
            let (a, b) = (cut(width, a), cut(width, b));
            let (sa, sb) = (extended(width, a), extended(width, b));
            Some(match condition {
                Condition::Eq => a == b,
                Condition::Ne => a != b,
                Condition::Gt => a > b,
                Condition::Ge => a >= b,
                Condition::Lt => a < b,
                Condition::Le => a <= b,
                Condition::Sgt => sa > sb,
                Condition::Sge => sa >= sb,
                Condition::Slt => sa < sb,
                Condition::Sle => sa <= sb,
                Condition::Set => a & b != 0,
            })
        }
        (pointer, Value::Const(0)) | (Value::Const(0), pointer)
            if pointer.is_pointer() && width == Width::W64 =>
        {
            match condition {
                Condition::Eq => Some(false),
                Condition::Ne => Some(true),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The bits that an operation of this width sees.
fn cut(width: Width, value: u64) -> u64 {
    match width {
        Width::W64 => value,
        Width::W32 => value & u64::from(u32::MAX),
    }
}

/// A number of this width as a signed one.
fn extended(width: Width, value: u64) -> i64 {
    match width {
        Width::W64 => signed(value),
        Width::W32 => signed(value.wrapping_shl(32)).wrapping_shr(32),
    }
}

pub(super) fn signed(value: u64) -> i64 {
    i64::from_ne_bytes(value.to_ne_bytes())
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::from_ne_bytes(value.to_ne_bytes())
}

/// An immediate as 64-bit operations see it.
pub(super) fn immediate(value: i32) -> Value {
    Value::Const(unsigned(i64::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Value::{Any, Const, Open, Pointer};

    #[test]
    fn numbers_are_computed_and_the_rest_is_not() {
        use AluOp as Op;
        use Width::{W32, W64};
        let stack = |offset| Value::Stack { frame: 0, offset };
        let rows = [
            (W64, Op::Mov, Any, Const(7), Const(7)),
            (W32, Op::Mov, Any, Const(u64::MAX), Const(0xffff_ffff)),
            (W64, Op::Mov, Any, Pointer, Pointer),
            (W32, Op::Mov, Any, Pointer, Any),
            (W64, Op::Add, Const(u64::MAX), Const(2), Const(1)),
            (W32, Op::Sub, Const(0), Const(1), Const(0xffff_ffff)),
            (W64, Op::Lsh, Const(1), Const(63), Const(1 << 63)),
            (W64, Op::Arsh, Const(1 << 63), Const(63), Const(u64::MAX)),
            (W32, Op::Arsh, Const(1 << 31), Const(31), Const(0xffff_ffff)),
            (W64, Op::Div, Const(6), Const(2), Any),
            (W64, Op::And, Any, Const(0), Const(0)),
            (W64, Op::And, Any, Const(1), Any),
            (W64, Op::And, Open, Any, Open),
            (W64, Op::Add, Open, Const(1), Open),
            (W64, Op::Add, Open, Any, Any),
            (W64, Op::Add, stack(0), Const(unsigned(-8)), stack(-8)),
            (W64, Op::Add, stack(-8), Any, Any),
            (W32, Op::Add, stack(-8), Const(1), Any),
        ];
        for (width, op, dst, src, expected) in rows {
            assert_eq!(alu(width, op, dst, src), expected, "{width:?} {op:?} {dst:?} {src:?}");
        }
    }

    #[test]
    fn branches_are_decided_by_numbers_and_by_pointers_that_are_there() {
        use Condition as C;
        use Width::{W32, W64};
        let minus = Const(u64::MAX);
        let rows = [
            (W64, C::Eq, Const(1), Const(1), Some(true)),
            (W64, C::Ne, Const(1), Const(1), Some(false)),
            (W64, C::Gt, minus, Const(1), Some(true)),
            (W64, C::Sgt, minus, Const(1), Some(false)),
            (W32, C::Slt, Const(0xffff_ffff), Const(0), Some(true)),
            (W32, C::Eq, Const(1 << 32), Const(0), Some(true)),
            (W64, C::Set, Const(6), Const(2), Some(true)),
            (W64, C::Eq, Pointer, Const(0), Some(false)),
            (W64, C::Ne, Value::Data { map: 0, offset: 0 }, Const(0), Some(true)),
            (W64, C::Gt, Pointer, Const(0), None),
            (W64, C::Eq, Any, Const(0), None),
            (W64, C::Eq, Open, Const(0), None),
        ];
        for (width, condition, a, b, expected) in rows {
            assert_eq!(holds(width, condition, a, b), expected, "{condition:?} {a:?} {b:?}");
        }
    }

    #[test]
    fn what_differs_is_known_to_the_verifier_only() {
        for (a, b, joined) in [
            (Const(1), Const(1), Const(1)),
            (Const(1), Const(2), Open),
            (Const(1), Any, Any),
            (Pointer, Const(0), Open),
        ] {
            assert_eq!((a.join(b), b.join(a)), (joined, joined));
        }
        assert!(Any.covers(Const(1)) && !Open.covers(Const(1)) && !Const(1).covers(Any));
    }
}
