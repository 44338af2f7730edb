//! Enumerations of either width.

use super::{Head, view};
use crate::raw::{RawEnum, RawEnum64};

/// Enumeration with values of 32 or 64 bits.
#[derive(Clone, Copy)]
pub struct Enum<'btf> {
    pub(super) head: Head<'btf>,
    values: Values<'btf>,
}
view!(Enum);

#[derive(Clone, Copy)]
enum Values<'btf> {
    Narrow(&'btf [RawEnum]),
    Wide(&'btf [RawEnum64]),
}

impl<'btf> Enum<'btf> {
    pub(super) fn narrow(head: Head<'btf>, values: &'btf [RawEnum]) -> Self {
        Self { head, values: Values::Narrow(values) }
    }

    pub(super) fn wide(head: Head<'btf>, values: &'btf [RawEnum64]) -> Self {
        Self { head, values: Values::Wide(values) }
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
        EnumValues { of: *self, range: 0..self.value_count() }
    }

    /// Number of enumerators.
    pub fn value_count(&self) -> usize {
        match self.values {
            Values::Narrow(values) => values.len(),
            Values::Wide(values) => values.len(),
        }
    }

    /// The enumerator with an index.
    #[inline]
    pub fn value(&self, index: usize) -> Option<EnumValue<'btf>> {
        let signed = self.is_signed();
        let (name_off, bits) = match self.values {
            Values::Narrow(values) => {
                let raw = values.get(index)?;
                let word = raw.val.get();
                let bits = if signed { sign_extend(word) } else { u64::from(word) };
                (raw.name_off.get(), bits)
            }
            Values::Wide(values) => {
                let raw = values.get(index)?;
                let bits = u64::from(raw.val_hi32.get()) << 32 | u64::from(raw.val_lo32.get());
                (raw.name_off.get(), bits)
            }
        };
        Some(EnumValue { head: self.head, name_off, bits, signed })
    }

    pub(crate) fn each_name(&self, see: &mut dyn FnMut(u32)) {
        match self.values {
            Values::Narrow(values) => values.iter().for_each(|raw| see(raw.name_off.get())),
            Values::Wide(values) => values.iter().for_each(|raw| see(raw.name_off.get())),
        }
    }
}

/// Enumerators, made by [`Enum::values`].
#[derive(Clone, Debug)]
pub struct EnumValues<'btf> {
    of: Enum<'btf>,
    range: core::ops::Range<usize>,
}

impl<'btf> Iterator for EnumValues<'btf> {
    type Item = EnumValue<'btf>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.of.value(self.range.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl ExactSizeIterator for EnumValues<'_> {}

/// One enumerator.
#[derive(Clone, Copy)]
pub struct EnumValue<'btf> {
    head: Head<'btf>,
    name_off: u32,
    bits: u64,
    signed: bool,
}

impl<'btf> EnumValue<'btf> {
    /// Name of the enumerator.
    #[inline]
    pub fn name(&self) -> &'btf str {
        self.head.btf.string(self.name_off).unwrap_or_default()
    }

    /// The value extended to 64 bits as its enumeration's sign says.
    #[inline]
    pub fn bits(&self) -> u64 {
        self.bits
    }

    /// The value as a number.
    #[inline]
    pub fn value(&self) -> i128 {
        if self.signed {
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

fn sign_extend(word: u32) -> u64 {
    let sign = if word >> 31 == 1 { u64::MAX << 32 } else { 0 };
    sign | u64::from(word)
}
