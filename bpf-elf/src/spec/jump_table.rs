//! Tables of indirect jumps.

/// A table of addresses in a function, for its indirect jumps. The kernel wants it as a map of type `insn_array` (Linux 6.19), which
/// can only be made once it is known where the function is in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpTable {
    /// The symbol.
    pub name: String,
    /// Slots of the function that the table leads to.
    pub targets: Vec<usize>,
}
