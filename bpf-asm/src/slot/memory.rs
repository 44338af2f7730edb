//! Constructors of loads, stores and atomics.

use crate::operation::{AtomicOp, NarrowSize, Operand, Width};
use crate::{Class, Opcode, Register, Size, Slot};

const ABS: u8 = 0x20;
const IND: u8 = 0x40;
const MEM: u8 = 0x60;
const MEMSX: u8 = 0x80;
const ATOMIC: u8 = 0xc0;
const LOAD_ACQUIRE: i32 = 0x100;
const STORE_RELEASE: i32 = 0x110;

const fn opcode(class: Class, mode: u8, size: u8) -> Opcode {
    Opcode::new(class.bits() | mode | size)
}

/// Loads, stores and atomics. Offsets are in bytes.
impl Slot {
    /// `dst = *(u32 *)(base + offset)`, zero-extended.
    pub const fn load(size: Size, dst: Register, base: Register, offset: i16) -> Self {
        Self::new(opcode(Class::Ldx, MEM, size.bits()), dst, base, offset, 0)
    }

    /// `dst = *(s32 *)(base + offset)`, sign-extended (ISA v4, since 6.6).
    pub const fn load_signed(size: NarrowSize, dst: Register, base: Register, offset: i16) -> Self {
        Self::new(opcode(Class::Ldx, MEMSX, size.bits()), dst, base, offset, 0)
    }

    /// `*(u32 *)(base + offset) = operand`.
    pub fn store(size: Size, base: Register, offset: i16, operand: impl Into<Operand>) -> Self {
        match operand.into() {
            Operand::Register(src) => {
                Self::new(opcode(Class::Stx, MEM, size.bits()), base, src, offset, 0)
            }
            Operand::Imm(imm) => {
                Self::new(opcode(Class::St, MEM, size.bits()), base, Register::R0, offset, imm)
            }
        }
    }

    /// `r0 = *(u32 *)skb[offset]`: reads packet data in network byte order; a read outside the packet ends
    /// the program with 0. Needs the context in r6, clobbers r1 to r5. From classic BPF.
    pub const fn load_packet(size: NarrowSize, offset: i32) -> Self {
        Self::new(opcode(Class::Ld, ABS, size.bits()), Register::R0, Register::R0, 0, offset)
    }

    /// `r0 = *(u32 *)skb[index + offset]`: as [`Slot::load_packet`], relative to a register.
    pub const fn load_packet_indexed(size: NarrowSize, index: Register, offset: i32) -> Self {
        Self::new(opcode(Class::Ld, IND, size.bits()), Register::R0, index, 0, offset)
    }

    /// `lock *(u64 *)(base + offset) += src` and the other read-modify-write operations.
    pub const fn atomic(
        width: Width,
        op: AtomicOp,
        base: Register,
        offset: i16,
        src: Register,
    ) -> Self {
        let size = match width {
            Width::W32 => Size::Word,
            Width::W64 => Size::Double,
        };
        Self::new(opcode(Class::Stx, ATOMIC, size.bits()), base, src, offset, op.bits())
    }

    /// `dst = load_acquire((u32 *)(base + offset))` (since 6.15).
    pub const fn load_acquire(size: Size, dst: Register, base: Register, offset: i16) -> Self {
        Self::new(opcode(Class::Stx, ATOMIC, size.bits()), dst, base, offset, LOAD_ACQUIRE)
    }

    /// `store_release((u32 *)(base + offset), src)` (since 6.15).
    pub const fn store_release(size: Size, base: Register, offset: i16, src: Register) -> Self {
        Self::new(opcode(Class::Stx, ATOMIC, size.bits()), base, src, offset, STORE_RELEASE)
    }
}
