//! One type information for all.

use std::collections::{HashMap, HashSet};

use bpf_btf::{
    Btf, BtfBuilder, Definition, FuncLinkage, NewSectionEntry, Type, TypeId, TypeMap, VarLinkage,
};

use super::debug_info;
use super::error::LinkError;
use super::input::Input;
use super::output::Output;
use crate::BtfError;
use crate::emit::OutSection;

/// Puts the types of all objects together, and merges those that are equal.
pub(super) fn merge(output: &mut Output, inputs: &mut [Input<'_>]) -> Result<(), LinkError> {
    if inputs.iter().all(|input| input.btf.is_none()) {
        return Ok(());
    }
    let mut builder = BtfBuilder::new();
    for (from, input) in inputs.iter_mut().enumerate() {
        let Some(btf) = &input.btf else { continue };
        let dropped = dropped(input, btf);
        let map = builder
            .add_btf_except(btf, |id| {
                if dropped.contains(&id) {
                    return Some(TypeId::VOID);
                }
                linked(output, btf, id)
            })
            .map_err(LinkError::btf)?;
        settle(output, &mut builder, from, btf, &map)?;
        input.types = Some(map);
    }
    sections(output, inputs, &mut builder)?;
    let ext = debug_info::merge(output, inputs, &mut builder)?;
    let whole = parse(&builder)?;
    let mut merged = bpf_btf::dedup(&whole).map_err(LinkError::btf)?;
    let order = match output.order {
        bpf_asm::ByteOrder::Little => bpf_btf::ByteOrder::Little,
        bpf_asm::ByteOrder::Big => bpf_btf::ByteOrder::Big,
    };
    let ext = match ext {
        Some(bytes) => {
            let malformed = |error| LinkError::Types(BtfError::new(&error));
            let ext = bpf_btf::BtfExt::parse(&bytes).map_err(malformed)?;
            Some(merged.write_ext(&whole, &ext, order).map_err(LinkError::btf)?)
        }
        None => None,
    };
    let bytes = merged.builder.write(order).map_err(LinkError::btf)?;
    output.types.push(OutSection::new(".BTF", 0, 4, bytes));
    output.types.extend(ext.map(|bytes| OutSection::new(".BTF.ext", 0, 4, bytes)));
    Ok(())
}

fn parse(builder: &BtfBuilder) -> Result<Btf, LinkError> {
    let bytes = builder.write(bpf_btf::ByteOrder::NATIVE).map_err(LinkError::btf)?;
    Btf::parse(bytes).map_err(|error| LinkError::Types(BtfError::new(&error)))
}

/// Types that the linked object has no use for: sections, which are put together from all objects, and the variables of those that
/// are not carried over, with the tags on them.
fn dropped(input: &Input<'_>, btf: &Btf) -> HashSet<TypeId> {
    let mut dropped = HashSet::new();
    for (id, ty) in btf.types() {
        let Type::Datasec(datasec) = ty else { continue };
        dropped.insert(id);
        let is_virtual = matches!(datasec.name(), ".kconfig" | ".ksyms");
        let is_here = is_virtual
            || input.section(datasec.name()).is_some()
            // A section of nothing but declarations is not in the file.
            || datasec.variables().all(|(_, variable)| variable.linkage() == VarLinkage::Extern);
        if !is_here {
            dropped.extend(datasec.variables().map(|(_, variable)| variable.id()));
        }
    }
    for (id, ty) in btf.types() {
        if matches!(ty, Type::DeclTag(tag) if dropped.contains(&tag.target())) {
            dropped.insert(id);
        }
    }
    dropped
}

/// The variable or function of the linked types that stands for one of an object, if another object brought it.
fn linked(output: &Output, btf: &Btf, id: TypeId) -> Option<TypeId> {
    let ty = btf.get(id)?;
    let shared = match ty {
        Type::Var(variable) => variable.linkage() != VarLinkage::Static,
        Type::Func(function) => function.linkage() != FuncLinkage::Static,
        _ => false,
    };
    let symbol = output.globals.get(ty.name()).filter(|_| shared)?;
    output.symbols.get(*symbol)?.linked
}

/// Notes the variables and functions that an object brought, and gives those that it defines their types.
fn settle(
    output: &mut Output,
    builder: &mut BtfBuilder,
    from: usize,
    btf: &Btf,
    map: &TypeMap,
) -> Result<(), LinkError> {
    let mut names: HashMap<&str, Vec<TypeId>> = HashMap::new();
    for (id, ty) in btf.types() {
        let shared = match ty {
            Type::Var(variable) => variable.linkage() != VarLinkage::Static,
            Type::Func(function) => function.linkage() != FuncLinkage::Static,
            _ => false,
        };
        if shared && map.get(id).is_some() {
            names.entry(ty.name()).or_default().push(id);
        }
    }
    for (name, ids) in names {
        let symbol = output.globals.get(name).and_then(|at| output.symbols.get_mut(*at));
        let Some(symbol) = symbol else { continue };
        let own = symbol.declared.filter(|_| symbol.from == from);
        let Some(id) = own.or_else(|| ids.first().copied()) else { continue };
        let known = *symbol.linked.get_or_insert(map.get(id).unwrap_or(TypeId::VOID));
        let Some(own) = own else { continue };
        let target = |id: TypeId| map.get(id).unwrap_or(TypeId::VOID);
        let defined = symbol.section.is_some();
        match btf.get(own) {
            Some(Type::Var(variable)) => {
                let linkage = if defined { VarLinkage::Global } else { variable.linkage() };
                let target = target(variable.type_id());
                builder
                    .set(known, &Definition::Var { name, target, linkage })
                    .map_err(LinkError::btf)?;
            }
            Some(Type::Func(function)) => {
                let linkage = if defined { FuncLinkage::Global } else { function.linkage() };
                let prototype = target(function.prototype());
                builder
                    .set(known, &Definition::Func { name, prototype, linkage })
                    .map_err(LinkError::btf)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a section lists.
#[derive(Default)]
struct Listed {
    entries: Vec<NewSectionEntry>,
    /// Shared variables and functions that are listed already.
    shared: HashSet<usize>,
}

/// Describes the sections of the linked object, with the places that variables have now.
fn sections(
    output: &Output,
    inputs: &[Input<'_>],
    builder: &mut BtfBuilder,
) -> Result<(), LinkError> {
    let mut order: Vec<String> = Vec::new();
    let mut found: HashMap<String, Listed> = HashMap::new();
    for input in inputs {
        let Some((btf, map)) = input.btf.as_ref().zip(input.types.as_ref()) else { continue };
        for (_, ty) in btf.types() {
            let Type::Datasec(datasec) = ty else { continue };
            let name = datasec.name();
            let place = input.section(name).and_then(|section| input.place(section.index));
            if !found.contains_key(name) {
                order.push(name.to_owned());
            }
            let listed = found.entry(name.to_owned()).or_default();
            for entry in datasec.entries() {
                let Some(id) = map.get(entry.type_id()) else { continue };
                let shared = btf.get(entry.type_id()).and_then(|ty| {
                    let is_static =
                        matches!(ty, Type::Var(found) if found.linkage() == VarLinkage::Static);
                    output.globals.get(ty.name()).filter(|_| !is_static)
                });
                let Some((&at, symbol)) =
                    shared.and_then(|at| Some((at, output.symbols.get(*at)?)))
                else {
                    let shift = place.map_or(0, |place| place.shift);
                    let offset = u64::from(entry.offset()).saturating_add(shift);
                    let offset = u32::try_from(offset).map_err(|_| LinkError::TooLarge)?;
                    listed.entries.push(NewSectionEntry::new(id, offset, entry.size()));
                    continue;
                };
                // One that another object defines is listed where it is, and once.
                if output.section_name(symbol) != name || !listed.shared.insert(at) {
                    continue;
                }
                let offset = u32::try_from(symbol.value).map_err(|_| LinkError::TooLarge)?;
                listed.entries.push(NewSectionEntry::new(id, offset, symbol.declared_size));
            }
        }
    }
    for name in order {
        let section = output.by_name.get(&name).and_then(|at| output.sections.get(*at));
        let Some(mut listed) = found.remove(&name) else { continue };
        // Compilers list a section of nothing but literals too.
        if listed.entries.is_empty() && section.is_none() {
            continue;
        }
        listed.entries.sort_by_key(|entry| entry.offset);
        let size = section.map_or(0, |section| section.out.size());
        let size = u32::try_from(size).map_err(|_| LinkError::TooLarge)?;
        let entries = &listed.entries;
        builder.add(&Definition::Datasec { name: &name, size, entries }).map_err(LinkError::btf)?;
    }
    Ok(())
}
