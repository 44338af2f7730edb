//! What a new type is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::BuildError;
use super::strings::StringTable;
use crate::raw::MAX_VLEN;
use crate::{FuncLinkage, Kind, TypeId, VarLinkage};

/// A type to add. Names may be empty where C allows a type without a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the views with the same names")]
pub enum Definition<'a> {
    /// Integer as wide as its size; for other widths see [`Definition::Bits`].
    Int { name: &'a str, size: u32, signed: bool, char: bool, bool: bool },
    /// Integer with the encoding word of the record.
    Bits { name: &'a str, size: u32, encoding: u32 },
    /// Pointer.
    Ptr { target: TypeId },
    /// Array.
    Array { element: TypeId, index: TypeId, len: u32 },
    /// Structure. With a bitfield among the members offsets are limited to 24 bits.
    Struct { name: &'a str, size: u32, members: &'a [NewMember<'a>] },
    /// Union.
    Union { name: &'a str, size: u32, members: &'a [NewMember<'a>] },
    /// Enumeration of up to 32 bits.
    Enum { name: &'a str, size: u32, signed: bool, values: &'a [NewEnumValue<'a>] },
    /// Enumeration of up to 64 bits.
    Enum64 { name: &'a str, size: u32, signed: bool, values: &'a [NewEnumValue<'a>] },
    /// Forward declaration.
    Fwd { name: &'a str, union: bool },
    /// Type definition.
    Typedef { name: &'a str, target: TypeId },
    /// `volatile`.
    Volatile { target: TypeId },
    /// `const`.
    Const { target: TypeId },
    /// `restrict`.
    Restrict { target: TypeId },
    /// Function.
    Func { name: &'a str, prototype: TypeId, linkage: FuncLinkage },
    /// Function prototype.
    FuncProto { return_type: TypeId, params: &'a [NewParam<'a>] },
    /// Variable.
    Var { name: &'a str, target: TypeId, linkage: VarLinkage },
    /// Section of variables.
    Datasec { name: &'a str, size: u32, entries: &'a [NewSectionEntry] },
    /// Floating point number.
    Float { name: &'a str, size: u32 },
    /// Tag on a declaration or one of its components.
    DeclTag { name: &'a str, target: TypeId, component: Option<u32>, attribute: bool },
    /// Tag on a type.
    TypeTag { name: &'a str, target: TypeId, attribute: bool },
}

/// Member of a new structure or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMember<'a> {
    /// Name, empty for an anonymous structure or union.
    pub name: &'a str,
    /// Type.
    pub type_id: TypeId,
    /// Offset in bits.
    pub bit_offset: u32,
    /// Width in bits of a bitfield.
    pub bitfield_size: Option<u32>,
}

impl<'a> NewMember<'a> {
    /// A member that is not a bitfield.
    pub const fn new(name: &'a str, type_id: TypeId, bit_offset: u32) -> Self {
        Self { name, type_id, bit_offset, bitfield_size: None }
    }

    /// A bitfield.
    pub const fn bitfield(name: &'a str, type_id: TypeId, bit_offset: u32, width: u32) -> Self {
        Self { name, type_id, bit_offset, bitfield_size: Some(width) }
    }
}

/// Enumerator of a new enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewEnumValue<'a> {
    /// Name.
    pub name: &'a str,
    /// Value.
    pub value: i128,
}

impl<'a> NewEnumValue<'a> {
    /// An enumerator.
    pub const fn new(name: &'a str, value: i128) -> Self {
        Self { name, value }
    }
}

/// Parameter of a new prototype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewParam<'a> {
    /// Name, may be empty.
    pub name: &'a str,
    /// Type; `void` without a name is `...`.
    pub type_id: TypeId,
}

impl<'a> NewParam<'a> {
    /// A parameter.
    pub const fn new(name: &'a str, type_id: TypeId) -> Self {
        Self { name, type_id }
    }
}

/// Place of a variable in a new section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewSectionEntry {
    /// The variable.
    pub type_id: TypeId,
    /// Offset in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

impl NewSectionEntry {
    /// An entry.
    pub const fn new(type_id: TypeId, offset: u32, size: u32) -> Self {
        Self { type_id, offset, size }
    }
}

/// The `info` word.
fn info(kind: Kind, vlen: u32, flag: bool) -> u32 {
    u32::from(flag) << 31 | u32::from(kind.number()) << 24 | vlen
}

fn count(name: &str, elements: usize) -> Result<u32, BuildError> {
    let fits = u32::try_from(elements).ok().filter(|count| *count <= MAX_VLEN);
    fits.ok_or_else(|| BuildError::TooManyElements { name: name.to_string(), count: elements })
}

impl Definition<'_> {
    /// Appends the words of the record.
    pub(super) fn encode(
        &self,
        out: &mut Vec<u32>,
        strings: &mut StringTable,
    ) -> Result<(), BuildError> {
        match *self {
            Self::Int { name, size, signed, char, bool } => {
                let flags = u32::from(signed) << 24 | u32::from(char) << 25 | u32::from(bool) << 26;
                let encoding = flags | size.saturating_mul(8).min(0xff);
                Self::Bits { name, size, encoding }.encode(out, strings)
            }
            Self::Bits { name, size, encoding } => {
                if !matches!(size, 1 | 2 | 4 | 8 | 16) {
                    return Err(BuildError::Size { name: name.to_string(), size });
                }
                let (bits, bit_offset) = (encoding & 0xff, encoding >> 16 & 0xff);
                if bits.saturating_add(bit_offset) > size.saturating_mul(8) {
                    return Err(BuildError::IntBits {
                        name: name.to_string(),
                        size,
                        bits,
                        bit_offset,
                    });
                }
                out.extend([strings.add(name)?, info(Kind::Int, 0, false), size, encoding]);
                Ok(())
            }
            Self::Ptr { target } => reference(out, 0, Kind::Ptr, false, target),
            Self::Volatile { target } => reference(out, 0, Kind::Volatile, false, target),
            Self::Const { target } => reference(out, 0, Kind::Const, false, target),
            Self::Restrict { target } => reference(out, 0, Kind::Restrict, false, target),
            Self::Typedef { name, target } => {
                reference(out, strings.add(name)?, Kind::Typedef, false, target)
            }
            Self::TypeTag { name, target, attribute } => {
                reference(out, strings.add(name)?, Kind::TypeTag, attribute, target)
            }
            Self::Array { element, index, len } => {
                out.extend([0, info(Kind::Array, 0, false), 0, element.get(), index.get(), len]);
                Ok(())
            }
            Self::Struct { name, size, members } => {
                composite(out, strings, Kind::Struct, name, size, members)
            }
            Self::Union { name, size, members } => {
                composite(out, strings, Kind::Union, name, size, members)
            }
            Self::Enum { name, size, signed, values } => {
                if !matches!(size, 1 | 2 | 4 | 8) {
                    return Err(BuildError::Size { name: name.to_string(), size });
                }
                let count = count(name, values.len())?;
                out.extend([strings.add(name)?, info(Kind::Enum, count, signed), size]);
                for value in values {
                    let bits = if signed {
                        i32::try_from(value.value)
                            .ok()
                            .map(|value| u32::from_ne_bytes(value.to_ne_bytes()))
                    } else {
                        u32::try_from(value.value).ok()
                    };
                    out.extend([strings.add(value.name)?, bits.ok_or_else(|| misfit(value))?]);
                }
                Ok(())
            }
            Self::Enum64 { name, size, signed, values } => {
                if !matches!(size, 1 | 2 | 4 | 8) {
                    return Err(BuildError::Size { name: name.to_string(), size });
                }
                let count = count(name, values.len())?;
                out.extend([strings.add(name)?, info(Kind::Enum64, count, signed), size]);
                for value in values {
                    let bits = if signed {
                        i64::try_from(value.value)
                            .ok()
                            .map(|value| u64::from_ne_bytes(value.to_ne_bytes()))
                    } else {
                        u64::try_from(value.value).ok()
                    };
                    let bits = bits.ok_or_else(|| misfit(value))?;
                    #[expect(clippy::cast_possible_truncation, reason = "both halves are stored")]
                    let halves = [bits as u32, (bits >> 32) as u32];
                    out.push(strings.add(value.name)?);
                    out.extend(halves);
                }
                Ok(())
            }
            Self::Fwd { name, union } => {
                out.extend([strings.add(name)?, info(Kind::Fwd, 0, union), 0]);
                Ok(())
            }
            Self::Func { name, prototype, linkage } => {
                let linkage = linkage.number();
                if linkage > MAX_VLEN {
                    return Err(BuildError::TooManyElements {
                        name: name.to_string(),
                        count: linkage as usize,
                    });
                }
                out.extend([strings.add(name)?, info(Kind::Func, linkage, false), prototype.get()]);
                Ok(())
            }
            Self::FuncProto { return_type, params } => {
                out.extend([
                    0,
                    info(Kind::FuncProto, count("", params.len())?, false),
                    return_type.get(),
                ]);
                for param in params {
                    out.extend([strings.add(param.name)?, param.type_id.get()]);
                }
                Ok(())
            }
            Self::Var { name, target, linkage } => {
                out.extend([
                    strings.add(name)?,
                    info(Kind::Var, 0, false),
                    target.get(),
                    linkage.number(),
                ]);
                Ok(())
            }
            Self::Datasec { name, size, entries } => {
                let count = count(name, entries.len())?;
                out.extend([strings.add(name)?, info(Kind::Datasec, count, false), size]);
                for entry in entries {
                    out.extend([entry.type_id.get(), entry.offset, entry.size]);
                }
                Ok(())
            }
            Self::Float { name, size } => {
                if !matches!(size, 2 | 4 | 8 | 12 | 16) {
                    return Err(BuildError::Size { name: name.to_string(), size });
                }
                out.extend([strings.add(name)?, info(Kind::Float, 0, false), size]);
                Ok(())
            }
            Self::DeclTag { name, target, component, attribute } => {
                let component = component.unwrap_or(u32::MAX);
                out.extend([
                    strings.add(name)?,
                    info(Kind::DeclTag, 0, attribute),
                    target.get(),
                    component,
                ]);
                Ok(())
            }
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an arm of a match whose other arms can fail")]
fn reference(
    out: &mut Vec<u32>,
    name: u32,
    kind: Kind,
    flag: bool,
    target: TypeId,
) -> Result<(), BuildError> {
    out.extend([name, info(kind, 0, flag), target.get()]);
    Ok(())
}

fn misfit(value: &NewEnumValue<'_>) -> BuildError {
    BuildError::EnumValue { name: value.name.to_string(), value: value.value }
}

fn composite(
    out: &mut Vec<u32>,
    strings: &mut StringTable,
    kind: Kind,
    name: &str,
    size: u32,
    members: &[NewMember<'_>],
) -> Result<(), BuildError> {
    let flag = members.iter().any(|member| member.bitfield_size.is_some());
    out.extend([strings.add(name)?, info(kind, count(name, members.len())?, flag), size]);
    for member in members {
        let text = |text: &str| String::from(text);
        let bit_offset = member.bit_offset;
        let offset = match member.bitfield_size {
            Some(width @ (0 | 256..)) => {
                return Err(BuildError::BitfieldSize {
                    name: text(name),
                    member: text(member.name),
                    width,
                });
            }
            _ if flag && bit_offset > MAX_VLEN => {
                return Err(BuildError::MemberOffset {
                    name: text(name),
                    member: text(member.name),
                    bit_offset,
                });
            }
            Some(width) => width << 24 | bit_offset,
            None => bit_offset,
        };
        out.extend([strings.add(member.name)?, member.type_id.get(), offset]);
    }
    Ok(())
}
