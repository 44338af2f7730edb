//! Texts of errors, which stay short however long names and access strings are: each record may have one.

use alloc::string::String;
use core::fmt::{self, Write};

use crate::{Btf, Type, TypeId};

/// Most bytes of a text; where it is cut there are three dots more. Names that kernels accept have at most 511.
pub(super) const MAX: usize = 512;

/// A text that takes no more than [`MAX`] bytes.
#[derive(Default)]
pub(super) struct Short {
    text: String,
    is_cut: bool,
}

impl Short {
    pub(super) fn push(&mut self, more: &str) {
        if self.is_cut {
            return;
        }
        let room = MAX.saturating_sub(self.text.len());
        if more.len() <= room {
            self.text.push_str(more);
            return;
        }
        let end = (0..=room).rev().find(|end| more.is_char_boundary(*end)).unwrap_or(0);
        self.text.push_str(more.get(..end).unwrap_or_default());
        self.text.push_str("...");
        self.is_cut = true;
    }

    /// The type at which an access begins, as C names it, or by its id when it has no name.
    pub(super) fn push_type(&mut self, btf: &Btf, id: TypeId) {
        let found = btf.get(id);
        self.push(match found {
            Some(Type::Struct(_)) => "struct ",
            Some(Type::Union(_)) => "union ",
            Some(Type::Enum(_) | Type::Enum64(_)) => "enum ",
            Some(Type::Fwd(found)) => {
                if found.is_union() {
                    "union "
                } else {
                    "struct "
                }
            }
            _ => "",
        });
        match name(btf, found.map_or(0, |found| found.name_offset())) {
            "" if id.is_void() => self.push("void"),
            "" => self.push(&alloc::format!("type {id}")),
            name => self.push(name),
        }
    }

    /// The full name of a type in C's notation.
    pub(super) fn of_type(btf: &Btf, id: TypeId) -> String {
        let mut text = Self::default();
        // It ends where it is cut.
        let _ = write!(text, "{}", btf.display_name(id));
        text.text
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Ends with an error where it is cut, so that nobody goes on for nothing.
impl Write for Short {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.push(more);
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

/// So much of the string at an offset that a text is cut if there is more; empty when it is not UTF-8.
pub(super) fn name(btf: &Btf, offset: u32) -> &str {
    btf.string_start(offset, MAX.saturating_add(4)).unwrap_or_default()
}

/// The string at an offset, cut.
pub(super) fn string(btf: &Btf, offset: u32) -> String {
    let mut text = Short::default();
    text.push(name(btf, offset));
    text.finish()
}
