//! A blob that was read.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt;

use once_cell::race::OnceBox;
use zerocopy::FromBytes;

use crate::header::Header;
use crate::index::NameIndex;
use crate::parse::Scan;
use crate::raw::RawType;
use crate::validate::Trust;
use crate::{BtfBytes, ByteOrder, Error, Kind, Type, TypeId};

/// BTF that was validated once; every question about it afterwards is cheap and cannot fail for reasons of format.
/// Only what [`parse_trusted`](Self::parse_trusted) opened is believed before it is validated.
///
/// A clone shares everything. The bytes are kept in native order, next to one `u32` per type; views of types
/// ([`Type`]) borrow from them and allocate nothing.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
/// # let mut builder = BtfBuilder::new();
/// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
/// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
/// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
/// let btf = Btf::parse(builder.write(ByteOrder::Big)?)?;
/// assert_eq!(btf.byte_order(), ByteOrder::Big);
/// for (id, found) in btf.types() {
///     println!("{id} {} {:?}", found.kind(), found.name());
/// }
/// let point = btf.find("point", bpf_btf::Kind::Struct).ok_or("no point")?;
/// assert_eq!((btf.size_of(point)?, btf.align_of(point)?), (8, 4));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Btf(Arc<Inner>);

struct Inner {
    bytes: BtfBytes,
    header: Header,
    /// Offset of each own type from the start of the bytes.
    offsets: Vec<u32>,
    base: Option<Btf>,
    /// Id of the first own type: 1 without a base.
    first_id: u32,
    /// Offset of the first own string: 0 without a base.
    first_string: u32,
    index: OnceBox<NameIndex>,
    /// What validating found, for a blob that was not validated when it was opened.
    deferred: Option<OnceBox<Result<(), Error>>>,
}

impl Btf {
    /// Validates a blob, such as the `.BTF` section of an object or `/sys/kernel/btf/vmlinux`.
    ///
    /// Bytes in the machine's order are used where they are; others are swapped once into an owned copy.
    pub fn parse(bytes: impl Into<BtfBytes>) -> Result<Self, Error> {
        Self::read(bytes.into(), None, Trust::None)
    }

    /// Validates a split blob, such as the BTF of a kernel module, whose ids and string offsets continue those of `base`.
    ///
    /// A base that was [not validated](Self::parse_trusted) when it was opened is validated now.
    pub fn parse_split(bytes: impl Into<BtfBytes>, base: &Self) -> Result<Self, Error> {
        base.validate()?;
        Self::read(bytes.into(), Some(base.clone()), Trust::None)
    }

    pub(crate) fn read(
        mut bytes: BtfBytes,
        base: Option<Self>,
        trust: Trust,
    ) -> Result<Self, Error> {
        let mut blob = bytes.as_slice();
        let header = Header::parse(blob)?;
        if header.order != ByteOrder::NATIVE {
            bytes = BtfBytes::from(header.swapped(blob));
            blob = bytes.as_slice();
        }
        let strings = blob.get(header.strings.clone()).unwrap_or_default();
        // Kernel modules exist whose split BTF has no string at all.
        if strings.last().is_some_and(|last| *last != 0) {
            return Err(Error::StringsEnd);
        }
        if base.is_none() && strings.first().is_some_and(|first| *first != 0) {
            return Err(Error::StringsStart);
        }
        let first_id = base.as_ref().map_or(1, Self::len);
        let first_string = base.as_ref().map_or(0, Self::string_end);
        let string_end =
            u32::try_from(strings.len()).ok().and_then(|len| first_string.checked_add(len));
        if string_end.is_none() {
            return Err(Error::TooLarge { len: strings.len() });
        }
        let scan = Scan::new(blob, &header, base.as_ref());
        let (offsets, deferred) = match trust {
            Trust::None => (scan.run()?, None),
            Trust::Whole => (scan.skim()?, Some(OnceBox::new())),
        };
        let index = OnceBox::new();
        let inner = Inner { bytes, header, offsets, base, first_id, first_string, index, deferred };
        let btf = Self(Arc::new(inner));
        if btf.0.deferred.is_none() {
            btf.check_names()?;
        }
        Ok(btf)
    }

    /// What became of the checks that opening put off; `None` when it put none off.
    pub(crate) fn deferred(&self) -> Option<&OnceBox<Result<(), Error>>> {
        self.0.deferred.as_ref()
    }

    /// Byte order of the bytes that were read. What [`bytes`](Self::bytes) gives is always native.
    pub fn byte_order(&self) -> ByteOrder {
        self.0.header.order
    }

    /// The whole blob in native byte order, without the base.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes.as_slice()
    }

    /// The blob that this one continues.
    pub fn base(&self) -> Option<&Self> {
        self.0.base.as_ref()
    }

    /// The number that the next type would have: the count of types, with `void` and those of the base.
    #[expect(clippy::len_without_is_empty, reason = "void is always there")]
    pub fn len(&self) -> u32 {
        // The scan counted without overflow.
        #[expect(clippy::cast_possible_truncation, reason = "as many offsets as ids")]
        self.0.first_id.saturating_add(self.0.offsets.len() as u32)
    }

    /// Id of the first type of this blob itself; 1 without a base.
    pub fn first_id(&self) -> TypeId {
        TypeId::new(self.0.first_id)
    }

    /// The type with an id; [`Type::Void`] for 0.
    #[inline]
    pub fn get(&self, id: TypeId) -> Option<Type<'_>> {
        if id.is_void() {
            return Some(Type::Void);
        }
        Type::decode(self, id, self.record(id)?)
    }

    /// Whether a type has an id.
    #[inline]
    pub(crate) fn has(&self, id: TypeId) -> bool {
        id.get() < self.len()
    }

    /// The types of this blob itself in the order of ids, without `void` and without the base.
    pub fn types(&self) -> impl DoubleEndedIterator<Item = (TypeId, Type<'_>)> + '_ {
        let bytes = self.bytes();
        // Ids and offsets are equally many, so the zip can be walked from either end.
        (self.0.first_id..self.len()).zip(&self.0.offsets).filter_map(move |(number, offset)| {
            let id = TypeId::new(number);
            Some((id, Type::decode(self, id, bytes.get(*offset as usize..)?)?))
        })
    }

    /// The bytes from the start of a record to the end of its blob.
    #[inline]
    pub(crate) fn record(&self, id: TypeId) -> Option<&[u8]> {
        let mut owner = self;
        loop {
            if let Some(index) = id.get().checked_sub(owner.0.first_id) {
                let offset = *owner.0.offsets.get(index as usize)?;
                return owner.bytes().get(offset as usize..);
            }
            owner = owner.base()?;
        }
    }

    /// Where the own types start.
    pub(crate) fn offsets(&self) -> &[u32] {
        &self.0.offsets
    }

    /// The types of a kind of this blob itself, in the order of ids, without the base.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = TypeId> + '_ {
        let is_it = move |raw: &RawType| Kind::from_info(raw.info.get()) == kind;
        self.raw_types().filter(move |(_, raw)| is_it(raw)).map(|(id, _)| id)
    }

    /// The heads of the own types.
    pub(crate) fn raw_types(&self) -> impl Iterator<Item = (TypeId, &RawType)> + '_ {
        let bytes = self.bytes();
        (self.0.first_id..).zip(&self.0.offsets).filter_map(move |(number, offset)| {
            let (raw, _) = RawType::ref_from_prefix(bytes.get(*offset as usize..)?).ok()?;
            Some((TypeId::new(number), raw))
        })
    }

    /// The bytes of an own record, no more.
    pub(crate) fn exact_record(&self, id: TypeId) -> Option<&[u8]> {
        let index = id.get().checked_sub(self.0.first_id)? as usize;
        let start = *self.0.offsets.get(index)?;
        let end = self
            .0
            .offsets
            .get(index.checked_add(1)?)
            .map_or(self.0.header.types.end, |next| *next as usize);
        self.bytes().get(start as usize..end)
    }

    /// Where the sections are.
    pub(crate) fn header(&self) -> &Header {
        &self.0.header
    }

    /// The entries of the layout section in native order.
    pub(crate) fn layout(&self) -> &[u8] {
        self.bytes().get(self.0.header.layout.clone()).unwrap_or_default()
    }

    /// The string at an offset: `None` beyond the strings, or when it is not UTF-8 (see [`string_bytes`](Self::string_bytes)).
    #[inline]
    pub fn string(&self, offset: u32) -> Option<&str> {
        core::str::from_utf8(self.string_bytes(offset)?).ok()
    }

    /// No more than so many bytes of the string at an offset, and whole characters: for texts that a blob may name often, of which each may
    /// be as long as the blob. `None` beyond the strings, or when these bytes are not UTF-8.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use bpf_btf::{Btf, BtfBuilder, ByteOrder};
    /// let mut builder = BtfBuilder::new();
    /// let offset = builder.add_string("naïve")?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// assert_eq!(btf.string_start(offset, 3), Some("na"));
    /// assert_eq!(btf.string_start(offset, 99), Some("naïve"));
    /// # Ok(()) }
    /// ```
    pub fn string_start(&self, offset: u32, most: usize) -> Option<&str> {
        let tail = self.string_tail(offset)?;
        let start = tail.get(..most).unwrap_or(tail);
        let end = start.iter().position(|byte| *byte == 0);
        let bytes = start.get(..end.unwrap_or(start.len()))?;
        match core::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // The end may be within a character, which more bytes would make whole.
            Err(error) if end.is_none() && error.error_len().is_none() => {
                bytes.get(..error.valid_up_to()).and_then(|text| core::str::from_utf8(text).ok())
            }
            Err(_) => None,
        }
    }

    /// The bytes of the string at an offset without the final nul. Source lines may be in any encoding.
    #[inline]
    pub fn string_bytes(&self, offset: u32) -> Option<&[u8]> {
        CStr::from_bytes_until_nul(self.string_tail(offset)?).ok().map(CStr::to_bytes)
    }

    /// The bytes from an offset in the strings to the end of the section that it is in.
    #[inline]
    pub(crate) fn string_tail(&self, offset: u32) -> Option<&[u8]> {
        let mut owner = self;
        loop {
            if let Some(own) = offset.checked_sub(owner.0.first_string) {
                return owner.own_strings().get(own as usize..);
            }
            owner = owner.base()?;
        }
    }

    /// The strings, for who looks at many of them.
    #[inline]
    pub(crate) fn strings(&self) -> Strings<'_> {
        Strings { btf: self, own: self.own_strings(), first: self.0.first_string }
    }

    /// The head of a record.
    #[inline]
    pub(crate) fn raw(&self, id: TypeId) -> Option<&RawType> {
        if id.is_void() {
            return None;
        }
        RawType::ref_from_prefix(self.record(id)?).ok().map(|(raw, _)| raw)
    }

    /// Whether the string at an offset is `text`, which has no nul byte.
    #[inline]
    pub(crate) fn string_is(&self, offset: u32, text: &[u8]) -> bool {
        let tail = self.string_tail(offset).and_then(|tail| tail.strip_prefix(text));
        tail.and_then(<[u8]>::first) == Some(&0)
    }

    /// The string section of this blob itself.
    pub(crate) fn own_strings(&self) -> &[u8] {
        self.bytes().get(self.0.header.strings.clone()).unwrap_or_default()
    }

    /// The end of the string offsets: where split BTF on this one continues.
    pub(crate) fn string_end(&self) -> u32 {
        let own = u32::try_from(self.own_strings().len()).unwrap_or(u32::MAX);
        self.0.first_string.saturating_add(own)
    }

    /// The first type with a name and kind, those of the base before own ones. The empty name finds nothing.
    ///
    /// The first lookup by name makes an index (about 8 bytes per named type), unless the types are
    /// sorted by name, which newer kernels do.
    pub fn find(&self, name: &str, kind: Kind) -> Option<TypeId> {
        self.find_all(name).find(|id| self.get(*id).is_some_and(|found| found.kind() == kind))
    }

    /// All types with a name, those of the base first, in the order of ids.
    pub fn find_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        self.levels().flat_map(move |btf| btf.index().find(btf, name))
    }

    pub(crate) fn index(&self) -> &NameIndex {
        self.0.index.get_or_init(|| alloc::boxed::Box::new(NameIndex::build(self)))
    }

    /// Whether two handles share one blob.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The strings of a blob, its own ones at hand.
#[derive(Clone, Copy)]
pub(crate) struct Strings<'btf> {
    btf: &'btf Btf,
    own: &'btf [u8],
    first: u32,
}

impl<'btf> Strings<'btf> {
    /// The bytes from an offset to the end of the section that it is in.
    #[inline]
    pub(crate) fn tail(&self, offset: u32) -> Option<&'btf [u8]> {
        match offset.checked_sub(self.first) {
            Some(own) => self.own.get(own as usize..),
            None => self.btf.string_tail(offset),
        }
    }
}

impl PartialEq for Btf {
    /// Equal content: the same bytes in native order, on equal bases.
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || (self.bytes() == other.bytes() && self.base() == other.base())
    }
}

impl Eq for Btf {}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Btf")
            .field("types", &self.0.offsets.len())
            .field("bytes", &self.bytes().len())
            .field("byte_order", &self.byte_order())
            .field("first_id", &self.0.first_id)
            .finish_non_exhaustive()
    }
}
