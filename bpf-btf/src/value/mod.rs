//! Values of a type as text.

mod bits;
mod error;
mod write;

use alloc::string::String;

use crate::{Btf, ByteOrder, TypeId};

pub use error::ValueError;

/// How [`Btf::value_text`] writes. The default is one member per line with its name and type, and without zeroes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent choices about the text")]
pub struct ValueOptions {
    /// How many tabs the lines after the first begin with.
    pub indent: usize,
    /// Whether everything is on one line.
    pub compact: bool,
    /// Whether names of members and types are left out.
    pub skip_names: bool,
    /// Whether members that are zero are written, and zeroes at the ends of arrays.
    pub zeroes: bool,
    /// Whether arrays of characters are written as strings.
    pub strings: bool,
}

impl ValueOptions {
    /// Sets how many tabs the lines after the first begin with.
    #[must_use]
    pub const fn with_indent(mut self, tabs: usize) -> Self {
        self.indent = tabs;
        self
    }

    /// Puts everything on one line.
    #[must_use]
    pub const fn compact(mut self) -> Self {
        self.compact = true;
        self
    }

    /// Leaves out the names of members and types.
    #[must_use]
    pub const fn without_names(mut self) -> Self {
        self.skip_names = true;
        self
    }

    /// Writes zeroes too.
    #[must_use]
    pub const fn with_zeroes(mut self) -> Self {
        self.zeroes = true;
        self
    }

    /// Writes arrays of characters as strings.
    #[must_use]
    pub const fn with_strings(mut self) -> Self {
        self.strings = true;
        self
    }
}

impl Btf {
    /// The value of a type that `bytes` begin with, in a notation like C's:
    /// `(struct point){.x = (int)1,.y = (int)-2,}`. A variable is its declaration with the value, a section each of
    /// its variables. The byte order is that of the value, which the kernel that wrote it decides.
    pub fn value_text(
        &self,
        id: TypeId,
        bytes: &[u8],
        order: ByteOrder,
        options: &ValueOptions,
    ) -> Result<String, ValueError> {
        write::value(self, id, bytes, order, options)
    }
}
