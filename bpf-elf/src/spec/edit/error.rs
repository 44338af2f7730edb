//! Errors of editing a spec.
use thiserror::Error;

use super::code_problem::CodeProblem;
use super::map_problem::MapProblem;
use super::program_problem::ProgramProblem;

/// Why a spec cannot be changed, or does not hold together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EditError {
    /// Nothing has this name.
    #[error("the collection has no {kind} {name:?}")]
    Missing {
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The name is taken.
    #[error("the collection already has a {kind} {name:?}")]
    Taken {
        /// What was to get the name.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Something else still names it.
    #[error("{kind} {name:?} is still used by {user}")]
    InUse {
        /// What was to be removed.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Who names it.
        user: String,
    },
    /// A value has another size than its variable.
    #[error("variable {name:?} has {size} bytes, and the value {found}")]
    Size {
        /// The variable.
        name: String,
        /// Bytes of the variable.
        size: u32,
        /// Bytes of the value.
        found: usize,
    },
    /// A value is of another kind than its variable.
    #[error("variable {name:?} is {expected}, and the value {found}")]
    Type {
        /// The variable, or the path to its part.
        name: String,
        /// What its type is.
        expected: &'static str,
        /// What the value is.
        found: &'static str,
    },
    /// A path leads to no part of a variable.
    #[error("{path:?}: {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A number in the byte order of this machine was given for, or asked of, an object in the other one.
    #[error(
        "variable {name:?} is in the other byte order: use a type that names its byte order, or bytes"
    )]
    ByteOrder {
        /// The variable.
        name: String,
    },
    /// A variable reaches out of the value of its map, or the map has no value.
    #[error("variable {name:?} is not within the value of map {map:?}")]
    Outside {
        /// The variable.
        name: String,
        /// The map.
        map: String,
    },
    /// Two variables share bytes.
    #[error("variables {first:?} and {second:?} of map {map:?} overlap")]
    Overlap {
        /// One variable.
        first: String,
        /// The other.
        second: String,
        /// The map.
        map: String,
    },
    /// Only the last variable of a section can have another size.
    #[error("variable {name:?} is not the last one of map {map:?}, and cannot have another size")]
    NotLast {
        /// The variable.
        name: String,
        /// The map.
        map: String,
    },
    /// There is not enough memory for the value of a map, or it would be larger than a map value can be.
    #[error("map {map:?}: no room for a value of {size} bytes")]
    NoRoom {
        /// The map.
        map: String,
        /// Bytes of the value.
        size: u64,
    },
    /// The contents of a map have another size than its value.
    #[error("map {map:?} has values of {size} bytes, and contents of {found}")]
    Contents {
        /// The map.
        map: String,
        /// Bytes of the value.
        size: u32,
        /// Bytes of the contents.
        found: usize,
    },
    /// The kernel would not take a map, or the rest of the collection does not go with it.
    #[error("map {map:?}: {problem}")]
    Map {
        /// The map.
        map: String,
        /// What is wrong with it.
        problem: MapProblem,
    },
    /// The kernel would not take a program.
    #[error("program {program:?}: {problem}")]
    Program {
        /// The program.
        program: String,
        /// What is wrong with it.
        problem: ProgramProblem,
    },
    /// The kernel would not take the instructions of a function.
    #[error("function {function:?}: {problem}")]
    Code {
        /// The function, or the program whose code it is.
        function: String,
        /// What is wrong with it.
        problem: CodeProblem,
    },
    /// Text that is no name.
    #[error("{name:?} is no name for a {kind}: {problem}")]
    Name {
        /// What was to get the name.
        kind: &'static str,
        /// The text.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A table names a slot that the function does not have, or is not sorted by slot.
    #[error(
        "function {function:?}: {table} of slot {slot}, which the function does not have, or not in the order of slots"
    )]
    Slot {
        /// The function.
        function: String,
        /// The table.
        table: &'static str,
        /// The slot.
        slot: usize,
    },
}

impl EditError {
    pub(super) fn missing(kind: &'static str, name: &str) -> Self {
        Self::Missing { kind, name: name.to_owned() }
    }

    pub(super) fn map(map: &str) -> impl FnOnce(MapProblem) -> Self {
        |problem| Self::Map { map: map.to_owned(), problem }
    }

    pub(super) fn program(program: &str) -> impl FnOnce(ProgramProblem) -> Self {
        |problem| Self::Program { program: program.to_owned(), problem }
    }

    pub(super) fn code(function: &str) -> impl FnOnce(CodeProblem) -> Self {
        |problem| Self::Code { function: function.to_owned(), problem }
    }
}

/// The first problem that was not known before, as an error. Before an edit nothing is known, or what was wrong already.
pub(super) fn refuse<P: PartialEq>(
    found: Vec<P>,
    known: &[P],
    error: impl FnOnce(P) -> EditError,
) -> Result<(), EditError> {
    match found.into_iter().find(|problem| !known.contains(problem)) {
        Some(problem) => Err(error(problem)),
        None => Ok(()),
    }
}
