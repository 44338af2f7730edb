//! Changes to a spec that keep it whole.
//!
//! The fields of specs are public: what has no effect elsewhere (types, flags, sizes of maps that are not sections) is simply set.

mod check;
mod code;
mod error;
mod names;
mod path;
mod resize;
mod variable;

pub use error::EditError;
pub use variable::{VariableMut, VariableRef};

#[cfg(test)]
mod tests;
