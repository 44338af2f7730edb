//! The strings of a blob under construction, each stored once.

use alloc::string::String;
use alloc::vec::Vec;

use super::BuildError;
use crate::index::hash;

#[derive(Clone, Debug)]
pub(crate) struct StringTable {
    /// Offset of the first byte: what the base's strings take.
    first: u32,
    bytes: Vec<u8>,
    /// Open addressing by hash; holds places in `bytes` plus 1, 0 is free. Made when the first string is added, so that
    /// a large blob which is imported and only rewired never pays for it.
    slots: Vec<u32>,
    used: usize,
}

impl StringTable {
    /// A table that continues a base, or begins with the empty string when there is none.
    pub(crate) fn new(base_end: Option<u32>) -> Self {
        let bytes = if base_end.is_some() { Vec::new() } else { alloc::vec![0] };
        Self { first: base_end.unwrap_or(0), bytes, slots: Vec::new(), used: 0 }
    }

    /// A table with all strings at their offsets.
    pub(crate) fn import(first: u32, bytes: &[u8]) -> Self {
        let mut bytes = bytes.to_vec();
        if first == 0 && bytes.is_empty() {
            bytes.push(0);
        }
        Self { first, bytes, slots: Vec::new(), used: 0 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The own string at an offset.
    pub(crate) fn get(&self, offset: u32) -> Option<&str> {
        core::str::from_utf8(self.at(offset.checked_sub(self.first)?)).ok()
    }

    fn at(&self, place: u32) -> &[u8] {
        let tail = self.bytes.get(place as usize..).unwrap_or_default();
        core::ffi::CStr::from_bytes_until_nul(tail)
            .map(core::ffi::CStr::to_bytes)
            .unwrap_or_default()
    }

    /// Offset of a string, which is added if it is not there.
    pub(crate) fn add(&mut self, text: &str) -> Result<u32, BuildError> {
        self.add_bytes(text.as_bytes())
    }

    /// The same for text in any encoding, such as lines of source.
    pub(crate) fn add_bytes(&mut self, text: &[u8]) -> Result<u32, BuildError> {
        if text.is_empty() {
            return Ok(0);
        }
        if text.contains(&0) {
            return Err(BuildError::Nul { name: String::from_utf8_lossy(text).into_owned() });
        }
        if let Some(offset) = self.lookup(text) {
            return Ok(offset);
        }
        let place = u32::try_from(self.bytes.len()).map_err(|_| BuildError::TooLarge)?;
        let offset = self.first.checked_add(place).ok_or(BuildError::TooLarge)?;
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.insert(place);
        Ok(offset)
    }

    /// Offset of a string that is there.
    pub(crate) fn lookup(&mut self, text: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            self.index();
        }
        self.find(text).and_then(|place| self.first.checked_add(place))
    }

    /// Slots to look at for a string, in order.
    fn probe(&self, text: &[u8]) -> impl Iterator<Item = usize> + use<> {
        // The number of slots is a power of two.
        let mask = self.slots.len().wrapping_sub(1);
        let start = hash(text) as usize;
        (0..self.slots.len()).map(move |step| start.wrapping_add(step) & mask)
    }

    fn find(&self, text: &[u8]) -> Option<u32> {
        for slot in self.probe(text) {
            let place = self.slots.get(slot)?.checked_sub(1)?;
            if self.at(place) == text {
                return Some(place);
            }
        }
        None
    }

    fn insert(&mut self, place: u32) {
        // At most three quarters full, so that probing ends soon.
        if self.used.saturating_mul(4) >= self.slots.len().saturating_mul(3) {
            self.index();
            return;
        }
        self.fill(place);
    }

    fn fill(&mut self, place: u32) {
        for slot in self.probe(self.at(place)) {
            if let Some(free) = self.slots.get_mut(slot).filter(|entry| **entry == 0) {
                *free = place.saturating_add(1);
                self.used = self.used.saturating_add(1);
                return;
            }
        }
    }

    /// Builds the slots anew for all strings.
    fn index(&mut self) {
        let starts = || {
            let mut place = 0_usize;
            self.bytes.split_inclusive(|byte| *byte == 0).filter_map(move |string| {
                let start = place;
                place = place.saturating_add(string.len());
                (string.len() > 1).then(|| u32::try_from(start).ok()).flatten()
            })
        };
        let count = starts().count();
        let places = starts().collect::<Vec<_>>();
        self.slots = alloc::vec![0; count.saturating_mul(2).next_power_of_two().max(16)];
        self.used = 0;
        for place in places {
            self.fill(place);
        }
    }
}
