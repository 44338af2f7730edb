//! Changes of code.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Difference, Named};
use crate::prepare::flatten;
use crate::spec::digest::{FunctionName, Hash, Parts, names_of};
use crate::spec::{CollectionSpec, Function, ProgramSpec};

/// The code of a program changes: its own, or that of a function that it reaches.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CodeChange<'spec> {
    /// Slots of the whole program before.
    pub old_slots: usize,
    /// Slots of the whole program after.
    pub new_slots: usize,
    /// What changes about the code of the program itself.
    pub own: Option<FunctionChange<'spec>>,
    /// The functions that it reaches of which the code changes, by name: [`SpecDiff::functions`](super::SpecDiff::functions) says how.
    pub functions: Vec<&'spec str>,
    /// Functions that it reaches now and did not reach before, by name.
    pub reached: Vec<&'spec str>,
    /// Functions that it reached before and does not reach now, by name.
    pub left: Vec<&'spec str>,
}

/// What changes about the code of one function.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionChange<'spec> {
    /// The section in which it is now.
    pub section: &'spec str,
    /// Slots before.
    pub old_slots: usize,
    /// Slots after.
    pub new_slots: usize,
    /// The first slot that is different. `None` if no instruction is: then it is what instructions refer to, or the type or the
    /// linkage of the function.
    pub first_slot: Option<usize>,
}

impl<'spec> FunctionChange<'spec> {
    fn new(old: &Function, new: &'spec Function) -> Self {
        let same = old.slots.iter().zip(&new.slots).take_while(|(old, new)| old == new).count();
        let longest = old.slots.len().max(new.slots.len());
        Self {
            section: &new.section,
            old_slots: old.slots.len(),
            new_slots: new.slots.len(),
            first_slot: (same < longest).then_some(same),
        }
    }
}

/// The functions of one spec, with names that both specs understand.
pub(super) struct Code<'spec> {
    spec: &'spec CollectionSpec,
    names: HashMap<&'spec str, FunctionName<'spec>>,
    /// Functions by name.
    functions: BTreeMap<FunctionName<'spec>, &'spec Function>,
    hashes: HashMap<FunctionName<'spec>, Hash>,
    /// Digests of the code of entry programs.
    entries: HashMap<&'spec str, Hash>,
}

/// The code of two specs.
pub(super) struct Codes<'spec> {
    pub(super) old: Code<'spec>,
    pub(super) new: Code<'spec>,
    /// Whether all of it is the same.
    same: bool,
    /// Functions that programs may still reach.
    left: Cell<usize>,
}

/// How many functions all programs together may reach. Each of many programs may reach all of many functions, which is no
/// object that anyone would load: of the programs beyond this, their own code is all that is compared.
const MOST_REACHED: usize = 1 << 18;

impl<'spec> Code<'spec> {
    pub(super) fn new(spec: &'spec CollectionSpec, parts: &mut Parts<'spec>) -> Self {
        let names = names_of(spec);
        let functions: BTreeMap<_, _> = spec
            .functions
            .iter()
            .filter_map(|(key, function)| Some((*names.get(key)?, function)))
            .collect();
        let hashes =
            functions.iter().map(|(name, function)| (*name, parts.function(function))).collect();
        let programs = spec.programs.iter();
        let entries =
            programs.map(|(name, program)| (name, parts.function(&program.function))).collect();
        Self { spec, names, functions, hashes, entries }
    }

    /// The name of an exception callback, which tells functions of one name apart.
    pub(super) fn callback(&self, key: Option<&'spec str>) -> Option<&'spec str> {
        let key = key?;
        Some(self.names.get(key).map_or(key, |(name, _, _)| name))
    }

    /// What a program reaches: slots, functions by name, and other entry programs.
    fn reach(&self, program: &'spec ProgramSpec) -> Reach<'spec> {
        let mut reach = Reach { slots: program.function.slots.len(), ..Reach::default() };
        // Without the function that a call names, the program is what there is.
        let Ok(flat) = flatten(self.spec, program) else { return reach };
        reach.slots = flat.slots;
        for placed in flat.functions.iter().skip(1) {
            match self.names.get(placed.key) {
                Some(name) => reach.functions.insert(*name),
                None => reach.functions.insert((placed.key, "", usize::MAX)),
            };
        }
        reach
    }

    /// The digest of a function that a program reaches, which may be another program.
    fn hash_of(&self, name: &FunctionName<'spec>) -> Option<Hash> {
        self.hashes.get(name).or_else(|| self.entries.get(name.0)).copied()
    }
}

impl<'spec> Codes<'spec> {
    pub(super) fn new(old: Code<'spec>, new: Code<'spec>) -> Self {
        let same = old.hashes == new.hashes && old.entries == new.entries;
        Self { old, new, same, left: Cell::new(MOST_REACHED) }
    }

    /// What a program reaches, before and after; of too many programs their own code alone.
    fn reach(&self, old: &'spec ProgramSpec, new: &'spec ProgramSpec) -> [Reach<'spec>; 2] {
        if self.left.get() == 0 {
            return [old, new]
                .map(|of| Reach { slots: of.function.slots.len(), ..Reach::default() });
        }
        let reach = [self.old.reach(old), self.new.reach(new)];
        let count: usize = reach.iter().map(|reach| reach.functions.len()).sum();
        self.left.set(self.left.get().saturating_sub(count));
        reach
    }
}

#[derive(Default)]
struct Reach<'spec> {
    slots: usize,
    functions: BTreeSet<FunctionName<'spec>>,
}

/// Compares the functions that are only called.
pub(super) fn functions<'spec>(
    old: &Code<'spec>,
    new: &Code<'spec>,
) -> Vec<Named<'spec, FunctionChange<'spec>>> {
    let names: BTreeSet<_> = old.functions.keys().chain(new.functions.keys()).copied().collect();
    let differences = names.into_iter().filter_map(|name| {
        let difference = match (old.functions.get(&name), new.functions.get(&name)) {
            (Some(_), Some(_)) if old.hashes.get(&name) == new.hashes.get(&name) => return None,
            (Some(old), Some(new)) => Difference::Changed(FunctionChange::new(old, new)),
            (None, Some(_)) => Difference::Added,
            _ => Difference::Removed,
        };
        Some(Named { name: name.0, difference })
    });
    differences.collect()
}

/// Compares the code of a program and of what it reaches.
pub(super) fn program<'spec>(
    old: &'spec ProgramSpec,
    new: &'spec ProgramSpec,
    codes: &Codes<'spec>,
) -> Option<CodeChange<'spec>> {
    let callback = old.exception_callback.is_some() || new.exception_callback.is_some();
    if codes.same && !callback && old.name == new.name {
        return None;
    }
    let (old_code, new_code) = (&codes.old, &codes.new);
    let [before, after] = codes.reach(old, new);
    let is_own = old_code.entries.get(old.name.as_str()) != new_code.entries.get(new.name.as_str());
    let name = |(name, _, _): &FunctionName<'spec>| *name;
    let both = before.functions.intersection(&after.functions);
    let change = CodeChange {
        old_slots: before.slots,
        new_slots: after.slots,
        own: is_own.then(|| FunctionChange::new(&old.function, &new.function)),
        functions: both
            .filter(|function| old_code.hash_of(function) != new_code.hash_of(function))
            .map(name)
            .collect(),
        reached: after.functions.difference(&before.functions).map(name).collect(),
        left: before.functions.difference(&after.functions).map(name).collect(),
    };
    let differs = change.own.is_some()
        || !change.functions.is_empty()
        || !change.reached.is_empty()
        || !change.left.is_empty();
    differs.then_some(change)
}
