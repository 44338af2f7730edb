//! One blob behind another.

use alloc::vec::Vec;

use super::{TypeMap, refuse_unknown, words_of};
use crate::{Btf, BtfBuilder, BuildError, TypeId, words};

impl BtfBuilder {
    /// Adds all types of a blob, which get new ids in their order; each string is stored once. Nothing is merged: see
    /// [`dedup`](crate::dedup).
    ///
    /// A split blob can be added to a builder on the same base only.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
    /// # let mut builder = BtfBuilder::new();
    /// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
    /// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
    /// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
    /// let other = Btf::parse(builder.write(ByteOrder::Big)?)?;
    /// let mut all = BtfBuilder::new();
    /// all.add(&Definition::Float { name: "double", size: 8 })?;
    /// let ids = all.add_btf(&other)?;
    /// assert_eq!(ids.get(point).map(|id| id.get()), Some(3));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "btf__add_btf")]
    pub fn add_btf(&mut self, btf: &Btf) -> Result<TypeMap, BuildError> {
        self.add_btf_except(btf, |_| None)
    }

    /// Adds the types of a blob but for some: those that `known` gives the id of a type of this builder for, which stands for them
    /// from then on. With [`TypeId::VOID`] a type is left out.
    pub fn add_btf_except(
        &mut self,
        btf: &Btf,
        mut known: impl FnMut(TypeId) -> Option<TypeId>,
    ) -> Result<TypeMap, BuildError> {
        if let (Some(theirs), ours) = (btf.base(), self.base()) {
            if ours != Some(theirs) {
                return Err(BuildError::Base);
            }
        }
        btf.validate().map_err(BuildError::Source)?;
        refuse_unknown(btf)?;
        let old_first = btf.first_id().get();
        let mut next = self.len();
        let mut ids = Vec::new();
        let mut added = Vec::new();
        for (id, _) in btf.types() {
            let known = known(id);
            ids.push(known.map_or(next, TypeId::get));
            if known.is_none() {
                added.push(id);
                next = next.checked_add(1).ok_or(BuildError::TooManyTypes)?;
            }
        }
        // Strings of the base have their offsets in both.
        let own_strings = btf.base().map_or(0, Btf::string_end);
        for id in added {
            let mut record = words_of(btf, id);
            let mut failed = None;
            words::map_names(&mut record, &mut |offset| {
                if offset < own_strings {
                    return offset;
                }
                let text = btf.string_bytes(offset).unwrap_or_default();
                self.add_string_bytes(text).unwrap_or_else(|error| {
                    failed = Some(error);
                    0
                })
            });
            if let Some(error) = failed {
                return Err(error);
            }
            words::map_targets(&mut record, &mut |target| match target.checked_sub(old_first) {
                Some(index) => ids.get(index as usize).copied().unwrap_or_default(),
                None => target,
            });
            self.push_record(&record)?;
        }
        Ok(TypeMap::new(old_first, ids))
    }
}
