//! What the ELF file knows about data sections and BTF leaves open, and where functions are.

use std::sync::Arc;

use bpf_btf::VarLinkage;

use super::by_name::ByName;
use super::functions::FunctionTable;
use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Binding, SectionKind, Symbol, SymbolKind};
use crate::spec::SpecMap;
use crate::spec::layout::{DataSection, DataSymbol, Layout};

/// Sizes and symbols of all sections that BTF describes.
pub(super) fn read(
    input: &Input<'_>,
    functions: &FunctionTable<'_>,
    budget: &mut Budget,
) -> Result<Layout, Error> {
    let mut sections: SpecMap<DataSection> = SpecMap::new();
    // What the file has besides the program's own sections has no variables.
    let own = |kind| matches!(kind, SectionKind::ProgBits { .. } | SectionKind::NoBits);
    for (section, _) in input.sections().filter(|(section, _)| own(section.kind)) {
        let Some(datasec) = input.datasec(section.name) else { continue };
        // The file may have many sections of one name.
        if sections.contains(section.name) {
            continue;
        }
        let globals = datasec
            .variables()
            .filter(|(_, variable)| variable.linkage() == VarLinkage::Global)
            .map(|(_, variable)| Ok((variable.name(), ())));
        let globals = ByName::new(datasec.entry_count(), globals, budget)?;
        let described = |name: &str, symbol: &Symbol| {
            matches!(symbol.kind, SymbolKind::NoType | SymbolKind::Object)
                && globals.get(name).is_some()
        };
        let mut symbols = Vec::new();
        for export in input.exports_of(section.index) {
            let (name, symbol) = export?;
            let (true, Ok(offset)) = (described(name, symbol), u32::try_from(symbol.value)) else {
                continue;
            };
            if symbols.is_empty() {
                // Each variable has one symbol, unless the file is odd.
                budget.grow(&mut symbols, datasec.entry_count())?;
            }
            budget.grow(&mut symbols, 1)?;
            symbols.push(DataSymbol {
                name: budget.string(name)?,
                offset,
                hidden: symbol.hidden,
                weak: symbol.binding == Binding::Weak,
            });
        }
        symbols.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        globals.drop(budget);
        // The list grows by doubling.
        budget.records::<DataSection>(2)?;
        budget.entry::<DataSection>(section.name)?;
        let found = DataSection {
            size: u32::try_from(section.size).unwrap_or(u32::MAX),
            align: u32::try_from(section.align).unwrap_or(1),
            symbols,
        };
        sections.insert(section.name, found);
    }
    budget.records::<(Arc<str>, u64)>(functions.places().len())?;
    let functions = functions.places().iter();
    let functions = functions.map(|place| (Arc::clone(&place.key), place.offset)).collect();
    Ok(Layout { sections, functions })
}
