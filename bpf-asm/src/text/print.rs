//! Instructions as the kernel's verifier writes them.

use core::fmt;

use super::words::{Hex, Reg, atomic_symbol, atomic_word, size_word};
use crate::{AtomicOp, Imm64, Instruction, Operand, Register, SwapKind, Width};

/// The instruction in the kernel's style: `r0 = *(u32 *)(r1 +0)`.
///
/// The text assembles to the same slots. Names for maps, functions and jump targets come with
/// [`crate::Code`].
impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Width::W64;
        match *self {
            Self::Alu { width, op, dst, operand } => {
                let dst = Reg(width, dst);
                write!(f, "{dst} {} {}", op.symbol(), Decimal(width, operand))
            }
            Self::Neg { width, dst } => write!(f, "{0} = -{0}", Reg(width, dst)),
            Self::SignExtend { extension, dst, src } => {
                let width = extension.width();
                let (dst, src) = (Reg(width, dst), Reg(width, src));
                write!(f, "{dst} = (s{}){src}", extension.bits())
            }
            Self::ByteSwap { kind, bits, dst } => {
                let word = match kind {
                    SwapKind::Le => "le",
                    SwapKind::Be => "be",
                    SwapKind::Bswap => "bswap",
                };
                write!(f, "{dst} = {word}{} {dst}", bits.bits())
            }
            Self::AddrSpaceCast { dst, src, to, from } => {
                write!(f, "{dst} = addr_space_cast({src}, {to}, {from})")
            }
            Self::LdImm64 { dst, value } => write!(f, "{dst} = {value}"),
            Self::Load { size, dst, base, offset } => {
                write!(f, "{dst} = *(u{} *)({base} {offset:+})", size_word(size))
            }
            Self::LoadSigned { size, dst, base, offset } => {
                write!(f, "{dst} = *(s{} *)({base} {offset:+})", size_word(size.into()))
            }
            Self::LoadPacket { size, index, offset } => {
                write!(f, "r0 = *(u{} *)skb[", size_word(size.into()))?;
                match index {
                    None => write!(f, "{offset}]"),
                    Some(index) => write!(f, "{index} + {offset}]"),
                }
            }
            Self::Store { size, base, offset, operand } => {
                let place = Place(size_word(size), base, offset);
                write!(f, "*{place} = {}", Decimal(W64, operand))
            }
            Self::Atomic { width, op, base, offset, src } => {
                let (bits, infix) = match width {
                    Width::W32 => (32, ""),
                    Width::W64 => (64, "64"),
                };
                let place = Place(bits, base, offset);
                match (atomic_symbol(op), op) {
                    (Some(symbol), _) => write!(f, "lock *{place} {symbol} {src}"),
                    (None, AtomicOp::CmpXchg) => {
                        write!(f, "r0 = atomic{infix}_cmpxchg({place}, r0, {src})")
                    }
                    (None, _) => {
                        write!(f, "{src} = atomic{infix}_{}({place}, {src})", atomic_word(op))
                    }
                }
            }
            Self::LoadAcquire { size, dst, base, offset } => {
                write!(f, "{dst} = load_acquire({})", Place(size_word(size), base, offset))
            }
            Self::StoreRelease { size, base, offset, src } => {
                write!(f, "store_release({}, {src})", Place(size_word(size), base, offset))
            }
            Self::Jump { distance } => write!(f, "goto {distance:+}"),
            Self::JumpLong { distance } => write!(f, "gotol {distance:+}"),
            Self::JumpRegister { target } => write!(f, "gotox {target}"),
            Self::JumpIf { distance, .. } => {
                self.write_condition(f)?;
                write!(f, "goto {distance:+}")
            }
            Self::MayGoto { distance } => write!(f, "may_goto {distance:+}"),
            Self::Call { helper } => write!(f, "call {helper}#{}", helper.number()),
            Self::CallFunction { distance } => write!(f, "call pc{distance:+}"),
            Self::CallKfunc { btf_id, fd_index: 0 } => write!(f, "call kfunc[id:{btf_id}]"),
            Self::CallKfunc { btf_id, fd_index } => {
                write!(f, "call kfunc[id:{btf_id}, idx:{fd_index}]")
            }
            Self::CallRegister { target } => write!(f, "callx {target}"),
            Self::Exit => f.write_str("exit"),
        }
    }
}

impl Instruction {
    /// `if r1 == 0x5 ` of a conditional jump, nothing for others.
    pub(super) fn write_condition(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::JumpIf { width, condition, dst, operand, .. } = self else { return Ok(()) };
        write!(f, "if {} {} ", Reg(width, dst), condition.symbol())?;
        match operand {
            Operand::Register(src) => write!(f, "{} ", Reg(width, src)),
            Operand::Imm(imm) => write!(f, "{} ", Hex(imm.into())),
        }
    }
}

/// The right side of a 64-bit immediate load.
impl fmt::Display for Imm64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value:#x} ll"),
            Self::MapFd { fd } => write!(f, "map[fd:{fd}] ll"),
            Self::MapValue { fd, offset } => write!(f, "map[fd:{fd}][0]+{offset} ll"),
            Self::BtfId { btf_id, module_fd: 0 } => write!(f, "ksym[id:{btf_id}] ll"),
            Self::BtfId { btf_id, module_fd } => {
                write!(f, "ksym[id:{btf_id}, fd:{module_fd}] ll")
            }
            Self::Function { distance } => write!(f, "func[pc{distance:+}] ll"),
            Self::MapIndex { index } => write!(f, "map[idx:{index}] ll"),
            Self::MapIndexValue { index, offset } => write!(f, "map[idx:{index}][0]+{offset} ll"),
        }
    }
}

/// An operand as arithmetic shows it: numbers in decimal.
struct Decimal(Width, Operand);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Operand::Register(register) => write!(f, "{}", Reg(self.0, register)),
            Operand::Imm(imm) => write!(f, "{imm}"),
        }
    }
}

/// `(u32 *)(r1 +0)`
struct Place(u8, Register, i16);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bits, base, offset) = self;
        write!(f, "(u{bits} *)({base} {offset:+})")
    }
}
