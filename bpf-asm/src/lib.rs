//! eBPF instructions: decode, encode, assemble, print.
//!
//! - [`Slot`]: 8 bytes of a program, in either byte order. Encoding undoes decoding for any bytes.
//! - [`Instruction`]: what one or two slots mean. The instruction set v1 to v4 whole, and what came after:
//!   arena casts, `may_goto`, load-acquire and store-release, `gotox`. Slots that are no valid
//!   instruction are told apart, not lost.
//! - [`Builder`]: programs as method calls that read like assembly, with labels, functions, and maps and kernel
//!   functions by name. A number that does not fit is an error, never another number; a jump that does not
//!   reach is an error, or goes over `gotol` if allowed.
//! - [`Code`]: slots with side tables that name places in them. Joining two is a shift. Its text is a
//!   listing in the style of the kernel's verifier, and [`Code::assemble`] reads it back.
//! - [`HelperId`]: the helpers of the UAPI with their names.
//! - [`ControlFlow`], [`Code::isa_version`], [`Code::helpers`], [`Tag`]: what a program does, needs and is.
//!
//! Every index of an instruction, here and in the other crates of the workspace, counts slots: a 64-bit immediate load
//! takes two. Any operating system, no privileges, `no_std` with `alloc`.
//!
//! ```
//! use bpf_asm::{Builder, ByteOrder, Code, Condition, FP, HelperId, R0, R1, R2, Size, encode_slots};
//!
//! let mut b = Builder::new();
//! b.function("count_packets")
//!     .store(Size::Word, FP, -4, 0)
//!     .mov64(R2, FP)
//!     .add64(R2, -4)
//!     .ld_map(R1, "packets")
//!     .call(HelperId::MAP_LOOKUP_ELEM)
//!     .jump_if64(Condition::Eq, R0, 0, "out")
//!     .mov64(R1, 1)
//!     .atomic_add64(R0, 0, R1)
//!     .label("out")
//!     .mov64(R0, 2)
//!     .exit();
//! let code = b.finish()?;
//!
//! let text = "\
//! <count_packets>:
//!     *(u32 *)(r10 -4) = 0
//!     r2 = r10
//!     r2 += -4
//!     r1 = map[packets] ll
//!     call bpf_map_lookup_elem#1
//!     if r0 == 0x0 goto out
//!     r1 = 1
//!     lock *(u64 *)(r0 +0) += r1
//! out:
//!     r0 = 2
//!     exit
//! ";
//! assert_eq!(code.to_string(), text);
//! assert_eq!(Code::assemble(text)?, code);
//!
//! // What is left to the loader: the fd of the map, in the load that starts at slot 3.
//! assert_eq!(code.references[0].slot, 3);
//! assert_eq!(encode_slots(&code.slots, ByteOrder::Little).len(), 11 * 8);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! It does not read object files, BTF or line information (`bpf-elf`, `bpf-btf`), does not load programs or look up maps
//! and kernel functions (`bpf-core`), and does not judge whether the verifier accepts a program. It does not
//! optimise, and it does not run programs.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bits;
mod builder;
mod byte_order;
mod code;
mod digest;
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
mod tag;
mod text;

pub use builder::{Argument, Builder, LongJumps};
pub use byte_order::ByteOrder;
pub use code::{Code, Reference, Symbol, Target};
pub use digest::Sha256;
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
pub use tag::Tag;
pub use text::{Commented, Dot, ListingLine};
