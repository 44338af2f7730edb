//! What can go wrong.

use alloc::string::String;

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
    /// A slot that begins no valid instruction.
    #[error("slot {slot} with opcode {:#04x} is no valid instruction", .opcode.byte())]
    Instruction {
        /// Index of the slot.
        slot: usize,
        /// Its opcode.
        opcode: crate::Opcode,
    },
}

/// Why a program cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A memory offset or jump distance beyond 16 bits.
    #[error("slot {slot}: offset {offset} does not fit into 16 bits")]
    Offset {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
        /// The offset that was asked for.
        offset: i64,
    },
    /// An immediate beyond 32 bits, or, where it is sign-extended, beyond signed 32 bits.
    #[error("slot {slot}: immediate {value} does not fit into 32 bits")]
    Immediate {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
        /// The value that was asked for.
        value: i64,
    },
    /// A register that programs cannot use.
    #[error("slot {slot}: register {register} does not exist: the last is r10")]
    Register {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
        /// The register.
        register: crate::Register,
    },
    /// A helper that the UAPI does not list.
    #[error("slot {slot}: no helper is called {name}")]
    UnknownHelper {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
        /// The name that was asked for.
        name: String,
    },
    /// Two functions of the same name.
    #[error("function {function} is defined twice")]
    DuplicateFunction {
        /// Name of the function.
        function: String,
    },
    /// Two labels of the same name in one function.
    #[error("label {label} is defined twice in its function")]
    DuplicateLabel {
        /// Name of the label.
        label: String,
    },
    /// A jump to a label that its function does not have.
    #[error("slot {slot}: label {label} is not defined in this function")]
    UndefinedLabel {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
        /// Name of the label.
        label: String,
    },
    /// A jump beyond what its encoding reaches.
    #[error("slot {slot}: the jump to {label} is too far: {distance} slots")]
    JumpTooFar {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
        /// Name of the label; empty for a jump that was given as a distance.
        label: String,
        /// Distance in slots from the next slot.
        distance: i64,
    },
    /// A jump given as a distance leaves the program, so its target cannot be kept when other jumps grow.
    #[error("slot {slot}: the jump leaves the program")]
    JumpOutside {
        /// Index of the slot, before any jump was made longer.
        slot: usize,
    },
    /// Calls between the functions cannot be resolved.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl BuildError {
    /// Index of the slot where it went wrong, before any jump was made longer; `None` for names that are there twice.
    pub const fn slot(&self) -> Option<usize> {
        match self {
            Self::Offset { slot, .. }
            | Self::Immediate { slot, .. }
            | Self::Register { slot, .. }
            | Self::UnknownHelper { slot, .. }
            | Self::UndefinedLabel { slot, .. }
            | Self::JumpTooFar { slot, .. }
            | Self::JumpOutside { slot }
            | Self::Link(
                LinkError::UndefinedFunction { slot, .. }
                | LinkError::NotAReference { slot }
                | LinkError::TooFar { slot, .. },
            ) => Some(*slot),
            Self::DuplicateFunction { .. }
            | Self::DuplicateLabel { .. }
            | Self::Link(LinkError::DuplicateFunction { .. }) => None,
        }
    }
}

/// Why functions cannot be joined.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Two functions of the same name.
    #[error("function {function} is defined twice")]
    DuplicateFunction {
        /// Name of the function.
        function: String,
    },
    /// A reference to a function that is not there.
    #[error("slot {slot}: function {function} is not defined")]
    UndefinedFunction {
        /// Index of the slot.
        slot: usize,
        /// Name of the function.
        function: String,
    },
    /// A reference to a function from a slot that is neither a call nor a load of an address.
    #[error("slot {slot} cannot refer to a function")]
    NotAReference {
        /// Index of the slot.
        slot: usize,
    },
    /// A function beyond the reach of 32 bits.
    #[error("slot {slot}: function {function} is too far")]
    TooFar {
        /// Index of the slot.
        slot: usize,
        /// Name of the function.
        function: String,
    },
}

/// Why a text is not a program.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// A line cannot be read.
    #[error("line {line}, column {column}: {cause}")]
    Syntax {
        /// Number of the line, from 1.
        line: usize,
        /// Place in the line where reading stopped, in characters from 1.
        column: usize,
        /// What is wrong there.
        cause: SyntaxError,
    },
    /// The lines can be read, but do not make a program.
    #[error("line {line}: {source}")]
    Build {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong there. It is in the text, and therefore not the [source](core::error::Error::source) of the error.
        r#source: BuildError,
    },
}

/// What is wrong in a line of a program's text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SyntaxError {
    /// Something else must come here.
    #[error("expected {expected}")]
    Expected {
        /// What must come here.
        expected: &'static str,
    },
    /// A register that programs cannot use.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A `w` register where 64 bits are used, or an `r` register where 32 are.
    #[error("register has the wrong width")]
    Width,
    /// A register that this instruction cannot have in this place.
    #[error("this must be the same register as before: {register}")]
    OtherRegister {
        /// The register that the instruction needs here.
        register: crate::Register,
    },
    /// A number beyond the field that holds it.
    #[error("{value} does not fit into {field}")]
    Range {
        /// The number.
        value: i128,
        /// The field.
        field: &'static str,
    },
    /// A size that this instruction does not have.
    #[error("this instruction has no size of {bits} bits")]
    Size {
        /// The size in bits.
        bits: u8,
    },
    /// A helper that has another number.
    #[error("helper {name} is number {number}")]
    HelperNumber {
        /// Name of the helper.
        name: &'static str,
        /// The number it has.
        number: u32,
    },
    /// The kernel's text has another opcode in front of the instruction.
    #[error("the line says opcode {said:#04x}, its instruction has {read:#04x}")]
    Opcode {
        /// The opcode in parentheses.
        said: u8,
        /// The opcode of the instruction.
        read: u8,
    },
    /// A name that only a whole program can resolve.
    #[error("a single instruction cannot refer to names")]
    NameAlone,
}

/// Why the control flow of a program cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FlowError {
    /// A jump or call out of the program.
    #[error("slot {slot}: control leaves the program, to slot {target}")]
    Outside {
        /// Index of the slot.
        slot: usize,
        /// Index of the slot it goes to.
        target: i64,
    },
    /// A jump or call to the second half of a 64-bit immediate load.
    #[error("slot {slot}: slot {target} is inside a 64-bit immediate load")]
    InsideLoad {
        /// Index of the slot.
        slot: usize,
        /// Index of the slot it goes to.
        target: i64,
    },
}
