//! Calls of helpers that older kernels know under another name.

use bpf_asm::{HelperId, Slot};

/// Calls of `bpf_probe_read_kernel` and its relatives (5.5) become calls of `bpf_probe_read` or `bpf_probe_read_str`, which older kernels have
/// (libbpf: E33). Answers whether there was one.
pub(crate) fn replace_probe_reads(slots: &mut [Slot]) -> bool {
    let mut any = false;
    let mut in_load = false;
    for slot in slots {
        // The second slot of a 64-bit load is data.
        let data = std::mem::replace(&mut in_load, slot.is_ld_imm64());
        if data {
            in_load = false;
        } else if slot.is_helper_call() {
            let helper = u32::try_from(slot.imm).ok().map(HelperId::new);
            let older = helper.and_then(HelperId::older);
            let Some(older) = older.and_then(|older| older.number().try_into().ok()) else {
                continue;
            };
            slot.imm = older;
            any = true;
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use bpf_asm::{ByteOrder, Register};

    use super::*;

    fn slot(word: u64) -> Slot {
        Slot::decode(word.to_le_bytes(), ByteOrder::Little)
    }

    const LOAD: u64 = 0x18;
    const CALL: u64 = 0x85;

    fn call(imm: i32) -> Slot {
        slot(CALL).with_imm(imm)
    }

    #[test]
    fn newer_probe_reads_become_the_old_ones() {
        let mut slots = [
            call(113),
            call(112),
            call(115),
            call(114),
            call(1),
            call(113).with_src(Register::R1),
            slot(LOAD),
            call(113),
        ];
        assert!(replace_probe_reads(&mut slots));
        assert_eq!(slots.map(|slot| slot.imm), [4, 4, 45, 45, 1, 113, 0, 113]);
        assert!(!replace_probe_reads(&mut slots));
    }
}
