//! The type information of the written object: that of the spec, changed where the spec was edited.
//!
//! Numbers of types and offsets of strings stay, for the spec names both. So nothing is taken out: what has lost its meaning becomes a
//! pointer to `void`, which means nothing anywhere.

use std::collections::HashSet;

use bpf_btf::{
    Btf, BtfBuilder, BuildError, Definition, FuncLinkage, Kind, NewSectionEntry, Type, TypeId,
    VarLinkage,
};

use super::error::WriteError;
use crate::spec::{CollectionSpec, ExternKind, ExternSpec};

/// Type information in the making.
pub(super) struct Types<'a> {
    /// As the spec has it.
    pub(super) old: Option<&'a Btf>,
    builder: Option<BtfBuilder>,
    int: Option<TypeId>,
}

/// A variable that the object has, for the DATASEC of its section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'a> {
    pub(super) name: &'a str,
    /// Bytes from the start of the section.
    pub(super) offset: u32,
    /// Bytes.
    pub(super) size: u32,
    /// Its type, if it is to have another one than it has; a new variable without one is an array of bytes.
    pub(super) type_id: Option<TypeId>,
}

impl<'a> Types<'a> {
    pub(super) fn new(spec: &'a CollectionSpec) -> Self {
        let old = spec.btf.as_ref();
        Self { old, builder: old.map(BtfBuilder::from_btf), int: None }
    }

    /// Whether there is type information at all.
    pub(super) fn exist(&self) -> bool {
        self.builder.is_some()
    }

    /// The types, which there are from now on.
    pub(super) fn builder(&mut self) -> &mut BtfBuilder {
        self.builder.get_or_insert_with(BtfBuilder::new)
    }

    /// The section in the type information of the spec.
    pub(super) fn datasec(&self, name: &str) -> Option<bpf_btf::Datasec<'a>> {
        let btf = self.old?;
        match btf.get(btf.find(name, Kind::Datasec)?)? {
            Type::Datasec(datasec) => Some(datasec),
            _ => None,
        }
    }

    /// The type `int`.
    pub(super) fn int(&mut self) -> Result<TypeId, BuildError> {
        if let Some(int) = self.int {
            return Ok(int);
        }
        let known = self.old.and_then(|btf| btf.find("int", Kind::Int));
        let int = match known {
            Some(int) => int,
            None => self.builder().add(&Definition::Int {
                name: "int",
                size: 4,
                signed: true,
                char: false,
                bool: false,
            })?,
        };
        self.int = Some(int);
        Ok(int)
    }

    /// An array of this many bytes.
    pub(super) fn bytes(&mut self, len: u32) -> Result<TypeId, BuildError> {
        let index = self.int()?;
        let known = self.old.and_then(|btf| btf.find("char", Kind::Int));
        let element = match known {
            Some(char) => char,
            None => self.builder().add(&Definition::Int {
                name: "char",
                size: 1,
                signed: true,
                char: false,
                bool: false,
            })?,
        };
        self.builder().add(&Definition::Array { element, index, len })
    }

    /// Makes the DATASEC of a section of `size` bytes say what variables for everyone there are. With `whole` the others are dropped
    /// from it; else they become static, since their bytes are still there.
    pub(super) fn declare(
        &mut self,
        section: &str,
        size: u32,
        mut declared: Vec<Declared<'_>>,
        places: impl Fn(&str) -> Option<u32>,
        whole: bool,
    ) -> Result<(), BuildError> {
        let old = self.datasec(section);
        let (id, old_size) = match old {
            Some(old) => (Some(old.id()), old.size()),
            None => (None, 0),
        };
        let mut changed = old.is_none() && !declared.is_empty();
        let mut moved = false;
        let mut entries = Vec::new();
        for entry in old.into_iter().flat_map(|old| old.entries()) {
            let mut new = NewSectionEntry::new(entry.type_id(), entry.offset(), entry.size());
            let variable = entry.variable().filter(|v| v.linkage() == VarLinkage::Global);
            let Some(variable) = variable else {
                entries.push(new);
                continue;
            };
            let place = places(variable.name());
            let at =
                declared.iter().position(|wanted| wanted.name == variable.name()).or_else(|| {
                    // A variable of another name in the same place is the same.
                    declared.iter().position(|wanted| {
                        Some(wanted.offset) == place
                            && wanted.size == entry.size()
                            && old.is_some_and(|old| !has(old, wanted.name))
                    })
                });
            let Some(wanted) = at.map(|at| declared.swap_remove(at)) else {
                changed = true;
                if !whole {
                    new.offset = place.unwrap_or(new.offset);
                    self.builder().set_var_linkage(variable.id(), VarLinkage::Static)?;
                    entries.push(new);
                }
                continue;
            };
            changed |= wanted.size != entry.size();
            moved |= wanted.offset != entry.offset();
            (new.offset, new.size) = (wanted.offset, wanted.size);
            let target = match wanted.type_id {
                Some(target) => target,
                // An edit gave it another size: an array of as many elements, or else of bytes.
                None if wanted.size != entry.size() => {
                    self.resized(variable.type_id(), wanted.size)?
                }
                None => variable.type_id(),
            };
            if wanted.name != variable.name() || target != variable.type_id() {
                let linkage = VarLinkage::Global;
                let definition = Definition::Var { name: wanted.name, target, linkage };
                self.builder().set(variable.id(), &definition)?;
            }
            entries.push(new);
        }
        for wanted in declared {
            changed = true;
            let target = match wanted.type_id {
                Some(target) => target,
                None => self.bytes(wanted.size)?,
            };
            let linkage = VarLinkage::Global;
            let id = self.builder().add(&Definition::Var { name: wanted.name, target, linkage })?;
            entries.push(NewSectionEntry::new(id, wanted.offset, wanted.size));
        }
        // What compilers leave open stays open: readers take it from the file.
        if changed || (old_size != 0 && (moved || old_size != size)) {
            if let Some(id) = id {
                self.builder().set_section(id, size, entries)?;
            } else {
                entries.sort_by_key(|entry| entry.offset);
                let definition = Definition::Datasec { name: section, size, entries: &entries };
                self.builder().add(&definition)?;
            }
        }
        Ok(())
    }

    /// A type like this one, for a variable of another size.
    fn resized(&mut self, type_id: TypeId, size: u32) -> Result<TypeId, BuildError> {
        if let Some((btf, Type::Array(array))) =
            self.old.and_then(|btf| Some((btf, btf.resolve(type_id)?)))
        {
            let element = btf.size_of(array.element()).ok().and_then(|size| size.try_into().ok());
            let len = element.and_then(|element: u32| {
                (size.checked_rem(element) == Some(0)).then(|| size.checked_div(element))?
            });
            if let Some(len) = len {
                let (element, index) = (array.element(), array.index());
                return self.builder().add(&Definition::Array { element, index, len });
            }
        }
        self.bytes(size)
    }

    /// Takes the meaning from sections that the object does not have: loaders would look for them.
    pub(super) fn drop_sections(
        &mut self,
        present: impl Fn(&str) -> bool,
    ) -> Result<(), BuildError> {
        let Some(btf) = self.old else { return Ok(()) };
        for (id, ty) in btf.types() {
            let virtual_section = matches!(ty.name(), ".kconfig" | ".ksyms");
            if ty.kind() == Kind::Datasec && !virtual_section && !present(ty.name()) {
                self.forget(id)?;
            }
        }
        Ok(())
    }

    /// Makes the virtual sections declare the externs that the spec has, and no others.
    pub(super) fn externs(&mut self, spec: &CollectionSpec) -> Result<(), WriteError> {
        for (section, kconfig) in [(".kconfig", true), (".ksyms", false)] {
            let is_here = |found: &ExternSpec| (found.kind == ExternKind::Kconfig) == kconfig;
            let mut missing: Vec<&ExternSpec> =
                spec.externs.values().filter(|found| is_here(found)).collect();
            let old = self.datasec(section);
            let mut entries = Vec::new();
            let mut dropped = HashSet::new();
            for entry in old.into_iter().flat_map(|old| old.entries()) {
                let name = entry
                    .variable()
                    .map(|variable| variable.name())
                    .or_else(|| entry.function().map(|function| function.name()));
                let used = name.is_some_and(|name| spec.externs.get(name).is_some_and(is_here));
                missing.retain(|found| Some(found.name.as_str()) != name);
                if used {
                    let (id, size) = (entry.type_id(), entry.size());
                    entries.push(NewSectionEntry::new(id, entry.offset(), size));
                } else {
                    dropped.insert(entry.type_id());
                }
            }
            if dropped.is_empty() && missing.is_empty() {
                continue;
            }
            for found in missing {
                entries.push(self.declare_extern(found)?);
            }
            for id in dropped {
                self.forget(id)?;
            }
            match old {
                // A section without variables is none.
                Some(old) if entries.is_empty() => self.forget(old.id())?,
                Some(old) => {
                    let definition =
                        Definition::Datasec { name: section, size: old.size(), entries: &entries };
                    self.builder().set(old.id(), &definition)?;
                }
                None => {
                    let definition =
                        Definition::Datasec { name: section, size: 0, entries: &entries };
                    self.builder().add(&definition)?;
                }
            }
        }
        Ok(())
    }

    fn declare_extern(&mut self, found: &ExternSpec) -> Result<NewSectionEntry, WriteError> {
        let no_type = || WriteError::ExternType { name: found.name.clone() };
        let type_id = TypeId::new(found.type_id);
        let function = self.builder().kind(type_id) == Some(Kind::Func);
        if found.kind == ExternKind::Kfunc {
            if !function {
                return Err(no_type());
            }
            self.builder().set_func_linkage(type_id, FuncLinkage::Extern)?;
            return Ok(NewSectionEntry::new(type_id, 0, 0));
        }
        if function || (found.kind == ExternKind::Kconfig && type_id.is_void()) {
            return Err(no_type());
        }
        let linkage = VarLinkage::Extern;
        let (name, target) = (found.name.as_str(), type_id);
        let id = self.builder().add(&Definition::Var { name, target, linkage })?;
        Ok(NewSectionEntry::new(id, 0, found.size))
    }

    /// Gives the function of a program that was renamed its new name.
    pub(super) fn name_function(&mut self, id: u32, name: &str) -> Result<(), BuildError> {
        let id = TypeId::new(id);
        let Some(Type::Func(function)) = self.old.and_then(|btf| btf.get(id)) else {
            return Ok(());
        };
        let (prototype, linkage) = (function.prototype(), function.linkage());
        self.builder().set(id, &Definition::Func { name, prototype, linkage })
    }

    /// Takes the meaning from a type, and from the tags on it.
    fn forget(&mut self, id: TypeId) -> Result<(), BuildError> {
        let nothing = Definition::Ptr { target: TypeId::VOID };
        self.builder().set(id, &nothing)?;
        let Some(btf) = self.old else { return Ok(()) };
        for (tag, ty) in btf.types() {
            if matches!(ty, Type::DeclTag(found) if found.target() == id) {
                self.builder().set(tag, &nothing)?;
            }
        }
        Ok(())
    }

    /// The bytes of `.BTF`, if there is any.
    pub(super) fn write(&self, order: bpf_btf::ByteOrder) -> Result<Option<Vec<u8>>, BuildError> {
        self.builder.as_ref().map(|builder| builder.write(order)).transpose()
    }
}

fn has(section: bpf_btf::Datasec<'_>, name: &str) -> bool {
    section.variables().any(|(_, variable)| variable.name() == name)
}
