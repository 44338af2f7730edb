//! Parts of variables: `cfg.limits[2].max`.
use bpf_btf::{Btf, Type, TypeId};

use super::EditError;
use crate::reader::type_name;
use crate::spec::{CollectionSpec, VariableSpec};

/// The bytes that a name or a path stands for.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The path and the type, unless it is the whole variable.
    pub(super) part: Option<(String, String)>,
    /// Bytes from the start of the value of the map.
    pub(super) offset: u32,
    /// Bytes.
    pub(super) size: u32,
    pub(super) shape: Shape,
}

/// What kind of value BTF says that the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Integer,
    Bool,
    Float,
    /// A structure, a union or an array.
    Composite,
    Unknown,
}

impl Shape {
    pub(super) fn of(btf: Option<&Btf>, id: u32) -> Self {
        let resolved = btf.filter(|_| id != 0).and_then(|btf| btf.resolve(TypeId::new(id)));
        match resolved {
            Some(Type::Int(int)) if int.is_bool() => Self::Bool,
            Some(Type::Int(_) | Type::Enum(_) | Type::Enum64(_) | Type::Ptr(_)) => Self::Integer,
            Some(Type::Float(_)) => Self::Float,
            Some(Type::Struct(_) | Type::Union(_) | Type::Array(_)) => Self::Composite,
            _ => Self::Unknown,
        }
    }

    /// The shape of a value of a Rust type. Types other than the primitive ones may be layouts of anything.
    pub(super) fn of_value<T: ?Sized>() -> Self {
        match std::any::type_name::<T>() {
            "bool" => Self::Bool,
            "f32" | "f64" => Self::Float,
            "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i8" | "i16" | "i32" | "i64"
            | "i128" | "isize" => Self::Integer,
            _ => Self::Unknown,
        }
    }

    /// Whether a value of the other shape can stand here. Signs are not compared: literals of Rust are signed by default.
    pub(super) fn takes(self, value: Self) -> bool {
        let number = |shape| matches!(shape, Self::Integer | Self::Bool);
        let unknown = self == Self::Unknown || value == Self::Unknown;
        unknown || self == value || (number(self) && number(value))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Integer => "an integer",
            Self::Bool => "a boolean",
            Self::Float => "a floating-point number",
            Self::Composite => "a structure, union or array",
            Self::Unknown => "bytes",
        }
    }
}

impl Place {
    /// The whole of a variable.
    pub(super) fn whole(spec: &VariableSpec, btf: Option<&Btf>) -> Self {
        let shape = Shape::of(btf, spec.type_id);
        Self { part: None, offset: spec.offset, size: spec.size, shape }
    }

    /// What to call it in messages.
    pub(super) fn name<'a>(&'a self, spec: &'a VariableSpec) -> &'a str {
        self.part.as_ref().map_or(&spec.name, |(path, _)| path)
    }

    /// Bytes, for comparisons with lengths.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }

    /// Where it is in the value of the map.
    pub(super) fn range(&self) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(self.offset).ok()?;
        Some(start..start.checked_add(self.len())?)
    }

    /// Whether a value of this Rust type can stand here.
    pub(super) fn check_type<T: ?Sized>(&self, spec: &VariableSpec) -> Result<(), EditError> {
        let value = Shape::of_value::<T>();
        if self.shape.takes(value) { Ok(()) } else { Err(self.mismatch(spec, value.name())) }
    }

    /// Whether these bytes can stand here.
    pub(super) fn check_bytes(&self, spec: &VariableSpec, bytes: &[u8]) -> Result<(), EditError> {
        if bytes.len() != self.len() {
            let name = self.name(spec).to_owned();
            return Err(EditError::Size { name, size: self.size, found: bytes.len() });
        }
        match (self.shape, bytes) {
            // What else would be undefined behaviour in the program.
            (Shape::Bool, [2..=u8::MAX]) => Err(self.mismatch(spec, "neither 0 nor 1")),
            _ => Ok(()),
        }
    }

    fn mismatch(&self, spec: &VariableSpec, found: &'static str) -> EditError {
        EditError::Type { name: self.name(spec).to_owned(), expected: self.shape.name(), found }
    }
}

impl CollectionSpec {
    /// The variable that a name or path begins with, and the bytes that it stands for.
    pub(super) fn place(&self, path: &str) -> Result<(&VariableSpec, Place), EditError> {
        let btf = self.btf.as_ref();
        if let Some(spec) = self.variables.get(path) {
            return Ok((spec, Place::whole(spec, btf)));
        }
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (name, rest) = path.split_at_checked(end).unwrap_or((path, ""));
        let spec = self.variables.get(name).ok_or_else(|| EditError::missing("variable", name))?;
        let problem = |problem| EditError::Path { path: path.to_owned(), problem };
        let typed = btf.filter(|_| spec.type_id != 0);
        let btf = typed.ok_or_else(|| problem("the variable has no type"))?;
        let mut walk = Walk { btf, id: TypeId::new(spec.type_id), offset: 0, size: spec.size };
        let mut rest = rest;
        while !rest.is_empty() {
            rest = walk.step(rest).map_err(problem)?;
        }
        let fits = walk.offset.checked_add(walk.size).is_some_and(|end| end <= spec.size);
        let offset = spec.offset.checked_add(walk.offset).filter(|_| fits);
        let offset = offset.ok_or_else(|| problem("it is not within the variable"))?;
        let part = Some((path.to_owned(), type_name(btf, walk.id)));
        let shape = Shape::of(Some(btf), walk.id.get());
        Ok((spec, Place { part, offset, size: walk.size, shape }))
    }
}

/// A walk into a type.
struct Walk<'a> {
    btf: &'a Btf,
    id: TypeId,
    /// Bytes from the start of the variable.
    offset: u32,
    size: u32,
}

/// How deep anonymous structures may be nested; those of a program have no cycles, those of a hostile file may.
const MAX_DEPTH: usize = 32;

impl Walk<'_> {
    /// Takes one step of the path, and gives what is left of it.
    fn step<'path>(&mut self, path: &'path str) -> Result<&'path str, &'static str> {
        if let Some(rest) = path.strip_prefix('[') {
            let (index, rest) = rest.split_once(']').ok_or("an index has no closing bracket")?;
            let index = index.trim().parse().map_err(|_| "an index is not a number")?;
            self.element(index)?;
            return Ok(rest);
        }
        let path = path.strip_prefix('.').ok_or("a member begins with a point")?;
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (name, rest) = path.split_at_checked(end).unwrap_or((path, ""));
        let found = self.member(self.id, name, 0)?;
        let (id, bits) = found.ok_or("the type has no such member")?;
        self.enter(id, u64::from(bits / 8))?;
        Ok(rest)
    }

    fn element(&mut self, index: u32) -> Result<(), &'static str> {
        let Some(Type::Array(array)) = self.btf.resolve(self.id) else {
            return Err("the type is no array");
        };
        // An array of no declared length is the last thing of its variable, whose end is looked at later.
        if index >= array.len() && array.len() != 0 {
            return Err("an index is not within the array");
        }
        let element = array.element();
        let size = self.btf.size_of(element).map_err(|_| "an element has no size")?;
        self.enter(element, size.saturating_mul(u64::from(index)))
    }

    fn enter(&mut self, id: TypeId, distance: u64) -> Result<(), &'static str> {
        let far = "it is not within the variable";
        let distance = u32::try_from(distance).map_err(|_| far)?;
        self.offset = self.offset.checked_add(distance).ok_or(far)?;
        let size = self.btf.size_of(id).map_err(|_| "a member has no size")?;
        self.size = u32::try_from(size).map_err(|_| far)?;
        self.id = id;
        Ok(())
    }

    /// Type and place in bits of a member, also of an anonymous structure or union within.
    fn member(
        &self,
        id: TypeId,
        name: &str,
        depth: usize,
    ) -> Result<Option<(TypeId, u32)>, &'static str> {
        let composite = self.btf.resolve(id).and_then(|found| found.composite());
        let composite = composite.ok_or("the type is no structure or union")?;
        for member in composite.members() {
            if !name.is_empty() && member.is_named(name) {
                if member.bitfield_size().is_some() {
                    return Err("the member is a bit-field");
                }
                return Ok(Some((member.type_id(), member.bit_offset())));
            }
            let nested = member.is_anonymous()
                && depth < MAX_DEPTH
                && self.btf.resolve(member.type_id()).is_some_and(|of| of.composite().is_some());
            if !nested {
                continue;
            }
            if let Some((found, bits)) =
                self.member(member.type_id(), name, depth.saturating_add(1))?
            {
                return Ok(Some((found, bits.saturating_add(member.bit_offset()))));
            }
        }
        Ok(None)
    }
}
