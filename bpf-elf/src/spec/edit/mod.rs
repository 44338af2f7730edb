//! Changes to a spec that keep it whole.
//!
//! The fields of specs are public, and can be set without a check. `variable_mut`, `map_mut`, `program_mut` and the methods that add, replace,
//! rename and remove check what they do, and leave the spec what it was if it is wrong.

mod check;
mod code;
mod code_check;
mod code_problem;
mod error;
mod map;
mod map_check;
mod map_problem;
mod map_rules;
mod names;
mod pairs;
mod path;
mod program;
mod program_check;
mod program_problem;
mod resize;
mod variable;

pub use code_problem::CodeProblem;
pub use error::EditError;
pub use map::MapMut;
pub use map_problem::MapProblem;
pub use program::ProgramMut;
pub use program_problem::ProgramProblem;
pub use variable::{VariableMut, VariableRef};

#[cfg(test)]
mod tests;
