//! Digests of types, which do not depend on their numbers.

use std::collections::{BTreeSet, HashMap};

use bpf_btf::{Btf, Kind, Type, TypeId};

use super::encoder::{Encoder, Hash};

/// What stands for a type that leads back to one whose digest is being made. Types that a compiler made do so only through
/// structures behind pointers, which their names stand for; others may do as they like.
const CYCLE: Hash = [0xcc; 32];

/// What stands for a number that is no type.
const NO_TYPE: Hash = [0xee; 32];

/// A type, and whether it is seen through a pointer: then a named structure is its name. That is how kernels compare them, and it
/// ends the walk.
type Place = (TypeId, bool);

/// A tag, with the index of the member or parameter that has it.
type Tag<'btf> = (Option<u32>, &'btf str, bool);

/// Digests of the types of an object, each made once.
#[derive(Debug)]
pub(super) struct TypeDigests<'btf> {
    btf: Option<&'btf Btf>,
    tags: HashMap<TypeId, BTreeSet<Tag<'btf>>>,
    known: HashMap<Place, Hash>,
}

/// A type whose digest is being made.
struct Frame {
    place: Place,
    children: Vec<Place>,
    next: usize,
}

impl<'btf> TypeDigests<'btf> {
    pub(super) fn new(btf: Option<&'btf Btf>) -> Self {
        let mut tags = HashMap::<_, BTreeSet<_>>::new();
        for (_, ty) in btf.into_iter().flat_map(Btf::types) {
            if let Type::DeclTag(tag) = ty {
                let entry = (tag.component(), tag.name(), tag.is_attribute());
                tags.entry(tag.target()).or_default().insert(entry);
            }
        }
        Self { btf, tags, known: HashMap::new() }
    }

    /// The digest of a type and of all that it is made of. The walk keeps its own stack: types may nest as deep as they like.
    pub(super) fn of(&mut self, id: TypeId) -> Hash {
        let root = (id, false);
        let mut stack = vec![self.frame(root)];
        let mut open: BTreeSet<Place> = BTreeSet::from([root]);
        while let Some(frame) = stack.last_mut() {
            let Some(&child) = frame.children.get(frame.next) else {
                let digest = self.digest(frame);
                open.remove(&frame.place);
                self.known.insert(frame.place, digest);
                stack.pop();
                continue;
            };
            frame.next = frame.next.saturating_add(1);
            if !self.known.contains_key(&child) && open.insert(child) {
                let frame = self.frame(child);
                stack.push(frame);
            }
        }
        self.known.get(&root).copied().unwrap_or(NO_TYPE)
    }

    fn frame(&self, place: Place) -> Frame {
        // What is known needs no second walk.
        let children =
            if self.known.contains_key(&place) { Vec::new() } else { self.children(place) };
        Frame { place, children, next: 0 }
    }

    fn get(&self, id: TypeId) -> Option<Type<'btf>> {
        self.btf?.get(id)
    }

    /// Whether the name of this type stands for it.
    fn is_name_alone((_, behind): Place, ty: Type<'_>) -> bool {
        behind && !ty.name().is_empty() && (ty.composite().is_some() || ty.kind() == Kind::Fwd)
    }

    /// The types that this one is made of, and those that its tags name.
    fn children(&self, place: Place) -> Vec<Place> {
        let (id, behind) = place;
        let Some(ty) = self.get(id) else { return Vec::new() };
        if Self::is_name_alone(place, ty) {
            return Vec::new();
        }
        let same = |id| (id, behind);
        let mut children: Vec<Place> = match ty {
            Type::Ptr(pointer) => vec![(pointer.target(), true)],
            Type::Array(array) => vec![same(array.element())],
            Type::Struct(of) | Type::Union(of) => {
                of.members().map(|member| same(member.type_id())).collect()
            }
            Type::Func(function) => vec![same(function.prototype())],
            Type::FuncProto(proto) => {
                let params = proto.params().map(|param| same(param.type_id()));
                std::iter::once(same(proto.return_type())).chain(params).collect()
            }
            Type::Var(variable) => vec![same(variable.type_id())],
            ty => ty.reference().map(|reference| same(reference.target())).into_iter().collect(),
        };
        for (_, tag, _) in self.tags.get(&id).into_iter().flatten() {
            // The head of a list or tree names what it holds (the kernel's `btf_find_graph_root`).
            let held = tag.strip_prefix("contains:").and_then(|rest| rest.split(':').next());
            let held = held.and_then(|name| self.btf?.find(name, Kind::Struct));
            children.extend(held.map(|id| (id, false)));
        }
        children
    }

    /// The digest of a type whose children are done.
    fn digest(&self, frame: &Frame) -> Hash {
        if let Some(known) = self.known.get(&frame.place) {
            return *known;
        }
        let (id, _) = frame.place;
        let Some(ty) = self.get(id) else { return NO_TYPE };
        let mut encoder = Encoder::new("type");
        if Self::is_name_alone(frame.place, ty) {
            // Whether the object also says what is in it decides nothing.
            let is_union = match ty {
                Type::Fwd(of) => of.is_union(),
                ty => ty.kind() == Kind::Union,
            };
            encoder.text("named");
            encoder.number(is_union);
            encoder.text(ty.name());
            return encoder.finish();
        }
        Self::shape(&mut encoder, ty);
        let tags = self.tags.get(&id);
        encoder.count(tags.map_or(0, BTreeSet::len));
        for (component, name, is_attribute) in tags.into_iter().flatten() {
            encoder.option(*component, Encoder::number);
            encoder.text(name);
            encoder.number(*is_attribute);
        }
        encoder.count(frame.children.len());
        for child in &frame.children {
            encoder.hash(self.known.get(child).unwrap_or(&CYCLE));
        }
        encoder.finish()
    }

    /// What a type says about itself.
    fn shape(encoder: &mut Encoder, ty: Type<'_>) {
        encoder.number(ty.kind().number());
        encoder.text(ty.name());
        match ty {
            Type::Int(of) => {
                for number in [of.size(), of.encoding(), of.bits(), of.bit_offset()] {
                    encoder.number(number);
                }
            }
            Type::Float(of) => encoder.number(of.size()),
            Type::Array(of) => encoder.number(of.len()),
            Type::Struct(of) | Type::Union(of) => {
                encoder.number(of.size());
                for member in of.members() {
                    encoder.text(member.name());
                    encoder.number(member.bit_offset());
                    encoder.option(member.bitfield_size(), Encoder::number);
                }
            }
            Type::Enum(of) | Type::Enum64(of) => {
                encoder.number(of.size());
                encoder.number(of.is_signed());
                encoder.count(of.value_count());
                for value in of.values() {
                    encoder.text(value.name());
                    encoder.number(value.bits());
                }
            }
            Type::Fwd(of) => encoder.number(of.is_union()),
            Type::Func(of) => encoder.number(of.linkage().number()),
            Type::FuncProto(of) => of.params().for_each(|param| encoder.text(param.name())),
            Type::Var(of) => encoder.number(of.linkage().number()),
            Type::TypeTag(of) => encoder.number(of.is_attribute()),
            Type::Unknown(of) => {
                encoder.number(of.vlen());
                encoder.number(of.size_or_type());
            }
            _ => {}
        }
    }
}
