//! Just enough ELF to turn a function name into the file offset that a uprobe needs.
//!
//! A probed executable may be hundreds of megabytes, so this reads by position: header, section headers, and then
//! only the symbol and string tables. Every length is held against the length of the file before anything is allocated.

mod image;
mod symbols;
mod versions;

pub(crate) use image::{Image, ImageError};
pub(crate) use symbols::SymbolError;
