//! Reading and writing the value of a variable.
use bpf_asm::ByteOrder;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::EditError;
use crate::spec::{CollectionSpec, MapContents, MapSpec, VariableSpec};

impl CollectionSpec {
    /// A variable with its value.
    ///
    /// # Errors
    ///
    /// There is no such variable, or it is not within the value of its map.
    pub fn variable(&self, name: &str) -> Result<VariableRef<'_>, EditError> {
        let spec = self.variables.get(name).ok_or_else(|| EditError::missing("variable", name))?;
        let map = self.maps.get(&spec.map).ok_or_else(|| EditError::missing("map", &spec.map))?;
        let bytes = match &map.contents {
            MapContents::Bytes(bytes) => {
                let bytes = range(spec).and_then(|range| bytes.get(range));
                Some(bytes.ok_or_else(|| outside(spec))?)
            }
            MapContents::Zeroed => {
                fits(spec, map)?;
                None
            }
            _ => return Err(outside(spec)),
        };
        Ok(VariableRef { spec, bytes, order: self.byte_order })
    }

    /// A variable whose value can be changed.
    ///
    /// # Errors
    ///
    /// As for [`variable`](Self::variable).
    pub fn variable_mut(&mut self, name: &str) -> Result<VariableMut<'_>, EditError> {
        self.variable(name)?;
        let order = self.byte_order;
        let spec = self.variables.get(name).ok_or_else(|| EditError::missing("variable", name))?;
        let map = self.maps.get_mut(&spec.map);
        let map = map.ok_or_else(|| EditError::missing("map", &spec.map))?;
        Ok(VariableMut { spec, map, order })
    }

    /// Gives a variable a value before it is loaded: also the only time for a constant.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// let mut spec = CollectionSpec::open("counter.o")?;
    /// spec.set_variable("target_pid", &42_u32)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`VariableMut::set`].
    pub fn set_variable<T>(&mut self, name: &str, value: &T) -> Result<(), EditError>
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        self.variable_mut(name)?.set(value)
    }

    /// Changes the size of the last variable of a section, and with it the value of its map: the way to an array whose length is only
    /// known when it is loaded. New bytes are zero.
    ///
    /// The type information of the object does not follow: the variable loses its type, and the map the type of its value.
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
        if let Some(map) = self.maps.get_mut(&map_name) {
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
            map.value_type = None;
        }
        if let Some(variable) = self.variables.get_mut(name) {
            variable.size = size;
            variable.type_name = None;
            variable.type_id = 0;
        }
        Ok(())
    }
}

/// A variable with its value.
#[derive(Clone, Copy, Debug)]
pub struct VariableRef<'spec> {
    spec: &'spec VariableSpec,
    bytes: Option<&'spec [u8]>,
    order: ByteOrder,
}

impl<'spec> VariableRef<'spec> {
    /// What is known about the variable.
    pub fn spec(&self) -> &'spec VariableSpec {
        self.spec
    }

    /// The bytes as they stand in the object; `None` if all are zero and stored nowhere, as in `.bss`.
    pub fn bytes(&self) -> Option<&'spec [u8]> {
        self.bytes
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The type has another size, or it is a number in the byte order of this machine and the object is in the other one.
    pub fn get<T: FromBytes>(&self) -> Result<T, EditError> {
        check::<T>(self.spec, self.order)?;
        match self.bytes {
            None if size_of::<T>() == size(self.spec) => Ok(T::new_zeroed()),
            None => Err(wrong_size(self.spec, size_of::<T>())),
            Some(bytes) => {
                T::read_from_bytes(bytes).map_err(|_| wrong_size(self.spec, size_of::<T>()))
            }
        }
    }
}

/// A variable whose value can be changed.
#[derive(Debug)]
pub struct VariableMut<'spec> {
    spec: &'spec VariableSpec,
    map: &'spec mut MapSpec,
    order: ByteOrder,
}

impl VariableMut<'_> {
    /// What is known about the variable.
    pub fn spec(&self) -> &VariableSpec {
        self.spec
    }

    /// Gives the variable a value.
    ///
    /// # Errors
    ///
    /// The value has another size; or it is a number in the byte order of this machine and the object is in the other one (a type of
    /// alignment 1, as `zerocopy::byteorder` has, names its byte order and is taken as it is).
    pub fn set<T>(&mut self, value: &T) -> Result<(), EditError>
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        if align_of_val(value) > 1 && self.order != ByteOrder::NATIVE {
            return Err(EditError::ByteOrder { name: self.spec.name.clone() });
        }
        self.set_bytes(value.as_bytes())
    }

    /// Gives the variable its bytes, in the byte order of the object.
    ///
    /// # Errors
    ///
    /// There are more or fewer of them than the variable has, or no memory for a value that was all zeros so far.
    pub fn set_bytes(&mut self, value: &[u8]) -> Result<(), EditError> {
        if value.len() != size(self.spec) {
            return Err(wrong_size(self.spec, value.len()));
        }
        if self.map.contents == MapContents::Zeroed && value.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.bytes_mut()?.copy_from_slice(value);
        Ok(())
    }

    /// The bytes of the variable, for writing in the byte order of the object. Stores the whole value of the map, if it was all zeros so
    /// far.
    ///
    /// # Errors
    ///
    /// There is no memory for that.
    pub fn bytes_mut(&mut self) -> Result<&mut [u8], EditError> {
        let spec = self.spec;
        let bytes = self.value()?;
        range(spec).and_then(|range| bytes.get_mut(range)).ok_or_else(|| outside(spec))
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// As for [`VariableRef::get`].
    pub fn get<T: FromBytes>(&self) -> Result<T, EditError> {
        let bytes = self.map.contents.bytes();
        let bytes = match bytes.zip(range(self.spec)) {
            Some((bytes, range)) => Some(bytes.get(range).ok_or_else(|| outside(self.spec))?),
            None => None,
        };
        VariableRef { spec: self.spec, bytes, order: self.order }.get()
    }

    /// The value of the map, as bytes.
    fn value(&mut self) -> Result<&mut Vec<u8>, EditError> {
        if self.map.contents == MapContents::Zeroed {
            let end = u64::from(self.spec.offset).saturating_add(u64::from(self.spec.size));
            let size = end.max(u64::from(self.map.value_size));
            let no_room = || EditError::NoRoom { map: self.map.name.clone(), size };
            let len = usize::try_from(size).map_err(|_| no_room())?;
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(len).map_err(|_| no_room())?;
            bytes.resize(len, 0);
            self.map.contents = MapContents::Bytes(bytes);
        }
        match &mut self.map.contents {
            MapContents::Bytes(bytes) => Ok(bytes),
            _ => Err(outside(self.spec)),
        }
    }
}

/// Whether a variable is within the value of its map. Nobody knows where an arena without stored bytes ends.
pub(super) fn fits(spec: &VariableSpec, map: &MapSpec) -> Result<(), EditError> {
    let end = u64::from(spec.offset).saturating_add(u64::from(spec.size));
    let len = match &map.contents {
        MapContents::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        MapContents::Zeroed if map.value_size == 0 => u64::MAX,
        MapContents::Zeroed => u64::from(map.value_size),
        _ => 0,
    };
    if end > len { Err(outside(spec)) } else { Ok(()) }
}

fn check<T>(spec: &VariableSpec, order: ByteOrder) -> Result<(), EditError> {
    if align_of::<T>() > 1 && order != ByteOrder::NATIVE {
        return Err(EditError::ByteOrder { name: spec.name.clone() });
    }
    Ok(())
}

fn size(spec: &VariableSpec) -> usize {
    usize::try_from(spec.size).unwrap_or(usize::MAX)
}

fn range(spec: &VariableSpec) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(spec.offset).ok()?;
    Some(start..start.checked_add(size(spec))?)
}

fn outside(spec: &VariableSpec) -> EditError {
    EditError::Outside { name: spec.name.clone(), map: spec.map.clone() }
}

fn wrong_size(spec: &VariableSpec, found: usize) -> EditError {
    EditError::Size { name: spec.name.clone(), size: spec.size, found }
}
