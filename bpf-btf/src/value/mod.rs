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
    ///
    /// Numbers have at most 128 bits; enumerators are written by name and as numbers where no name fits; pointers have the
    /// width of `long` in the blob; floating point numbers of other sizes than 4 and 8 bytes are written as bits. A flexible array
    /// has no elements: its bytes are behind the structure, and only the program knows how many.
    ///
    /// Errors: fewer bytes than the type has, types without values, text out of proportion to the bytes.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
    /// # let mut builder = BtfBuilder::new();
    /// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
    /// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
    /// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
    /// use bpf_btf::ValueOptions;
    ///
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// let bytes = [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe];
    /// let text = btf.value_text(point, &bytes, ByteOrder::Big, &ValueOptions::default().compact())?;
    /// assert_eq!(text, "(struct point){.x = (int)1,.y = (int)-2,}");
    /// # Ok(()) }
    /// ```
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
