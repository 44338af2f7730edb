//! What a relocation asks for.

use core::fmt;

/// What a relocation asks for (`enum bpf_core_relo_kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CoreKind {
    /// Offset of a field in bytes.
    FieldByteOffset,
    /// Size of a field in bytes.
    FieldByteSize,
    /// Whether a field exists.
    FieldExists,
    /// Whether a field is signed.
    FieldSigned,
    /// Bits to shift a 64-bit load left so that a bitfield becomes the uppermost bits.
    FieldLshiftU64,
    /// Bits to shift the result right again.
    FieldRshiftU64,
    /// Id of a type in the object's own BTF.
    TypeIdLocal,
    /// Id of a type in the target.
    TypeIdTarget,
    /// Whether a type exists.
    TypeExists,
    /// Size of a type in bytes.
    TypeSize,
    /// Whether an enumerator exists.
    EnumvalExists,
    /// Value of an enumerator.
    EnumvalValue,
    /// Whether a type exists whose definition fits.
    TypeMatches,
}

impl CoreKind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::FieldByteOffset,
        Self::FieldByteSize,
        Self::FieldExists,
        Self::FieldSigned,
        Self::FieldLshiftU64,
        Self::FieldRshiftU64,
        Self::TypeIdLocal,
        Self::TypeIdTarget,
        Self::TypeExists,
        Self::TypeSize,
        Self::EnumvalExists,
        Self::EnumvalValue,
        Self::TypeMatches,
    ];

    /// The kind with the number of a record.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The number in a record.
    pub fn number(self) -> u32 {
        (0..).zip(Self::ALL).find(|(_, kind)| *kind == self).map_or(0, |(number, _)| number)
    }

    /// The name that libbpf prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FieldByteOffset => "byte_off",
            Self::FieldByteSize => "byte_sz",
            Self::FieldExists => "field_exists",
            Self::FieldSigned => "signed",
            Self::FieldLshiftU64 => "lshift_u64",
            Self::FieldRshiftU64 => "rshift_u64",
            Self::TypeIdLocal => "local_type_id",
            Self::TypeIdTarget => "target_type_id",
            Self::TypeExists => "type_exists",
            Self::TypeSize => "type_size",
            Self::EnumvalExists => "enumval_exists",
            Self::EnumvalValue => "enumval_value",
            Self::TypeMatches => "type_matches",
        }
    }

    /// What is asked for, in words.
    pub(super) const fn question(self) -> &'static str {
        match self {
            Self::FieldByteOffset => "offset of",
            Self::FieldByteSize | Self::TypeSize => "size of",
            Self::FieldExists | Self::TypeExists | Self::EnumvalExists => "existence of",
            Self::FieldSigned => "signedness of",
            Self::FieldLshiftU64 | Self::FieldRshiftU64 => "place of bitfield",
            Self::TypeIdLocal => "local id of",
            Self::TypeIdTarget => "id of",
            Self::EnumvalValue => "value of",
            Self::TypeMatches => "match of",
        }
    }

    /// Whether the question is about a field.
    pub const fn is_field(self) -> bool {
        matches!(
            self,
            Self::FieldByteOffset
                | Self::FieldByteSize
                | Self::FieldExists
                | Self::FieldSigned
                | Self::FieldLshiftU64
                | Self::FieldRshiftU64
        )
    }

    /// Whether the question is about a whole type.
    pub const fn is_type(self) -> bool {
        matches!(
            self,
            Self::TypeIdLocal
                | Self::TypeIdTarget
                | Self::TypeExists
                | Self::TypeSize
                | Self::TypeMatches
        )
    }

    /// Whether the question is about an enumerator.
    pub const fn is_enumerator(self) -> bool {
        matches!(self, Self::EnumvalExists | Self::EnumvalValue)
    }
}

impl fmt::Display for CoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
