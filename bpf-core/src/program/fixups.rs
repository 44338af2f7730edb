//! The last changes of a program before it is loaded: numbers that only the running kernel can give.

use bpf_asm::{
    Opcode, PSEUDO_BTF_ID, PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, Register, Slot,
};
use bpf_elf::prepare::{Fixup, FixupTarget};

/// What a symbol of the kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// A variable or function of BTF type `id`, in the BTF behind the descriptor `fd` at `index` of the descriptor array (0: the kernel itself).
    Btf { id: u32, fd: i32, index: i16 },
    /// An address.
    Address(u64),
    /// Not there, and declared weak.
    Missing,
}

/// What the fixups are looked up in.
pub(crate) trait Resolve {
    type Error;
    /// The descriptor of a map; `None` for one that is not to be created.
    fn map(&mut self, name: &str) -> Result<Option<i32>, Self::Error>;
    /// A function of the kernel.
    fn kfunc(&mut self, name: &str, weak: bool) -> Result<Symbol, Self::Error>;
    /// A variable or address of the kernel.
    fn ksym(&mut self, name: &str, weak: bool) -> Result<Symbol, Self::Error>;
    /// The instruction cannot carry the fixup.
    fn broken(&self, slot: usize) -> Self::Error;
}

/// Calls of helpers with these numbers do not exist: the verifier refuses them, where they can be reached (libbpf: E31).
const POISON_MAP: i32 = 2_001_000_000;
const POISON_KFUNC: i32 = 2_002_000_000;

/// Completes the instructions.
pub(crate) fn apply<R: Resolve>(
    slots: &mut [Slot],
    fixups: &[Fixup],
    resolve: &mut R,
) -> Result<(), R::Error> {
    for fixup in fixups {
        let at = fixup.slot;
        match &fixup.target {
            FixupTarget::Map { name } => {
                let fd = resolve.map(name)?;
                let Some((low, high)) = load(slots, at) else { return Err(resolve.broken(at)) };
                map_load(low, high, PSEUDO_MAP_FD, fd, 0);
            }
            FixupTarget::MapValue { map, offset } => {
                let fd = resolve.map(map)?;
                let Some((low, high)) = load(slots, at) else { return Err(resolve.broken(at)) };
                map_load(low, high, PSEUDO_MAP_VALUE, fd, signed(*offset));
            }
            FixupTarget::Kfunc { name, weak } => {
                let symbol = resolve.kfunc(name, *weak)?;
                let Some(slot) = slots.get_mut(at) else { return Err(resolve.broken(at)) };
                match symbol {
                    Symbol::Btf { id, index, .. } => {
                        slot.src = PSEUDO_KFUNC_CALL;
                        slot.imm = signed(id);
                        slot.offset = index;
                    }
                    Symbol::Address(_) | Symbol::Missing => poison(slot, POISON_KFUNC),
                }
            }
            FixupTarget::KfuncAddress { name, weak } => {
                let symbol = resolve.kfunc(name, *weak)?;
                let Some((low, high)) = load(slots, at) else { return Err(resolve.broken(at)) };
                symbol_load(low, high, symbol);
            }
            FixupTarget::Ksym { name, weak } => {
                let symbol = resolve.ksym(name, *weak)?;
                let Some((low, high)) = load(slots, at) else { return Err(resolve.broken(at)) };
                symbol_load(low, high, symbol);
            }
            _ => return Err(resolve.broken(at)),
        }
    }
    Ok(())
}

/// The two slots of a 64-bit load.
fn load(slots: &mut [Slot], at: usize) -> Option<(&mut Slot, &mut Slot)> {
    match slots.get_mut(at..)? {
        [low, high, ..] if low.is_ld_imm64() => Some((low, high)),
        _ => None,
    }
}

fn map_load(low: &mut Slot, high: &mut Slot, pseudo: Register, fd: Option<i32>, offset: i32) {
    if let Some(fd) = fd {
        low.src = pseudo;
        low.imm = fd;
        high.imm = offset;
    } else {
        poison(low, POISON_MAP);
        poison(high, POISON_MAP);
    }
}

fn symbol_load(low: &mut Slot, high: &mut Slot, symbol: Symbol) {
    match symbol {
        Symbol::Btf { id, fd, .. } => {
            low.src = PSEUDO_BTF_ID;
            low.imm = signed(id);
            high.imm = fd;
        }
        Symbol::Address(address) => {
            low.src = Register::R0;
            [low.imm, high.imm] = halves(address);
        }
        Symbol::Missing => {
            low.src = Register::R0;
            low.imm = 0;
            high.imm = 0;
        }
    }
}

/// The low and the high half.
fn halves(value: u64) -> [i32; 2] {
    let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default();
    let high = u32::try_from(value >> 32).unwrap_or_default();
    [signed(low), signed(high)]
}

/// The same bits.
fn signed(value: u32) -> i32 {
    i32::from_ne_bytes(value.to_ne_bytes())
}

fn poison(slot: &mut Slot, imm: i32) {
    *slot = Slot { opcode: Opcode::CALL, dst: Register::R0, src: Register::R0, offset: 0, imm };
}

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
            let old = match slot.imm {
                PROBE_READ_USER | PROBE_READ_KERNEL => PROBE_READ,
                PROBE_READ_USER_STR | PROBE_READ_KERNEL_STR => PROBE_READ_STR,
                _ => continue,
            };
            slot.imm = old;
            any = true;
        }
    }
    any
}

const PROBE_READ: i32 = 4;
const PROBE_READ_STR: i32 = 45;
const PROBE_READ_USER: i32 = 112;
const PROBE_READ_KERNEL: i32 = 113;
const PROBE_READ_USER_STR: i32 = 114;
const PROBE_READ_KERNEL_STR: i32 = 115;

#[cfg(test)]
mod tests {
    use bpf_asm::ByteOrder;

    use super::*;

    fn slot(word: u64) -> Slot {
        Slot::decode(word.to_le_bytes(), ByteOrder::Little)
    }

    const LOAD: u64 = 0x18;
    const CALL: u64 = 0x85;

    fn call(imm: i32) -> Slot {
        Slot { imm, ..slot(CALL) }
    }

    #[test]
    fn halves_keep_every_bit() {
        assert_eq!(halves(0xffff_ffff_8000_0001), [i32::MIN + 1, -1]);
    }

    #[test]
    fn map_loads_get_descriptor_and_offset() {
        let rows = [
            (PSEUDO_MAP_FD, Some(7), 0, (0x18, 1, 7), (0, 0, 0)),
            (PSEUDO_MAP_VALUE, Some(9), 24, (0x18, 2, 9), (0, 0, 24)),
            (PSEUDO_MAP_FD, None, 0, (0x85, 0, POISON_MAP), (0x85, 0, POISON_MAP)),
        ];
        for (pseudo, fd, offset, low, high) in rows {
            let mut slots = [slot(LOAD), slot(0)];
            let (a, b) = load(&mut slots, 0).unwrap();
            map_load(a, b, pseudo, fd, offset);
            let seen = slots.map(|slot| (slot.opcode.byte(), slot.src.number(), slot.imm));
            assert_eq!(seen, [low, high]);
        }
    }

    #[test]
    fn symbol_loads_get_type_address_or_zero() {
        let rows = [
            (Symbol::Btf { id: 5, fd: 0, index: 0 }, (3, 5), 0),
            (Symbol::Btf { id: 5, fd: 11, index: 1 }, (3, 5), 11),
            (Symbol::Address(0x1_0000_0002), (0, 2), 1),
            (Symbol::Missing, (0, 0), 0),
        ];
        for (symbol, low, high) in rows {
            let mut slots = [Slot { imm: -1, ..slot(LOAD) }, Slot { imm: -1, ..slot(0) }];
            let (a, b) = load(&mut slots, 0).unwrap();
            symbol_load(a, b, symbol);
            assert_eq!((slots[0].src.number(), slots[0].imm), low, "{symbol:?}");
            assert_eq!(slots[1].imm, high, "{symbol:?}");
        }
    }

    #[test]
    fn only_whole_loads_can_be_fixed() {
        assert!(load(&mut [slot(LOAD)], 0).is_none());
        assert!(load(&mut [slot(CALL), slot(0)], 0).is_none());
        assert!(load(&mut [slot(LOAD), slot(0)], 1).is_none());
        assert!(load(&mut [slot(LOAD), slot(0)], 9).is_none());
    }

    #[test]
    fn newer_probe_reads_become_the_old_ones() {
        let mut slots = [
            call(113),
            call(112),
            call(115),
            call(114),
            call(1),
            Slot { src: Register::R1, ..call(113) },
            slot(LOAD),
            call(113),
        ];
        assert!(replace_probe_reads(&mut slots));
        assert_eq!(slots.map(|slot| slot.imm), [4, 4, 45, 45, 1, 113, 0, 113]);
        assert!(!replace_probe_reads(&mut slots));
    }
}
