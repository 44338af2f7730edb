//! Bytes in one byte order.

use bpf_asm::ByteOrder;

/// A buffer that grows at its end.
#[derive(Debug)]
pub(crate) struct Bytes {
    bytes: Vec<u8>,
    order: ByteOrder,
}

impl Bytes {
    pub(crate) fn new(order: ByteOrder) -> Self {
        Self { bytes: Vec::new(), order }
    }

    pub(crate) fn order(&self) -> ByteOrder {
        self.order
    }

    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len().saturating_add(count), 0);
    }

    /// Zeros up to a multiple of a power of two.
    pub(crate) fn align(&mut self, align: u64) {
        let align = usize::try_from(align.clamp(1, 4096)).unwrap_or(1);
        if let Some(end) = self.bytes.len().checked_next_multiple_of(align) {
            self.bytes.resize(end, 0);
        }
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.put(&match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        });
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(&match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        });
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.put(&match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        });
    }

    /// Replaces bytes that are there.
    pub(crate) fn overwrite(&mut self, at: u64, bytes: &[u8]) {
        let range = usize::try_from(at).ok().and_then(|at| Some(at..at.checked_add(bytes.len())?));
        if let Some(place) = range.and_then(|range| self.bytes.get_mut(range)) {
            place.copy_from_slice(bytes);
        }
    }
}
