//! What can be wrong with the instructions of a function.
use thiserror::Error;

/// What the kernel refuses about instructions before it follows them, or what they name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeProblem {
    /// There is no instruction.
    #[error("it has no instructions")]
    Empty,
    /// More instructions than the kernel takes from anyone (`BPF_COMPLEXITY_LIMIT_INSNS`).
    #[error("{slots} slots: the kernel takes a million")]
    TooLong {
        /// The number of slots.
        slots: usize,
    },
    /// A jump out of the function.
    #[error("slot {slot}: a jump to slot {target}, which is outside of the function")]
    Branch {
        /// The slot of the jump.
        slot: usize,
        /// Where it leads.
        target: i64,
    },
    /// A jump into the second half of a 64-bit load.
    #[error("slot {slot}: a jump to slot {target}, which is the second half of a 64-bit load")]
    IntoLoad {
        /// The slot of the jump.
        slot: usize,
        /// Where it leads.
        target: i64,
    },
    /// A 64-bit load without its second half.
    #[error("slot {slot}: a 64-bit load without its second half")]
    HalfLoad {
        /// The slot.
        slot: usize,
    },
    /// Control can run out of the end (`check_subprogs`).
    #[error("slot {slot}: the last instruction is neither an exit nor a jump")]
    End {
        /// The last slot.
        slot: usize,
    },
    /// A call or an address of a function by distance alone: it says which function only while functions stay where they are.
    #[error("slot {slot}: a call by distance: name the function")]
    Distance {
        /// The slot.
        slot: usize,
    },
    /// A reference where there is no instruction that could take it.
    #[error("slot {slot}: the instruction cannot name a {kind}")]
    NotReferring {
        /// The slot.
        slot: usize,
        /// What it was to name.
        kind: &'static str,
    },
    /// A side table names a slot that the function does not have, or is not sorted by slot.
    #[error(
        "{table} of slot {slot}, which the function does not have, or not in the order of slots"
    )]
    Table {
        /// The table.
        table: &'static str,
        /// The slot.
        slot: usize,
    },
    /// An instruction names what the collection does not have.
    #[error("slot {slot}: the collection has no {kind} {name:?}")]
    Missing {
        /// The slot.
        slot: usize,
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The address of a value in a map that has none, or not as many bytes.
    #[error("slot {slot}: byte {offset} of the value of map {map:?}, which has none there")]
    MapValue {
        /// The slot.
        slot: usize,
        /// The map.
        map: String,
        /// Bytes from the start of the value.
        offset: u32,
    },
}
