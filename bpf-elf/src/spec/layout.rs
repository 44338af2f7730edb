//! Where variables and functions are within their sections.

use std::sync::Arc;

use super::SpecMap;

/// Sizes and places of the data sections. Compilers leave them open in BTF (size and offsets of a DATASEC are 0).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// Data sections by name, in the order of their index.
    pub(crate) sections: SpecMap<DataSection>,
    /// Functions and programs by key, with their place in bytes from the start of the section.
    pub(crate) functions: Vec<(Arc<str>, u64)>,
}

impl Layout {
    /// The data section of this name.
    pub(crate) fn section(&self, name: &str) -> Option<&DataSection> {
        self.sections.get(name)
    }

    /// The data section of this name, for changes.
    pub(crate) fn section_mut(&mut self, name: &str) -> Option<&mut DataSection> {
        self.sections.get_mut(name)
    }
}

/// A section that a DATASEC of the same name describes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataSection {
    /// Bytes in the section.
    pub(crate) size: u32,
    /// What its start has to be a multiple of.
    pub(crate) align: u32,
    /// Global and weak symbols, by name.
    pub(crate) symbols: Vec<DataSymbol>,
}

impl DataSection {
    /// The global or weak symbol of this name.
    pub(crate) fn symbol(&self, name: &str) -> Option<&DataSymbol> {
        let at = self.symbols.binary_search_by(|symbol| symbol.name.as_str().cmp(name)).ok()?;
        self.symbols.get(at)
    }
}

/// A global or weak symbol of a data section.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DataSymbol {
    /// The name.
    pub(crate) name: String,
    /// Bytes from the start of the section.
    pub(crate) offset: u32,
    /// Visibility hidden or internal: libbpf makes the variable static for the kernel.
    pub(crate) hidden: bool,
    /// A definition that another object may override.
    pub(crate) weak: bool,
}
