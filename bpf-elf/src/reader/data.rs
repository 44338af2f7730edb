//! Data sections: maps with one value, and the variables in it.

use std::sync::Arc;

use bpf_btf::{Datasec, VarLinkage};
use bpf_sys::abi::{MapFlags, MapType};

use super::by_name::ByName;
use super::class::DataKind;
use super::input::Input;
use super::insert;
use super::names::type_name;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Section, Symbol, SymbolKind};
use crate::spec::{MapContents, MapSpec, SpecMap, TypeRef, VariableSpec};

/// Bytes of a section, as far as a map value can hold them.
pub(super) fn size(section: &Section<'_>) -> Result<u32, Error> {
    u32::try_from(section.size)
        .map_err(|_| Error::SectionSize { section: section.name.to_owned(), size: section.size })
}

/// What the map holds before the first program runs.
pub(super) fn contents(section: &Section<'_>, budget: &mut Budget) -> Result<MapContents, Error> {
    if section.data.is_empty() {
        return Ok(MapContents::Zeroed);
    }
    budget.charge(section.data.len())?;
    Ok(MapContents::Bytes(section.data.to_vec()))
}

/// The map that holds a section. libbpf: `bpf_object__init_internal_map`.
pub(super) fn map(
    input: &Input<'_>,
    budget: &mut Budget,
    section: &Section<'_>,
    kind: DataKind,
) -> Result<MapSpec, Error> {
    // The list of maps grows by doubling, before they are moved into the spec.
    budget.records::<MapSpec>(3)?;
    budget.entry::<MapSpec>(section.name)?;
    let name = budget.string(section.name)?;
    let map_type = if kind == DataKind::PerCpu { MapType::PERCPU_ARRAY } else { MapType::ARRAY };
    let mut map = MapSpec::new(name.as_str(), map_type, 4, size(section)?, 1);
    map.section = budget.string(&name)?;
    map.freeze = kind == DataKind::Constant;
    if map.freeze {
        map.flags |= MapFlags::RDONLY_PROG;
    }
    if let Some(datasec) = input.datasec(section.name) {
        // Arrays with a value for each CPU cannot be mapped into memory.
        if kind != DataKind::PerCpu && has_visible(input, budget, section, datasec)? {
            map.flags |= MapFlags::MMAPABLE;
        }
        map.value_type = Some(TypeRef::new(datasec.id().get(), name));
    }
    map.contents = contents(section, budget)?;
    Ok(map)
}

/// Whether others may see a variable of the section: only then it is worth mapping into memory. A hidden one counts as static, and it has to:
/// what the kernel guards in a map (locks, lists, timers, pointers to its objects) forbids the mapping. libbpf: `map_is_mmapable`.
fn has_visible(
    input: &Input<'_>,
    budget: &mut Budget,
    section: &Section<'_>,
    datasec: Datasec<'_>,
) -> Result<bool, Error> {
    let hidden = || {
        let exports = input.exports_of(section.index);
        exports.filter(|export| export.as_ref().map_or(true, |(_, symbol)| symbol.hidden))
    };
    let hidden = ByName::new(hidden().count(), hidden().map(|export| Ok(export?)), budget)?;
    let visible = datasec.variables().any(|(_, variable)| match variable.linkage() {
        VarLinkage::Static => false,
        VarLinkage::Global => hidden.get(variable.name()).is_none(),
        _ => true,
    });
    hidden.drop(budget);
    Ok(visible)
}

/// Adds the variables of a section, by offset.
pub(super) fn variables<'data>(
    input: &Input<'data>,
    budget: &mut Budget,
    section: &Section<'data>,
    map: &str,
    constant: bool,
    variables: &mut SpecMap<VariableSpec>,
) -> Result<(), Error> {
    let datasec = input.datasec(section.name);
    let most = datasec.map_or(0, |datasec| datasec.entry_count());
    let described = datasec.into_iter().flat_map(|datasec| datasec.variables());
    let described = described
        .map(|(entry, variable)| Ok((variable.name(), (variable.type_id(), entry.size()))));
    let types = ByName::new(most, described, budget)?;
    let is_variable = |symbol: &Symbol| {
        matches!(symbol.kind, SymbolKind::NoType | SymbolKind::Object) && !symbol.hidden
    };
    // What the budget refuses is not made room for.
    let mut count: usize = 0;
    for export in input.exports_of(section.index) {
        let (name, symbol) = export?;
        if is_variable(symbol) {
            budget.entry::<VariableSpec>(name)?;
            count = count.saturating_add(1);
        }
    }
    variables.reserve(count);
    for export in input.exports_of(section.index) {
        let (name, symbol) = export?;
        if !is_variable(symbol) || name.is_empty() || name.starts_with('.') {
            continue;
        }
        let known = types.get(name);
        let size = match (symbol.size, known) {
            (0, Some((_, size))) => u64::from(size),
            (size, _) => size,
        };
        let end = symbol.value.checked_add(size).filter(|end| *end <= section.size);
        let place = u32::try_from(symbol.value).ok().zip(u32::try_from(size).ok());
        let (Some(_), Some((offset, size))) = (end, place) else {
            return Err(Error::SymbolBounds {
                symbol: name.to_owned(),
                section: section.name.to_owned(),
                offset: symbol.value,
                size,
            });
        };
        let mut variable =
            VariableSpec::new(budget.string(name)?, budget.string(map)?, offset, size);
        variable.constant = constant;
        if let Some((id, btf)) = known.map(|(id, _)| id).zip(input.btf.as_ref()) {
            let type_name = type_name(btf, id);
            budget.charge(type_name.capacity())?;
            variable.type_name = Some(type_name);
            variable.type_id = id.get();
        }
        insert(variables, "variable", Arc::from(name), variable)?;
    }
    types.drop(budget);
    Ok(())
}
