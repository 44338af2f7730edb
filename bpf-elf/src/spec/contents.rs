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
    /// Keys with their values, as no object file has them: of hashes, arrays, tries and maps of devices or CPUs.
    ///
    /// Loading puts them into the new map, before it is frozen, by one `BPF_MAP_UPDATE_ELEM` for each, so the order says nothing. A map that
    /// exists before (a pinned one, or a replacement) keeps what it has. An LRU map may drop some, as it may at any time.
    Pairs(Vec<MapPair>),
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

/// A key of a map, and the value that it begins with.
///
/// Both are bytes in the byte order of the spec, in the sizes that the map has. The value of a per-CPU map is that of one CPU, as every CPU begins
/// with it: how many there are only the machine knows.
///
/// ```
/// use bpf_asm::ByteOrder;
/// use bpf_elf::spec::{CollectionSpec, MapPair, MapSpec};
/// use bpf_sys::abi::MapType;
///
/// let mut spec = CollectionSpec::new(ByteOrder::Big);
/// spec.add_map(MapSpec::new("ports", MapType::HASH, 2, 4, 64))?;
/// let [http, https] = [80_u16, 443].map(|port| MapPair::new(port.to_be_bytes(), 1_u32.to_be_bytes()));
/// spec.map_mut("ports")?.set_pairs([http, https])?;
/// let too_long = MapPair::new(80_u32.to_be_bytes(), 1_u32.to_be_bytes());
/// assert!(spec.map_mut("ports")?.set_pairs([too_long]).is_err());
/// # Ok::<(), bpf_elf::spec::EditError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapPair {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}

impl MapPair {
    /// `value` under `key`.
    pub fn new(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: value.into() }
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
