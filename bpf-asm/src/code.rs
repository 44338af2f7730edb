//! Slots with side tables: what a builder makes and a listing prints.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Instruction, LinkError, Slot};

/// A piece of program: slots, and tables that name places in them.
///
/// The tables are indexed by slot, so joining two pieces is a shift, see [`Code::append`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The instructions.
    pub slots: Vec<Slot>,
    /// Where functions start, in the order of their slots.
    pub functions: Vec<Symbol>,
    /// Jump targets with a name, in the order of their slots.
    pub labels: Vec<Symbol>,
    /// What slots refer to by name, in the order of their slots.
    pub references: Vec<Reference>,
}

/// A named slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Symbol {
    /// The name. Functions have names of their own in a program, labels within their function.
    pub name: String,
    /// Index of the slot; a label may stand behind the last one.
    pub slot: usize,
}

impl Symbol {
    /// A name for a slot.
    pub fn new(name: impl Into<String>, slot: usize) -> Self {
        Self { name: name.into(), slot }
    }
}

/// A slot that needs something known only by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Reference {
    /// Index of the slot; the first one of a 64-bit immediate load.
    pub slot: usize,
    /// What it needs.
    pub target: Target,
}

impl Reference {
    /// A reference from a slot.
    pub const fn new(slot: usize, target: Target) -> Self {
        Self { slot, target }
    }
}

/// What a reference names, and thereby what is to be written into its slots.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// A 64-bit immediate load of a map: the loader writes its fd.
    Map {
        /// Name of the map.
        name: String,
    },
    /// A 64-bit immediate load of an address in the first value of a map: the loader writes the map's fd.
    MapValue {
        /// Name of the map.
        map: String,
        /// Offset into the value in bytes, which the second slot holds.
        offset: u32,
    },
    /// A call of a function of the program: [`Code::link`] writes the distance.
    Call {
        /// Name of the function.
        function: String,
    },
    /// A 64-bit immediate load of the address of a function of the program: [`Code::link`] writes the
    /// distance.
    FunctionAddress {
        /// Name of the function.
        function: String,
    },
    /// A call of a kernel function: the loader writes its BTF id.
    Kfunc {
        /// Name of the kernel function.
        name: String,
    },
    /// A 64-bit immediate load of the address of a kernel symbol: the loader writes its BTF id.
    Ksym {
        /// Name of the kernel symbol.
        name: String,
    },
}

impl Target {
    /// The function of the program that this names, if it does.
    pub fn function(&self) -> Option<&str> {
        match self {
            Self::Call { function } | Self::FunctionAddress { function } => Some(function),
            _ => None,
        }
    }
}

impl Code {
    /// Slots without names.
    pub fn new(slots: Vec<Slot>) -> Self {
        Self { slots, ..Self::default() }
    }

    /// Index of the first slot of a function.
    pub fn function(&self, name: &str) -> Option<usize> {
        self.functions.iter().find(|function| function.name == name).map(|function| function.slot)
    }

    /// Puts another piece behind this one and shifts its tables. Calls between the two are
    /// resolved where both ends are there.
    ///
    /// Nothing changes if both have a function of the same name, which is an error.
    pub fn append(&mut self, other: Self) -> Result<(), LinkError> {
        if let Some(function) = other.functions.iter().find(|f| self.function(&f.name).is_some()) {
            return Err(LinkError::DuplicateFunction { function: function.name.clone() });
        }
        let base = self.slots.len();
        let shifted = |Symbol { name, slot }| Symbol { name, slot: slot.saturating_add(base) };
        self.slots.extend(other.slots);
        self.functions.extend(other.functions.into_iter().map(shifted));
        self.labels.extend(other.labels.into_iter().map(shifted));
        self.references.extend(
            other.references.into_iter().map(|Reference { slot, target }| {
                Reference::new(slot.saturating_add(base), target)
            }),
        );
        self.resolve().map(|_| ())
    }

    /// Writes the distances of all calls and addresses of functions. A function that is not there is an
    /// error.
    pub fn link(&mut self) -> Result<(), LinkError> {
        match self.resolve()? {
            None => Ok(()),
            Some((slot, function)) => Err(LinkError::UndefinedFunction { slot, function }),
        }
    }

    /// Functions that are referred to, but not there.
    pub fn undefined_functions(&self) -> impl Iterator<Item = &str> {
        self.references
            .iter()
            .filter_map(|reference| reference.target.function())
            .filter(|name| self.function(name).is_none())
    }

    /// Resolves what can be resolved; gives the first reference that cannot.
    pub(crate) fn resolve(&mut self) -> Result<Option<(usize, String)>, LinkError> {
        let mut undefined = None;
        let starts: alloc::collections::BTreeMap<&str, usize> =
            self.functions.iter().map(|function| (function.name.as_str(), function.slot)).collect();
        for Reference { slot, target } in &self.references {
            let Some(function) = target.function() else { continue };
            let Some(start) = starts.get(function) else {
                undefined.get_or_insert_with(|| (*slot, function.into()));
                continue;
            };
            let place = self.slots.get_mut(*slot);
            let place = place.filter(|slot| slot.is_pseudo_call() || slot.is_pseudo_func());
            let place = place.ok_or(LinkError::NotAReference { slot: *slot })?;
            place.imm =
                distance(*slot, *start)
                    .and_then(|distance| i32::try_from(distance).ok())
                    .ok_or_else(|| LinkError::TooFar { slot: *slot, function: function.into() })?;
        }
        Ok(undefined)
    }

    /// The instructions with the index of their first slot; `None` for a slot that is none.
    pub fn instructions(&self) -> impl Iterator<Item = (usize, Option<Instruction>)> {
        let mut next = 0usize;
        core::iter::from_fn(move || {
            let index = next;
            let rest = self.slots.get(index..).filter(|rest| !rest.is_empty())?;
            let instruction = Instruction::decode(rest);
            next = index.saturating_add(instruction.map_or(1, Instruction::slot_count));
            Some((index, instruction))
        })
    }
}

/// Slots from the one behind `from` to `to`.
pub(crate) fn distance(from: usize, to: usize) -> Option<i64> {
    let (from, to) = (i64::try_from(from).ok()?, i64::try_from(to).ok()?);
    to.checked_sub(from)?.checked_sub(1)
}
