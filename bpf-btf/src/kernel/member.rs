//! Whether members lie within their structures.

use super::{Broken, KernelRule, bytes};
use crate::{Composite, Int, Member, Type};

/// Bits of a pointer in 64-bit kernels.
const POINTER_BITS: u64 = 64;

/// Most bits that the kernel copies to show a bitfield.
const MAX_SPAN: u64 = 128;

/// Width that the kernel takes bitfields of enumerations to have at most.
const ENUM_BITS: u64 = 32;

/// Whether an integer is a whole number of bytes that machines have (kernel: `btf_type_int_is_regular`).
pub(super) fn is_regular(int: Int<'_>) -> bool {
    int.bit_offset() == 0 && matches!(int.bits(), 8 | 16 | 32 | 64 | 128)
}

/// Checks the place of a member. `found` is its type under modifiers, `size` that type's size in bytes.
pub(super) fn check(
    composite: Composite<'_>,
    member: Member<'_>,
    found: Type<'_>,
    size: u32,
) -> Result<(), Broken> {
    let start = u64::from(member.bit_offset());
    let width = u64::from(member.bitfield_size().unwrap_or(0));
    let with_flag = Type::Struct(composite).kind_flag();
    let end = u64::from(composite.size());
    let bits = match found {
        Type::Int(int) if with_flag => {
            KernelRule::BitfieldType.unless(!is_regular(int))?;
            KernelRule::MemberAlignment.unless(width == 0 && start % 8 != 0)?;
            KernelRule::BitfieldSize.unless(width > u64::from(int.bits()))?;
            let width = if width == 0 { u64::from(int.bits()) } else { width };
            return span(start, width, end);
        }
        Type::Int(int) => {
            let start = start.saturating_add(u64::from(int.bit_offset()));
            // Kernels count bits in 32.
            KernelRule::BitfieldSpan.unless(start > u64::from(u32::MAX))?;
            return span(start, u64::from(int.bits()), end);
        }
        Type::Enum(_) | Type::Enum64(_) if with_flag => {
            KernelRule::MemberAlignment.unless(width == 0 && start % 8 != 0)?;
            KernelRule::BitfieldSize.unless(width > ENUM_BITS)?;
            let width = if width == 0 { ENUM_BITS } else { width };
            return KernelRule::MemberEnd.unless(bytes(start.saturating_add(width)) > end);
        }
        Type::Ptr(_) => POINTER_BITS,
        Type::Float(_) => {
            KernelRule::BitfieldSize.unless(width != 0)?;
            let align = u64::from(size).saturating_mul(8).min(POINTER_BITS);
            KernelRule::MemberAlignment.unless(start.checked_rem(align) != Some(0))?;
            u64::from(size).saturating_mul(8)
        }
        _ => u64::from(size).saturating_mul(8),
    };
    KernelRule::BitfieldSize.unless(width != 0)?;
    KernelRule::MemberAlignment.unless(start % 8 != 0)?;
    KernelRule::MemberEnd.unless(start.saturating_add(bits) > end.saturating_mul(8))
}

/// Bits that are copied with the byte in which they begin.
fn span(start: u64, width: u64, end: u64) -> Result<(), Broken> {
    let copied = width.saturating_add(start % 8);
    KernelRule::BitfieldSpan.unless(copied > MAX_SPAN)?;
    KernelRule::MemberEnd.unless((start / 8).saturating_add(bytes(copied)) > end)
}
