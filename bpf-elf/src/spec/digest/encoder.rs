//! The encoding that is hashed: fields in a fixed order, each with its length where that is not fixed.

use bpf_asm::Sha256;

/// A digest of a part.
pub(crate) type Hash = [u8; 32];

/// Hashes fields.
#[derive(Clone, Debug)]
pub(super) struct Encoder(Sha256);

impl Encoder {
    /// Begins a part; `what` sets it apart from parts of other kinds.
    pub(super) fn new(what: &str) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.text(what);
        encoder
    }

    pub(super) fn number(&mut self, number: impl Into<u64>) {
        self.0.update(&number.into().to_le_bytes());
    }

    /// A count or index.
    pub(super) fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(super) fn hash(&mut self, hash: &Hash) {
        self.0.update(hash);
    }

    /// A value that may be missing.
    pub(super) fn option<T>(&mut self, value: Option<T>, encode: impl FnOnce(&mut Self, T)) {
        self.number(value.is_some());
        if let Some(value) = value {
            encode(self, value);
        }
    }

    pub(super) fn finish(self) -> Hash {
        self.0.finish()
    }
}
