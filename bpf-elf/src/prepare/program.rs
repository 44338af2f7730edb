//! A program with its functions in one piece, ready but for what only a kernel can say.

use std::sync::Arc;

use bpf_asm::{ByteOrder, Slot};

use super::kconfig::kconfig_map;
use super::relocate::Applied;
use super::{CoreResolution, Flattened, PoisonedAccess, PrepareError, flatten, relocate};
use crate::spec::{CollectionSpec, Function, Reference, Target};

/// What preparation is told about the kernel that the program is for.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PrepareOptions<'a> {
    /// The CO-RE relocations of the collection, resolved for the kernel. Without them only programs load that have none.
    pub core: Option<&'a CoreResolution>,
}

impl<'a> PrepareOptions<'a> {
    /// Nothing is known about a kernel.
    pub fn new() -> Self {
        Self::default()
    }

    /// For the kernel against which the relocations were resolved.
    #[must_use]
    pub fn with_core(self, core: &'a CoreResolution) -> Self {
        Self { core: Some(core) }
    }
}

/// A program as `BPF_PROG_LOAD` takes it, but for the [`Fixup`]s.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PreparedProgram {
    /// The instructions of the entry and of all functions that it reaches.
    pub slots: Vec<Slot>,
    /// Name and first slot of each function; the entry is the first.
    pub functions: Vec<(String, usize)>,
    /// Instructions that a loader has to complete, by slot.
    pub fixups: Vec<Fixup>,
    /// The type of each function, or none at all if the type of one is not known: the kernel wants all or nothing.
    pub func_infos: Vec<FuncInfo>,
    /// Where instructions come from, or nothing if a function lacks the record of its first slot: the kernel refuses that.
    pub line_infos: Vec<LineRecord>,
    /// Instructions that the verifier will refuse if the program can reach them, because the kernel lacks a type, field or enumerator.
    pub poisoned: Vec<PoisonedAccess>,
    /// Instructions that hold the number of a type in the BTF of the object (`bpf_core_type_id_local`).
    pub local_type_ids: Vec<LocalTypeId>,
}

/// An instruction that holds the number of a type in the BTF that the program is loaded with, such as the argument of `bpf_obj_new`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalTypeId {
    /// Slot of the program; of a 64-bit load the first of its two.
    pub slot: usize,
    /// The number.
    pub type_id: u32,
}

/// An instruction that a loader has to complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fixup {
    /// Slot of the program; of a 64-bit load the first of its two.
    pub slot: usize,
    /// What it names.
    pub target: FixupTarget,
}

/// What an instruction names that only a kernel can give a number to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FixupTarget {
    /// The immediate of a 64-bit load becomes the descriptor of this map.
    Map {
        /// Key in [`CollectionSpec::maps`].
        name: Arc<str>,
    },
    /// The low half of a 64-bit load becomes the descriptor of this map; the high half is already the offset.
    MapValue {
        /// Key in [`CollectionSpec::maps`].
        map: Arc<str>,
        /// Bytes from the start of the value.
        offset: u32,
    },
    /// The low half of a 64-bit load becomes the descriptor of a map of type `insn_array` with these slots of the program.
    JumpTable {
        /// The symbol of the table.
        name: String,
        /// Slots of the program, in the order of the table.
        targets: Vec<usize>,
    },
    /// The call gets the BTF id of this kernel function and, if it is in a module, the index of that module's BTF descriptor.
    Kfunc {
        /// Key in [`CollectionSpec::externs`].
        name: Arc<str>,
        /// May be missing: the instruction must then fail only if it is reached.
        weak: bool,
    },
    /// The 64-bit load gets the BTF id of this kernel function, or becomes a load of 0.
    KfuncAddress {
        /// Key in [`CollectionSpec::externs`].
        name: Arc<str>,
        /// May be missing.
        weak: bool,
    },
    /// The 64-bit load gets the address or BTF id of this kernel symbol, or becomes a load of 0.
    Ksym {
        /// Key in [`CollectionSpec::externs`].
        name: Arc<str>,
        /// May be missing.
        weak: bool,
    },
}

/// The type of a function: `struct bpf_func_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FuncInfo {
    /// First slot of the function.
    pub slot: u32,
    /// Its type, as the number in the BTF of the object.
    pub type_id: u32,
}

/// The source of an instruction: `struct bpf_line_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineRecord {
    /// First slot of the line.
    pub slot: u32,
    /// Name of the file, as an offset in the strings of the BTF of the object.
    pub file_name: u32,
    /// Text of the line, as an offset in the same strings.
    pub line_text: u32,
    /// Line number in the upper 22 bits, column in the lower 10.
    pub line_column: u32,
}

impl PreparedProgram {
    /// The instructions as `BPF_PROG_LOAD` takes them on a machine of this byte order.
    pub fn code_bytes(&self, order: ByteOrder) -> Vec<u8> {
        bpf_asm::encode_slots(&self.slots, order)
    }

    /// The types of functions as `func_info` takes them, 8 bytes each.
    pub fn func_info_bytes(&self, order: ByteOrder) -> Vec<u8> {
        words(self.func_infos.iter().flat_map(|info| [info.slot, info.type_id]), order)
    }

    /// The lines as `line_info` takes them, 16 bytes each.
    pub fn line_info_bytes(&self, order: ByteOrder) -> Vec<u8> {
        let records = self.line_infos.iter();
        words(records.flat_map(|r| [r.slot, r.file_name, r.line_text, r.line_column]), order)
    }
}

fn words(words: impl Iterator<Item = u32>, order: ByteOrder) -> Vec<u8> {
    let bytes = |word: u32| match order {
        ByteOrder::Little => word.to_le_bytes(),
        ByteOrder::Big => word.to_be_bytes(),
    };
    words.flat_map(bytes).collect()
}

/// Makes one program of a collection ready to load.
///
/// # Errors
///
/// [`PrepareError`]: a reference to nothing, a call that is too far, a CO-RE relocation that is wrong.
pub fn prepare_program(
    spec: &CollectionSpec,
    name: &str,
    options: &PrepareOptions<'_>,
) -> Result<PreparedProgram, PrepareError> {
    let program =
        spec.programs.get(name).ok_or_else(|| PrepareError::NoProgram { name: name.into() })?;
    let flat = flatten(spec, program)?;
    let mut slots = Vec::with_capacity(flat.slots);
    for placed in &flat.functions {
        slots.extend_from_slice(&placed.function.slots);
    }
    let Applied { poisoned, local_type_ids } =
        relocate::apply(spec, name, &flat.functions, options.core, &mut slots)?;
    let mut fixups = Vec::new();
    for placed in &flat.functions {
        for reference in &placed.function.references {
            let site = Site { spec, flat: &flat, function: placed.function, reference };
            let end = placed.start.saturating_add(placed.function.slots.len());
            let slot = placed.start.saturating_add(reference.slot);
            let code = slots.get_mut(slot..end).ok_or_else(|| site.bad_reference())?;
            if let Some(target) = site.resolve(code, slot)? {
                fixups.push(Fixup { slot, target });
            }
        }
    }
    Ok(PreparedProgram {
        slots,
        functions: flat.functions.iter().map(|p| (p.function.name.clone(), p.start)).collect(),
        fixups,
        func_infos: func_infos(&flat),
        line_infos: line_infos(&flat),
        poisoned,
        local_type_ids,
    })
}

/// One reference and where it stands.
struct Site<'a> {
    spec: &'a CollectionSpec,
    flat: &'a Flattened<'a>,
    function: &'a Function,
    reference: &'a Reference,
}

impl Site<'_> {
    /// Writes into the instruction what is known, and tells what a loader still has to do. `code` begins with the
    /// instruction and ends with its function; `slot` is its slot in the program.
    fn resolve(&self, code: &mut [Slot], slot: usize) -> Result<Option<FixupTarget>, PrepareError> {
        let target = match &self.reference.target {
            Target::Call { function } => {
                self.call(code)?.imm = self.distance(function, slot)?;
                return Ok(None);
            }
            Target::FunctionAddress { function } => {
                let distance = self.distance(function, slot)?;
                let (low, high) = self.load(code)?;
                low.imm = distance;
                high.imm = 0;
                return Ok(None);
            }
            Target::Map { name } => {
                self.load(code)?;
                FixupTarget::Map { name: Arc::clone(name) }
            }
            Target::MapValue { map, offset } => self.map_value(code, Arc::clone(map), *offset)?,
            Target::Kconfig { name } => {
                let offset = self.declared(name)?.offset;
                let map = kconfig_map(self.spec).map_or(".kconfig", |(name, _)| name);
                self.map_value(code, Arc::from(map), offset)?
            }
            Target::JumpTable { index } => {
                self.load(code)?;
                let table = self.function.jump_tables.get(*index);
                let table = table.ok_or_else(|| self.bad_reference())?;
                if table.targets.is_empty() {
                    let (function, table) = (self.function.name.clone(), table.name.clone());
                    return Err(PrepareError::JumpTable { function, table });
                }
                let start = slot.saturating_sub(self.reference.slot);
                FixupTarget::JumpTable {
                    name: table.name.clone(),
                    targets: table.targets.iter().map(|t| t.saturating_add(start)).collect(),
                }
            }
            Target::Kfunc { name } => {
                self.call(code)?;
                FixupTarget::Kfunc { name: Arc::clone(name), weak: self.declared(name)?.weak }
            }
            Target::KfuncAddress { name } => {
                self.load(code)?;
                FixupTarget::KfuncAddress {
                    name: Arc::clone(name),
                    weak: self.declared(name)?.weak,
                }
            }
            Target::Ksym { name } => {
                self.load(code)?;
                FixupTarget::Ksym { name: Arc::clone(name), weak: self.declared(name)?.weak }
            }
        };
        Ok(Some(target))
    }

    fn map_value(
        &self,
        code: &mut [Slot],
        map: Arc<str>,
        offset: u32,
    ) -> Result<FixupTarget, PrepareError> {
        let (_, high) = self.load(code)?;
        high.imm = i32::from_ne_bytes(offset.to_ne_bytes());
        Ok(FixupTarget::MapValue { map, offset })
    }

    fn declared(&self, name: &str) -> Result<&crate::spec::ExternSpec, PrepareError> {
        self.spec.externs.get(name).ok_or_else(|| PrepareError::NoExtern {
            function: self.function.name.clone(),
            slot: self.reference.slot,
            name: name.into(),
        })
    }

    fn call<'code>(&self, code: &'code mut [Slot]) -> Result<&'code mut Slot, PrepareError> {
        code.first_mut().filter(|slot| slot.is_call()).ok_or_else(|| self.bad_reference())
    }

    fn load<'code>(
        &self,
        code: &'code mut [Slot],
    ) -> Result<(&'code mut Slot, &'code mut Slot), PrepareError> {
        match code {
            [low, high, ..] if low.is_ld_imm64() => Ok((low, high)),
            _ => Err(self.bad_reference()),
        }
    }

    /// What the kernel adds to the slot after `slot` to find the function (`add_subprog` in kernel/bpf/verifier.c).
    fn distance(&self, function: &str, slot: usize) -> Result<i32, PrepareError> {
        let too_far = || PrepareError::TooFar {
            function: self.function.name.clone(),
            slot: self.reference.slot,
        };
        let start = self.flat.start_of(function).ok_or_else(|| self.bad_reference())?;
        let start = i64::try_from(start).map_err(|_| too_far())?;
        let next = i64::try_from(slot.saturating_add(1)).map_err(|_| too_far())?;
        start.checked_sub(next).and_then(|d| i32::try_from(d).ok()).ok_or_else(too_far)
    }

    fn bad_reference(&self) -> PrepareError {
        let target = match &self.reference.target {
            Target::Map { name } => format!("map {name:?}"),
            Target::MapValue { map, offset } => format!("map {map:?}, offset {offset}"),
            Target::Call { function } | Target::FunctionAddress { function } => {
                format!("function {function:?}")
            }
            Target::JumpTable { index } => format!("jump table {index}"),
            Target::Kfunc { name }
            | Target::KfuncAddress { name }
            | Target::Ksym { name }
            | Target::Kconfig { name } => format!("extern {name:?}"),
        };
        PrepareError::BadReference {
            function: self.function.name.clone(),
            slot: self.reference.slot,
            target,
        }
    }
}

fn func_infos(flat: &Flattened<'_>) -> Vec<FuncInfo> {
    flat.functions
        .iter()
        .map(|placed| {
            let slot = u32::try_from(placed.start).ok()?;
            Some(FuncInfo { slot, type_id: placed.function.type_id? })
        })
        .collect::<Option<_>>()
        .unwrap_or_default()
}

fn line_infos(flat: &Flattened<'_>) -> Vec<LineRecord> {
    let mut records = Vec::new();
    for placed in &flat.functions {
        let lines = &placed.function.line_infos;
        if lines.first().is_none_or(|line| line.slot != 0) {
            return Vec::new();
        }
        for line in lines {
            let Ok(slot) = u32::try_from(placed.start.saturating_add(line.slot)) else {
                return Vec::new();
            };
            records.push(LineRecord {
                slot,
                file_name: line.file_name,
                line_text: line.line_text,
                line_column: (line.line << 10) | (u32::from(line.column) & 0x3ff),
            });
        }
    }
    records
}

#[cfg(test)]
mod tests;
