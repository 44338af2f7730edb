//! The type information of the written object: that of the spec, changed where the spec was edited.
//!
//! Numbers of types and offsets of strings stay, for the spec names both. So nothing is taken out: what has lost its meaning becomes a
//! pointer to `void`, which means nothing anywhere.

use std::collections::{BTreeSet, HashMap, HashSet};

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
    /// The variables of each section of the spec's types by name, the first of each, with their type and size.
    variables: HashMap<&'a str, HashMap<&'a str, (TypeId, u32)>>,
    /// Variables that several sections name, which compilers never write: what is done with one for a section is done for all.
    shared: HashSet<TypeId>,
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
        let mut variables = HashMap::<_, HashMap<_, _>>::new();
        let (mut homes, mut shared) = (HashMap::new(), HashSet::new());
        for (id, ty) in old.into_iter().flat_map(Btf::types) {
            let Type::Datasec(section) = ty else { continue };
            for (_, variable) in section.variables() {
                if *homes.entry(variable.id()).or_insert(id) != id {
                    shared.insert(variable.id());
                }
            }
            // Of several sections of one name, one is found by it.
            if old.and_then(|btf| btf.find(section.name(), Kind::Datasec)) == Some(id) {
                let known = variables.entry(section.name()).or_default();
                for (entry, variable) in section.variables() {
                    let place = (variable.type_id(), entry.size());
                    known.entry(variable.name()).or_insert(place);
                }
            }
        }
        Self { old, builder: old.map(BtfBuilder::from_btf), int: None, variables, shared }
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

    /// A variable of a section in the type information of the spec: its type, and its size.
    pub(super) fn variable(&self, section: &str, name: &str) -> Option<(TypeId, u32)> {
        self.variables.get(section)?.get(name).copied()
    }

    /// The type `int`.
    pub(super) fn int(&mut self) -> Result<TypeId, BuildError> {
        if let Some(int) = self.int {
            return Ok(int);
        }
        let int = self.integer("int", 4)?;
        self.int = Some(int);
        Ok(int)
    }

    /// The signed integer with a name: that of the spec, or a new one of so many bytes.
    fn integer(&mut self, name: &str, size: u32) -> Result<TypeId, BuildError> {
        if let Some(known) = self.old.and_then(|btf| btf.find(name, Kind::Int)) {
            return Ok(known);
        }
        let plain = Definition::Int { name, size, signed: true, char: false, bool: false };
        self.builder().add(&plain)
    }

    /// An array of this many bytes.
    pub(super) fn bytes(&mut self, len: u32) -> Result<TypeId, BuildError> {
        let index = self.int()?;
        let element = self.integer("char", 1)?;
        self.builder().add(&Definition::Array { element, index, len })
    }

    /// Makes the DATASEC of a section of `size` bytes say what variables for everyone there are. With `whole` the others are dropped
    /// from it; else they become static, since their bytes are still there.
    pub(super) fn declare(
        &mut self,
        section: &str,
        size: u32,
        declared: Vec<Declared<'_>>,
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
        let mut seen = HashSet::new();
        let mut declared = Wanted::new(declared, |name| self.variable(section, name).is_some());
        let mut entries = Vec::new();
        for entry in old.into_iter().flat_map(|old| old.entries()) {
            let mut new = NewSectionEntry::new(entry.type_id(), entry.offset(), entry.size());
            let variable = entry.variable().filter(|v| v.linkage() == VarLinkage::Global);
            let Some(variable) = variable else {
                entries.push(new);
                continue;
            };
            if !seen.insert(variable.id()) {
                // Named once more, it is still one variable.
                changed = true;
                continue;
            }
            let place = places(variable.name());
            // A variable of another name in the same place is the same.
            let wanted =
                declared.named(variable.name()).or_else(|| declared.placed(place?, entry.size()));
            let Some(wanted) = wanted else {
                changed = true;
                // One that another section names too stays there.
                if !whole && !self.shared.contains(&variable.id()) {
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
        for wanted in declared.rest() {
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
        let is_gone = |ty: &Type<'_>| {
            let virtual_section = matches!(ty.name(), ".kconfig" | ".ksyms");
            ty.kind() == Kind::Datasec && !virtual_section && !present(ty.name())
        };
        let gone = btf.types().filter(|(_, ty)| is_gone(ty)).map(|(id, _)| id);
        self.forget(&gone.collect())
    }

    /// Makes the virtual sections declare the externs that the spec has, and no others.
    pub(super) fn externs(&mut self, spec: &CollectionSpec) -> Result<(), WriteError> {
        for (section, kconfig) in [(".kconfig", true), (".ksyms", false)] {
            let is_here = |found: &ExternSpec| (found.kind == ExternKind::Kconfig) == kconfig;
            let mut missing: Vec<&ExternSpec> =
                spec.externs.values().filter(|found| is_here(found)).collect();
            let old = self.datasec(section);
            let mut entries = Vec::new();
            let mut declared = HashSet::new();
            let mut dropped = BTreeSet::new();
            for entry in old.into_iter().flat_map(|old| old.entries()) {
                let name = entry
                    .variable()
                    .map(|variable| variable.name())
                    .or_else(|| entry.function().map(|function| function.name()));
                let used = name.is_some_and(|name| spec.externs.get(name).is_some_and(is_here));
                declared.extend(name);
                if used {
                    let (id, size) = (entry.type_id(), entry.size());
                    entries.push(NewSectionEntry::new(id, entry.offset(), size));
                } else {
                    dropped.insert(entry.type_id());
                }
            }
            missing.retain(|found| !declared.contains(found.name.as_str()));
            if dropped.is_empty() && missing.is_empty() {
                continue;
            }
            for found in missing {
                entries.push(self.declare_extern(found)?);
            }
            self.forget(&dropped).map_err(WriteError::btf)?;
            match old {
                // A section without variables is none.
                Some(old) if entries.is_empty() => {
                    self.forget(&BTreeSet::from([old.id()])).map_err(WriteError::btf)?;
                }
                Some(old) => {
                    let definition =
                        Definition::Datasec { name: section, size: old.size(), entries: &entries };
                    self.builder().set(old.id(), &definition).map_err(WriteError::btf)?;
                }
                None => {
                    let definition =
                        Definition::Datasec { name: section, size: 0, entries: &entries };
                    self.builder().add(&definition).map_err(WriteError::btf)?;
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
            self.builder()
                .set_func_linkage(type_id, FuncLinkage::Extern)
                .map_err(WriteError::btf)?;
            return Ok(NewSectionEntry::new(type_id, 0, 0));
        }
        if function || (found.kind == ExternKind::Kconfig && type_id.is_void()) {
            return Err(no_type());
        }
        let linkage = VarLinkage::Extern;
        let (name, target) = (found.name.as_str(), type_id);
        let id = self
            .builder()
            .add(&Definition::Var { name, target, linkage })
            .map_err(WriteError::btf)?;
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

    /// Takes the meaning from types, and from the tags on them.
    fn forget(&mut self, ids: &BTreeSet<TypeId>) -> Result<(), BuildError> {
        let nothing = Definition::Ptr { target: TypeId::VOID };
        for id in ids {
            self.builder().set(*id, &nothing)?;
        }
        let tagged = |ty: &Type<'_>| match ty {
            Type::DeclTag(tag) => ids.contains(&tag.target()),
            _ => false,
        };
        let Some(btf) = self.old.filter(|_| !ids.is_empty()) else { return Ok(()) };
        for (tag, _) in btf.types().filter(|(_, ty)| tagged(ty)) {
            self.builder().set(tag, &nothing)?;
        }
        Ok(())
    }

    /// The bytes of `.BTF`, if there is any.
    pub(super) fn write(&self, order: bpf_btf::ByteOrder) -> Result<Option<Vec<u8>>, BuildError> {
        self.builder.as_ref().map(|builder| builder.write(order)).transpose()
    }
}

/// Variables that are to be declared, each taken once, by name or by place.
struct Wanted<'a> {
    list: Vec<Option<Declared<'a>>>,
    by_name: HashMap<&'a str, Vec<usize>>,
    /// Those of names that are new, by offset and size.
    by_place: HashMap<(u32, u32), Vec<usize>>,
}

impl<'a> Wanted<'a> {
    fn new(declared: Vec<Declared<'a>>, is_known: impl Fn(&str) -> bool) -> Self {
        let mut by_name = HashMap::<_, Vec<_>>::new();
        let mut by_place = HashMap::<_, Vec<_>>::new();
        // The last of each list is taken first.
        for (at, wanted) in declared.iter().enumerate().rev() {
            by_name.entry(wanted.name).or_default().push(at);
            if !is_known(wanted.name) {
                by_place.entry((wanted.offset, wanted.size)).or_default().push(at);
            }
        }
        Self { list: declared.into_iter().map(Some).collect(), by_name, by_place }
    }

    fn named(&mut self, name: &str) -> Option<Declared<'a>> {
        take(&mut self.list, self.by_name.get_mut(name)?)
    }

    fn placed(&mut self, offset: u32, size: u32) -> Option<Declared<'a>> {
        take(&mut self.list, self.by_place.get_mut(&(offset, size))?)
    }

    /// Those that nobody took.
    fn rest(self) -> impl Iterator<Item = Declared<'a>> {
        self.list.into_iter().flatten()
    }
}

/// The first of some that is still there.
fn take<'a>(list: &mut [Option<Declared<'a>>], from: &mut Vec<usize>) -> Option<Declared<'a>> {
    while let Some(at) = from.pop() {
        if let Some(found) = list.get_mut(at).and_then(Option::take) {
            return Some(found);
        }
    }
    None
}
