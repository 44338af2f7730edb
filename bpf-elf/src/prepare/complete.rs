//! The last changes of a program before it is loaded: numbers that only the kernel that it is for can give.

use std::collections::HashMap;

use bpf_asm::{
    Opcode, PSEUDO_BTF_ID, PSEUDO_KFUNC_CALL, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, Register, Slot,
};

use super::{Fixup, FixupTarget, PreparedProgram};

/// What a symbol of a kernel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelSymbol {
    /// A variable or function with a type.
    Btf {
        /// Number of the type in the BTF of the kernel or of a module.
        id: u32,
        /// For a module: the descriptor of its BTF.
        fd: i32,
        /// For a function of a module: the place of that descriptor in the array of descriptors; 0 stands for the kernel itself.
        index: i16,
    },
    /// An address.
    Address(u64),
    /// Not there, and declared weak.
    Missing,
}

/// Who knows the numbers: a loader that asks the running kernel, or [`GivenAnswers`] for a kernel that runs elsewhere.
pub trait KernelAnswers {
    /// Why there is no answer.
    type Error;
    /// The descriptor of a map; `None` for one that is not created, whose use the verifier then refuses where it can be reached.
    fn map(&mut self, name: &str) -> Result<Option<i32>, Self::Error>;
    /// A function of the kernel.
    fn kfunc(&mut self, name: &str, weak: bool) -> Result<KernelSymbol, Self::Error>;
    /// A variable or another symbol of the kernel.
    fn ksym(&mut self, name: &str, weak: bool) -> Result<KernelSymbol, Self::Error>;
    /// The descriptor of a map of type `insn_array` with these slots of the program; `None` if there is none.
    fn jump_table(&mut self, name: &str, targets: &[usize]) -> Result<Option<i32>, Self::Error> {
        let _ = (name, targets);
        Ok(None)
    }
    /// The error for an instruction that cannot be completed.
    fn broken(&self, slot: usize) -> Self::Error;
}

/// Why a program cannot be completed with the answers that were given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Nobody said what a map, a function or a symbol is, and it is not weak.
    #[error("no {kind} {name:?} among the answers")]
    Missing {
        /// What it is.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// An instruction cannot be completed: it carries no reference, or one to a jump table.
    #[error("instruction {slot} cannot be completed")]
    Instruction {
        /// Slot of the program.
        slot: usize,
    },
}

/// Answers by name, without a kernel.
///
/// ```
/// use bpf_asm::{ByteOrder, Code};
/// use bpf_elf::prepare::{GivenAnswers, PrepareOptions, prepare_program};
/// use bpf_elf::spec::CollectionSpec;
/// use bpf_sys::abi::ProgramType;
///
/// let mut spec = CollectionSpec::new(ByteOrder::Big);
/// let code = Code::assemble("call kfunc[bpf_do]\nr0 = 0\nexit")?;
/// spec.add_program("main", ProgramType::XDP, &code)?;
/// let mut prepared = prepare_program(&spec, "main", &PrepareOptions::new())?;
/// prepared.complete(&mut GivenAnswers::new().with_function("bpf_do", 1234))?;
/// assert_eq!(prepared.slots[0].imm, 1234);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct GivenAnswers {
    maps: HashMap<String, i32>,
    functions: HashMap<String, KernelSymbol>,
    symbols: HashMap<String, KernelSymbol>,
}

impl GivenAnswers {
    /// No answers: what is weak is missing, and all else an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the descriptor of a map.
    #[must_use]
    pub fn with_map(mut self, name: impl Into<String>, fd: i32) -> Self {
        self.maps.insert(name.into(), fd);
        self
    }

    /// With the number of the type of a kernel function in the kernel's BTF.
    #[must_use]
    pub fn with_function(self, name: impl Into<String>, id: u32) -> Self {
        self.with_function_symbol(name, KernelSymbol::Btf { id, fd: 0, index: 0 })
    }

    /// With a function of a module.
    #[must_use]
    pub fn with_function_symbol(mut self, name: impl Into<String>, symbol: KernelSymbol) -> Self {
        self.functions.insert(name.into(), symbol);
        self
    }

    /// With the number of the type of a variable in the kernel's BTF.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, id: u32) -> Self {
        self.symbols.insert(name.into(), KernelSymbol::Btf { id, fd: 0, index: 0 });
        self
    }

    /// With the address of a symbol.
    #[must_use]
    pub fn with_address(mut self, name: impl Into<String>, address: u64) -> Self {
        self.symbols.insert(name.into(), KernelSymbol::Address(address));
        self
    }
}

fn answer(
    kind: &'static str,
    known: &HashMap<String, KernelSymbol>,
    name: &str,
    weak: bool,
) -> Result<KernelSymbol, AnswerError> {
    match known.get(name) {
        Some(symbol) => Ok(*symbol),
        None if weak => Ok(KernelSymbol::Missing),
        None => Err(AnswerError::Missing { kind, name: name.to_owned() }),
    }
}

impl KernelAnswers for GivenAnswers {
    type Error = AnswerError;

    fn map(&mut self, name: &str) -> Result<Option<i32>, AnswerError> {
        let missing = || AnswerError::Missing { kind: "map", name: name.to_owned() };
        self.maps.get(name).copied().map(Some).ok_or_else(missing)
    }

    fn kfunc(&mut self, name: &str, weak: bool) -> Result<KernelSymbol, AnswerError> {
        answer("function", &self.functions, name, weak)
    }

    fn ksym(&mut self, name: &str, weak: bool) -> Result<KernelSymbol, AnswerError> {
        answer("symbol", &self.symbols, name, weak)
    }

    fn jump_table(&mut self, name: &str, _: &[usize]) -> Result<Option<i32>, AnswerError> {
        Ok(self.maps.get(name).copied())
    }

    fn broken(&self, slot: usize) -> AnswerError {
        AnswerError::Instruction { slot }
    }
}

/// Calls of helpers with these numbers do not exist: the verifier refuses them, where they can be reached (libbpf: E31).
const POISON_MAP: i32 = 2_001_000_000;
const POISON_KFUNC: i32 = 2_002_000_000;

impl PreparedProgram {
    /// Completes the instructions: after that they are what `BPF_PROG_LOAD` takes, in the slots of the spec's byte order.
    ///
    /// # Errors
    ///
    /// Those of `answers`.
    pub fn complete<A: KernelAnswers>(&mut self, answers: &mut A) -> Result<(), A::Error> {
        apply(&mut self.slots, &self.fixups, answers)
    }
}

fn apply<A: KernelAnswers>(
    slots: &mut [Slot],
    fixups: &[Fixup],
    resolve: &mut A,
) -> Result<(), A::Error> {
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
                    KernelSymbol::Btf { id, index, .. } => {
                        slot.set_src(PSEUDO_KFUNC_CALL);
                        slot.imm = signed(id);
                        slot.offset = index;
                    }
                    KernelSymbol::Address(_) | KernelSymbol::Missing => poison(slot, POISON_KFUNC),
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
            FixupTarget::JumpTable { name, targets } => {
                let fd = resolve.jump_table(name, targets)?;
                let fd = fd.ok_or_else(|| resolve.broken(at))?;
                let Some((low, high)) = load(slots, at) else { return Err(resolve.broken(at)) };
                map_load(low, high, PSEUDO_MAP_VALUE, Some(fd), 0);
            }
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
        low.set_src(pseudo);
        low.imm = fd;
        high.imm = offset;
    } else {
        poison(low, POISON_MAP);
        poison(high, POISON_MAP);
    }
}

fn symbol_load(low: &mut Slot, high: &mut Slot, symbol: KernelSymbol) {
    match symbol {
        KernelSymbol::Btf { id, fd, .. } => {
            low.set_src(PSEUDO_BTF_ID);
            low.imm = signed(id);
            high.imm = fd;
        }
        KernelSymbol::Address(address) => {
            low.set_src(Register::R0);
            [low.imm, high.imm] = halves(address);
        }
        KernelSymbol::Missing => {
            low.set_src(Register::R0);
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
    *slot = Slot::new(Opcode::CALL, Register::R0, Register::R0, 0, imm);
}

#[cfg(test)]
mod tests {
    use bpf_asm::ByteOrder;

    use super::*;

    fn slot(word: u64) -> Slot {
        Slot::decode(word.to_le_bytes(), ByteOrder::Little)
    }

    const LOAD: u64 = 0x18;
    const CALL: u64 = 0x85;

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
            let seen = slots.map(|slot| (slot.opcode.byte(), slot.src().number(), slot.imm));
            assert_eq!(seen, [low, high]);
        }
    }

    #[test]
    fn symbol_loads_get_type_address_or_zero() {
        let rows = [
            (KernelSymbol::Btf { id: 5, fd: 0, index: 0 }, (3, 5), 0),
            (KernelSymbol::Btf { id: 5, fd: 11, index: 1 }, (3, 5), 11),
            (KernelSymbol::Address(0x1_0000_0002), (0, 2), 1),
            (KernelSymbol::Missing, (0, 0), 0),
        ];
        for (symbol, low, high) in rows {
            let mut slots = [slot(LOAD).with_imm(-1), slot(0).with_imm(-1)];
            let (a, b) = load(&mut slots, 0).unwrap();
            symbol_load(a, b, symbol);
            assert_eq!((slots[0].src().number(), slots[0].imm), low, "{symbol:?}");
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
}
