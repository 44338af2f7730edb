//! Which rule was broken, and where.

use core::fmt;

use crate::{Error, TypeId};

/// What the kernel's validator does not accept, found by [`Btf::check_kernel_rules`](crate::Btf::check_kernel_rules).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleViolation {
    /// The type; [`TypeId::VOID`] when the blob itself breaks the rule.
    pub id: TypeId,
    /// Index of the member, value, parameter or entry of the type, where one breaks the rule.
    pub element: Option<u32>,
    /// The rule.
    pub rule: KernelRule,
}

impl RuleViolation {
    /// What keeps a blob from being readable, as a rule of the kernel.
    pub(super) fn of(error: &Error) -> Self {
        let (id, rule) = match error {
            Error::StringOffset { id, .. }
            | Error::NameEncoding { id, .. }
            | Error::Names { id, .. } => (*id, KernelRule::Name),
            Error::NoSuchTarget { id, .. } | Error::NotPrototype { id, .. } => {
                (*id, KernelRule::Target)
            }
            Error::UnknownKind { id, .. } => (*id, KernelRule::Kind),
            // What else is wrong was seen when the blob was opened.
            _ => (TypeId::VOID, KernelRule::Sections),
        };
        Self { id, element: None, rule }
    }
}

impl fmt::Display for RuleViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.is_void() {
            f.write_str("the blob")?;
        } else {
            write!(f, "type {}", self.id)?;
        }
        if let Some(element) = self.element {
            write!(f, ", element {element}")?;
        }
        write!(f, ": {}", self.rule)
    }
}

impl core::error::Error for RuleViolation {}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A rule of the kernel's validator (`kernel/bpf/btf.c`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum KernelRule {
            $($(#[$doc])* $name,)*
        }

        impl fmt::Display for KernelRule {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

rules! {
    /// At most 16 MiB.
    BlobSize = "larger than 16 MiB",
    /// No field of the header that is not known is other than 0.
    Header = "the header has fields that are not known",
    /// The sections follow each other and fill the blob.
    Sections = "bytes between or behind the sections",
    /// There are strings, and not more than 16 MiB.
    Strings = "no string section, or one of more than 16 MiB",
    /// There is a type.
    NoTypes = "no types",
    /// At most 1,048,575 types.
    TypeCount = "more than 1048575 types",
    /// The kind is known.
    Kind = "the kind is not known",
    /// The kind has no elements, so `vlen` is 0.
    Vlen = "vlen is not 0",
    /// The kind has no use for the kind flag.
    KindFlag = "the kind flag is set",
    /// A name that is needed and valid: letters, digits, `_` and `.`, no digit first, at most 512 bytes. For sections any
    /// printable characters, for tags any text.
    Name = "the name is missing or not valid",
    /// No name for a kind that has none.
    NoName = "the kind has no name",
    /// No bits in the encoding of an integer that are not defined.
    IntReserved = "the encoding has bits that are not defined",
    /// An integer of at most 128 bits with its offset.
    IntWidth = "the integer is wider than 128 bits",
    /// An integer within its size.
    IntSize = "the integer does not fit its size",
    /// At most one of signed, char and bool.
    IntEncoding = "the integer has more than one encoding",
    /// The size word of an array is 0, as it has none.
    ArraySizeWord = "the size word of the array is not 0",
    /// Elements of an array have a size; integers among them are whole bytes.
    ArrayElement = "the element type cannot be in an array",
    /// The index of an array is a whole integer.
    ArrayIndex = "the index type is not an integer",
    /// The size of an array is below 4 GiB.
    ArrayOverflow = "the size of the array overflows",
    /// The type word of a forward declaration is 0.
    FwdTypeWord = "the type word of the forward declaration is not 0",
    /// Enumerations have 1, 2, 4 or 8 bytes.
    EnumSize = "the size of the enumeration is not 1, 2, 4 or 8",
    /// Floating point numbers have 2, 4, 8, 12 or 16 bytes.
    FloatSize = "the size of the floating point number is not possible",
    /// Functions are static or global.
    FuncLinkage = "the function is extern",
    /// Parameters of functions have names.
    FuncParam = "a parameter of the function has no name",
    /// Variables have a type with a size.
    VarType = "the type of the variable has no size",
    /// Variables are static or global.
    VarLinkage = "the variable is extern",
    /// Sections are not empty.
    SectionSize = "the section has size 0",
    /// What is in a section is a variable.
    SectionEntry = "the entry of the section is no variable",
    /// Entries of a section are sorted and do not overlap.
    SectionOffset = "the entry is outside of its section, or overlaps the one before",
    /// An entry of a section is at least as large as its type, and not larger than the section.
    SectionEntrySize = "the size of the entry does not fit its type and section",
    /// The name of a member is valid, or there is none.
    MemberName = "the name of the member is not valid",
    /// A member has a type with a size.
    MemberType = "the type of the member has no size",
    /// Members come in the order of their offsets; those of unions have offset 0.
    MemberOrder = "the members are not in order, or one of a union is not at 0",
    /// A member lies within its structure.
    MemberEnd = "the member reaches beyond the end",
    /// What is no bitfield begins with a byte.
    MemberAlignment = "the member is not aligned",
    /// A bitfield is not wider than its type, which is an integer or enumeration.
    BitfieldSize = "the width of the bitfield does not fit its type",
    /// Bitfields are parts of whole integers.
    BitfieldType = "the integer of the bitfield is itself one",
    /// A bitfield can be read with 128 bits.
    BitfieldSpan = "the bitfield spans more than 128 bits",
    /// The name of an enumerator is valid.
    EnumeratorName = "the name of the enumerator is missing or not valid",
    /// A reference leads to a type, not to a declaration.
    Target = "the reference leads to something that is no type",
    /// No type contains itself.
    Loop = "the type contains itself",
    /// At most 32 references follow each other.
    Depth = "more than 32 references follow each other",
    /// The result of a prototype has a size, or is `void` itself.
    ReturnType = "the type of the result has no size",
    /// A parameter has a size and a valid name or none; only the last may be `...`.
    Param = "the type or name of the parameter is not valid",
    /// Declaration tags are on structures, unions, functions, variables and typedefs.
    TagTarget = "what is tagged cannot have tags",
    /// A tag's component exists.
    TagComponent = "the tagged member or parameter does not exist",
    /// Type tags come before other modifiers: asked for since 5.17, no longer by 7.3.
    TagOrder = "a type tag follows another modifier",
    /// At most 32 modifiers follow each other.
    TagChain = "more than 32 modifiers follow each other",
}
