//! What can be wrong with a spec that is to be loaded.

use crate::error::WithSources;

/// Why a spec cannot be made ready for loading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The collection has no program of this name.
    #[error("no program {name:?} in the collection")]
    NoProgram {
        /// The name that was asked for.
        name: String,
    },
    /// A call, or a load of an address, names a function that is nowhere defined.
    #[error(
        "function {caller:?}, slot {slot}: refers to function {function:?}, which the collection does not define"
    )]
    NoFunction {
        /// The function with the call.
        caller: String,
        /// Slot of the instruction, from the start of that function.
        slot: usize,
        /// The key that is missing.
        function: String,
    },
    /// An instruction refers to an extern that the collection does not declare.
    #[error(
        "function {function:?}, slot {slot}: refers to extern {name:?}, which the collection does not declare"
    )]
    NoExtern {
        /// The function with the reference.
        function: String,
        /// Slot of the instruction, from the start of that function.
        slot: usize,
        /// The name of the extern.
        name: String,
    },
    /// A reference names a slot that the function does not have, or one with an instruction that cannot carry it.
    #[error(
        "function {function:?}, slot {slot}: no instruction that can carry a reference to {target}"
    )]
    BadReference {
        /// The function with the reference.
        function: String,
        /// Slot, from the start of that function.
        slot: usize,
        /// What was referred to.
        target: String,
    },
    /// A jump table of a function has no targets, because those in the object lead out of the function.
    #[error("function {function:?}: its jump table {table:?} leads out of it")]
    JumpTable {
        /// The function.
        function: String,
        /// The symbol of the table.
        table: String,
    },
    /// The distance of a call does not fit in an instruction.
    #[error("function {function:?}, slot {slot}: the called function is too far away")]
    TooFar {
        /// The calling function.
        function: String,
        /// Slot of the call, from the start of that function.
        slot: usize,
    },
    /// The program has CO-RE relocations and there is no BTF of a kernel to resolve them against.
    #[error(
        "program {program:?} has {count} CO-RE relocations, and no kernel BTF was given: use a kernel with /sys/kernel/btf/vmlinux, or give its BTF from a file"
    )]
    NoTargetBtf {
        /// The program.
        program: String,
        /// How many relocations.
        count: usize,
    },
    /// A CO-RE relocation is wrong in itself, or fits several types of the kernel that differ.
    #[error("function {function:?}, slot {slot}: CO-RE: {reason}")]
    Core {
        /// The function with the instruction.
        function: String,
        /// Slot, from the start of that function.
        slot: usize,
        /// The story.
        reason: String,
    },
    /// An instruction is said to hold the number of a type, and cannot hold one.
    #[error(
        "slot {slot} of the program: no instruction that can hold the number of type {type_id}"
    )]
    LocalTypeId {
        /// Slot of the program.
        slot: usize,
        /// The number that it should hold.
        type_id: u32,
    },
    /// The BTF of the object cannot be completed.
    #[error("BTF of the object: {}", WithSources(.0))]
    Btf(bpf_btf::BuildError),
}

/// Not `#[from]`, which would make a source of what the text already says.
impl From<bpf_btf::BuildError> for PrepareError {
    fn from(error: bpf_btf::BuildError) -> Self {
        Self::Btf(error)
    }
}
