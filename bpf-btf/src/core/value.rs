//! The numbers that relocations put into instructions.

use super::CoreKind;
use super::spec::Spec;
use crate::view::Head;
use crate::{Btf, ByteOrder, Error, Kind, Type, TypeId};

/// What one side of a relocation gives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Value {
    pub(super) number: u64,
    /// Whether the compiler is known to have put the same number into the instruction.
    pub(super) validate: bool,
    /// Size in bytes and type of what a load or store accesses; not for bitfields.
    pub(super) accessed: Option<(u64, TypeId)>,
}

/// Why there is no number.
pub(super) enum Fault {
    Size(Error),
    BitfieldTooWide,
    ArrayElement,
    /// The kind has no number on this side.
    Kind,
}

/// The blob of one side.
pub(super) struct Side<'a> {
    pub(super) btf: &'a Btf,
    pub(super) pointer: u8,
    /// Byte order of the program.
    pub(super) order: ByteOrder,
    /// The object says that its enumeration is signed, which older kernels do not say of theirs.
    pub(super) signed: bool,
}

impl Side<'_> {
    /// The number for an access that exists.
    pub(super) fn value(&self, kind: CoreKind, spec: &Spec) -> Result<Value, Fault> {
        let plain = |number| Value { number, validate: true, accessed: None };
        match kind {
            CoreKind::FieldExists
            | CoreKind::TypeExists
            | CoreKind::TypeMatches
            | CoreKind::EnumvalExists => Ok(plain(1)),
            // Ids may change when objects are linked.
            CoreKind::TypeIdTarget | CoreKind::TypeIdLocal => {
                Ok(Value { validate: false, ..plain(u64::from(spec.root.get())) })
            }
            CoreKind::TypeSize => self.size(spec.root).map(plain),
            CoreKind::EnumvalValue => self.enumerator(spec),
            _ => self.field(kind, spec),
        }
    }

    fn size(&self, id: TypeId) -> Result<u64, Fault> {
        self.btf.size_with_pointers(id, self.pointer).map_err(Fault::Size)
    }

    fn enumerator(&self, spec: &Spec) -> Result<Value, Fault> {
        let step = spec.steps.first().ok_or(Fault::Kind)?;
        let values =
            self.btf.get(step.type_id).and_then(|found| found.enumeration()).ok_or(Fault::Kind)?;
        let value = values.value(step.index as usize).ok_or(Fault::Kind)?;
        // Compilers before LLVM 15 did not tell the sign of an enumeration: the upper half of such a number is open.
        let open =
            !values.is_signed() && values.kind() == crate::Kind::Enum && value.bits() >> 31 == 1;
        let extension = if open && self.signed { u64::MAX << 32 } else { 0 };
        Ok(Value { number: value.bits() | extension, validate: !open, accessed: None })
    }

    fn field(&self, kind: CoreKind, spec: &Spec) -> Result<Value, Fault> {
        let Some((_, member)) = spec.last_member(self.btf) else { return self.element(kind, spec) };
        let id = member.type_id();
        let head = self.btf.under(id).ok_or_else(|| self.missing(id))?;
        let size = self.btf.size_of_head(head, self.pointer).map_err(Fault::Size)?;
        let bit_offset = spec.bit_offset;
        let (byte_offset, byte_size, bit_size) = match member.bitfield_size() {
            Some(width) => container(bit_offset, u64::from(width), size)?,
            None => (bit_offset >> 3, size, size.wrapping_mul(8)),
        };
        let bitfield = member.bitfield_size().is_some();
        // Which container a compiler chose for a bitfield cannot be known.
        let mut validate = !bitfield;
        let mut accessed = None;
        let shift = |value: u64| value & 0xffff_ffff;
        let number = match kind {
            CoreKind::FieldByteOffset => {
                if !bitfield {
                    accessed = Some(self.innermost(head, size)?);
                }
                byte_offset
            }
            CoreKind::FieldByteSize => byte_size,
            CoreKind::FieldSigned => {
                validate = true;
                u64::from(match Type::of(head) {
                    Some(Type::Int(int)) => int.is_signed(),
                    Some(Type::Enum(values) | Type::Enum64(values)) => values.is_signed(),
                    _ => false,
                })
            }
            CoreKind::FieldLshiftU64 => {
                let within = bit_offset.wrapping_sub(byte_offset.wrapping_mul(8));
                shift(match self.order {
                    ByteOrder::Little => 64_u64.wrapping_sub(within.wrapping_add(bit_size)),
                    ByteOrder::Big => {
                        8_u64.wrapping_sub(byte_size).wrapping_mul(8).wrapping_add(within)
                    }
                })
            }
            CoreKind::FieldRshiftU64 => {
                validate = true;
                shift(64_u64.wrapping_sub(bit_size))
            }
            _ => return Err(Fault::Kind),
        };
        Ok(Value { number, validate, accessed })
    }

    /// Why what has no record under it has no size.
    #[cold]
    fn missing(&self, id: TypeId) -> Fault {
        match self.size(self.btf.strip(id)) {
            Err(fault) => fault,
            Ok(_) => Fault::Size(Error::NoSuchType { id }),
        }
    }

    /// Element of an array, or the root itself.
    fn element(&self, kind: CoreKind, spec: &Spec) -> Result<Value, Fault> {
        let step = spec.steps.last().ok_or(Fault::Kind)?;
        let size = self.size(step.type_id)?;
        match kind {
            CoreKind::FieldByteOffset => Ok(Value {
                number: spec.bit_offset >> 3,
                validate: true,
                accessed: Some((size, step.type_id)),
            }),
            CoreKind::FieldByteSize => Ok(Value { number: size, validate: true, accessed: None }),
            _ => Err(Fault::ArrayElement),
        }
    }

    /// Size and type of the elements of an array of arrays, or of what is no array and has a size already known.
    fn innermost(&self, whole: Head<'_>, size: u64) -> Result<(u64, TypeId), Fault> {
        if whole.kind() != Kind::Array {
            return Ok((size, whole.id));
        }
        let Some(Type::Array(array)) = Type::of(whole) else { return Ok((size, whole.id)) };
        let mut id = self.btf.strip(array.element());
        for _ in 1..super::spec::MAX_STEPS {
            match self.btf.get(id) {
                Some(Type::Array(array)) => id = self.btf.strip(array.element()),
                _ => return Ok((self.size(id)?, id)),
            }
        }
        Err(Fault::Size(Error::TooDeep { id }))
    }
}

/// Byte offset, byte size and bit size of the smallest load that has a whole bitfield: the size of its declared type,
/// doubled until the field fits.
fn container(bit_offset: u64, width: u64, declared: u64) -> Result<(u64, u64, u64), Fault> {
    let mut size = declared;
    // libbpf counts its bits in 32.
    if size.saturating_mul(8) > u64::from(u32::MAX) {
        return Err(Fault::BitfieldTooWide);
    }
    loop {
        let byte_offset =
            (bit_offset >> 3).checked_div(size).ok_or(Fault::BitfieldTooWide)?.wrapping_mul(size);
        let end = bit_offset.saturating_add(width).saturating_sub(byte_offset.saturating_mul(8));
        if end <= size.saturating_mul(8) {
            return Ok((byte_offset, size, width));
        }
        if size >= 8 {
            return Err(Fault::BitfieldTooWide);
        }
        size = size.saturating_mul(2);
    }
}
