//! Where C puts members by itself, and how it is made to put them elsewhere.
//!
//! The rules are those of the System V ABIs, which BPF follows: a member begins at the next multiple of its alignment; a
//! bitfield begins at the next bit, unless it would cross the boundary of a unit of its type. In packed structures
//! everything begins at the next byte, bitfields at the next bit.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{CError, CPrinter};
use crate::{Composite, Member, Type, TypeId};

/// How a structure or union has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) packed: bool,
    /// Alignment in bytes of the type as written.
    pub(super) align: u32,
    /// An alignment that has to be said, because only it explains a union's size.
    pub(super) aligned: Option<u32>,
}

/// A member with its place, in bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'btf> {
    pub(super) member: Member<'btf>,
    pub(super) start: u64,
    pub(super) size: u64,
    pub(super) bitfield: bool,
    /// Alignment of its type.
    pub(super) align: u64,
    /// Size of its type.
    unit: u64,
}

impl Placed<'_> {
    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }

    /// Where C puts the member if everything before it ends at `from`.
    pub(super) fn natural(&self, from: u64, packed: bool) -> u64 {
        if self.bitfield {
            let last = from.saturating_add(self.size).saturating_sub(1);
            let crosses = from.checked_div(self.unit) != last.checked_div(self.unit);
            if crosses && !packed { round_up(from, self.align) } else { from }
        } else {
            round_up(from, if packed { 8 } else { self.align })
        }
    }
}

/// The next multiple of `unit`, which is not 0.
pub(super) fn round_up(value: u64, unit: u64) -> u64 {
    match value.checked_rem(unit) {
        None | Some(0) => value,
        Some(rest) => value.saturating_add(unit.saturating_sub(rest)),
    }
}

/// An anonymous bitfield: a name of a type and a width.
pub(super) type Filler = (&'static str, u64);

/// Types of anonymous bitfields by their width.
const FILLERS: [(u64, &str); 4] = [(8, "char"), (16, "short"), (32, "int"), (64, "long")];

/// Anonymous bitfields from one bit to another, in units no larger than the alignment so that none adds to it.
pub(super) fn fillers(from: u64, to: u64, layout: Layout) -> Vec<Filler> {
    let mut out = Vec::new();
    let mut at = from;
    while at < to {
        let left = to.saturating_sub(at);
        let mut best: Filler = ("char", 0);
        for (unit, name) in FILLERS {
            if !layout.packed && unit > u64::from(layout.align).saturating_mul(8) {
                break;
            }
            let room = if layout.packed {
                unit
            } else {
                unit.saturating_sub(at.checked_rem(unit).unwrap_or(0))
            };
            if room.min(left) > best.1 {
                best = (name, room.min(left));
            }
        }
        out.push(best);
        at = at.saturating_add(best.1.max(1));
    }
    out
}

impl<'btf> CPrinter<'btf> {
    /// The members in the order of their places.
    pub(super) fn placed(&self, composite: Composite<'btf>) -> Result<Vec<Placed<'btf>>, CError> {
        let mut out = Vec::with_capacity(composite.member_count());
        for member in composite.members() {
            out.push(self.place(composite, member)?);
        }
        // Kernels want ascending members; other languages order them as they like.
        out.sort_by_key(|placed| placed.start);
        Ok(out)
    }

    fn place(
        &self,
        composite: Composite<'btf>,
        member: Member<'btf>,
    ) -> Result<Placed<'btf>, CError> {
        let impossible = || misplaced(composite, member.name());
        let bytes = self
            .btf
            .size_with_pointers(member.type_id(), self.pointer)
            .map_err(|_| impossible())?;
        let unit = bytes.checked_mul(8).ok_or_else(impossible)?;
        let align = u64::from(self.alignment(member.type_id())).saturating_mul(8);
        let mut start = u64::from(member.bit_offset());
        let mut width = member.bitfield_size().map(u64::from);
        if let (None, Some(Type::Int(int))) = (width, self.btf.resolve(member.type_id())) {
            // Old BTF says it with the integer.
            if u64::from(int.bits()) != unit && int.bits() != 0 {
                width = Some(u64::from(int.bits()));
                start = start.saturating_add(u64::from(int.bit_offset()));
            }
        }
        if width.is_some_and(|width| width > unit) || (width.is_none() && start % 8 != 0) {
            return Err(impossible());
        }
        let (size, bitfield) = (width.unwrap_or(unit), width.is_some());
        Ok(Placed { member, start, size, bitfield, align, unit })
    }

    /// How a structure or union has to be written. Those that are members of it are known already.
    pub(super) fn layout(&self, composite: Composite<'btf>) -> Result<Layout, CError> {
        let placed = self.placed(composite)?;
        let size = u64::from(composite.size()).saturating_mul(8);
        let mut align = 8_u64;
        let mut packed = false;
        let mut end = 0_u64;
        for one in &placed {
            let from = if composite.is_union() { 0 } else { end };
            let outside = one.end() > size || (composite.is_union() && one.start != 0);
            if one.start < from || outside {
                return Err(misplaced(composite, one.member.name()));
            }
            align = align.max(one.align);
            packed |= one.natural(one.start, false) != one.start;
            end = end.max(one.end());
        }
        packed |= size.checked_rem(align) != Some(0);
        let align = if packed { 8 } else { align };
        let mut bytes = u32::try_from(align.checked_div(8).unwrap_or(1)).unwrap_or(1);
        let mut aligned = None;
        if composite.is_union() && round_up(end, align) != size && end != 0 {
            // Nothing but an attribute makes a union larger than its members.
            aligned = (0..16)
                .map(|shift| 1_u32 << shift)
                .find(|bytes| round_up(end, u64::from(*bytes).saturating_mul(8)) == size);
            bytes = aligned.unwrap_or(bytes);
        }
        Ok(Layout { packed, align: bytes, aligned })
    }

    /// Alignment in bytes of a type as this printer writes it.
    fn alignment(&self, id: TypeId) -> u32 {
        let mut id = id;
        for _ in 0..super::MAX_DEPTH {
            return match self.btf.resolve(id) {
                Some(Type::Array(array)) => {
                    id = array.element();
                    continue;
                }
                Some(Type::Int(int)) => natural(int.size()),
                Some(Type::Float(float)) => natural(float.size()),
                Some(Type::Enum(values) | Type::Enum64(values)) => natural(values.size()),
                Some(Type::Ptr(_)) => u32::from(self.pointer),
                Some(Type::Struct(found) | Type::Union(found)) => {
                    self.layouts.get(&found.id()).map_or(1, |layout| layout.align)
                }
                _ => 1,
            };
        }
        1
    }
}

/// Alignment of a number: its size, or 4 for the 12 bytes of a `long double` on 32-bit machines.
fn natural(size: u32) -> u32 {
    1_u32 << size.trailing_zeros().min(4)
}

pub(super) fn misplaced(composite: Composite<'_>, member: &str) -> CError {
    let text = |text: &str| -> String { text.to_string() };
    CError::Member { id: composite.id(), name: text(composite.name()), member: text(member) }
}
