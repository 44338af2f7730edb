//! Reading and writing the value of a variable.
use bpf_asm::ByteOrder;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::EditError;
use super::path::Place;
use crate::spec::{CollectionSpec, MapContents, MapSpec, VariableSpec};

impl CollectionSpec {
    /// A variable, or a part of one, with its value.
    ///
    /// `path` is the name of a variable, or goes on into its type as C would write it: `cfg.limits[2].max`. Members of anonymous
    /// structures and unions are named as in C.
    ///
    /// # Errors
    ///
    /// There is no such variable or part, or it is not within the value of its map.
    pub fn variable(&self, path: &str) -> Result<VariableRef<'_>, EditError> {
        let (spec, place) = self.place(path)?;
        let map = self.maps.get(&spec.map).ok_or_else(|| EditError::missing("map", &spec.map))?;
        let bytes = match &map.contents {
            MapContents::Bytes(bytes) => {
                let bytes = place.range().and_then(|range| bytes.get(range));
                Some(bytes.ok_or_else(|| outside(spec))?)
            }
            MapContents::Zeroed => {
                fits(spec, map)?;
                None
            }
            _ => return Err(outside(spec)),
        };
        Ok(VariableRef { spec, place, bytes, order: self.byte_order })
    }

    /// A variable, or a part of one, whose value can be changed.
    ///
    /// # Errors
    ///
    /// As for [`variable`](Self::variable).
    pub fn variable_mut(&mut self, path: &str) -> Result<VariableMut<'_>, EditError> {
        let VariableRef { spec, place, .. } = self.variable(path)?;
        let name = spec.name.clone();
        let order = self.byte_order;
        let spec = self.variables.get(&name);
        let spec = spec.ok_or_else(|| EditError::missing("variable", &name))?;
        let map = self.maps.get_mut(&spec.map);
        let map = map.ok_or_else(|| EditError::missing("map", &spec.map))?;
        Ok(VariableMut { spec, place, map, order })
    }

    /// Gives a variable a value before it is loaded: also the only time for a constant.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bpf_elf::spec::CollectionSpec;
    ///
    /// let mut spec = CollectionSpec::open("counter.o")?;
    /// spec.set_variable("target_pid", &42_u32)?;
    /// spec.set_variable("config.limits[2].max", &1000_u64)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`VariableMut::set`].
    pub fn set_variable<T>(&mut self, path: &str, value: &T) -> Result<(), EditError>
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        self.variable_mut(path)?.set(value)
    }
}

/// A variable, or a part of one, with its value.
#[derive(Clone, Debug)]
pub struct VariableRef<'spec> {
    spec: &'spec VariableSpec,
    place: Place,
    bytes: Option<&'spec [u8]>,
    order: ByteOrder,
}

impl<'spec> VariableRef<'spec> {
    /// What is known about the variable: all of it, if this is a part.
    pub fn spec(&self) -> &'spec VariableSpec {
        self.spec
    }

    /// Bytes from the start of the value of the map.
    pub fn offset(&self) -> u32 {
        self.place.offset
    }

    /// Bytes.
    pub fn size(&self) -> u32 {
        self.place.size
    }

    /// The type as C would write it, if the object has BTF.
    pub fn type_name(&self) -> Option<&str> {
        type_name(&self.place, self.spec)
    }

    /// The bytes as they stand in the object; `None` if all are zero and stored nowhere, as in `.bss`.
    pub fn bytes(&self) -> Option<&'spec [u8]> {
        self.bytes
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The type has another size; BTF says that the bytes are something else (a number, and the type is a structure); or it is a number in
    /// the byte order of this machine and the object is in the other one.
    pub fn get<T: FromBytes>(&self) -> Result<T, EditError> {
        self.place.check_type::<T>(self.spec)?;
        if align_of::<T>() > 1 && self.order != ByteOrder::NATIVE {
            return Err(byte_order(&self.place, self.spec));
        }
        let wrong_size = || {
            let name = self.place.name(self.spec).to_owned();
            EditError::Size { name, size: self.place.size, found: size_of::<T>() }
        };
        match self.bytes {
            None if size_of::<T>() == self.place.len() => Ok(T::new_zeroed()),
            None => Err(wrong_size()),
            Some(bytes) => T::read_from_bytes(bytes).map_err(|_| wrong_size()),
        }
    }
}

/// A variable, or a part of one, whose value can be changed.
#[derive(Debug)]
pub struct VariableMut<'spec> {
    spec: &'spec VariableSpec,
    place: Place,
    map: &'spec mut MapSpec,
    order: ByteOrder,
}

impl VariableMut<'_> {
    /// What is known about the variable: all of it, if this is a part.
    pub fn spec(&self) -> &VariableSpec {
        self.spec
    }

    /// The type as C would write it, if the object has BTF.
    pub fn type_name(&self) -> Option<&str> {
        type_name(&self.place, self.spec)
    }

    /// Gives the variable a value.
    ///
    /// # Errors
    ///
    /// The value has another size; BTF says that the variable is something else (a structure or a floating-point number, and the value
    /// is an integer; a boolean, and the value is neither 0 nor 1); or it is a number in the byte order of this machine and the object is in the other one (a type of
    /// alignment 1, as `zerocopy::byteorder` has, names its byte order and is taken as it is).
    pub fn set<T>(&mut self, value: &T) -> Result<(), EditError>
    where
        T: IntoBytes + Immutable + ?Sized,
    {
        self.place.check_type::<T>(self.spec)?;
        if align_of_val(value) > 1 && self.order != ByteOrder::NATIVE {
            return Err(byte_order(&self.place, self.spec));
        }
        self.set_bytes(value.as_bytes())
    }

    /// Gives the variable its bytes, in the byte order of the object.
    ///
    /// # Errors
    ///
    /// There are more or fewer of them than the variable has, it is a boolean and the byte neither 0 nor 1, or there is no memory for a value
    /// that was all zeros so far.
    pub fn set_bytes(&mut self, value: &[u8]) -> Result<(), EditError> {
        self.place.check_bytes(self.spec, value)?;
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
        let range = self.place.range();
        let bytes = self.value()?;
        range.and_then(|range| bytes.get_mut(range)).ok_or_else(|| outside(spec))
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// As for [`VariableRef::get`].
    pub fn get<T: FromBytes>(&self) -> Result<T, EditError> {
        let bytes = self.map.contents.bytes();
        let bytes = match bytes.zip(self.place.range()) {
            Some((bytes, range)) => Some(bytes.get(range).ok_or_else(|| outside(self.spec))?),
            None => None,
        };
        let place = self.place.clone();
        VariableRef { spec: self.spec, place, bytes, order: self.order }.get()
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

fn type_name<'a>(place: &'a Place, spec: &'a VariableSpec) -> Option<&'a str> {
    place.part.as_ref().map(|(_, name)| name).or(spec.type_name.as_ref()).map(String::as_str)
}

fn byte_order(place: &Place, spec: &VariableSpec) -> EditError {
    EditError::ByteOrder { name: place.name(spec).to_owned() }
}

fn outside(spec: &VariableSpec) -> EditError {
    EditError::Outside { name: spec.name.clone(), map: spec.map.clone() }
}
