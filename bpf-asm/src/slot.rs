//! One instruction slot of 8 bytes, and its wire format.

mod alu;
mod imm64;
mod jump;
mod memory;

use alloc::vec::Vec;

use zerocopy::FromBytes as _;

use crate::{ByteOrder, DecodeError, Opcode, Register};

/// Bytes of a slot.
pub const SLOT_SIZE: usize = 8;

/// `src` of a 64-bit immediate load: `imm` is a map fd (`BPF_PSEUDO_MAP_FD`).
pub const PSEUDO_MAP_FD: Register = Register::R1;
/// `src` of a 64-bit immediate load: `imm` is a map fd, `imm` of the second slot an offset into the
/// first value of that map (`BPF_PSEUDO_MAP_VALUE`, since 5.2).
pub const PSEUDO_MAP_VALUE: Register = Register::R2;
/// `src` of a 64-bit immediate load: `imm` is the BTF id of a kernel variable or function, `imm` of
/// the second slot the fd of the module's BTF or 0 (`BPF_PSEUDO_BTF_ID`, since 5.10).
pub const PSEUDO_BTF_ID: Register = Register::R3;
/// `src` of a 64-bit immediate load: the address of a function of the program, whose first slot is
/// `imm` + 1 slots away (`BPF_PSEUDO_FUNC`, since 5.13).
pub const PSEUDO_FUNC: Register = Register::R4;
/// `src` of a 64-bit immediate load: `imm` is an index into `fd_array` (`BPF_PSEUDO_MAP_IDX`, since 5.14).
pub const PSEUDO_MAP_IDX: Register = Register::R5;
/// `src` of a 64-bit immediate load: as [`PSEUDO_MAP_VALUE`], with an index into `fd_array`
/// (`BPF_PSEUDO_MAP_IDX_VALUE`, since 5.14).
pub const PSEUDO_MAP_IDX_VALUE: Register = Register::R6;
/// `src` of a call: a function of the program, whose first slot is `imm` + 1 slots away
/// (`BPF_PSEUDO_CALL`, since 4.16).
pub const PSEUDO_CALL: Register = Register::R1;
/// `src` of a call: a kernel function; `imm` is its BTF id, `offset` an index into `fd_array` for the
/// module's BTF, or 0 for vmlinux (`BPF_PSEUDO_KFUNC_CALL`, since 5.13).
pub const PSEUDO_KFUNC_CALL: Register = Register::R2;

/// One instruction slot (`struct bpf_insn`): 8 bytes on the wire.
///
/// Most instructions take one slot; a 64-bit immediate load takes two. Every index in this crate
/// counts slots. The fields hold whatever the bytes say: [`Slot::encode`] undoes [`Slot::decode`]
/// for any bytes, unknown opcodes too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slot {
    /// What to do.
    pub opcode: Opcode,
    /// Destination register.
    pub dst: Register,
    /// Source register, or a pseudo kind in 64-bit immediate loads and calls.
    pub src: Register,
    /// Memory offset in bytes, or jump distance in slots counted from the next slot.
    pub offset: i16,
    /// Immediate operand.
    pub imm: i32,
}

impl Slot {
    /// Reads a slot. Every input is one.
    pub const fn decode(bytes: [u8; SLOT_SIZE], order: ByteOrder) -> Self {
        let [code, registers, o0, o1, i0, i1, i2, i3] = bytes;
        let (low, high) = (Register::from_nibble(registers), Register::from_nibble(registers >> 4));
        let (dst, src, offset, imm) = match order {
            ByteOrder::Little => {
                (low, high, i16::from_le_bytes([o0, o1]), i32::from_le_bytes([i0, i1, i2, i3]))
            }
            // The register byte is a C bit-field: its halves trade places as well.
            ByteOrder::Big => {
                (high, low, i16::from_be_bytes([o0, o1]), i32::from_be_bytes([i0, i1, i2, i3]))
            }
        };
        Self { opcode: Opcode::new(code), dst, src, offset, imm }
    }

    /// Writes the slot.
    pub const fn encode(self, order: ByteOrder) -> [u8; SLOT_SIZE] {
        let (dst, src) = (self.dst.number(), self.src.number());
        let (registers, [o0, o1], [i0, i1, i2, i3]) = match order {
            ByteOrder::Little => {
                (dst | src << 4, self.offset.to_le_bytes(), self.imm.to_le_bytes())
            }
            ByteOrder::Big => (dst << 4 | src, self.offset.to_be_bytes(), self.imm.to_be_bytes()),
        };
        [self.opcode.byte(), registers, o0, o1, i0, i1, i2, i3]
    }

    /// First half of a 64-bit immediate load: the next slot belongs to this instruction.
    pub const fn is_ld_imm64(self) -> bool {
        self.opcode.byte() == Opcode::LD_IMM64.byte()
    }

    /// A call by number or offset, of any kind: helper, function of the program, kernel function.
    pub const fn is_call(self) -> bool {
        self.opcode.byte() == Opcode::CALL.byte()
    }

    /// A call of another function of the same program.
    pub const fn is_pseudo_call(self) -> bool {
        self.is_call() && self.src.number() == PSEUDO_CALL.number()
    }

    /// A call of a helper; `imm` is its number.
    pub const fn is_helper_call(self) -> bool {
        self.is_call() && self.src.number() == 0
    }

    /// A call of a kernel function by its BTF id.
    pub const fn is_kfunc_call(self) -> bool {
        self.is_call() && self.src.number() == PSEUDO_KFUNC_CALL.number()
    }

    /// A 64-bit immediate load of the address of a function of the same program.
    pub const fn is_pseudo_func(self) -> bool {
        self.is_ld_imm64() && self.src.number() == PSEUDO_FUNC.number()
    }
}

/// Reads slots from the bytes of a program or section.
///
/// ```
/// use bpf_asm::{ByteOrder, Opcode, decode_slots};
///
/// let slots = decode_slots(&[0x95, 0, 0, 0, 0, 0, 0, 0], ByteOrder::Little)?;
/// assert_eq!(slots[0].opcode, Opcode::EXIT);
/// # Ok::<(), bpf_asm::DecodeError>(())
/// ```
pub fn decode_slots(bytes: &[u8], order: ByteOrder) -> Result<Vec<Slot>, DecodeError> {
    let raw = <[[u8; SLOT_SIZE]]>::ref_from_bytes(bytes)
        .map_err(|_| DecodeError::Length { length: bytes.len() })?;
    // The order is asked once, not for each slot.
    Ok(match order {
        ByteOrder::Little => {
            raw.iter().map(|bytes| Slot::decode(*bytes, ByteOrder::Little)).collect()
        }
        ByteOrder::Big => raw.iter().map(|bytes| Slot::decode(*bytes, ByteOrder::Big)).collect(),
    })
}

/// Writes slots, one after the other.
pub fn encode_slots(slots: &[Slot], order: ByteOrder) -> Vec<u8> {
    let raw: Vec<[u8; SLOT_SIZE]> = slots.iter().map(|slot| slot.encode(order)).collect();
    raw.into_flattened()
}
