//! Tables of indirect jumps.

/// A table of addresses in a function, for its indirect jumps. The kernel wants it as a map of type `insn_array` (Linux 6.19), which
/// can only be made once it is known where the function is in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpTable {
    /// The symbol.
    pub name: String,
    /// Slots of the function that the table leads to. None at all if the object has another table than the kernel takes, one that leads out
    /// of the function: the collection then has a [`Warning`](super::Warning), and preparing a program with the function is an error.
    pub targets: Vec<usize>,
}
