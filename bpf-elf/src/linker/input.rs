//! An object to be linked, and where its parts go.

use std::collections::HashMap;

use bpf_btf::{Btf, BtfExt, FuncLinkage, Type, TypeId, TypeMap, VarLinkage};

use super::error::LinkError;
use crate::BtfError;
use crate::object::{Object, Section, SectionIndex, Symbol};

/// Where a section of an object went.
#[derive(Clone, Copy, Debug)]
pub(super) struct SectionPlace {
    /// Index of the section of the linked object.
    pub(super) section: usize,
    /// Bytes that are before it there.
    pub(super) shift: u64,
}

/// What the type information says about a name that other objects see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'a> {
    /// The variable or function.
    pub(super) id: TypeId,
    /// The section that lists it; empty for a function, and for what is only declared and not by the kernel.
    pub(super) section: &'a str,
    /// Bytes of a variable.
    pub(super) size: u32,
}

/// An object to be linked.
pub(super) struct Input<'a> {
    pub(super) name: &'a str,
    pub(super) object: Object<'a>,
    pub(super) btf: Option<Btf>,
    pub(super) ext: Option<BtfExt<'a>>,
    /// By section index; `None` for what is not carried over.
    pub(super) places: Vec<Option<SectionPlace>>,
    /// The symbols of the linked object, by symbol index.
    pub(super) symbols: Vec<Option<usize>>,
    /// What became of the types.
    pub(super) types: Option<TypeMap>,
}

impl<'a> Input<'a> {
    pub(super) fn new(name: &'a str, bytes: &'a [u8]) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Elf { object: name.to_owned(), source };
        let object = Object::parse(bytes).map_err(failed)?;
        let (mut btf, mut ext) = (None, None);
        for section in object.sections() {
            let malformed = |section, error: &dyn std::error::Error| {
                let (object, source) = (name.to_owned(), BtfError::new(error));
                LinkError::Btf { object, section, source }
            };
            match section.name {
                ".BTF" if btf.is_none() && !section.data.is_empty() => {
                    section.require_plain().map_err(failed)?;
                    let parsed = Btf::parse(section.data.to_vec());
                    btf = Some(parsed.map_err(|error| malformed(".BTF", &error))?);
                }
                ".BTF.ext" if ext.is_none() && !section.data.is_empty() => {
                    section.require_plain().map_err(failed)?;
                    let parsed = BtfExt::parse(section.data);
                    ext = Some(parsed.map_err(|error| malformed(".BTF.ext", &error))?);
                }
                _ => {}
            }
        }
        let places = vec![None; object.sections().len()];
        let symbols = vec![None; object.symbols().len()];
        Ok(Self { name, object, btf, ext, places, symbols, types: None })
    }

    /// Where a section went.
    pub(super) fn place(&self, section: SectionIndex) -> Option<SectionPlace> {
        self.places.get(section.get()).copied().flatten()
    }

    /// The first section of this name that was carried over.
    pub(super) fn section(&self, name: &str) -> Option<&Section<'a>> {
        let mut sections = self.object.sections().iter();
        sections.find(|section| section.name == name && self.place(section.index).is_some())
    }

    pub(super) fn symbol_name(&self, symbol: &Symbol) -> Result<&'a str, LinkError> {
        let failed = |source| LinkError::Elf { object: self.name.to_owned(), source };
        self.object.symbol_name(symbol).map_err(failed)
    }

    /// What the type information says about names that other objects see: variables by the sections that list them, and functions.
    pub(super) fn declared(&self) -> HashMap<&str, Declared<'_>> {
        let mut found = HashMap::new();
        let Some(btf) = &self.btf else { return found };
        for (id, ty) in btf.types() {
            let shared = match ty {
                Type::Func(function) => function.linkage() != FuncLinkage::Static,
                // Of another object; those of this one are in its sections.
                Type::Var(variable) => variable.linkage() == VarLinkage::Extern,
                _ => false,
            };
            if shared {
                let declared = Declared { id, section: "", size: 0 };
                found.entry(ty.name()).or_insert(declared);
            }
        }
        for (_, ty) in btf.types() {
            let Type::Datasec(datasec) = ty else { continue };
            for entry in datasec.entries() {
                let name = match (entry.variable(), entry.function()) {
                    (Some(variable), _) if variable.linkage() != VarLinkage::Static => {
                        variable.name()
                    }
                    (_, Some(function)) => function.name(),
                    _ => continue,
                };
                let (id, section, size) = (entry.type_id(), datasec.name(), entry.size());
                found.insert(name, Declared { id, section, size });
            }
        }
        found
    }
}
