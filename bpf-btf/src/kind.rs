//! Kinds of type records.

use core::fmt;

/// What a type record describes (`BTF_KIND_*` of `linux/btf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `void`, which has no record (`BTF_KIND_UNKN`).
    Void,
    /// Integer.
    Int,
    /// Pointer.
    Ptr,
    /// Array.
    Array,
    /// Structure.
    Struct,
    /// Union.
    Union,
    /// Enumeration with 32-bit values.
    Enum,
    /// Forward declaration of a structure or union.
    Fwd,
    /// Type definition.
    Typedef,
    /// `volatile` modifier.
    Volatile,
    /// `const` modifier.
    Const,
    /// `restrict` modifier.
    Restrict,
    /// Function: a name and a linkage for a prototype.
    Func,
    /// Function prototype.
    FuncProto,
    /// Variable.
    Var,
    /// Section of variables.
    Datasec,
    /// Floating point number.
    Float,
    /// Tag on a declaration (`btf_decl_tag`).
    DeclTag,
    /// Tag on a type (`btf_type_tag`).
    TypeTag,
    /// Enumeration with 64-bit values.
    Enum64,
    /// A kind newer than this crate, its size known from the blob's layout section.
    Unknown(u8),
}

/// Mask of the kind in the upper half of `info`: 7 bits since the layout section exists, 5 before.
const KIND_MASK: u32 = 0x7f;

impl Kind {
    #[inline]
    pub(crate) const fn from_info(info: u32) -> Self {
        let number = ((info >> 24) & KIND_MASK) as u8;
        Self::from_number(number)
    }

    /// The kind with the given number.
    #[inline]
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Void,
            1 => Self::Int,
            2 => Self::Ptr,
            3 => Self::Array,
            4 => Self::Struct,
            5 => Self::Union,
            6 => Self::Enum,
            7 => Self::Fwd,
            8 => Self::Typedef,
            9 => Self::Volatile,
            10 => Self::Const,
            11 => Self::Restrict,
            12 => Self::Func,
            13 => Self::FuncProto,
            14 => Self::Var,
            15 => Self::Datasec,
            16 => Self::Float,
            17 => Self::DeclTag,
            18 => Self::TypeTag,
            19 => Self::Enum64,
            other => Self::Unknown(other),
        }
    }

    /// The number in the record.
    pub const fn number(self) -> u8 {
        match self {
            Self::Void => 0,
            Self::Int => 1,
            Self::Ptr => 2,
            Self::Array => 3,
            Self::Struct => 4,
            Self::Union => 5,
            Self::Enum => 6,
            Self::Fwd => 7,
            Self::Typedef => 8,
            Self::Volatile => 9,
            Self::Const => 10,
            Self::Restrict => 11,
            Self::Func => 12,
            Self::FuncProto => 13,
            Self::Var => 14,
            Self::Datasec => 15,
            Self::Float => 16,
            Self::DeclTag => 17,
            Self::TypeTag => 18,
            Self::Enum64 => 19,
            Self::Unknown(number) => number,
        }
    }

    /// The name in capitals that the kernel's and bpftool's dumps use, such as `FUNC_PROTO`.
    #[inline]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Void => "VOID",
            Self::Int => "INT",
            Self::Ptr => "PTR",
            Self::Array => "ARRAY",
            Self::Struct => "STRUCT",
            Self::Union => "UNION",
            Self::Enum => "ENUM",
            Self::Fwd => "FWD",
            Self::Typedef => "TYPEDEF",
            Self::Volatile => "VOLATILE",
            Self::Const => "CONST",
            Self::Restrict => "RESTRICT",
            Self::Func => "FUNC",
            Self::FuncProto => "FUNC_PROTO",
            Self::Var => "VAR",
            Self::Datasec => "DATASEC",
            Self::Float => "FLOAT",
            Self::DeclTag => "DECL_TAG",
            Self::TypeTag => "TYPE_TAG",
            Self::Enum64 => "ENUM64",
            Self::Unknown(_) => "UNKNOWN",
        }
    }

    /// Whether the kind only qualifies another type: `const`, `volatile`, `restrict`, a type tag.
    pub const fn is_modifier(self) -> bool {
        matches!(self, Self::Const | Self::Volatile | Self::Restrict | Self::TypeTag)
    }

    /// Structure or union.
    pub const fn is_composite(self) -> bool {
        matches!(self, Self::Struct | Self::Union)
    }

    /// Enumeration of either value width.
    pub const fn is_any_enum(self) -> bool {
        matches!(self, Self::Enum | Self::Enum64)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "kind {number}"),
            kind => f.write_str(kind.name()),
        }
    }
}
