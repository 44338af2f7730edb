//! Where the bytes of a blob live.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// The bytes of a BTF blob: owned, static, or shared (a mapped file), never copied when they are in native order.
///
/// Shared bytes should stay as they are while a [`Btf`](crate::Btf) reads them. If they change, the `Btf` answers
/// wrongly or with nothing, but stays memory safe and does not panic.
#[derive(Clone)]
pub struct BtfBytes(Repr);

#[derive(Clone)]
enum Repr {
    Owned(Vec<u8>),
    Static(&'static [u8]),
    Shared(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl BtfBytes {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Owned(bytes) => bytes,
            Repr::Static(bytes) => bytes,
            Repr::Shared(bytes) => (**bytes).as_ref(),
        }
    }
}

impl fmt::Debug for BtfBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BtfBytes({} bytes)", self.as_slice().len())
    }
}

impl From<Vec<u8>> for BtfBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Owned(bytes))
    }
}

impl From<&'static [u8]> for BtfBytes {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Repr::Static(bytes))
    }
}

impl From<Arc<dyn AsRef<[u8]> + Send + Sync>> for BtfBytes {
    fn from(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Self {
        Self(Repr::Shared(bytes))
    }
}
