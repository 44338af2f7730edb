//! What is accepted although it is odd.
use std::fmt;

/// Something in an object that is accepted although libbpf, the reference, would take it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The section name only begins like a known one: libbpf would leave the program without a type.
    SectionPrefix {
        /// The section.
        section: String,
        /// The known name that was taken for it.
        taken_for: String,
    },
    /// A map definition has an attribute that nobody knows, which was allowed.
    MapAttribute {
        /// The map.
        map: String,
        /// The attribute.
        key: String,
    },
    /// A section of code without a function symbol: its code is not in the spec.
    NoFunctions {
        /// The section.
        section: String,
    },
    /// A definition in a legacy `maps` section has bytes after its five fields that are not zero.
    LegacyMapExtra {
        /// The map.
        map: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SectionPrefix { section, taken_for } => {
                write!(f, "section {section:?} is taken for {taken_for:?}; libbpf does not know it")
            }
            Self::MapAttribute { map, key } => {
                write!(f, "map {map:?} has the unknown attribute {key:?}, which has no effect")
            }
            Self::NoFunctions { section } => {
                write!(f, "section {section:?} has code but no function symbol")
            }
            Self::LegacyMapExtra { map } => {
                write!(f, "legacy map {map:?} has extra fields, which have no meaning here")
            }
        }
    }
}
