//! The structure type that defines a map: every member is an attribute, its type the value.

use bpf_btf::{Btf, Composite, Member, Type, TypeId};
use bpf_sys::abi::{MapFlags, MapType};

use super::names::{type_name, type_ref};
use crate::Error;
use crate::budget::Budget;
use crate::spec::{MapSpec, Pinning, Warning};

/// The attributes there are.
const ATTRIBUTES: [&str; 11] = [
    "type",
    "key",
    "value",
    "key_size",
    "value_size",
    "max_entries",
    "map_flags",
    "numa_node",
    "map_extra",
    "pinning",
    "values",
];

/// A map as its type defines it.
pub(crate) struct Definition {
    pub(crate) map: MapSpec,
    /// Bytes from the start of the structure to the array of initial values.
    pub(crate) values: Option<u32>,
}

/// Reads a definition. libbpf: `parse_btf_map_def`.
pub(crate) fn read(
    btf: &Btf,
    budget: &mut Budget,
    name: &str,
    type_id: TypeId,
    section: &str,
    relaxed: Option<&mut Vec<Warning>>,
) -> Result<Definition, Error> {
    Parser { btf, budget, name, inner: false, relaxed }.structure(type_id, section)
}

struct Parser<'a> {
    btf: &'a Btf,
    budget: &'a mut Budget,
    name: &'a str,
    /// This is the pattern of the maps in a map.
    inner: bool,
    /// Where unknown attributes are noted, if they are allowed.
    relaxed: Option<&'a mut Vec<Warning>>,
}

impl Parser<'_> {
    fn structure(&mut self, type_id: TypeId, section: &str) -> Result<Definition, Error> {
        let Some(Type::Struct(structure)) = self.btf.resolve(type_id) else {
            let found = type_name(self.btf, type_id);
            return Err(Error::MapType { map: self.name.to_owned(), found });
        };
        if self.inner {
            self.budget.records::<MapSpec>(1)?;
        }
        let mut map = MapSpec::new(self.budget.string(self.name)?, MapType::UNSPEC, 0, 0, 0);
        map.section = self.budget.string(section)?;
        let mut given = [false; ATTRIBUTES.len()];
        let mut typed = false;
        let mut values = None;
        for (index, member) in structure.members().enumerate() {
            // Nor would a compiler take that: it bounds what the definitions of an object take, many of which may have one type.
            let attribute =
                ATTRIBUTES.iter().zip(&mut given).find(|(name, _)| **name == member.name());
            if let Some((name, given)) = attribute {
                if std::mem::replace(given, true) {
                    return Err(self.fail(name, "is given twice"));
                }
            }
            match member.name() {
                "type" => {
                    map.map_type = MapType(self.number(&member, "type")?);
                    typed = true;
                }
                "max_entries" => map.max_entries = self.number(&member, "max_entries")?,
                "map_flags" => {
                    map.flags = MapFlags::from_bits(self.number(&member, "map_flags")?);
                }
                "numa_node" => map.numa_node = self.number(&member, "numa_node")?,
                "map_extra" => map.map_extra = self.wide_number(&member, "map_extra")?,
                "key_size" => {
                    let size = self.number(&member, "key_size")?;
                    self.set_size(&mut map.key_size, size, "key_size", map.key_type.is_some())?;
                }
                "value_size" => {
                    let size = self.number(&member, "value_size")?;
                    self.set_size(
                        &mut map.value_size,
                        size,
                        "value_size",
                        map.value_type.is_some(),
                    )?;
                }
                "key" => {
                    let (id, size) = self.pointee(&member, "key")?;
                    let known = map.key_size != 0;
                    self.set_size(&mut map.key_size, size, "key", known)?;
                    map.key_type = Some(type_ref(self.btf, id, self.budget)?);
                }
                "value" => {
                    let (id, size) = self.pointee(&member, "value")?;
                    let known = map.value_size != 0;
                    self.set_size(&mut map.value_size, size, "value", known)?;
                    map.value_type = Some(type_ref(self.btf, id, self.budget)?);
                }
                "pinning" => map.pinning = self.pinning(&member)?,
                "values" => values = Some(self.values(&structure, index, &member, &mut map)?),
                key => self.unknown(key)?,
            }
        }
        if !typed {
            return Err(Error::MapWithoutType { map: self.name.to_owned() });
        }
        Ok(Definition { map, values })
    }

    fn unknown(&mut self, key: &str) -> Result<(), Error> {
        let map = self.name.to_owned();
        let Some(warnings) = &mut self.relaxed else {
            return Err(Error::MapKey { map, key: key.to_owned() });
        };
        // The list grows by doubling.
        self.budget.records::<Warning>(3)?;
        self.budget.charge(map.len())?;
        warnings.push(Warning::MapAttribute { map, key: self.budget.string(key)? });
        Ok(())
    }

    fn fail(&self, key: &'static str, problem: &'static str) -> Error {
        Error::MapAttribute { map: self.name.to_owned(), key, problem }
    }

    /// `__uint(key, N)`: a pointer to an array of N elements.
    fn number(&self, member: &Member<'_>, key: &'static str) -> Result<u32, Error> {
        let problem = "is not written as __uint(..., number)";
        let Some(Type::Ptr(pointer)) = self.btf.resolve(member.type_id()) else {
            return Err(self.fail(key, problem));
        };
        match self.btf.get(pointer.target()) {
            Some(Type::Array(array)) => Ok(array.len()),
            _ => Err(self.fail(key, problem)),
        }
    }

    /// As [`Self::number`], or `__ulong(key, N)`: an enumeration with one value.
    fn wide_number(&self, member: &Member<'_>, key: &'static str) -> Result<u64, Error> {
        let Some(found) = self.btf.resolve(member.type_id()) else {
            return Err(self.fail(key, "has no type"));
        };
        let Some(values) = found.enumeration() else {
            return self.number(member, key).map(u64::from);
        };
        match (values.value_count(), values.value(0)) {
            // A narrow value is a number of 32 bits, whatever its sign.
            (1, Some(value)) if values.size() < 8 => Ok(value.bits() & u64::from(u32::MAX)),
            (1, Some(value)) => Ok(value.bits()),
            _ => Err(self.fail(key, "is not written as __ulong(..., number)")),
        }
    }

    /// `__type(key, T)`: a pointer to the type. Gives the type and its size.
    fn pointee(&self, member: &Member<'_>, key: &'static str) -> Result<(TypeId, u32), Error> {
        let Some(Type::Ptr(pointer)) = self.btf.get(member.type_id()) else {
            return Err(self.fail(key, "is not written as __type(..., type)"));
        };
        let target = pointer.target();
        let size = self.btf.size_of(target).ok().and_then(|size| u32::try_from(size).ok());
        Ok((target, size.ok_or_else(|| self.fail(key, "has a type without a size"))?))
    }

    fn set_size(
        &self,
        field: &mut u32,
        size: u32,
        key: &'static str,
        known: bool,
    ) -> Result<(), Error> {
        if known && *field != size {
            return Err(self.fail(key, "has another size than the attribute before"));
        }
        *field = size;
        Ok(())
    }

    fn pinning(&self, member: &Member<'_>) -> Result<Pinning, Error> {
        if self.inner {
            return Err(self.fail("pinning", "is not possible for the maps in a map"));
        }
        match self.number(member, "pinning")? {
            0 => Ok(Pinning::None),
            1 => Ok(Pinning::ByName),
            _ => Err(self.fail("pinning", "is neither 0 (none) nor 1 (by name)")),
        }
    }

    /// `__array(values, T)`: an array without length of pointers to maps or programs.
    fn values(
        &mut self,
        structure: &Composite<'_>,
        index: usize,
        member: &Member<'_>,
        map: &mut MapSpec,
    ) -> Result<u32, Error> {
        if self.inner {
            return Err(self.fail("values", "is not possible in a map in a map"));
        }
        if index.saturating_add(1) != structure.member_count() {
            return Err(self.fail("values", "is not the last attribute"));
        }
        let of_maps = matches!(map.map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS);
        if !of_maps && map.map_type != MapType::PROG_ARRAY {
            return Err(self.fail("values", "is only possible in maps of maps and program arrays"));
        }
        if map.value_size != 0 && map.value_size != 4 {
            return Err(self.fail("values", "needs values of 4 bytes"));
        }
        map.value_size = 4;
        let array = match self.btf.get(member.type_id()) {
            Some(Type::Array(array)) if array.len() == 0 => array,
            _ => return Err(self.fail("values", "is not an array of unknown length")),
        };
        let Some(Type::Ptr(pointer)) = self.btf.resolve(array.element()) else {
            return Err(self.fail("values", "is not an array of pointers"));
        };
        match self.btf.resolve(pointer.target()) {
            Some(Type::Struct(_)) if of_maps => {
                let name = format!("{}.inner", self.name);
                let relaxed = self.relaxed.as_deref_mut();
                let (btf, budget) = (self.btf, &mut *self.budget);
                let mut parser = Parser { btf, budget, name: &name, inner: true, relaxed };
                let inner = parser.structure(pointer.target(), "")?;
                map.inner = Some(Box::new(inner.map));
            }
            Some(Type::FuncProto(_)) if !of_maps => {}
            _ if of_maps => return Err(self.fail("values", "does not point to map definitions")),
            _ => return Err(self.fail("values", "does not point to functions")),
        }
        Ok(member.bit_offset() / 8)
    }
}
