//! Enumerations of either width.

use core::slice;

use super::{Head, view};
use crate::Kind;
use crate::raw::{RawEnum, RawEnum64};

/// Enumeration with values of 32 or 64 bits.
#[derive(Clone, Copy)]
pub struct Enum<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Enum);

#[derive(Clone, Copy)]
enum Values<'btf> {
    Narrow(&'btf [RawEnum]),
    Wide(&'btf [RawEnum64]),
}

impl<'btf> Enum<'btf> {
    #[inline]
    fn raw_values(&self) -> Values<'btf> {
        if self.kind() == Kind::Enum64 {
            Values::Wide(self.head.elements())
        } else {
            Values::Narrow(self.head.elements())
        }
    }

    /// Size in bytes.
    #[inline]
    pub fn size(&self) -> u32 {
        self.head.raw.size_or_type.get()
    }

    /// Whether the values are signed.
    pub fn is_signed(&self) -> bool {
        self.head.raw.kind_flag()
    }

    /// The enumerators in the order of their declaration.
    #[inline]
    pub fn values(&self) -> EnumValues<'btf> {
        let (narrow, wide) = match self.raw_values() {
            Values::Narrow(values) => (values.iter(), [].iter()),
            Values::Wide(values) => ([].iter(), values.iter()),
        };
        EnumValues { head: self.head, narrow, wide }
    }

    /// Number of enumerators.
    #[inline]
    pub fn value_count(&self) -> usize {
        match self.raw_values() {
            Values::Narrow(values) => values.len(),
            Values::Wide(values) => values.len(),
        }
    }

    /// The enumerator with an index.
    #[inline]
    pub fn value(&self, index: usize) -> Option<EnumValue<'btf>> {
        match self.raw_values() {
            Values::Narrow(values) => {
                values.get(index).map(|raw| EnumValue::narrow(self.head, *raw))
            }
            Values::Wide(values) => values.get(index).map(|raw| EnumValue::wide(self.head, raw)),
        }
    }

    pub(crate) fn each_name(&self, see: &mut dyn FnMut(u32)) {
        self.values().for_each(|value| see(value.name_off));
    }
}

/// Enumerators, made by [`Enum::values`].
#[derive(Clone)]
pub struct EnumValues<'btf> {
    head: Head<'btf>,
    /// One of the two is empty.
    narrow: slice::Iter<'btf, RawEnum>,
    wide: slice::Iter<'btf, RawEnum64>,
}

impl<'btf> Iterator for EnumValues<'btf> {
    type Item = EnumValue<'btf>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.narrow.next() {
            Some(raw) => Some(EnumValue::narrow(self.head, *raw)),
            None => self.wide.next().map(|raw| EnumValue::wide(self.head, raw)),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.narrow.len().max(self.wide.len());
        (len, Some(len))
    }
}

impl ExactSizeIterator for EnumValues<'_> {}

impl core::fmt::Debug for EnumValues<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// One enumerator.
#[derive(Clone, Copy)]
pub struct EnumValue<'btf> {
    head: Head<'btf>,
    name_off: u32,
    bits: u64,
}

impl<'btf> EnumValue<'btf> {
    #[inline]
    fn narrow(head: Head<'btf>, raw: RawEnum) -> Self {
        let word = raw.val.get();
        let sign = if head.raw.kind_flag() && word >> 31 == 1 { u64::MAX << 32 } else { 0 };
        Self { head, name_off: raw.name_off.get(), bits: sign | u64::from(word) }
    }

    #[inline]
    fn wide(head: Head<'btf>, raw: &RawEnum64) -> Self {
        let bits = u64::from(raw.val_hi32.get()) << 32 | u64::from(raw.val_lo32.get());
        Self { head, name_off: raw.name_off.get(), bits }
    }

    /// Name of the enumerator.
    #[inline]
    pub fn name(&self) -> &'btf str {
        self.head.btf.string(self.name_off).unwrap_or_default()
    }

    /// Offset of the name in the strings, 0 when it has none.
    #[inline]
    pub fn name_offset(&self) -> u32 {
        self.name_off
    }

    /// The value extended to 64 bits as its enumeration's sign says.
    #[inline]
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// The value as a number.
    #[inline]
    pub fn value(&self) -> i128 {
        if self.head.raw.kind_flag() {
            i128::from(i64::from_ne_bytes(self.bits.to_ne_bytes()))
        } else {
            i128::from(self.bits)
        }
    }
}

impl core::fmt::Debug for EnumValue<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} = {}", self.name(), self.value())
    }
}
