//! The byte of both registers.

use crate::{ByteOrder, Register};

/// Destination and source register in the halves of a byte, in the order of the halves that is native:
/// the byte is a C bit-field, so its halves trade places with the byte order.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(super) struct Registers(u8);

impl Registers {
    pub(super) const fn new(dst: Register, src: Register) -> Self {
        Self(match ByteOrder::NATIVE {
            ByteOrder::Little => dst.number() | src.number() << 4,
            ByteOrder::Big => dst.number() << 4 | src.number(),
        })
    }

    pub(super) const fn dst(self) -> Register {
        Register::from_nibble(match ByteOrder::NATIVE {
            ByteOrder::Little => self.0,
            ByteOrder::Big => self.0 >> 4,
        })
    }

    pub(super) const fn src(self) -> Register {
        Register::from_nibble(match ByteOrder::NATIVE {
            ByteOrder::Little => self.0 >> 4,
            ByteOrder::Big => self.0,
        })
    }

    pub(super) const fn decode(byte: u8, order: ByteOrder) -> Self {
        Self(if order.is_native() { byte } else { byte.rotate_left(4) })
    }

    pub(super) const fn encode(self, order: ByteOrder) -> u8 {
        if order.is_native() { self.0 } else { self.0.rotate_left(4) }
    }
}
