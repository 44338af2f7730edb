//! Sizes, alignments, and what lies under typedefs and modifiers.

use zerocopy::FromBytes;

use crate::raw::RawType;
use crate::view::Head;
use crate::{Btf, Error, Kind, Type, TypeId};

/// How many typedefs, modifiers or arrays may follow each other. The kernel allows 32.
const MAX_CHAIN: usize = 64;

/// How many members an alignment may look at: nested composites of a hostile blob could be counted for ever.
const MAX_MEMBERS: u32 = 1 << 16;

/// Size of a pointer in programs and in 64-bit kernels.
const POINTER_SIZE: u8 = 8;

impl Btf {
    /// The type under all typedefs and modifiers. A chain that does not end gives some type of the chain.
    pub fn strip(&self, id: TypeId) -> TypeId {
        self.strip_while(id, |kind| kind.is_modifier() || kind == Kind::Typedef)
    }

    /// The type under all modifiers (`const`, `volatile`, `restrict`, type tags); typedefs stay.
    pub fn strip_modifiers(&self, id: TypeId) -> TypeId {
        self.strip_while(id, Kind::is_modifier)
    }

    #[inline]
    fn strip_while(&self, id: TypeId, peel: impl Fn(Kind) -> bool) -> TypeId {
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            match self.raw(id).filter(|raw| peel(Kind::from_info(raw.info.get()))) {
                Some(raw) => id = TypeId::new(raw.size_or_type.get()),
                None => break,
            }
        }
        id
    }

    /// The type under all typedefs and modifiers as a view.
    pub fn resolve(&self, id: TypeId) -> Option<Type<'_>> {
        match self.under(id) {
            Some(head) => Type::of(head),
            None => self.get(self.strip(id)),
        }
    }

    /// The record under all typedefs and modifiers; `None` for `void`, and where [`resolve`](Self::resolve) has to tell.
    #[inline]
    pub(crate) fn under(&self, id: TypeId) -> Option<Head<'_>> {
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            let (raw, tail) = RawType::ref_from_prefix(self.record(id)?).ok()?;
            let kind = Kind::from_info(raw.info.get());
            if !kind.is_modifier() && kind != Kind::Typedef {
                return Some(Head { btf: self, id, raw, tail });
            }
            id = TypeId::new(raw.size_or_type.get());
        }
        None
    }

    /// Size of a pointer in bytes: that of `long` where the blob has it (4 in the BTF of 32-bit kernels), else 8.
    pub fn pointer_size(&self) -> u8 {
        let is_long = |name: &str| {
            matches!(name, "long" | "long int" | "long unsigned int" | "unsigned long")
        };
        let mut level = Some(self);
        while let Some(btf) = level {
            let long = btf.types().find_map(|(_, found)| match found {
                Type::Int(int) if matches!(int.size(), 4 | 8) && is_long(int.name()) => {
                    Some(int.size())
                }
                _ => None,
            });
            if let Some(size) = long {
                return if size == 4 { 4 } else { POINTER_SIZE };
            }
            level = btf.base();
        }
        POINTER_SIZE
    }

    /// Size of a type in bytes, pointers being 8: of a typedef, modifier or variable that of its type, of an array that
    /// of all its elements, 0 for a flexible one.
    pub fn size_of(&self, id: TypeId) -> Result<u64, Error> {
        self.size_with_pointers(id, POINTER_SIZE)
    }

    pub(crate) fn size_with_pointers(&self, id: TypeId, pointer: u8) -> Result<u64, Error> {
        let mut elements = 1_u64;
        let mut current = id;
        for _ in 0..MAX_CHAIN {
            if current.is_void() {
                return Err(Error::NoSize { id: current, kind: Kind::Void });
            }
            let raw = self.raw(current).ok_or(Error::NoSuchType { id: current })?;
            let (kind, word) = (Kind::from_info(raw.info.get()), raw.size_or_type.get());
            let size = match kind {
                Kind::Int
                | Kind::Struct
                | Kind::Union
                | Kind::Enum
                | Kind::Enum64
                | Kind::Float
                | Kind::Datasec => word,
                Kind::Ptr => u32::from(pointer),
                Kind::Typedef
                | Kind::Const
                | Kind::Volatile
                | Kind::Restrict
                | Kind::TypeTag
                | Kind::Var => {
                    current = TypeId::new(word);
                    continue;
                }
                Kind::Array => {
                    let Some(Type::Array(array)) = self.get(current) else {
                        return Err(Error::NoSuchType { id: current });
                    };
                    elements = elements
                        .checked_mul(u64::from(array.len()))
                        .ok_or(Error::SizeOverflow { id })?;
                    current = array.element();
                    continue;
                }
                _ => return Err(Error::NoSize { id: current, kind }),
            };
            return elements.checked_mul(u64::from(size)).ok_or(Error::SizeOverflow { id });
        }
        Err(Error::TooDeep { id })
    }

    /// Alignment of a type in bytes, a power of two of at most 8: 1 for a structure whose layout only packing explains
    /// (libbpf: `btf__align_of`).
    pub fn align_of(&self, id: TypeId) -> Result<u32, Error> {
        let mut budget = MAX_MEMBERS;
        self.align_within(id, 0, &mut budget)
    }

    /// Size of a type that has no typedefs and modifiers around it.
    #[inline]
    pub(crate) fn size_of_head(&self, head: Head<'_>, pointer: u8) -> Result<u64, Error> {
        match head.kind() {
            Kind::Ptr => Ok(u64::from(pointer)),
            Kind::Int | Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => {
                Ok(u64::from(head.raw.size_or_type.get()))
            }
            _ => self.size_with_pointers(head.id, pointer),
        }
    }

    fn align_within(&self, id: TypeId, depth: usize, budget: &mut u32) -> Result<u32, Error> {
        *budget = budget.checked_sub(1).ok_or(Error::TooDeep { id })?;
        if depth > MAX_CHAIN {
            return Err(Error::TooDeep { id });
        }
        let stripped = self.strip(id);
        let found = self.get(stripped).ok_or(Error::NoSuchType { id: stripped })?;
        let depth = depth.saturating_add(1);
        let of_size = |size: u32| size.next_power_of_two().clamp(1, u32::from(POINTER_SIZE));
        match found {
            Type::Int(int) => Ok(of_size(int.size().min(8))),
            Type::Float(float) => Ok(of_size(float.size().min(8))),
            Type::Enum(values) | Type::Enum64(values) => Ok(of_size(values.size().min(8))),
            Type::Ptr(_) => Ok(u32::from(POINTER_SIZE)),
            Type::Array(array) => self.align_within(array.element(), depth, budget),
            Type::Var(var) => self.align_within(var.type_id(), depth, budget),
            Type::Struct(composite) | Type::Union(composite) => {
                let mut largest = 1_u32;
                for member in composite.members() {
                    let align = self.align_within(member.type_id(), depth, budget)?;
                    largest = largest.max(align);
                    let bits = align.saturating_mul(8);
                    if member.bitfield_size().is_none() && !is_multiple(member.bit_offset(), bits) {
                        return Ok(1);
                    }
                }
                Ok(if is_multiple(composite.size(), largest) { largest } else { 1 })
            }
            _ => Err(Error::NoSize { id: stripped, kind: found.kind() }),
        }
    }
}

/// `u32::is_multiple_of`, which this crate's oldest compiler does not have.
fn is_multiple(number: u32, of: u32) -> bool {
    number.checked_rem(of) == Some(0)
}
