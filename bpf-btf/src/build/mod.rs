//! Making and changing BTF.

mod context;
mod copy;
mod definition;
mod error;
mod sanitize;
mod sections;
pub(crate) mod strings;

use alloc::vec::Vec;

use zerocopy::IntoBytes;

use crate::header::{HEADER_LEN, LAYOUT_HEADER_LEN, MAGIC};
use crate::{Btf, ByteOrder, Error, Kind, TypeId};

use strings::StringTable;

pub use copy::StringCopier;
pub use definition::{Definition, NewEnumValue, NewMember, NewParam, NewSectionEntry};
pub use error::BuildError;
pub use sanitize::{BtfFeatures, sanitize};
pub use sections::{SectionLayout, VariablePlace};

/// BTF under construction: types by id, each of which may be reserved before it is defined, or replaced later.
///
/// ```
/// use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, Kind, NewMember};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut builder = BtfBuilder::new();
/// let node = builder.reserve()?;
/// let next = builder.add(&Definition::Ptr { target: node })?;
/// let members = [NewMember::new("next", next, 0)];
/// builder.set(node, &Definition::Struct { name: "node", size: 8, members: &members })?;
/// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
/// assert_eq!(btf.find("node", Kind::Struct), Some(node));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct BtfBuilder {
    base: Option<Btf>,
    first_id: u32,
    /// Records in native order. A replaced record stays behind as garbage until the blob is written.
    words: Vec<u32>,
    /// Place of each own type's record in the words.
    records: Vec<Place>,
    strings: StringTable,
    /// Entries of the layout section of an imported blob in native order.
    layout: Vec<u8>,
    /// What is wrong with the blob that the types or their base come from. Nothing is written then.
    fault: Option<Error>,
}

/// Where a record is; empty while its id is only reserved.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    len: usize,
}

impl Default for BtfBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BtfBuilder {
    /// A builder without types; the first one will have id 1.
    pub fn new() -> Self {
        Self::with_base(None)
    }

    /// A builder of split BTF that continues the ids and strings of `base`.
    pub fn split(base: &Btf) -> Self {
        Self::with_base(Some(base.clone()))
    }

    fn with_base(base: Option<Btf>) -> Self {
        let first_id = base.as_ref().map_or(1, Btf::len);
        let first_string = base.as_ref().map(Btf::string_end);
        let strings = StringTable::new(first_string);
        let fault = base.as_ref().and_then(|base| base.validate().err());
        Self {
            base,
            first_id,
            words: Vec::new(),
            records: Vec::new(),
            strings,
            layout: Vec::new(),
            fault,
        }
    }

    /// A builder that begins with all types of a blob under their ids, on the same base.
    pub fn from_btf(btf: &Btf) -> Self {
        let mut builder = Self::with_base(btf.base().cloned());
        builder.strings =
            StringTable::import(btf.base().map_or(0, Btf::string_end), btf.own_strings());
        builder.layout = btf.layout().to_vec();
        builder.fault = btf.validate().err();
        for (id, _) in btf.types() {
            let start = builder.words.len();
            let record = btf.exact_record(id).unwrap_or_default();
            builder.words.extend(
                record
                    .chunks_exact(4)
                    .filter_map(|word| word.first_chunk())
                    .map(|word| u32::from_ne_bytes(*word)),
            );
            let len = builder.words.len().saturating_sub(start);
            builder.records.push(Place { start, len });
        }
        builder
    }

    /// A builder without types that has the base and the layout section of a blob, and the given strings.
    pub(crate) fn like(btf: &Btf, strings: StringTable) -> Self {
        let mut builder = Self::with_base(btf.base().cloned());
        builder.strings = strings;
        builder.layout = btf.layout().to_vec();
        builder
    }

    /// Adds a record whose names and targets are those of this builder.
    pub(crate) fn push_record(&mut self, words: &[u32]) -> Result<TypeId, BuildError> {
        let place = Place { start: self.words.len(), len: words.len() };
        self.words.extend_from_slice(words);
        let id = self.reserve()?;
        self.put(id, place)?;
        Ok(id)
    }

    /// The same for a string in any encoding, such as a line of source.
    pub fn add_string_bytes(&mut self, text: &[u8]) -> Result<u32, BuildError> {
        self.strings.add_bytes(text)
    }

    /// The base that this builder continues.
    pub(crate) fn base(&self) -> Option<&Btf> {
        self.base.as_ref()
    }

    /// The id that the next type will have.
    #[expect(clippy::len_without_is_empty, reason = "void is always there")]
    pub fn len(&self) -> u32 {
        u32::try_from(self.records.len()).unwrap_or(u32::MAX).saturating_add(self.first_id)
    }

    /// Gives out an id that other types may refer to before it is [`set`](Self::set).
    pub fn reserve(&mut self) -> Result<TypeId, BuildError> {
        let id = self.len();
        if id == u32::MAX {
            return Err(BuildError::TooManyTypes);
        }
        self.records.push(Place { start: 0, len: 0 });
        Ok(TypeId::new(id))
    }

    /// Adds a type.
    pub fn add(&mut self, definition: &Definition<'_>) -> Result<TypeId, BuildError> {
        let place = self.append(definition)?;
        let id = self.reserve()?;
        self.put(id, place)?;
        Ok(id)
    }

    /// Defines a reserved type, or replaces one.
    pub fn set(&mut self, id: TypeId, definition: &Definition<'_>) -> Result<(), BuildError> {
        if self.index(id).is_none() {
            return Err(BuildError::NoSuchType { id });
        }
        let place = self.append(definition)?;
        self.put(id, place)
    }

    /// Offset of a string in the strings, added when it is not there. For records outside of BTF, such as line info.
    pub fn add_string(&mut self, text: &str) -> Result<u32, BuildError> {
        self.strings.add(text)
    }

    fn put(&mut self, id: TypeId, place: Place) -> Result<(), BuildError> {
        let slot = self.index(id).and_then(|index| self.records.get_mut(index));
        *slot.ok_or(BuildError::NoSuchType { id })? = place;
        Ok(())
    }

    fn append(&mut self, definition: &Definition<'_>) -> Result<Place, BuildError> {
        let start = self.words.len();
        if let Err(error) = definition.encode(&mut self.words, &mut self.strings) {
            self.words.truncate(start);
            return Err(error);
        }
        Ok(Place { start, len: self.words.len().saturating_sub(start) })
    }

    fn index(&self, id: TypeId) -> Option<usize> {
        let index = id.get().checked_sub(self.first_id)? as usize;
        (index < self.records.len()).then_some(index)
    }

    /// Words of an own type; empty while it is only reserved.
    pub(crate) fn words_of(&self, id: TypeId) -> Option<&[u32]> {
        let place = *self.records.get(self.index(id)?)?;
        self.words.get(place.start..)?.get(..place.len)
    }

    pub(crate) fn words_of_mut(&mut self, id: TypeId) -> Option<&mut [u32]> {
        let place = *self.records.get(self.index(id)?)?;
        self.words.get_mut(place.start..)?.get_mut(..place.len)
    }

    /// Kind of a type, those of the base included; `None` while it is only reserved.
    pub fn kind(&self, id: TypeId) -> Option<Kind> {
        if id.get() < self.first_id {
            return self
                .base
                .as_ref()
                .map_or(id.is_void().then_some(Kind::Void), |base| Some(base.get(id)?.kind()));
        }
        self.words_of(id)?.get(1).map(|info| Kind::from_info(*info))
    }

    /// Name of a type, empty when it has none.
    pub fn name(&self, id: TypeId) -> &str {
        if id.get() < self.first_id {
            return self
                .base
                .as_ref()
                .and_then(|base| base.get(id))
                .map_or("", |found| found.name());
        }
        self.words_of(id).and_then(|words| words.first()).map_or("", |offset| self.string(*offset))
    }

    fn string(&self, offset: u32) -> &str {
        let own = self.strings.get(offset);
        own.or_else(|| self.base.as_ref()?.string(offset)).unwrap_or_default()
    }

    fn own_ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        (self.first_id..self.len()).map(TypeId::new)
    }

    /// Leaves out the layout section of an imported blob, which kernels up to 6.18 refuse.
    pub fn drop_layout(&mut self) {
        self.layout.clear();
    }

    /// The blob in the given byte order.
    ///
    /// Fails when a reserved type was never defined, or when a type refers to one that does not exist; with
    /// [`BuildError::Source`] when the types or their base come from a blob that was [believed](Btf::parse_trusted) and is
    /// not valid.
    pub fn write(&self, order: ByteOrder) -> Result<Vec<u8>, BuildError> {
        if let Some(fault) = &self.fault {
            return Err(BuildError::Source(fault.clone()));
        }
        let end = self.len();
        let mut type_words = 0_usize;
        for id in self.own_ids() {
            let words = self
                .words_of(id)
                .filter(|words| !words.is_empty())
                .ok_or(BuildError::Undefined { id })?;
            type_words = type_words.saturating_add(words.len());
            let mut missing = None;
            crate::words::for_each_target(words, &mut |target| {
                if target >= end {
                    missing = Some(TypeId::new(target));
                }
            });
            if let Some(target) = missing {
                return Err(BuildError::NoSuchTarget { id, target });
            }
            if self.kind(id) == Some(Kind::Func) {
                let target = words.get(2).map_or(TypeId::VOID, |word| TypeId::new(*word));
                if self.kind(target) != Some(Kind::FuncProto) {
                    return Err(BuildError::NotPrototype { id, target });
                }
            }
        }
        let too_large = BuildError::TooLarge;
        let length = |bytes: usize| u32::try_from(bytes).map_err(|_| too_large.clone());
        let types = length(type_words.checked_mul(4).ok_or(BuildError::TooLarge)?)?;
        let layout = length(self.layout.len())?;
        let strings = self.strings.bytes();
        let header_len = if layout == 0 { HEADER_LEN } else { LAYOUT_HEADER_LEN };
        let strings_at = types.checked_add(layout).ok_or(BuildError::TooLarge)?;
        let total = [header_len, strings_at, length(strings.len())?]
            .into_iter()
            .try_fold(0_u32, u32::checked_add);
        let total = total.ok_or(BuildError::TooLarge)?;

        let mut out = Vec::with_capacity(total as usize);
        let word = |word: u32| order.u32_bytes(word);
        out.extend_from_slice(&order.u16_bytes(MAGIC));
        // Version 1, no flags.
        out.extend_from_slice(&[1, 0]);
        for field in [header_len, 0, types, strings_at, length(strings.len())?] {
            out.extend_from_slice(&word(field));
        }
        if layout != 0 {
            out.extend_from_slice(&word(types));
            out.extend_from_slice(&word(layout));
        }
        for words in self.own_ids().filter_map(|id| self.words_of(id)) {
            if order == ByteOrder::NATIVE {
                out.extend_from_slice(words.as_bytes());
            } else {
                out.extend(words.iter().flat_map(|value| word(*value)));
            }
        }
        for entry in self.layout.chunks_exact(4) {
            if let &[info_size, element_size, a, b] = entry {
                let [a, b] = order.u16_bytes(u16::from_ne_bytes([a, b]));
                out.extend_from_slice(&[info_size, element_size, a, b]);
            }
        }
        out.extend_from_slice(strings);
        Ok(out)
    }
}
