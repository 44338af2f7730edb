//! Instructions and programs as text, in the style of the kernel's verifier, both ways.

mod assemble;
mod assign;
mod cursor;
mod dot;
mod listing;
mod memory;
mod parse;
mod print;
mod symbol;
mod words;

pub use dot::Dot;
pub use listing::{Commented, ListingLine};
