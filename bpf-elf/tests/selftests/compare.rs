//! Whether two relocated programs are the same.
use bpf_asm::Slot;
use bpf_elf::prepare::{Fixup, FixupTarget, PreparedProgram};

/// The first difference between a prepared program and libbpf's, in words; `None` when there is none.
///
/// What only a kernel gives a number to is compared but for that number.
pub(crate) fn difference(ours: &PreparedProgram, theirs: &[Slot]) -> Option<String> {
    if ours.slots.len() != theirs.len() {
        return Some(format!("{} slots, libbpf has {}", ours.slots.len(), theirs.len()));
    }
    let mut filled = ours.slots.clone();
    for fixup in &ours.fixups {
        fill(&mut filled, theirs, fixup);
    }
    let mut pairs = filled.iter().zip(theirs).enumerate();
    let (slot, (ours, theirs)) = pairs.find(|(_, (ours, theirs))| ours != theirs)?;
    Some(format!("slot {slot}: {ours}, libbpf has {theirs}"))
}

/// Takes over from libbpf what a kernel decides: the descriptor of a map, the number of a symbol, and what becomes of one that the
/// kernel does not have.
fn fill(ours: &mut [Slot], theirs: &[Slot], fixup: &Fixup) {
    let first = fixup.slot;
    let second = first.saturating_add(1);
    match fixup.target {
        FixupTarget::Map { .. } | FixupTarget::MapValue { .. } | FixupTarget::JumpTable { .. } => {
            if let (Some(ours), Some(theirs)) = (ours.get_mut(first), theirs.get(first)) {
                ours.imm = theirs.imm;
            }
        }
        FixupTarget::Kfunc { .. } => copy(ours, theirs, first),
        FixupTarget::KfuncAddress { .. } | FixupTarget::Ksym { .. } => {
            copy(ours, theirs, first);
            copy(ours, theirs, second);
        }
        // A kind that this test does not know is compared as it is.
        _ => {}
    }
}

fn copy(ours: &mut [Slot], theirs: &[Slot], slot: usize) {
    if let (Some(ours), Some(theirs)) = (ours.get_mut(slot), theirs.get(slot)) {
        *ours = *theirs;
    }
}
