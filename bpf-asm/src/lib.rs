//! eBPF instructions: decode, encode, assemble, print.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bits;
mod builder;
mod byte_order;
mod code;
mod error;
mod flow;
mod helper;
mod helper_table;
mod instruction;
mod isa;
mod opcode;
mod operation;
mod register;
mod slot;
mod text;

pub use builder::{Argument, Builder, LongJumps};
pub use byte_order::ByteOrder;
pub use code::{Code, Reference, Symbol, Target};
pub use error::{
    AssembleError, BuildError, DecodeError, FlowError, LinkError, RegisterError, SyntaxError,
};
pub use flow::{Block, ControlFlow, Edge, EdgeKind};
pub use helper::HelperId;
pub use instruction::{Encoding, Imm64, Instruction};
pub use isa::IsaVersion;
pub use opcode::{Class, Opcode, Size};
pub use operation::{
    AluOp, AtomicOp, Condition, NarrowSize, Operand, SignExtension, SwapBits, SwapKind, Width,
};
pub use register::{FP, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, Register};
pub use slot::{
    PSEUDO_BTF_ID, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_IDX,
    PSEUDO_MAP_IDX_VALUE, PSEUDO_MAP_VALUE, SLOT_SIZE, Slot, decode_slots, encode_slots,
};
pub use text::Dot;
