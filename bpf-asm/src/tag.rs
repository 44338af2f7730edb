//! The tag by which the kernel tells programs apart.

use core::fmt;

use crate::digest::{sha1_head, sha256_head};
use crate::{ByteOrder, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, Slot, encode_slots};

/// A hash of a program's instructions, which does not depend on the fds of its maps (`tag` in
/// `struct bpf_prog_info` and in the output of `bpftool prog`).
///
/// Two kernels may hash differently: compare with [`Tag::sha1`] and [`Tag::sha256`] of the slots as they are loaded,
/// in the byte order of the machine. Source: `bpf_prog_calc_tag` in kernel/bpf/core.c.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub [u8; 8]);

impl Tag {
    /// The tag in kernels up to 6.17.
    pub fn sha1(slots: &[Slot], order: ByteOrder) -> Self {
        Self(sha1_head(&encode_slots(&without_maps(slots), order)))
    }

    /// The tag in kernels from 6.18 on.
    pub fn sha256(slots: &[Slot], order: ByteOrder) -> Self {
        Self(sha256_head(&encode_slots(&without_maps(slots), order)))
    }
}

/// Sixteen hexadecimal digits, as bpftool shows it.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// The slots without what changes from load to load. Loads by index into `fd_array` stay: the kernel
/// clears those of fds only.
fn without_maps(slots: &[Slot]) -> alloc::vec::Vec<Slot> {
    let mut after_map_load = false;
    let clear = |slot: &Slot| {
        let second_half = after_map_load && slot.with_imm(0) == Slot::default();
        after_map_load = !after_map_load
            && slot.is_ld_imm64()
            && matches!(slot.src(), PSEUDO_MAP_FD | PSEUDO_MAP_VALUE);
        if second_half || after_map_load { slot.with_imm(0) } else { *slot }
    };
    slots.iter().map(clear).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::{R0, R1, R2};

    #[test]
    fn a_tag_does_not_depend_on_fds_and_offsets_of_maps() {
        let program = |load: [Slot; 2]| [load[0], load[1], Slot::mov64(R1, 0), Slot::exit()];
        let order = ByteOrder::Little;
        for tag in [Tag::sha1, Tag::sha256] {
            let map = tag(&program(Slot::ld_map_fd(R1, 3)), order);
            assert_eq!(map, tag(&program(Slot::ld_map_fd(R1, 9)), order));
            let value = tag(&program(Slot::ld_map_value(R1, 3, 8)), order);
            assert_eq!(value, tag(&program(Slot::ld_map_value(R1, 4, 16)), order));
            assert_ne!(map, value);
            for load in [Slot::ld_map_idx, Slot::ld_func, |dst, n| Slot::ld_btf_id(dst, 1, n)] {
                assert_ne!(tag(&program(load(R1, 3)), order), tag(&program(load(R1, 9)), order));
            }
            assert_ne!(map, tag(&program(Slot::ld_map_fd(R1, 3)), ByteOrder::Big));
        }
    }

    /// The second value is what Linux 6.18 shows for this program.
    #[test]
    fn a_known_program_has_a_known_tag() {
        let [map, map_high] = Slot::ld_map_fd(R1, 3);
        let [value, value_high] = Slot::ld_map_value(R2, 3, 4);
        let slots = [map, map_high, value, value_high, Slot::mov64(R0, 7), Slot::exit()];
        assert_eq!(Tag::sha1(&slots, ByteOrder::Little).to_string(), "4fa1928b1f4bcfb5");
        assert_eq!(Tag::sha256(&slots, ByteOrder::Little).to_string(), "cbfbf8e68a48edc2");
    }

    #[test]
    fn a_tag_reads_as_hexadecimal() {
        assert_eq!(Tag([0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff]).to_string(), "00010203fcfdfeff");
    }
}
