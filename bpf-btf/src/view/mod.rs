//! Views of types: small copies that borrow from the blob.

mod composite;
mod enumeration;
mod function;
mod scalar;
mod section;
mod tag;

use core::fmt;

use zerocopy::FromBytes;

use crate::raw::RawType;
use crate::{Btf, Kind, TypeId};

pub use composite::{Composite, Member, Members};
pub use enumeration::{Enum, EnumValue, EnumValues};
pub use function::{Func, FuncLinkage, FuncProto, Param, Params};
pub use scalar::{Array, Float, Fwd, Int, Reference};
pub use section::{Datasec, SectionEntries, SectionEntry, Var, VarLinkage};
pub use tag::{DeclTag, Unknown};

/// What every view holds.
#[derive(Clone, Copy)]
pub(crate) struct Head<'btf> {
    pub(crate) btf: &'btf Btf,
    pub(crate) id: TypeId,
    pub(crate) raw: &'btf RawType,
    /// What follows the head, to the end of the blob. Views cut from it what they are asked for: a type whose members
    /// nobody wants costs no look at them, and all views are alike, so that making one does not depend on the kind.
    pub(crate) tail: &'btf [u8],
}

impl<'btf> Head<'btf> {
    #[inline]
    pub(crate) fn name(&self) -> &'btf str {
        self.btf.string(self.raw.name_off.get()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        Kind::from_info(self.raw.info.get())
    }

    #[inline]
    pub(crate) fn target(&self) -> TypeId {
        TypeId::new(self.raw.size_or_type.get())
    }

    /// The elements of the record. Validation saw them: there are none only if shared bytes changed since.
    #[inline]
    pub(crate) fn elements<T>(&self) -> &'btf [T]
    where
        T: FromBytes + zerocopy::Immutable + zerocopy::KnownLayout + zerocopy::Unaligned,
    {
        let count = self.raw.vlen() as usize;
        <[T]>::ref_from_prefix_with_elems(self.tail, count).map_or(&[], |(elements, _)| elements)
    }

    /// The word of the record at an index behind the head.
    #[inline]
    pub(crate) fn word(&self, index: usize) -> u32 {
        let words = self.tail.get(index.wrapping_mul(4)..);
        words.and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_ne_bytes(*bytes))
    }
}

/// The methods that all views share.
macro_rules! view {
    ($view:ident) => {
        impl<'btf> $view<'btf> {
            /// Id of the type.
            #[inline]
            pub fn id(&self) -> $crate::TypeId {
                self.head.id
            }

            /// Name of the type, empty when it has none.
            #[inline]
            pub fn name(&self) -> &'btf str {
                self.head.name()
            }

            /// Offset of the name in the strings, 0 when it has none.
            #[inline]
            pub fn name_offset(&self) -> u32 {
                self.head.raw.name_off.get()
            }

            /// Kind of the record.
            #[inline]
            pub fn kind(&self) -> $crate::Kind {
                $crate::Kind::from_info(self.head.raw.info.get())
            }
        }

        impl core::fmt::Debug for $view<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{} {:?} {:?}", self.kind(), self.id(), self.name())
            }
        }
    };
}
use view;

/// A type: a view that is as cheap to copy as a few pointers.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Type<'btf> {
    /// `void`, id 0.
    Void,
    /// Integer.
    Int(Int<'btf>),
    /// Pointer.
    Ptr(Reference<'btf>),
    /// Array.
    Array(Array<'btf>),
    /// Structure.
    Struct(Composite<'btf>),
    /// Union.
    Union(Composite<'btf>),
    /// Enumeration with 32-bit values.
    Enum(Enum<'btf>),
    /// Forward declaration.
    Fwd(Fwd<'btf>),
    /// Type definition.
    Typedef(Reference<'btf>),
    /// `volatile`.
    Volatile(Reference<'btf>),
    /// `const`.
    Const(Reference<'btf>),
    /// `restrict`.
    Restrict(Reference<'btf>),
    /// Function.
    Func(Func<'btf>),
    /// Function prototype.
    FuncProto(FuncProto<'btf>),
    /// Variable.
    Var(Var<'btf>),
    /// Section of variables.
    Datasec(Datasec<'btf>),
    /// Floating point number.
    Float(Float<'btf>),
    /// Tag on a declaration.
    DeclTag(DeclTag<'btf>),
    /// Tag on a type.
    TypeTag(Reference<'btf>),
    /// Enumeration with 64-bit values.
    Enum64(Enum<'btf>),
    /// A kind that this crate does not know.
    Unknown(Unknown<'btf>),
}

impl<'btf> Type<'btf> {
    /// The record at the start of `bytes`. `None` only if shared bytes changed after validation.
    #[inline]
    pub(crate) fn decode(btf: &'btf Btf, id: TypeId, bytes: &'btf [u8]) -> Option<Self> {
        let (raw, tail) = RawType::ref_from_prefix(bytes).ok()?;
        Self::view(Head { btf, id, raw, tail })
    }

    /// The view of a record's kind.
    #[inline(never)]
    pub(crate) fn of(head: Head<'btf>) -> Option<Self> {
        Self::view(head)
    }

    /// The same for loops over all types, which are faster with this inside.
    #[inline]
    fn view(head: Head<'btf>) -> Option<Self> {
        Some(match head.kind() {
            Kind::Void => return None,
            Kind::Int => Self::Int(Int { head }),
            Kind::Ptr => Self::Ptr(Reference { head }),
            Kind::Array => Self::Array(Array { head }),
            Kind::Struct => Self::Struct(Composite { head }),
            Kind::Union => Self::Union(Composite { head }),
            Kind::Enum => Self::Enum(Enum { head }),
            Kind::Fwd => Self::Fwd(Fwd { head }),
            Kind::Typedef => Self::Typedef(Reference { head }),
            Kind::Volatile => Self::Volatile(Reference { head }),
            Kind::Const => Self::Const(Reference { head }),
            Kind::Restrict => Self::Restrict(Reference { head }),
            Kind::Func => Self::Func(Func { head }),
            Kind::FuncProto => Self::FuncProto(FuncProto { head }),
            Kind::Var => Self::Var(Var { head }),
            Kind::Datasec => Self::Datasec(Datasec { head }),
            Kind::Float => Self::Float(Float { head }),
            Kind::DeclTag => Self::DeclTag(DeclTag { head }),
            Kind::TypeTag => Self::TypeTag(Reference { head }),
            Kind::Enum64 => Self::Enum64(Enum { head }),
            Kind::Unknown(_) => Self::Unknown(Unknown { head }),
        })
    }

    #[inline]
    pub(crate) fn head(&self) -> Option<Head<'btf>> {
        Some(match self {
            Self::Void => return None,
            Self::Int(view) => view.head,
            Self::Array(view) => view.head,
            Self::Struct(view) | Self::Union(view) => view.head,
            Self::Enum(view) | Self::Enum64(view) => view.head,
            Self::Fwd(view) => view.head,
            Self::Ptr(view)
            | Self::Typedef(view)
            | Self::Volatile(view)
            | Self::Const(view)
            | Self::Restrict(view)
            | Self::TypeTag(view) => view.head,
            Self::Func(view) => view.head,
            Self::FuncProto(view) => view.head,
            Self::Var(view) => view.head,
            Self::Datasec(view) => view.head,
            Self::Float(view) => view.head,
            Self::DeclTag(view) => view.head,
            Self::Unknown(view) => view.head,
        })
    }

    /// Id of the type.
    #[inline]
    pub fn id(&self) -> TypeId {
        self.head().map_or(TypeId::VOID, |head| head.id)
    }

    /// Kind of the type.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.head().map_or(Kind::Void, |head| Kind::from_info(head.raw.info.get()))
    }

    /// Name of the type, empty for anonymous types and kinds without names.
    #[inline]
    pub fn name(&self) -> &'btf str {
        self.head().map_or("", |head| head.name())
    }

    /// Offset of the name in the strings (see [`Btf::string`]), 0 when it has none. Compilers and linkers keep each string
    /// once, so that equal names mostly have equal offsets.
    #[inline]
    pub fn name_offset(&self) -> u32 {
        self.head().map_or(0, |head| head.raw.name_off.get())
    }

    /// The kind flag of the record, whose meaning the kind decides.
    #[inline]
    pub fn kind_flag(&self) -> bool {
        self.head().is_some_and(|head| head.raw.kind_flag())
    }

    /// The structure or union that this is.
    #[inline]
    pub fn composite(&self) -> Option<Composite<'btf>> {
        match self {
            Self::Struct(composite) | Self::Union(composite) => Some(*composite),
            _ => None,
        }
    }

    /// The enumeration of either width that this is.
    #[inline]
    pub fn enumeration(&self) -> Option<Enum<'btf>> {
        match self {
            Self::Enum(values) | Self::Enum64(values) => Some(*values),
            _ => None,
        }
    }

    /// The type that a pointer, typedef or modifier refers to.
    #[inline]
    pub fn reference(&self) -> Option<Reference<'btf>> {
        match self {
            Self::Ptr(reference)
            | Self::Typedef(reference)
            | Self::Volatile(reference)
            | Self::Const(reference)
            | Self::Restrict(reference)
            | Self::TypeTag(reference) => Some(*reference),
            _ => None,
        }
    }
}

impl fmt::Debug for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.kind(), self.id(), self.name())
    }
}

/// An iterator over the records of one type, each seen as a view; its length is known and no step allocates.
macro_rules! records {
    ($(#[$doc:meta])* $name:ident, $raw:ty, $item:ident, |$head:ident, $record:ident| $make:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<'btf> {
            head: $crate::view::Head<'btf>,
            records: core::slice::Iter<'btf, $raw>,
        }

        impl<'btf> Iterator for $name<'btf> {
            type Item = $item<'btf>;

            #[inline]
            fn next(&mut self) -> Option<Self::Item> {
                let $head = self.head;
                self.records.next().map(|$record| $make)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.records.size_hint()
            }

            fn nth(&mut self, n: usize) -> Option<Self::Item> {
                let $head = self.head;
                self.records.nth(n).map(|$record| $make)
            }
        }

        impl DoubleEndedIterator for $name<'_> {
            fn next_back(&mut self) -> Option<Self::Item> {
                let $head = self.head;
                self.records.next_back().map(|$record| $make)
            }
        }

        impl ExactSizeIterator for $name<'_> {}

        impl core::fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_list().entries(self.clone()).finish()
            }
        }
    };
}
use records;
