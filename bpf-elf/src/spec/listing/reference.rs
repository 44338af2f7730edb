//! References of a spec as those of the assembler.

use std::fmt::Write as _;

use bpf_asm::{Code, PSEUDO_BTF_ID, Reference, Symbol, Target as Named};

use super::Listing;
use crate::spec::{CollectionSpec, Function, Target};

/// How many targets of a jump table stand in its comment.
const SHOWN_TARGETS: usize = 256;

/// Adds what the instruction at `slot` names; its function starts at `start`.
pub(super) fn add(
    spec: &CollectionSpec,
    listing: &mut Listing<'_>,
    function: &Function,
    slot: usize,
    start: usize,
    target: &Target,
) {
    let code = &mut listing.code;
    let named = match target {
        Target::Map { name } => Named::Map { name: name.to_string() },
        Target::MapValue { map, offset } => {
            Named::MapValue { map: map.to_string(), offset: *offset }
        }
        Target::Call { function } => Named::Call { function: function.to_string() },
        Target::FunctionAddress { function } => {
            Named::FunctionAddress { function: function.to_string() }
        }
        Target::Kfunc { name } => {
            // A loader writes both, the id and the index of the module, whatever stands there.
            set(code, slot, |slot| (slot.imm, slot.offset) = (0, 0));
            Named::Kfunc { name: name.to_string() }
        }
        Target::KfuncAddress { name } | Target::Ksym { name } => {
            set(code, slot, |slot| slot.set_src(PSEUDO_BTF_ID));
            Named::Ksym { name: name.to_string() }
        }
        Target::Kconfig { name } => {
            let offset = spec.externs.get(name).map_or(0, |value| value.offset);
            set(code, slot.saturating_add(1), |slot| {
                slot.imm = i32::from_ne_bytes(offset.to_ne_bytes());
            });
            listing.notes.insert(slot, format!("kconfig: {name}"));
            Named::MapValue { map: ".kconfig".to_owned(), offset }
        }
        Target::JumpTable { index } => {
            let Some(table) = function.jump_tables.get(*index) else { return };
            let end = start.saturating_add(function.slots.len());
            let targets = table.targets.iter().map(|target| start.saturating_add(*target));
            code.labels.extend(
                targets
                    .clone()
                    .filter(|target| *target < end)
                    .map(|target| Symbol::new(format!("L{target}"), target)),
            );
            // Many instructions may claim the same long table.
            let mut note = "jump table:".to_owned();
            for target in targets.take(SHOWN_TARGETS) {
                // Writing to a string does not fail.
                let _ = write!(note, " L{target}");
            }
            if table.targets.len() > SHOWN_TARGETS {
                let _ = write!(note, " and more, {} in all", table.targets.len());
            }
            listing.notes.insert(slot, note);
            Named::MapValue { map: table.name.clone(), offset: 0 }
        }
    };
    listing.code.references.push(Reference::new(slot, named));
}

fn set(code: &mut Code, slot: usize, change: impl FnOnce(&mut bpf_asm::Slot)) {
    if let Some(slot) = code.slots.get_mut(slot) {
        change(slot);
    }
}
