//! What the ELF file knows about data sections and BTF leaves open.

use std::collections::HashSet;

use bpf_btf::{Type, VarLinkage};

use super::input::Input;
use crate::Error;
use crate::budget::Budget;
use crate::object::SymbolKind;
use crate::spec::layout::{DataSection, DataSymbol, Layout};

/// Sizes and symbols of all sections that BTF describes.
pub(super) fn read(input: &Input<'_>, budget: &mut Budget) -> Result<Layout, Error> {
    let mut sections: Vec<DataSection> = Vec::new();
    let Some(btf) = &input.btf else { return Ok(Layout { sections }) };
    let mut described = HashSet::new();
    for (_, found) in btf.types() {
        if let Type::Datasec(datasec) = found {
            described.insert(datasec.name());
        }
    }
    for (section, _) in input.sections() {
        let Some(datasec) = described.take(section.name).and_then(|name| input.datasec(name))
        else {
            continue;
        };
        let named: HashSet<&str> = datasec
            .variables()
            .filter(|(_, variable)| variable.linkage() == VarLinkage::Global)
            .map(|(_, variable)| variable.name())
            .collect();
        let mut symbols = Vec::new();
        for export in input.exports_of(section.index) {
            let (name, symbol) = export?;
            let kind = matches!(symbol.kind, SymbolKind::NoType | SymbolKind::Object);
            let offset = u32::try_from(symbol.value);
            let (true, true, Ok(offset)) = (kind, named.contains(name), offset) else { continue };
            budget.charge(size_of::<DataSymbol>())?;
            symbols.push(DataSymbol { name: budget.string(name)?, offset, hidden: symbol.hidden });
        }
        symbols.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        budget.charge(size_of::<DataSection>())?;
        sections.push(DataSection {
            name: budget.string(section.name)?,
            size: u32::try_from(section.size).unwrap_or(u32::MAX),
            symbols,
        });
    }
    Ok(Layout { sections })
}
