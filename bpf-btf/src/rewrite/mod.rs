//! Blobs made from other blobs: with other ids, and with strings at other offsets.

mod append;
mod distill;
mod ext;
mod minimize;
mod permute;

use alloc::vec::Vec;

use crate::{Btf, BtfBuilder, BuildError, Kind, TypeId};

pub use distill::{Distilled, RelocateError, distill, relocate_base};
pub use minimize::Minimizer;
pub use permute::{permute, sort_by_name};

/// What became of the types of a blob: an id before gives the id after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeMap {
    /// Ids below are those of the base, which stay.
    first: u32,
    /// The id after; 0 for a type that was left out.
    ids: Vec<u32>,
}

impl TypeMap {
    pub(crate) fn new(first: u32, ids: Vec<u32>) -> Self {
        Self { first, ids }
    }

    /// The id after; `None` for a type that was left out, or never was.
    pub fn get(&self, id: TypeId) -> Option<TypeId> {
        match id.get().checked_sub(self.first) {
            None => Some(id),
            Some(index) => {
                self.ids.get(index as usize).filter(|id| **id != 0).map(|id| TypeId::new(*id))
            }
        }
    }

    /// Each own id before with the id after, without types that were left out.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, TypeId)> + '_ {
        (self.first..)
            .zip(&self.ids)
            .filter(|(_, after)| **after != 0)
            .map(|(before, after)| (TypeId::new(before), TypeId::new(*after)))
    }
}

/// A blob that was made from another one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rewritten {
    /// The new types.
    pub builder: BtfBuilder,
    /// What became of the old ids.
    pub ids: TypeMap,
}

/// The words of a record.
pub(crate) fn words_of(btf: &Btf, id: TypeId) -> Vec<u32> {
    let record = btf.exact_record(id).unwrap_or_default();
    let words = record.chunks_exact(4).filter_map(|word| word.first_chunk());
    words.map(|word| u32::from_ne_bytes(*word)).collect()
}

/// The first type of a kind whose references are not known.
pub(crate) fn refuse_unknown(btf: &Btf) -> Result<(), BuildError> {
    match btf.raw_types().find_map(|(id, raw)| match Kind::from_info(raw.info.get()) {
        Kind::Unknown(kind) => Some(BuildError::UnknownKind { id, kind }),
        _ => None,
    }) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
