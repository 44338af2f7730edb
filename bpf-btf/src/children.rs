//! Walking from types to those below them.

use alloc::vec::Vec;

use crate::{Btf, Type, TypeId};

impl Btf {
    /// Calls `see` with each type that a type refers to, in the order of the record. `void` is among them.
    pub fn for_each_target(&self, id: TypeId, see: &mut dyn FnMut(TypeId)) {
        match self.get(id) {
            None
            | Some(
                Type::Void
                | Type::Int(_)
                | Type::Float(_)
                | Type::Fwd(_)
                | Type::Enum(_)
                | Type::Enum64(_)
                | Type::Unknown(_),
            ) => {}
            Some(
                Type::Ptr(found)
                | Type::Typedef(found)
                | Type::Const(found)
                | Type::Volatile(found)
                | Type::Restrict(found)
                | Type::TypeTag(found),
            ) => see(found.target()),
            Some(Type::Array(array)) => {
                see(array.element());
                see(array.index());
            }
            Some(Type::Struct(composite) | Type::Union(composite)) => {
                composite.members().for_each(|member| see(member.type_id()));
            }
            Some(Type::Func(func)) => see(func.prototype()),
            Some(Type::FuncProto(proto)) => {
                see(proto.return_type());
                proto.params().for_each(|param| see(param.type_id()));
            }
            Some(Type::Var(var)) => see(var.type_id()),
            Some(Type::Datasec(section)) => {
                section.entries().for_each(|entry| see(entry.type_id()));
            }
            Some(Type::DeclTag(tag)) => see(tag.target()),
        }
    }

    /// The types that a type refers to, in the order of the record.
    pub fn targets(&self, id: TypeId) -> Vec<TypeId> {
        let mut out = Vec::new();
        self.for_each_target(id, &mut |target| out.push(target));
        out
    }

    /// All types below a type and the type itself, each once, after those that it refers to. Where types form a cycle
    /// one of them comes before what it refers to. `void` is left out.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, NewMember};
    /// # let mut builder = BtfBuilder::new();
    /// # let int = builder.add(&Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false })?;
    /// # let members = [NewMember::new("x", int, 0), NewMember::new("y", int, 32)];
    /// # let point = builder.add(&Definition::Struct { name: "point", size: 8, members: &members })?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// assert_eq!(btf.post_order(point).collect::<Vec<_>>(), [int, point]);
    /// assert_eq!(btf.targets(point), [int, int]);
    /// # Ok(()) }
    /// ```
    pub fn post_order(&self, root: TypeId) -> PostOrder<'_> {
        let seen = alloc::vec![0_u64; (self.len() as usize).div_ceil(64)];
        let mut walk = PostOrder { btf: self, seen, stack: Vec::new() };
        walk.enter(root);
        walk
    }
}

/// Types from the inside out, made by [`Btf::post_order`]. The depth is limited by memory only, not by the stack.
#[derive(Clone, Debug)]
pub struct PostOrder<'btf> {
    btf: &'btf Btf,
    /// One bit per type.
    seen: Vec<u64>,
    /// Types on the way and what of theirs is still to be visited, last first.
    stack: Vec<(TypeId, Vec<TypeId>)>,
}

impl PostOrder<'_> {
    fn enter(&mut self, id: TypeId) {
        let number = id.get();
        let bit = 1_u64.checked_shl(number & 63).unwrap_or(0);
        let word = self.seen.get_mut((number >> 6) as usize).filter(|word| **word & bit == 0);
        if let (Some(word), false, true) = (word, id.is_void(), number < self.btf.len()) {
            *word |= bit;
            let mut targets = self.btf.targets(id);
            targets.reverse();
            self.stack.push((id, targets));
        }
    }
}

impl Iterator for PostOrder<'_> {
    type Item = TypeId;

    fn next(&mut self) -> Option<TypeId> {
        loop {
            let (id, targets) = self.stack.last_mut()?;
            let id = *id;
            if let Some(target) = targets.pop() {
                self.enter(target);
            } else {
                self.stack.pop();
                return Some(id);
            }
        }
    }
}
