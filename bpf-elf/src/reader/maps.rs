//! Maps that `.maps` and the legacy `maps` define.

use std::sync::Arc;

use bpf_btf::VarLinkage;
use bpf_sys::abi::{MapFlags, MapType};

use super::by_name::ByName;
use super::functions::FunctionTable;
use super::input::Input;
use super::map_definition::{self, Definition};
use crate::Error;
use crate::budget::Budget;
use crate::object::{Binding, Place, Section, SectionIndex, SymbolKind};
use crate::spec::{MapContents, MapEntry, MapSpec, Warning};

/// A map at its place in a section.
pub(super) struct MapPlace {
    pub(super) section: SectionIndex,
    /// Bytes from the start of the section.
    pub(super) offset: u64,
    /// The first byte behind the definition.
    end: u64,
    pub(super) name: Arc<str>,
    pub(super) map: MapSpec,
    /// Bytes from the start of the definition to the array of initial values.
    values: Option<u32>,
}

/// All maps that have definitions, by section and offset.
pub(super) struct MapTable {
    places: Vec<MapPlace>,
}

impl MapTable {
    pub(super) fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// The number of maps.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The name of the map that is defined here.
    pub(super) fn at(&self, section: SectionIndex, offset: u64) -> Option<&Arc<str>> {
        let key = (section, offset);
        let at = self.places.binary_search_by_key(&key, |place| (place.section, place.offset));
        self.places.get(at.ok()?).map(|place| &place.name)
    }

    /// The maps of this type.
    pub(super) fn of_type(&mut self, map_type: MapType) -> impl Iterator<Item = &mut MapPlace> {
        self.places.iter_mut().filter(move |place| place.map.map_type == map_type)
    }

    /// The maps, in the order of their definition.
    pub(super) fn into_maps(self) -> impl Iterator<Item = (Arc<str>, MapSpec)> {
        self.places.into_iter().map(|place| (place.name, place.map))
    }

    /// Adds the maps of a section, which must be read in the order of their index.
    fn add(&mut self, mut places: Vec<MapPlace>) -> Result<(), Error> {
        places.sort_by_key(|place| place.offset);
        for pair in places.windows(2) {
            let [first, second] = pair else { continue };
            if second.offset < first.end {
                let map = second.map.name.clone();
                return Err(Error::MapPlace { map, problem: "overlaps another map" });
            }
        }
        if self.places.is_empty() {
            self.places = places;
        } else {
            self.places.append(&mut places);
        }
        Ok(())
    }

    /// Reads `.maps`. libbpf: `bpf_object__init_user_btf_maps`.
    pub(super) fn read(
        &mut self,
        input: &Input<'_>,
        budget: &mut Budget,
        section: &Section<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), Error> {
        if section.size == 0 {
            return Ok(());
        }
        let btf = input.require_btf(section)?;
        let datasec = input
            .datasec(section.name)
            .ok_or_else(|| Error::MissingDatasec { section: section.name.to_owned() })?;
        let most = input.symbols_of(section.index).count();
        let exports = input.exports_of(section.index).map(|export| Ok(export?));
        let symbols = ByName::new(most, exports, budget)?;
        budget.records::<MapPlace>(datasec.entry_count())?;
        let mut places = Vec::with_capacity(datasec.entry_count());
        for entry in datasec.entries() {
            // libbpf refuses what is no variable, or has no name, as it does a definition that is larger than its place.
            let problem = |map: &str, problem| Error::MapPlace { map: map.to_owned(), problem };
            let Some(variable) = entry.variable() else {
                let found = btf.get(entry.type_id());
                let name = found.map_or("", |found| found.name());
                return Err(problem(name, "is no variable"));
            };
            let name = variable.name();
            if name.is_empty() {
                return Err(problem(name, "has no name"));
            }
            let linkage = match variable.linkage() {
                VarLinkage::Global => None,
                VarLinkage::Static => Some("static"),
                VarLinkage::Extern => Some("extern"),
                _ => Some("of unknown linkage"),
            };
            if let Some(linkage) = linkage {
                let section = section.name.to_owned();
                return Err(Error::MapLinkage { map: name.to_owned(), section, linkage });
            }
            let Some(symbol) = symbols.get(name) else {
                return Err(problem(name, "has no symbol of its own in section \".maps\""));
            };
            let size = u64::from(entry.size());
            let end = symbol.value.checked_add(size).filter(|end| *end <= section.size);
            let Some(end) = end else {
                return Err(Error::SymbolBounds {
                    symbol: name.to_owned(),
                    section: section.name.to_owned(),
                    offset: symbol.value,
                    size,
                });
            };
            if btf.size_of(variable.type_id()).is_ok_and(|defined| defined > size) {
                return Err(problem(name, "its definition is larger than its place"));
            }
            let Definition { map, values } = {
                let relaxed = input.options.relaxed_maps.then_some(&mut *warnings);
                map_definition::read(btf, budget, name, variable.type_id(), section.name, relaxed)?
            };
            budget.entry::<MapSpec>(name)?;
            places.push(MapPlace {
                section: section.index,
                offset: symbol.value,
                end,
                name: Arc::from(name),
                map,
                values,
            });
        }
        symbols.drop(budget);
        self.add(places)
    }

    /// Reads a legacy `maps`: `struct bpf_map_def` of five numbers, and whatever a loader of old put behind them.
    pub(super) fn read_legacy(
        &mut self,
        input: &Input<'_>,
        budget: &mut Budget,
        section: &Section<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), Error> {
        let named = |kind| matches!(kind, SymbolKind::NoType | SymbolKind::Object);
        let mut symbols = input
            .symbols_of(section.index)
            .map(|(_, symbol)| symbol)
            .filter(|symbol| named(symbol.kind))
            .peekable();
        let mut places = Vec::new();
        if section.data.is_empty() && section.size != 0 && symbols.peek().is_some() {
            return Err(Error::NoContents { section: section.name.to_owned() });
        }
        while let Some(symbol) = symbols.next() {
            let name = input.object.symbol_name(symbol)?;
            if symbol.binding == Binding::Local {
                let (map, section) = (name.to_owned(), section.name.to_owned());
                return Err(Error::MapLinkage { map, section, linkage: "static" });
            }
            let next = symbols.peek().map_or(section.size, |next| next.value);
            let offset = symbol.value;
            let range = usize::try_from(offset).ok().zip(usize::try_from(next).ok());
            let bytes = range.and_then(|(start, end)| section.data.get(start..end));
            let bytes = bytes.unwrap_or_default();
            let size = next.saturating_sub(offset);
            let order = input.object.order();
            let number = |at: usize| {
                let bytes = bytes.get(at..)?.first_chunk()?;
                Some(super::u32_of(*bytes, order))
            };
            let numbers = (number(0), number(4), number(8), number(12), number(16));
            let (Some(kind), Some(key), Some(value), Some(entries), Some(flags)) = numbers else {
                return Err(Error::LegacyMap { map: name.to_owned(), size });
            };
            // The list grows by doubling.
            budget.records::<MapPlace>(3)?;
            budget.entry::<MapSpec>(name)?;
            let name = budget.string(name)?;
            let mut map = MapSpec::new(name.as_str(), MapType(kind), key, value, entries);
            map.section = budget.string(section.name)?;
            map.flags = MapFlags::from_bits(flags);
            let extra = bytes.get(20..).unwrap_or_default();
            if extra.iter().any(|byte| *byte != 0) {
                budget.charge(extra.len())?;
                map.extra = extra.to_vec();
                warnings.push(Warning::LegacyMapExtra { map: budget.string(&name)? });
            }
            places.push(MapPlace {
                section: section.index,
                offset,
                end: next,
                name: Arc::from(name),
                map,
                values: None,
            });
        }
        self.add(places)
    }

    /// Fills `values` from the relocations of `.maps`. libbpf: `bpf_object__collect_map_relos`.
    pub(super) fn read_values(
        &mut self,
        input: &Input<'_>,
        budget: &mut Budget,
        functions: &FunctionTable<'_>,
        section: &Section<'_>,
    ) -> Result<(), Error> {
        for relocation in input.relocations_of(section.index, budget)? {
            let symbol = input.symbol(section.index, &relocation)?;
            let offset = relocation.offset;
            let misplaced = |found: &str| Error::RelocationPlace {
                section: section.name.to_owned(),
                offset,
                found: found.to_owned(),
                expected: "an element of \"values\" of a map",
            };
            let key = (section.index, offset);
            let next = self.places.partition_point(|place| (place.section, place.offset) <= key);
            let at = next.checked_sub(1).ok_or_else(|| misplaced("no map"))?;
            let place = self.places.get(at).filter(|place| place.section == section.index);
            let place = place.ok_or_else(|| misplaced("no map"))?;
            let index = place
                .values
                .and_then(|values| place.offset.checked_add(u64::from(values)))
                .and_then(|start| offset.checked_sub(start))
                .filter(|at| at % 8 == 0 && offset.saturating_add(8) <= place.end)
                .and_then(|at| u32::try_from(at / 8).ok())
                .ok_or_else(|| misplaced(&place.name))?;
            let name = input.object.symbol_name(symbol)?;
            let failed = |problem| Error::RelocationTarget {
                section: section.name.to_owned(),
                offset,
                target: format!("symbol {name:?}"),
                problem,
            };
            let Place::Section(target) = symbol.place else {
                return Err(failed("not defined in this object"));
            };
            let entry = if place.map.map_type == MapType::PROG_ARRAY {
                let function = functions.at(target, symbol.value).filter(|place| place.entry);
                &*function.ok_or_else(|| failed("not a program"))?.key
            } else {
                if place.map.map_type == MapType::HASH_OF_MAPS && place.map.key_size != 4 {
                    return Err(failed("for a hash of maps whose keys are not of 4 bytes"));
                }
                self.at(target, symbol.value).ok_or_else(|| failed("not a map"))?
            };
            // The list grows by doubling.
            budget.records::<MapEntry>(3)?;
            let entry = MapEntry::new(index, budget.string(entry)?);
            let Some(place) = self.places.get_mut(at) else { continue };
            match &mut place.map.contents {
                // Relocations come by offset, so keys come in order.
                MapContents::Entries(entries) => entries.push(entry),
                contents => *contents = MapContents::Entries(vec![entry]),
            }
        }
        Ok(())
    }
}
