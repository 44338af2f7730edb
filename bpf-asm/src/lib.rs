//! eBPF instructions: decode, encode, assemble, print.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod byte_order;
mod error;
mod opcode;
mod register;
mod slot;

pub use byte_order::ByteOrder;
pub use error::{DecodeError, RegisterError};
pub use opcode::{Class, Opcode, Size};
pub use register::Register;
pub use slot::{
    PSEUDO_BTF_ID, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_IDX,
    PSEUDO_MAP_IDX_VALUE, PSEUDO_MAP_VALUE, SLOT_SIZE, Slot, decode_slots, encode_slots,
};
