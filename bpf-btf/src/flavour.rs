//! Types by their names without flavours.

use crate::core::essential_name;
use crate::{Btf, TypeId};

impl Btf {
    /// All types that stand for the same as `name` (libbpf: flavours): those called so, and those called so with `___` and more
    /// behind it. A flavour of `name` itself does not matter. Those of the base come first, in the order of ids.
    ///
    /// This looks at the name of every type, unlike [`find_all`](Self::find_all), which has an index.
    ///
    /// ```
    /// use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut builder = BtfBuilder::new();
    /// let old = builder.add(&Definition::Struct { name: "task___old", size: 8, members: &[] })?;
    /// let new = builder.add(&Definition::Struct { name: "task___new", size: 16, members: &[] })?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// assert_eq!(btf.find_flavours("task").collect::<Vec<_>>(), [old, new]);
    /// assert_eq!(btf.find_all("task").next(), None);
    /// # Ok(()) }
    /// ```
    pub fn find_flavours<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let wanted = essential_name(name);
        self.levels().flat_map(move |btf| {
            btf.raw_types().filter_map(move |(id, raw)| {
                let offset = raw.name_off.get();
                // Nearly all names begin otherwise.
                let tail = self.string_tail(offset)?;
                if wanted.is_empty() || !tail.starts_with(wanted.as_bytes()) {
                    return None;
                }
                (essential_name(self.string(offset)?) == wanted).then_some(id)
            })
        })
    }

    /// The bases, the innermost first, and this blob last.
    pub(crate) fn levels(&self) -> impl Iterator<Item = &Self> + '_ {
        let levels = core::iter::successors(Some(self), |btf| btf.base()).count();
        (0..levels).rev().filter_map(move |depth| {
            core::iter::successors(Some(self), |btf| btf.base()).nth(depth)
        })
    }
}
