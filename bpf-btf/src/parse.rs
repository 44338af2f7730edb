//! The one pass that validates a blob and finds where each type starts.
//!
//! The rules are those of libbpf's reader: records within bounds, names within the strings, ids that exist, functions
//! with prototypes. What only the kernel refuses, such as a `DATASEC` of size 0, is left to it: clang's unlinked
//! objects contain such things.

use alloc::vec::Vec;

use zerocopy::FromBytes;

use crate::raw::{
    RawArray, RawEnum, RawEnum64, RawMember, RawParam, RawType, RawVarSecinfo, record_layout,
};
use crate::{Btf, Error, Kind, TypeId};

/// What the pass needs to know about the blob and its base.
pub(crate) struct Scan<'a> {
    pub(crate) blob: &'a [u8],
    /// Start and end of the type section.
    pub(crate) types: core::ops::Range<usize>,
    /// Entries of the layout section.
    pub(crate) layout: &'a [u8],
    pub(crate) first_id: u32,
    pub(crate) base: Option<&'a Btf>,
    /// End of the string offsets, those of the base included.
    pub(crate) string_end: u32,
}

/// The largest value seen and the type it was seen in.
#[derive(Clone, Copy)]
struct Largest {
    value: u32,
    id: u32,
}

impl Largest {
    const NONE: Self = Self { value: 0, id: 0 };

    #[inline]
    fn see(&mut self, value: u32, id: u32) {
        if value > self.value {
            *self = Self { value, id };
        }
    }
}

/// Reads the trailing records of a type as a slice, for the pass to fold over.
fn records<T: FromBytes + zerocopy::Immutable + zerocopy::KnownLayout + zerocopy::Unaligned>(
    body: &[u8],
) -> &[T] {
    // The body was cut to a multiple of the record size.
    <[T]>::ref_from_bytes(body).unwrap_or_default()
}

impl Scan<'_> {
    /// Offset of each type from the start of the blob, in the order of ids.
    pub(crate) fn run(&self) -> Result<Vec<u32>, Error> {
        let section = self.blob.get(self.types.clone()).unwrap_or_default();
        // No record is smaller than its head, so this never grows; what is too much is given back.
        let mut offsets: Vec<u32> =
            Vec::with_capacity(section.len().div_ceil(size_of::<RawType>()));
        let mut names = Largest::NONE;
        let mut targets = Largest::NONE;
        let mut forward_functions = false;
        let mut rest = section;
        let mut id = self.first_id;
        while !rest.is_empty() {
            let offset = section.len().wrapping_sub(rest.len());
            let truncated = || Error::Truncated { id: TypeId::new(id), offset };
            let (raw, tail) = RawType::ref_from_prefix(rest).map_err(|_| truncated())?;
            let info = raw.info.get();
            let kind = Kind::from_info(info);
            let vlen = raw.vlen();
            let (fixed, element) = record_layout(kind.number())
                .or_else(|| self.unknown_layout(kind.number()))
                .ok_or(Error::UnknownKind { id: TypeId::new(id), kind: kind.number() })?;
            let len =
                u64::from(element).saturating_mul(u64::from(vlen)).saturating_add(u64::from(fixed));
            let (body, tail) = usize::try_from(len)
                .ok()
                .and_then(|len| tail.split_at_checked(len))
                .ok_or_else(truncated)?;

            names.see(raw.name_off.get(), id);
            let target = raw.size_or_type.get();
            match kind {
                Kind::Ptr
                | Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::TypeTag => {
                    targets.see(target, id);
                }
                Kind::Var | Kind::DeclTag => targets.see(target, id),
                Kind::Func => {
                    targets.see(target, id);
                    if target < id {
                        self.check_function(&offsets, id, target)?;
                    } else {
                        forward_functions = true;
                    }
                }
                Kind::Array => {
                    for array in records::<RawArray>(body) {
                        targets.see(array.type_.get(), id);
                        targets.see(array.index_type.get(), id);
                    }
                }
                Kind::Struct | Kind::Union => {
                    for member in records::<RawMember>(body) {
                        names.see(member.name_off.get(), id);
                        targets.see(member.type_.get(), id);
                    }
                }
                Kind::Enum => {
                    for value in records::<RawEnum>(body) {
                        names.see(value.name_off.get(), id);
                    }
                }
                Kind::Enum64 => {
                    for value in records::<RawEnum64>(body) {
                        names.see(value.name_off.get(), id);
                    }
                }
                Kind::FuncProto => {
                    targets.see(target, id);
                    for param in records::<RawParam>(body) {
                        names.see(param.name_off.get(), id);
                        targets.see(param.type_.get(), id);
                    }
                }
                Kind::Datasec => {
                    for entry in records::<RawVarSecinfo>(body) {
                        targets.see(entry.type_.get(), id);
                    }
                }
                Kind::Void | Kind::Int | Kind::Fwd | Kind::Float | Kind::Unknown(_) => {}
            }
            // The blob is smaller than 4 GiB.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "offsets in a blob fit, its size was checked"
            )]
            offsets.push(self.types.start.wrapping_add(offset) as u32);
            id = id.checked_add(1).ok_or(Error::TooManyTypes)?;
            rest = tail;
        }
        if names.value != 0 && names.value >= self.string_end {
            return Err(Error::StringOffset { id: TypeId::new(names.id), offset: names.value });
        }
        if targets.value >= id {
            return Err(Error::NoSuchTarget {
                id: TypeId::new(targets.id),
                target: TypeId::new(targets.value),
            });
        }
        if forward_functions {
            self.check_functions(&offsets)?;
        }
        offsets.shrink_to_fit();
        Ok(offsets)
    }

    /// Sizes of a kind that only the blob's layout section knows.
    fn unknown_layout(&self, kind: u8) -> Option<(u32, u32)> {
        // Kind 0 is never a record, whatever the layout section says.
        let entry = self.layout.chunks_exact(4).nth(usize::from(kind)).filter(|_| kind != 0)?;
        match entry {
            &[info_size, element_size, ..] => Some((u32::from(info_size), u32::from(element_size))),
            _ => None,
        }
    }

    /// Functions whose prototypes come after them, which the pass could not check.
    fn check_functions(&self, offsets: &[u32]) -> Result<(), Error> {
        for (id, offset) in (self.first_id..).zip(offsets) {
            let raw =
                self.blob.get(*offset as usize..).and_then(|at| RawType::ref_from_prefix(at).ok());
            if let Some((raw, _)) = raw {
                if Kind::from_info(raw.info.get()) == Kind::Func {
                    self.check_function(offsets, id, raw.size_or_type.get())?;
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn check_function(&self, offsets: &[u32], id: u32, target: u32) -> Result<(), Error> {
        let kind = match (target.checked_sub(self.first_id), self.base) {
            (Some(own), _) => offsets
                .get(own as usize)
                .and_then(|offset| {
                    RawType::ref_from_prefix(self.blob.get(*offset as usize..)?).ok()
                })
                .map(|(raw, _)| Kind::from_info(raw.info.get())),
            (None, Some(base)) => base.get(TypeId::new(target)).map(|found| found.kind()),
            (None, None) => None,
        };
        if kind == Some(Kind::FuncProto) {
            Ok(())
        } else {
            Err(Error::NotPrototype { id: TypeId::new(id), target: TypeId::new(target) })
        }
    }
}
