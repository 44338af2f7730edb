//! Functions: where they are, and the keys that name them.

use std::sync::Arc;

use bpf_asm::Slot;

use super::class::Class;
use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Binding, Place, Section, SectionIndex, Symbol, SymbolKind};
use crate::spec::{Function, Linkage, ProgramSpec, SpecMap, Warning};

/// Bytes of an instruction.
pub(super) const SLOT: u64 = 8;

/// Where a function is.
#[derive(Debug)]
pub(super) struct FunctionPlace<'data> {
    pub(super) section: SectionIndex,
    /// Bytes from the start of the section.
    pub(super) offset: u64,
    /// Bytes of code.
    pub(super) size: u64,
    pub(super) name: &'data str,
    /// What references call it.
    pub(super) key: Arc<str>,
    /// The kernel can be given it as a program.
    pub(super) entry: bool,
    pub(super) linkage: Linkage,
    pub(super) hidden: bool,
    /// How many programs, or how many other functions, come before it.
    rank: u32,
}

impl FunctionPlace<'_> {
    /// The first byte behind the function.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}

/// Functions with the same code.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Bytes from the start of the section.
    pub(super) code: std::ops::Range<u64>,
    /// Indexes in the table.
    pub(super) places: std::ops::Range<usize>,
}

/// All functions, by section and offset. Functions with the same code stand next to each other, the one to call first.
#[derive(Debug)]
pub(super) struct FunctionTable<'data> {
    places: Vec<FunctionPlace<'data>>,
}

impl<'data> FunctionTable<'data> {
    /// Finds the functions. libbpf: `bpf_object__add_programs`.
    pub(super) fn new(
        input: &Input<'data>,
        budget: &mut Budget,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        let candidates = input.object.symbols().iter();
        let candidates = candidates.filter(|s| is_function(s) || is_untyped(s)).count();
        budget.records::<FunctionPlace<'_>>(candidates)?;
        let mut places = Vec::with_capacity(candidates);
        let unnamed: Arc<str> = Arc::from("");
        for (section, class) in input.sections() {
            if class != Class::Code {
                continue;
            }
            let start = places.len();
            if input.symbols_of(section.index).any(|(_, symbol)| is_function(symbol)) {
                for (_, symbol) in input.symbols_of(section.index).filter(|(_, s)| is_function(s)) {
                    push(&mut places, &unnamed, input, budget, section, symbol, symbol.size)?;
                }
            } else {
                untyped(&mut places, &unnamed, input, budget, section)?;
            }
            let found = places.get_mut(start..).unwrap_or_default();
            if found.is_empty() {
                warnings.push(Warning::NoFunctions { section: budget.string(section.name)? });
            }
            // Of several names for the same code, the first is the one that calls lead to.
            found.sort_by_key(|place| (place.offset, place.linkage == Linkage::Static));
            for pair in found.windows(2) {
                let [first, second] = pair else { continue };
                let same = (first.offset, first.size) == (second.offset, second.size);
                if !same && second.offset < first.end() {
                    return Err(Error::OverlappingFunctions {
                        first: first.name.to_owned(),
                        second: second.name.to_owned(),
                        section: section.name.to_owned(),
                    });
                }
            }
        }
        let mut table = Self { places };
        table.rank_all();
        table.name_all(input, budget)?;
        Ok(table)
    }

    /// All places.
    pub(super) fn places(&self) -> &[FunctionPlace<'data>] {
        &self.places
    }

    /// The function that starts here.
    pub(super) fn at(&self, section: SectionIndex, offset: u64) -> Option<&FunctionPlace<'data>> {
        let key = (section, offset);
        let at = self.places.partition_point(|place| (place.section, place.offset) < key);
        self.places.get(at).filter(|place| (place.section, place.offset) == key)
    }

    /// Index of the first function that has this byte of its section in its code.
    pub(super) fn around(&self, section: SectionIndex, offset: u64) -> Option<usize> {
        let key = (section, offset);
        let next = self.places.partition_point(|place| (place.section, place.offset) <= key);
        let last = self.places.get(next.checked_sub(1)?)?;
        if last.section != section || offset >= last.end() {
            return None;
        }
        let first = (section, last.offset);
        Some(self.places.partition_point(|place| (place.section, place.offset) < first))
    }

    /// The functions that have this byte of their section in their code; quickly if they follow those that were found last.
    pub(super) fn group_around(
        &self,
        last: Option<&Group>,
        section: SectionIndex,
        offset: u64,
    ) -> Option<Group> {
        let holds = |at: &usize| {
            let place = self.places.get(*at);
            place.is_some_and(|p| p.section == section && (p.offset..p.end()).contains(&offset))
        };
        let next = last.map(|last| last.places.end).filter(holds);
        self.group(next.or_else(|| self.around(section, offset))?)
    }

    /// The functions that share the code of the one at this index, which is the first of them.
    fn group(&self, first: usize) -> Option<Group> {
        let rest = self.places.get(first..)?;
        let place = rest.first()?;
        let (section, start) = (place.section, place.offset);
        let count =
            rest.iter().take_while(|other| (other.section, other.offset) == (section, start));
        let end = first.saturating_add(count.count());
        Some(Group { code: start..place.end(), places: first..end })
    }

    fn rank_all(&mut self) {
        let (mut programs, mut others) = (0_u32, 0_u32);
        for place in &mut self.places {
            let next = if place.entry { &mut programs } else { &mut others };
            place.rank = *next;
            *next = next.saturating_add(1);
        }
    }

    /// Gives every function its key: programs their name, other functions one that nobody else has.
    fn name_all(&mut self, input: &Input<'data>, budget: &mut Budget) -> Result<(), Error> {
        // An index of names, for as long as they are given out.
        budget.records::<[Arc<str>; 2]>(self.places.len())?;
        let mut taken: SpecMap<()> = SpecMap::with_capacity(self.places.len());
        for place in self.places.iter_mut().filter(|place| place.entry) {
            place.key = Arc::from(place.name);
            if taken.insert(Arc::clone(&place.key), ()).is_some() {
                let name = place.name.to_owned();
                return Err(Error::Duplicate { kind: "program", name });
            }
        }
        for linkage in [true, false] {
            let functions = self
                .places
                .iter_mut()
                .filter(|place| !place.entry && (place.linkage != Linkage::Static) == linkage);
            for place in functions {
                let section = input.section_name(place.section);
                let mut key: Arc<str> = Arc::from(place.name);
                if taken.contains(&key) {
                    budget.charge(place.name.len().saturating_add(section.len()))?;
                    key = Arc::from(format!("{}@{section}", place.name));
                }
                if taken.contains(&key) {
                    key = Arc::from(format!("{}@{section}+{:#x}", place.name, place.offset));
                }
                if taken.insert(Arc::clone(&key), ()).is_some() {
                    return Err(Error::Duplicate { kind: "function", name: key.as_ref().into() });
                }
                place.key = key;
            }
        }
        budget.release::<[Arc<str>; 2]>(self.places.len());
        Ok(())
    }
}

/// The functions of a spec as they are read, in the order of the table.
pub(super) struct Functions {
    pub(super) programs: SpecMap<ProgramSpec>,
    pub(super) others: SpecMap<Function>,
}

impl Functions {
    /// Room for the functions of a table.
    pub(super) fn with_capacity(table: &FunctionTable<'_>) -> Self {
        let entries = table.places().iter().filter(|place| place.entry).count();
        let others = table.places().len().saturating_sub(entries);
        Self { programs: SpecMap::with_capacity(entries), others: SpecMap::with_capacity(others) }
    }

    /// The function that was read from this place.
    pub(super) fn get_mut(&mut self, place: &FunctionPlace<'_>) -> Option<&mut Function> {
        let rank = usize::try_from(place.rank).ok()?;
        if place.entry {
            return self.programs.at_mut(rank).map(|program| &mut program.function);
        }
        self.others.at_mut(rank)
    }

    /// All functions.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Function> {
        let programs = self.programs.values_mut().map(|program| &mut program.function);
        programs.chain(self.others.values_mut())
    }
}

fn is_function(symbol: &Symbol) -> bool {
    symbol.kind == SymbolKind::Function
}

/// What may be a function in a section that has none by their type. Undefined symbols are of no section.
fn is_untyped(symbol: &Symbol) -> bool {
    symbol.kind == SymbolKind::NoType
        && symbol.place != Place::Undefined
        && matches!(symbol.binding, Binding::Global | Binding::Weak)
}

/// Takes global symbols without a type for functions. Old compilers and assembler sources leave the type out, and the size too.
fn untyped<'data>(
    places: &mut Vec<FunctionPlace<'data>>,
    unnamed: &Arc<str>,
    input: &Input<'data>,
    budget: &mut Budget,
    section: &Section<'data>,
) -> Result<(), Error> {
    let mut symbols =
        input.symbols_of(section.index).map(|(_, s)| s).filter(|s| is_untyped(s)).peekable();
    while let Some(symbol) = symbols.next() {
        let next = symbols.peek().map_or(section.size, |next| next.value);
        let size = if symbol.size == 0 { next.saturating_sub(symbol.value) } else { symbol.size };
        push(places, unnamed, input, budget, section, symbol, size)?;
    }
    Ok(())
}

/// Pays for a function: its code, and the spec that it becomes.
fn charge(budget: &mut Budget, name: &str, size: u64, entry: bool) -> Result<(), Error> {
    budget.records::<Slot>(usize::try_from(size / SLOT).unwrap_or(usize::MAX))?;
    if entry { budget.entry::<ProgramSpec>(name) } else { budget.entry::<Function>(name) }
}

fn push<'data>(
    places: &mut Vec<FunctionPlace<'data>>,
    unnamed: &Arc<str>,
    input: &Input<'data>,
    budget: &mut Budget,
    section: &Section<'data>,
    symbol: &Symbol,
    size: u64,
) -> Result<(), Error> {
    let name = input.object.symbol_name(symbol)?;
    let owned = || (name.to_owned(), section.name.to_owned());
    let offset = symbol.value;
    if offset.checked_add(size).is_none_or(|end| end > section.size) {
        let (symbol, section) = owned();
        return Err(Error::SymbolBounds { symbol, section, offset, size });
    }
    if name.is_empty() || size == 0 || size % SLOT != 0 || offset % SLOT != 0 {
        let (symbol, section) = owned();
        return Err(Error::FunctionSize { symbol, section, offset, size });
    }
    let linkage = match symbol.binding {
        Binding::Global => Linkage::Global,
        Binding::Weak => Linkage::Weak,
        Binding::Local | Binding::Other => Linkage::Static,
    };
    let entry = section.name != ".text" && linkage != Linkage::Static;
    charge(budget, name, size, entry)?;
    places.push(FunctionPlace {
        section: section.index,
        offset,
        size,
        name,
        key: Arc::clone(unnamed),
        entry,
        linkage,
        hidden: symbol.hidden,
        rank: 0,
    });
    Ok(())
}
