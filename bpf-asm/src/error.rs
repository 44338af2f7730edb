//! What can go wrong.

use thiserror::Error;

/// A register number that programs cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("register r{number} does not exist: the last is r10")]
#[non_exhaustive]
pub struct RegisterError {
    /// The number that was asked for.
    pub number: u8,
}

/// Why bytes are not instruction slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input ends within a slot.
    #[error("{length} bytes of instructions are not a multiple of 8")]
    Length {
        /// Length of the input in bytes.
        length: usize,
    },
}
