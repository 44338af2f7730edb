//! What instructions refer to by name.
use std::sync::Arc;

/// An instruction that names something: a map, a function, a symbol of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The slot of the instruction, counted from the start of its function. A 64-bit load is named by its first slot.
    pub slot: usize,
    /// What it names.
    pub target: Target,
}

impl Reference {
    /// The instruction at `slot` names `target`.
    pub fn new(slot: usize, target: Target) -> Self {
        Self { slot, target }
    }
}

/// What an instruction names. Maps, functions and externs are named by their key in the collection.
///
/// The slots already carry the pseudo source register that the kernel wants for each kind; the numbers (file descriptors,
/// distances, BTF ids) are not known yet and stand as 0, or -1 in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A 64-bit load of a map (`BPF_PSEUDO_MAP_FD`).
    Map {
        /// The map.
        name: Arc<str>,
    },
    /// A 64-bit load of an address in the first value of a map (`BPF_PSEUDO_MAP_VALUE`): a global variable.
    MapValue {
        /// The map.
        map: Arc<str>,
        /// Bytes from the start of the value.
        offset: u32,
    },
    /// A 64-bit load of the address of a jump table (`BPF_PSEUDO_MAP_VALUE`).
    JumpTable {
        /// Index in [`Function::jump_tables`](crate::spec::Function::jump_tables).
        index: usize,
    },
    /// A call of a BPF function (`BPF_PSEUDO_CALL`).
    Call {
        /// Key in [`CollectionSpec::functions`](crate::spec::CollectionSpec::functions) or, if there is none there, the name
        /// of a program.
        function: Arc<str>,
    },
    /// A 64-bit load of the address of a BPF function (`BPF_PSEUDO_FUNC`): a callback.
    FunctionAddress {
        /// As for a call.
        function: Arc<str>,
    },
    /// A call of a kernel function (`BPF_PSEUDO_KFUNC_CALL`).
    Kfunc {
        /// The extern.
        name: Arc<str>,
    },
    /// A 64-bit load of the address of a kernel function, mostly to see whether a weak one is there.
    KfuncAddress {
        /// The extern.
        name: Arc<str>,
    },
    /// A 64-bit load of the address of a kernel symbol.
    Ksym {
        /// The extern.
        name: Arc<str>,
    },
    /// A 64-bit load of the address of a value of the kernel configuration, in the map `.kconfig`.
    Kconfig {
        /// The extern.
        name: Arc<str>,
    },
}
