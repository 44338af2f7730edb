//! Which symbol of which object a name means.

use std::collections::HashMap;

use bpf_btf::Btf;

use super::error::LinkError;
use super::input::{Declared, Input};
use super::output::{Output, Symbol};
use super::{definition, type_match};
use crate::emit::{OutBinding, OutKind};
use crate::object::{self, Binding, Place, SymbolKind};

/// The section of jump tables, whose symbols mean something to the code of their object only.
const JUMP_TABLES: &str = ".jumptables";

/// Gives every symbol of every object its symbol of the linked object. libbpf: `linker_append_elf_sym`.
pub(super) fn symbols(output: &mut Output, inputs: &mut [Input<'_>]) -> Result<(), LinkError> {
    for from in 0..inputs.len() {
        let Some(input) = inputs.get(from) else { continue };
        let declared = input.declared();
        let mut map = Vec::with_capacity(input.symbols.len());
        for (index, symbol) in input.object.symbols().iter().enumerate() {
            let found = match New::read(output, input, symbol, &declared)? {
                Some(_) if index == 0 => None,
                Some(new) => Some(add(output, inputs, from, &new)?),
                None => None,
            };
            map.push(found);
        }
        if let Some(input) = inputs.get_mut(from) {
            input.symbols = map;
        }
    }
    Ok(())
}

/// A symbol of an object, in terms of the linked one.
struct New<'a> {
    name: &'a str,
    section: Option<usize>,
    value: u64,
    size: u64,
    binding: OutBinding,
    kind: OutKind,
    hidden: bool,
    declared: Option<Declared<'a>>,
}

impl<'a> New<'a> {
    /// `None` for a symbol of what is not carried over.
    fn read(
        output: &Output,
        input: &'a Input<'_>,
        symbol: &object::Symbol,
        declared: &HashMap<&str, Declared<'a>>,
    ) -> Result<Option<Self>, LinkError> {
        let name = input.symbol_name(symbol)?;
        let fail = |problem| {
            let (object, symbol) = (input.name.to_owned(), name.to_owned());
            Err(LinkError::Symbol { object, symbol, problem })
        };
        let local = symbol.binding == Binding::Local;
        let kind = match symbol.kind {
            SymbolKind::NoType => OutKind::NoType,
            SymbolKind::Object => OutKind::Object,
            SymbolKind::Function => OutKind::Function,
            SymbolKind::Section => OutKind::Section,
            // The name of the source file.
            SymbolKind::Other if local => return Ok(None),
            SymbolKind::Other => return fail("is of a type that BPF objects do not have"),
        };
        let mut binding = match symbol.binding {
            Binding::Local => OutBinding::Local,
            Binding::Global => OutBinding::Global,
            Binding::Weak => OutBinding::Weak,
            Binding::Other => return fail("is neither local, global nor weak"),
        };
        if !local && symbol.odd_visibility {
            return fail("has a visibility other than default and hidden");
        }
        let place = match symbol.place {
            Place::Section(section) => match input.place(section) {
                Some(place) => Some(place),
                None => return Ok(None),
            },
            // Index 0 is such a symbol.
            Place::Undefined | Place::Reserved if local => return Ok(None),
            Place::Undefined => None,
            Place::Reserved => return fail("is in no section"),
        };
        let section = place.map(|place| place.section);
        let merged = section.and_then(|section| output.sections.get(section));
        if merged.is_some_and(|merged| merged.out.name == JUMP_TABLES) {
            binding = OutBinding::Local;
        }
        let shift = place.map_or(0, |place| place.shift);
        let value = if kind == OutKind::Section { 0 } else { symbol.value.saturating_add(shift) };
        let declared =
            if binding == OutBinding::Local { None } else { declared.get(name).copied() };
        let (size, hidden) = (symbol.size, symbol.hidden && !local);
        Ok(Some(Self { name, section, value, size, binding, kind, hidden, declared }))
    }

    fn symbol(&self, from: usize) -> Symbol {
        Symbol {
            name: self.name.to_owned(),
            section: self.section,
            value: self.value,
            size: self.size,
            binding: self.binding,
            kind: self.kind,
            hidden: self.hidden,
            from,
            weak_definition: self.section.is_some() && self.binding == OutBinding::Weak,
            declared: self.declared.map(|declared| declared.id),
            declared_in: self.declared.map_or_else(String::new, |found| found.section.to_owned()),
            declared_size: self.declared.map_or(0, |declared| declared.size),
            linked: None,
        }
    }
}

/// The symbol of the linked object that a symbol becomes.
fn add(
    output: &mut Output,
    inputs: &[Input<'_>],
    from: usize,
    new: &New<'_>,
) -> Result<usize, LinkError> {
    let next = output.symbols.len();
    output.names = output.names.checked_sub(new.name.len()).ok_or(LinkError::TooLarge)?;
    if new.binding == OutBinding::Local {
        // A section needs one symbol.
        let section = new.section.filter(|_| new.kind == OutKind::Section);
        if let Some(merged) = section.and_then(|section| output.sections.get_mut(section)) {
            if let Some(known) = merged.symbol {
                return Ok(known);
            }
            merged.symbol = Some(next);
        }
        output.symbols.push(new.symbol(from));
        return Ok(next);
    }
    let Some(&at) = output.globals.get(new.name) else {
        output.globals.insert(new.name.to_owned(), next);
        output.symbols.push(new.symbol(from));
        return Ok(next);
    };
    let Some(old) = output.symbols.get(at) else { return Ok(at) };
    let both_defined = old.section.is_some() && new.section.is_some();
    if both_defined && !old.weak_definition && new.binding != OutBinding::Weak {
        let name = |at: usize| inputs.get(at).map_or("", |input| input.name).to_owned();
        let (first, second) = (name(old.from), name(from));
        return Err(LinkError::Conflict { symbol: new.name.to_owned(), first, second });
    }
    require_same(output, old, inputs, from, new)?;

    let Some(old) = output.symbols.get_mut(at) else { return Ok(at) };
    // Whoever needs it strongly makes it strong; the strictest visibility counts.
    if new.binding == OutBinding::Global {
        old.binding = OutBinding::Global;
    }
    old.hidden |= new.hidden;
    let new_definition = new.section.is_some()
        && (old.section.is_none() || (old.weak_definition && new.binding == OutBinding::Global));
    if new_definition {
        let (binding, hidden) = (old.binding, old.hidden);
        *old = Symbol { binding, hidden, ..new.symbol(from) };
    }
    Ok(at)
}

/// An error if two objects do not mean the same by a name. libbpf: `glob_syms_match`.
fn require_same(
    output: &Output,
    old: &Symbol,
    inputs: &[Input<'_>],
    from: usize,
    new: &New<'_>,
) -> Result<(), LinkError> {
    let name = |at: usize| inputs.get(at).map_or("", |input| input.name).to_owned();
    let symbol = new.name.to_owned();
    let (first, second) = (name(old.from), name(from));
    let typed = |at: usize| inputs.get(at).and_then(|input| input.btf.as_ref());
    let sides: [Option<(&Btf, _)>; 2] = [
        typed(old.from).zip(old.declared),
        typed(from).zip(new.declared.map(|declared| declared.id)),
    ];
    let [Some((old_btf, old_id)), Some((new_btf, new_id))] = sides else {
        let untyped = if sides.first().is_some_and(Option::is_none) { &first } else { &second };
        let untyped = untyped.clone();
        return Err(LinkError::NoType { symbol, first, second, untyped });
    };
    let problem = if output.section_name(old) == definition::SECTION {
        definition::difference(new.name, (old_btf, old_id), (new_btf, new_id))
    } else {
        let declared_in = new.declared.map_or("", |declared| declared.section);
        let both_declared = old.section.is_none() && new.section.is_none();
        if both_declared && old.declared_in != declared_in {
            let from = |section: &str| {
                if section.is_empty() { "another object" } else { section }.to_owned()
            };
            Some(format!(
                "it is expected from {} and from {}",
                from(&old.declared_in),
                from(declared_in)
            ))
        } else {
            type_match::difference((old_btf, old_id), (new_btf, new_id))
        }
    };
    match problem {
        Some(problem) => Err(LinkError::Mismatch { symbol, first, second, problem }),
        None => Ok(()),
    }
}
