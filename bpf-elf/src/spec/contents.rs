//! Contents that a map begins with.

/// What a map holds before the first program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapContents {
    /// Nothing is written.
    #[default]
    None,
    /// A single value of zeros (`.bss`), of whatever size: nothing is stored for it.
    Zeroed,
    /// A single value, in the byte order of the object.
    Bytes(Vec<u8>),
    /// Maps in a map of maps, or programs in a program array.
    Entries(Vec<MapEntry>),
}

impl MapContents {
    /// The stored bytes, if there are any.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A map or program at an index of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// The index.
    pub key: u32,
    /// The map or program.
    pub name: String,
}

impl MapEntry {
    /// `name` at index `key`.
    pub fn new(key: u32, name: impl Into<String>) -> Self {
        Self { key, name: name.into() }
    }
}
