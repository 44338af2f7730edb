//! One instruction slot of 8 bytes, and its wire format.

mod alu;
mod imm64;
mod jump;
mod memory;
mod registers;

use alloc::vec::Vec;
use core::fmt;

use zerocopy::FromBytes as _;

use self::registers::Registers;
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

/// One instruction slot (`struct bpf_insn`): 8 bytes on the wire, and as many in memory.
///
/// Most instructions take one slot; a 64-bit immediate load takes two. Every index in this crate
/// counts slots. The fields hold whatever the bytes say: [`Slot::encode`] undoes [`Slot::decode`]
/// for any bytes, unknown opcodes too.
// The fields lie as they do on the wire: reading a program in native order is then one copy of memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Slot {
    /// What to do.
    pub opcode: Opcode,
    registers: Registers,
    /// Memory offset in bytes, or jump distance in slots counted from the next slot.
    pub offset: i16,
    /// Immediate operand.
    pub imm: i32,
}

impl Slot {
    /// A slot of its five fields, see there.
    ///
    /// ```
    /// use bpf_asm::{Opcode, R0, R1, Slot};
    ///
    /// // *(u64 *)(r0 + 8) = r1
    /// let slot = Slot::new(Opcode::new(0x7b), R0, R1, 8, 0);
    /// assert_eq!((slot.dst(), slot.src()), (R0, R1));
    /// assert_eq!(slot.with_src(R0).src(), R0);
    /// ```
    pub const fn new(opcode: Opcode, dst: Register, src: Register, offset: i16, imm: i32) -> Self {
        Self { opcode, registers: Registers::new(dst, src), offset, imm }
    }

    /// Destination register.
    pub const fn dst(self) -> Register {
        self.registers.dst()
    }

    /// Source register, or a pseudo kind in 64-bit immediate loads and calls.
    pub const fn src(self) -> Register {
        self.registers.src()
    }

    /// Sets the destination register.
    pub const fn set_dst(&mut self, dst: Register) {
        self.registers = Registers::new(dst, self.src());
    }

    /// Sets the source register or pseudo kind.
    pub const fn set_src(&mut self, src: Register) {
        self.registers = Registers::new(self.dst(), src);
    }

    /// The same with another destination register.
    #[must_use]
    pub const fn with_dst(mut self, dst: Register) -> Self {
        self.set_dst(dst);
        self
    }

    /// The same with another source register or pseudo kind.
    #[must_use]
    pub const fn with_src(mut self, src: Register) -> Self {
        self.set_src(src);
        self
    }

    /// The same with another offset.
    #[must_use]
    pub const fn with_offset(mut self, offset: i16) -> Self {
        self.offset = offset;
        self
    }

    /// The same with another immediate.
    #[must_use]
    pub const fn with_imm(mut self, imm: i32) -> Self {
        self.imm = imm;
        self
    }

    /// Reads a slot. Every input is one.
    pub const fn decode(bytes: [u8; SLOT_SIZE], order: ByteOrder) -> Self {
        let [code, registers, o0, o1, i0, i1, i2, i3] = bytes;
        let (offset, imm) = match order {
            ByteOrder::Little => {
                (i16::from_le_bytes([o0, o1]), i32::from_le_bytes([i0, i1, i2, i3]))
            }
            ByteOrder::Big => (i16::from_be_bytes([o0, o1]), i32::from_be_bytes([i0, i1, i2, i3])),
        };
        let registers = Registers::decode(registers, order);
        Self { opcode: Opcode::new(code), registers, offset, imm }
    }

    /// Writes the slot.
    pub const fn encode(self, order: ByteOrder) -> [u8; SLOT_SIZE] {
        let ([o0, o1], [i0, i1, i2, i3]) = match order {
            ByteOrder::Little => (self.offset.to_le_bytes(), self.imm.to_le_bytes()),
            ByteOrder::Big => (self.offset.to_be_bytes(), self.imm.to_be_bytes()),
        };
        [self.opcode.byte(), self.registers.encode(order), o0, o1, i0, i1, i2, i3]
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
        self.is_call() && self.src().number() == PSEUDO_CALL.number()
    }

    /// A call of a helper; `imm` is its number.
    pub const fn is_helper_call(self) -> bool {
        self.is_call() && self.src().number() == 0
    }

    /// A call of a kernel function by its BTF id.
    pub const fn is_kfunc_call(self) -> bool {
        self.is_call() && self.src().number() == PSEUDO_KFUNC_CALL.number()
    }

    /// A 64-bit immediate load of the address of a function of the same program.
    pub const fn is_pseudo_func(self) -> bool {
        self.is_ld_imm64() && self.src().number() == PSEUDO_FUNC.number()
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("opcode", &self.opcode)
            .field("dst", &self.registers.dst())
            .field("src", &self.registers.src())
            .field("offset", &self.offset)
            .field("imm", &self.imm)
            .finish()
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
    // The order is asked once, not for each slot: what is native is then copied as a whole.
    Ok(match order {
        ByteOrder::Little => {
            raw.iter().map(|bytes| Slot::decode(*bytes, ByteOrder::Little)).collect()
        }
        ByteOrder::Big => raw.iter().map(|bytes| Slot::decode(*bytes, ByteOrder::Big)).collect(),
    })
}

/// Writes slots, one after the other.
pub fn encode_slots(slots: &[Slot], order: ByteOrder) -> Vec<u8> {
    let raw: Vec<[u8; SLOT_SIZE]> = match order {
        ByteOrder::Little => slots.iter().map(|slot| slot.encode(ByteOrder::Little)).collect(),
        ByteOrder::Big => slots.iter().map(|slot| slot.encode(ByteOrder::Big)).collect(),
    };
    raw.into_flattened()
}
