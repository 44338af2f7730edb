//! Whether types of any two blobs are the same.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::{Btf, Kind, TypeId, words};

/// A type of the first or second blob.
type Node = (bool, u32);

/// Types that are assumed to be equal, in classes. Joining classes ends the walk even where types form cycles, after as
/// many steps as there are types.
#[derive(Default)]
struct Classes(BTreeMap<Node, Node>);

impl Classes {
    fn find(&mut self, node: Node) -> Node {
        let mut root = node;
        while let Some(next) = self.0.get(&root) {
            root = *next;
        }
        let mut node = node;
        while node != root {
            node = self.0.insert(node, root).unwrap_or(root);
        }
        root
    }

    /// Whether the two were in different classes.
    fn join(&mut self, a: Node, b: Node) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a != b {
            self.0.insert(a, b);
        }
        a != b
    }
}

impl Btf {
    /// Whether a type and everything below it is the same as a type of another blob, or of this one: kinds, names, sizes,
    /// offsets, values, linkage. Where the types lie in the blobs does not matter, nor do tags on declarations, which
    /// refer to types and not the other way around. A forward declaration equals only another one.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
    /// # let mut builder = BtfBuilder::new();
    /// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
    /// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
    /// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
    /// let little = Btf::parse(builder.write(ByteOrder::Little)?)?;
    /// let big = Btf::parse(builder.write(ByteOrder::Big)?)?;
    /// assert!(little.types_equal(point, &big, point) && !little.types_equal(point, &big, int));
    /// assert_eq!(little.type_hash(point), big.type_hash(point));
    /// # Ok(()) }
    /// ```
    pub fn types_equal(&self, id: TypeId, other: &Self, other_id: TypeId) -> bool {
        let mut classes = Classes::default();
        let mut work = Vec::from([(id, other_id)]);
        while let Some((a, b)) = work.pop() {
            if a.is_void() || b.is_void() {
                if a != b {
                    return false;
                }
                continue;
            }
            let same_place = self.same(other) && a == b;
            if same_place || !classes.join((false, a.get()), (true, b.get())) {
                continue;
            }
            let (Some(ours), Some(theirs)) = (self.shape(a), other.shape(b)) else { return false };
            if ours != theirs {
                return false;
            }
            work.extend(self.targets(a).into_iter().zip(other.targets(b)));
        }
        true
    }

    /// A number that equal types (see [`types_equal`](Self::types_equal)) have in common, and that others rarely do.
    pub fn type_hash(&self, id: TypeId) -> u64 {
        let mut hash = Fnv::default();
        hash.shape(self, id);
        for target in self.targets(id) {
            // One step is enough to tell most types apart, and cannot go in circles.
            hash.shape(self, target);
        }
        hash.0
    }

    /// The words of a record without those that say where other things are, and its names. `None` for kinds whose words
    /// are not known.
    fn shape(&self, id: TypeId) -> Option<(Vec<u32>, Vec<&[u8]>)> {
        let owner = core::iter::successors(Some(self), |btf| btf.base())
            .find(|btf| btf.first_id() <= id)?;
        if let Kind::Unknown(_) = self.get(id)?.kind() {
            return None;
        }
        let mut record = crate::rewrite::words_of(owner, id);
        let mut names = Vec::new();
        words::for_each_name(&record, &mut |offset| {
            names.push(self.string_bytes(offset).unwrap_or_default());
        });
        words::map_names(&mut record, &mut |_| 0);
        words::map_targets(&mut record, &mut |_| 0);
        Some((record, names))
    }
}

/// The FNV-1a hash.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn shape(&mut self, btf: &Btf, id: TypeId) {
        let Some((record, names)) = btf.shape(id) else { return self.bytes(&[0]) };
        for word in record {
            self.bytes(&word.to_le_bytes());
        }
        for name in names {
            self.bytes(name);
            self.bytes(&[0]);
        }
    }
}
