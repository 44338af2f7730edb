//! A whole instruction with its operands named.

use alloc::vec::Vec;

use crate::bits::u32_from;
use crate::operation::{
    AluOp, AtomicOp, Condition, NarrowSize, Operand, SignExtension, SwapBits, SwapKind, Width,
};
use crate::{
    Class, DecodeError, HelperId, Opcode, PSEUDO_BTF_ID, PSEUDO_CALL, PSEUDO_FUNC,
    PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_IDX, PSEUDO_MAP_IDX_VALUE, PSEUDO_MAP_VALUE,
    Register, Size, Slot,
};

/// What one or two slots mean.
///
/// Every value has an encoding, and [`Instruction::decode`] accepts nothing but encodings: slots with an
/// unknown opcode, a register above r10 or bits in a field that must be zero are no instruction, although
/// a [`Slot`] holds them without loss. Whether the kernel accepts the instruction in its place is the
/// verifier's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the constructors of Slot")]
pub enum Instruction {
    /// [`Slot::alu`]
    Alu { width: Width, op: AluOp, dst: Register, operand: Operand },
    /// [`Slot::neg`]
    Neg { width: Width, dst: Register },
    /// [`Slot::sign_extend`]
    SignExtend { extension: SignExtension, dst: Register, src: Register },
    /// [`Slot::byte_swap`]
    ByteSwap { kind: SwapKind, bits: SwapBits, dst: Register },
    /// [`Slot::addr_space_cast`]
    AddrSpaceCast { dst: Register, src: Register, to: u16, from: u16 },
    /// [`Slot::ld_imm64`] and its kinds
    LdImm64 { dst: Register, value: Imm64 },
    /// [`Slot::load`]
    Load { size: Size, dst: Register, base: Register, offset: i16 },
    /// [`Slot::load_signed`]
    LoadSigned { size: NarrowSize, dst: Register, base: Register, offset: i16 },
    /// [`Slot::load_packet`], [`Slot::load_packet_indexed`]
    LoadPacket { size: NarrowSize, index: Option<Register>, offset: i32 },
    /// [`Slot::store`]
    Store { size: Size, base: Register, offset: i16, operand: Operand },
    /// [`Slot::atomic`]
    Atomic { width: Width, op: AtomicOp, base: Register, offset: i16, src: Register },
    /// [`Slot::load_acquire`]
    LoadAcquire { size: Size, dst: Register, base: Register, offset: i16 },
    /// [`Slot::store_release`]
    StoreRelease { size: Size, base: Register, offset: i16, src: Register },
    /// [`Slot::jump`]
    Jump { distance: i16 },
    /// [`Slot::jump_long`]
    JumpLong { distance: i32 },
    /// [`Slot::jump_register`]
    JumpRegister { target: Register },
    /// [`Slot::jump_if`]
    JumpIf { width: Width, condition: Condition, dst: Register, operand: Operand, distance: i16 },
    /// [`Slot::may_goto`]
    MayGoto { distance: i16 },
    /// [`Slot::call`]
    Call { helper: HelperId },
    /// [`Slot::call_function`]
    CallFunction { distance: i32 },
    /// [`Slot::call_kfunc`]
    CallKfunc { btf_id: u32, fd_index: i16 },
    /// [`Slot::call_register`]
    CallRegister { target: Register },
    /// [`Slot::exit`]
    Exit,
}

/// What a 64-bit immediate load gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the constructors of Slot")]
pub enum Imm64 {
    /// [`Slot::ld_imm64`]
    Value(u64),
    /// [`Slot::ld_map_fd`]
    MapFd { fd: i32 },
    /// [`Slot::ld_map_value`]
    MapValue { fd: i32, offset: u32 },
    /// [`Slot::ld_btf_id`]
    BtfId { btf_id: u32, module_fd: i32 },
    /// [`Slot::ld_func`]
    Function { distance: i32 },
    /// [`Slot::ld_map_idx`]
    MapIndex { index: i32 },
    /// [`Slot::ld_map_idx_value`]
    MapIndexValue { index: i32, offset: u32 },
}

/// The slots of one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Every instruction but one.
    One([Slot; 1]),
    /// A 64-bit immediate load.
    Two([Slot; 2]),
}

impl AsRef<[Slot]> for Encoding {
    fn as_ref(&self) -> &[Slot] {
        match self {
            Self::One(slots) => slots,
            Self::Two(slots) => slots,
        }
    }
}

impl Instruction {
    /// The slots of this instruction.
    pub fn encode(self) -> Encoding {
        let slot = match self {
            Self::Alu { width, op, dst, operand } => Slot::alu(width, op, dst, operand),
            Self::Neg { width, dst } => Slot::neg(width, dst),
            Self::SignExtend { extension, dst, src } => Slot::sign_extend(extension, dst, src),
            Self::ByteSwap { kind, bits, dst } => Slot::byte_swap(kind, bits, dst),
            Self::AddrSpaceCast { dst, src, to, from } => Slot::addr_space_cast(dst, src, to, from),
            Self::LdImm64 { dst, value } => return Encoding::Two(value.encode(dst)),
            Self::Load { size, dst, base, offset } => Slot::load(size, dst, base, offset),
            Self::LoadSigned { size, dst, base, offset } => {
                Slot::load_signed(size, dst, base, offset)
            }
            Self::LoadPacket { size, index: None, offset } => Slot::load_packet(size, offset),
            Self::LoadPacket { size, index: Some(index), offset } => {
                Slot::load_packet_indexed(size, index, offset)
            }
            Self::Store { size, base, offset, operand } => Slot::store(size, base, offset, operand),
            Self::Atomic { width, op, base, offset, src } => {
                Slot::atomic(width, op, base, offset, src)
            }
            Self::LoadAcquire { size, dst, base, offset } => {
                Slot::load_acquire(size, dst, base, offset)
            }
            Self::StoreRelease { size, base, offset, src } => {
                Slot::store_release(size, base, offset, src)
            }
            Self::Jump { distance } => Slot::jump(distance),
            Self::JumpLong { distance } => Slot::jump_long(distance),
            Self::JumpRegister { target } => Slot::jump_register(target),
            Self::JumpIf { width, condition, dst, operand, distance } => {
                Slot::jump_if(width, condition, dst, operand, distance)
            }
            Self::MayGoto { distance } => Slot::may_goto(distance),
            Self::Call { helper } => Slot::call(helper),
            Self::CallFunction { distance } => Slot::call_function(distance),
            Self::CallKfunc { btf_id, fd_index } => Slot::call_kfunc(btf_id, fd_index),
            Self::CallRegister { target } => Slot::call_register(target),
            Self::Exit => Slot::exit(),
        };
        Encoding::One([slot])
    }

    /// The instruction at the start of `slots`, if there is a valid one.
    pub fn decode(slots: &[Slot]) -> Option<Self> {
        let slot = *slots.first()?;
        if !slot.dst().is_valid() || !slot.src().is_valid() {
            return None;
        }
        let candidate = match slot.opcode.class() {
            Class::Alu => alu(slot, Width::W32),
            Class::Alu64 => alu(slot, Width::W64),
            Class::Jmp => jump(slot, Width::W64),
            Class::Jmp32 => jump(slot, Width::W32),
            Class::Ld if slot.is_ld_imm64() => {
                let second = slots.get(1)?;
                Some(Self::LdImm64 { dst: slot.dst(), value: Imm64::decode(slot, *second)? })
            }
            Class::Ld | Class::Ldx | Class::St | Class::Stx => memory(slot),
        }?;
        // One comparison stands for a check of every reserved field of every instruction.
        let encoding = candidate.encode();
        slots.starts_with(encoding.as_ref()).then_some(candidate)
    }

    /// The instructions of a program, each with the index of its first slot. The first slot that begins no valid
    /// one is an error; [`crate::Code::instructions`] goes on behind it.
    pub fn decode_all(slots: &[Slot]) -> Result<Vec<(usize, Self)>, DecodeError> {
        let mut instructions = Vec::with_capacity(slots.len());
        let mut slot = 0usize;
        while let Some((first, _)) = slots.get(slot..).and_then(<[Slot]>::split_first) {
            let instruction = slots
                .get(slot..)
                .and_then(Self::decode)
                .ok_or(DecodeError::Instruction { slot, opcode: first.opcode })?;
            instructions.push((slot, instruction));
            slot = slot.saturating_add(instruction.slot_count());
        }
        Ok(instructions)
    }

    /// Slots that this instruction takes: 1 or 2.
    pub const fn slot_count(self) -> usize {
        match self {
            Self::LdImm64 { .. } => 2,
            _ => 1,
        }
    }
}

impl Imm64 {
    /// The two slots that load this into `dst`.
    pub const fn encode(self, dst: Register) -> [Slot; 2] {
        match self {
            Self::Value(value) => Slot::ld_imm64(dst, value),
            Self::MapFd { fd } => Slot::ld_map_fd(dst, fd),
            Self::MapValue { fd, offset } => Slot::ld_map_value(dst, fd, offset),
            Self::BtfId { btf_id, module_fd } => Slot::ld_btf_id(dst, btf_id, module_fd),
            Self::Function { distance } => Slot::ld_func(dst, distance),
            Self::MapIndex { index } => Slot::ld_map_idx(dst, index),
            Self::MapIndexValue { index, offset } => Slot::ld_map_idx_value(dst, index, offset),
        }
    }

    fn decode(first: Slot, second: Slot) -> Option<Self> {
        let (low, high) = (first.imm, second.imm);
        Some(match first.src() {
            Register::R0 => Self::Value(u64::from(u32_from(high)) << 32 | u64::from(u32_from(low))),
            PSEUDO_MAP_FD => Self::MapFd { fd: low },
            PSEUDO_MAP_VALUE => Self::MapValue { fd: low, offset: u32_from(high) },
            PSEUDO_BTF_ID => Self::BtfId { btf_id: u32_from(low), module_fd: high },
            PSEUDO_FUNC => Self::Function { distance: low },
            PSEUDO_MAP_IDX => Self::MapIndex { index: low },
            PSEUDO_MAP_IDX_VALUE => Self::MapIndexValue { index: low, offset: u32_from(high) },
            _ => return None,
        })
    }
}

// The functions below only guess from the fields that tell instructions apart; `Instruction::decode`
// compares the rest.

fn operand(slot: Slot) -> Operand {
    if slot.opcode.has_register_source() {
        Operand::Register(slot.src())
    } else {
        Operand::Imm(slot.imm)
    }
}

fn alu(slot: Slot, width: Width) -> Option<Instruction> {
    let (dst, src) = (slot.dst(), slot.src());
    let operation = slot.opcode.operation();
    let is_move = operation == AluOp::Mov.bits() && slot.opcode.has_register_source();
    match (operation, slot.offset) {
        (0x80, _) => Some(Instruction::Neg { width, dst }),
        (0xd0, _) => {
            let kind = match (width, slot.opcode.has_register_source()) {
                (Width::W32, false) => SwapKind::Le,
                (Width::W32, true) => SwapKind::Be,
                (Width::W64, _) => SwapKind::Bswap,
            };
            let bits = SwapBits::ALL.into_iter().find(|bits| bits.bits() == slot.imm)?;
            Some(Instruction::ByteSwap { kind, bits, dst })
        }
        (_, 1) if is_move => {
            let [f0, f1, t0, t1] = slot.imm.to_le_bytes();
            let (to, from) = (u16::from_le_bytes([t0, t1]), u16::from_le_bytes([f0, f1]));
            Some(Instruction::AddrSpaceCast { dst, src, to, from })
        }
        (_, bits) if is_move && bits != 0 => SignExtension::ALL
            .into_iter()
            .find(|extension| extension.bits() == bits && extension.width() == width)
            .map(|extension| Instruction::SignExtend { extension, dst, src }),
        (_, offset) => AluOp::ALL
            .into_iter()
            .find(|op| op.bits() == operation && op.offset() == offset)
            .map(|op| Instruction::Alu { width, op, dst, operand: operand(slot) }),
    }
}

fn jump(slot: Slot, width: Width) -> Option<Instruction> {
    Some(match slot.opcode {
        Opcode::JA => Instruction::Jump { distance: slot.offset },
        Opcode::JA32 => Instruction::JumpLong { distance: slot.imm },
        Opcode::JAX => Instruction::JumpRegister { target: slot.dst() },
        Opcode::JCOND => Instruction::MayGoto { distance: slot.offset },
        Opcode::EXIT => Instruction::Exit,
        Opcode::CALLX => Instruction::CallRegister { target: slot.dst() },
        Opcode::CALL => match slot.src() {
            PSEUDO_CALL => Instruction::CallFunction { distance: slot.imm },
            PSEUDO_KFUNC_CALL => {
                Instruction::CallKfunc { btf_id: u32_from(slot.imm), fd_index: slot.offset }
            }
            _ => Instruction::Call { helper: HelperId::new(u32_from(slot.imm)) },
        },
        opcode => {
            let condition = Condition::ALL
                .into_iter()
                .find(|condition| condition.bits() == opcode.operation())?;
            Instruction::JumpIf {
                width,
                condition,
                dst: slot.dst(),
                operand: operand(slot),
                distance: slot.offset,
            }
        }
    })
}

fn memory(slot: Slot) -> Option<Instruction> {
    let (dst, src) = (slot.dst(), slot.src());
    let Slot { offset, imm, .. } = slot;
    let size = slot.opcode.size();
    let narrow = || NarrowSize::ALL.into_iter().find(|narrow| Size::from(*narrow) == size);
    Some(match (slot.opcode.class(), slot.opcode.mode()) {
        (Class::Ld, 0x20) => Instruction::LoadPacket { size: narrow()?, index: None, offset: imm },
        (Class::Ld, 0x40) => {
            Instruction::LoadPacket { size: narrow()?, index: Some(src), offset: imm }
        }
        (Class::Ldx, 0x60) => Instruction::Load { size, dst, base: src, offset },
        (Class::Ldx, 0x80) => Instruction::LoadSigned { size: narrow()?, dst, base: src, offset },
        (Class::St, 0x60) => {
            Instruction::Store { size, base: dst, offset, operand: Operand::Imm(imm) }
        }
        (Class::Stx, 0x60) => {
            Instruction::Store { size, base: dst, offset, operand: Operand::Register(src) }
        }
        (Class::Stx, 0xc0) if imm == 0x100 => {
            Instruction::LoadAcquire { size, dst, base: src, offset }
        }
        (Class::Stx, 0xc0) if imm == 0x110 => {
            Instruction::StoreRelease { size, base: dst, offset, src }
        }
        (Class::Stx, 0xc0) => {
            let op = AtomicOp::ALL.into_iter().find(|op| op.bits() == imm)?;
            let width = match size {
                Size::Word => Width::W32,
                Size::Double => Width::W64,
                Size::Byte | Size::Half => return None,
            };
            Instruction::Atomic { width, op, base: dst, offset, src }
        }
        _ => return None,
    })
}
