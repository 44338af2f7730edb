//! Variables of another length.
use bpf_btf::{Btf, BtfBuilder, Definition, Kind, NewSectionEntry, Type, TypeId};

use super::EditError;
use crate::reader::type_name;
use crate::spec::{CollectionSpec, MapContents, VariableSpec};

impl CollectionSpec {
    /// Changes the size of the last variable of a section, and with it the value of its map: the way to an array whose length is only
    /// known when it is loaded. New bytes are zero.
    ///
    /// The type information follows if the variable is an array and the new size a number of its elements (libbpf:
    /// `bpf_map__set_value_size`). Otherwise the variable loses its type, and the map the type of its value.
    ///
    /// # Errors
    ///
    /// The variable is not the last one of its map, or there is no room.
    pub fn resize_variable(&mut self, name: &str, size: u32) -> Result<(), EditError> {
        self.variable(name)?;
        let variable = self.variables.get(name);
        let variable = variable.ok_or_else(|| EditError::missing("variable", name))?;
        let behind = |other: &VariableSpec| {
            other.map == variable.map
                && other.name != variable.name
                && other.offset > variable.offset
        };
        if self.variables.values().any(behind) {
            return Err(EditError::NotLast { name: name.to_owned(), map: variable.map.clone() });
        }
        let value_size = variable.offset.checked_add(size);
        let total = u64::from(variable.offset).saturating_add(u64::from(size));
        let map_name = variable.map.clone();
        let no_room = || EditError::NoRoom { map: map_name.clone(), size: total };
        let value_size = value_size.ok_or_else(no_room)?;
        let map = self.maps.get_mut(&map_name);
        let map = map.ok_or_else(|| EditError::missing("map", &map_name))?;
        if let MapContents::Bytes(bytes) = &mut map.contents {
            let len = usize::try_from(value_size).map_err(|_| no_room())?;
            let more = len.saturating_sub(bytes.len());
            bytes.try_reserve_exact(more).map_err(|_| no_room())?;
            bytes.resize(len, 0);
        }
        // An arena has no value: its size is a number of pages.
        if map.value_size != 0 {
            map.value_size = value_size;
        }
        if let Some(section) = self.layout.section_mut(&map.section) {
            section.size = value_size;
        }
        let followed = self.btf.as_ref().and_then(|btf| {
            let section = map.value_type.as_ref().map(|found| TypeId::new(found.id()));
            follow(btf, section, variable, size, value_size)
        });
        if followed.is_none() {
            map.value_type = None;
        }
        if let Some(variable) = self.variables.get_mut(name) {
            variable.size = size;
            variable.type_id = 0;
            variable.type_name = None;
            if let Some((btf, array)) = followed {
                variable.type_id = array.get();
                variable.type_name = Some(type_name(&btf, array));
                self.btf = Some(btf);
            }
        }
        Ok(())
    }
}

/// The type information with another length of the array that a variable is, and the type of the variable. Numbers of other types stay.
fn follow(
    btf: &Btf,
    section: Option<TypeId>,
    variable: &VariableSpec,
    size: u32,
    value_size: u32,
) -> Option<(Btf, TypeId)> {
    let Type::Array(array) = btf.resolve(TypeId::new(variable.type_id))? else { return None };
    let element = u32::try_from(btf.size_of(array.element()).ok()?).ok()?;
    let len = size.checked_div(element).filter(|_| size.checked_rem(element) == Some(0))?;
    // Only data sections and arenas have variables; an arena has no type of a value.
    let section = match section {
        Some(section) => section,
        None => btf.find(".addr_space.1", Kind::Datasec)?,
    };
    let Type::Datasec(section) = btf.get(section)? else { return None };
    let (_, declared) = section.variables().find(|(_, found)| found.name() == variable.name)?;

    let mut builder = BtfBuilder::from_btf(btf);
    let (element, index) = (array.element(), array.index());
    let array = builder.add(&Definition::Array { element, index, len }).ok()?;
    let (name, linkage) = (declared.name(), declared.linkage());
    builder.set(declared.id(), &Definition::Var { name, target: array, linkage }).ok()?;
    let entries = section.entries().map(|entry| {
        let resized = entry.type_id() == declared.id();
        let size = if resized { size } else { entry.size() };
        NewSectionEntry::new(entry.type_id(), entry.offset(), size)
    });
    // Compilers leave the size open: it is filled in when the spec is prepared.
    let total = if section.size() == 0 { 0 } else { value_size };
    builder.set_section(section.id(), total, entries.collect()).ok()?;
    let bytes = builder.write(btf.byte_order()).ok()?;
    Some((Btf::parse(bytes).ok()?, array))
}
