//! Values of `struct_ops` maps.

use std::sync::Arc;

use bpf_btf::Type;
use bpf_sys::abi::{MapFlags, MapType};

use super::by_name::ByName;
use super::functions::FunctionTable;
use super::input::Input;
use super::names::{type_name, type_ref};
use crate::Error;
use crate::budget::Budget;
use crate::object::{Place, Section, SymbolKind};
use crate::spec::{FunctionMember, MapContents, MapSpec};

/// A map with the place of its value.
struct Value {
    offset: u64,
    end: u64,
    map: MapSpec,
}

/// Reads the maps of a section, by offset. libbpf: `init_struct_ops_maps`, `bpf_object__collect_st_ops_relos`.
///
/// Size and layout are those of the object's own type; the kernel's are for the loader to find.
pub(super) fn read(
    input: &Input<'_>,
    budget: &mut Budget,
    functions: &FunctionTable<'_>,
    section: &Section<'_>,
    link: bool,
    autocreate: bool,
) -> Result<Vec<(Arc<str>, MapSpec)>, Error> {
    if section.size == 0 {
        return Ok(Vec::new());
    }
    let btf = input.require_btf(section)?;
    let datasec = input
        .datasec(section.name)
        .ok_or_else(|| Error::MissingDatasec { section: section.name.to_owned() })?;
    let most = input.symbols_of(section.index).count();
    let named = input
        .symbols_of(section.index)
        .map(|(_, symbol)| symbol)
        .filter(|symbol| matches!(symbol.kind, SymbolKind::NoType | SymbolKind::Object))
        .map(|symbol| Ok((input.object.symbol_name(symbol)?, symbol)));
    let symbols = ByName::new(most, named, budget)?;
    budget.records::<Value>(datasec.entry_count())?;
    let mut values = Vec::with_capacity(datasec.entry_count());
    for (_, variable) in datasec.variables() {
        let name = variable.name();
        let Some(symbol) = symbols.get(name) else {
            return Err(Error::MissingSymbol {
                name: name.to_owned(),
                section: section.name.to_owned(),
            });
        };
        let structure = match btf.resolve(variable.type_id()) {
            Some(Type::Struct(structure)) if !structure.name().is_empty() => structure,
            _ => {
                let found = type_name(btf, variable.type_id());
                return Err(Error::MapType { map: name.to_owned(), found });
            }
        };
        let size = structure.size();
        let end = symbol.value.checked_add(u64::from(size));
        let range =
            usize::try_from(symbol.value).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
        let bytes = range.and_then(|(start, end)| section.data.get(start..end));
        let (Some(bytes), Some(end)) = (bytes, end) else {
            return Err(Error::SymbolBounds {
                symbol: name.to_owned(),
                section: section.name.to_owned(),
                offset: symbol.value,
                size: u64::from(size),
            });
        };
        budget.charge(bytes.len())?;
        // The result is a list of its own, and the index of maps grows by doubling.
        budget.records::<MapSpec>(4)?;
        budget.entry::<MapSpec>(name)?;
        let mut map = MapSpec::new(budget.string(name)?, MapType::STRUCT_OPS, 4, size, 1);
        map.section = budget.string(section.name)?;
        map.value_type = Some(type_ref(btf, structure.id(), budget)?);
        map.contents = MapContents::Bytes(bytes.to_vec());
        map.autocreate = autocreate;
        if link {
            map.flags |= MapFlags::LINK;
        }
        values.push(Value { offset: symbol.value, end, map });
    }
    symbols.drop(budget);
    values.sort_by_key(|value| value.offset);
    point(input, budget, functions, section, &mut values)?;
    Ok(values.into_iter().map(|value| (Arc::from(value.map.name.as_str()), value.map)).collect())
}

/// Finds the programs that the values point to.
fn point(
    input: &Input<'_>,
    budget: &mut Budget,
    functions: &FunctionTable<'_>,
    section: &Section<'_>,
    values: &mut [Value],
) -> Result<(), Error> {
    for relocation in input.relocations_of(section.index, budget)? {
        let symbol = input.symbol(section.index, &relocation)?;
        let offset = relocation.offset;
        let next = values.partition_point(|value| value.offset <= offset);
        let value = next.checked_sub(1).and_then(|at| values.get_mut(at));
        let value = value.filter(|value| offset.saturating_add(8) <= value.end);
        let Some(value) = value else {
            return Err(Error::RelocationPlace {
                section: section.name.to_owned(),
                offset,
                found: "no map".to_owned(),
                expected: "a member of a struct_ops value",
            });
        };
        let program = match symbol.place {
            Place::Section(target) => {
                functions.at(target, symbol.value).filter(|place| place.entry)
            }
            _ => None,
        };
        let Some(program) = program else {
            return Err(Error::RelocationTarget {
                section: section.name.to_owned(),
                offset,
                target: format!("symbol {:?}", input.object.symbol_name(symbol)?),
                problem: "not a program of this object",
            });
        };
        budget.records::<FunctionMember>(3)?;
        value.map.function_members.push(FunctionMember {
            offset: u32::try_from(offset.saturating_sub(value.offset)).unwrap_or(u32::MAX),
            program: budget.string(&program.key)?,
        });
    }
    Ok(())
}
