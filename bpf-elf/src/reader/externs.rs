//! Symbols that the kernel has to supply.

use std::sync::Arc;

use bpf_btf::{Btf, Type, TypeId};
use bpf_sys::abi::{MapFlags, MapType};

use super::by_name::ByName;
use super::input::Input;
use super::names::type_name;
use crate::Error;
use crate::budget::Budget;
use crate::object::{Binding, Place, Symbol, SymbolKind};
use crate::spec::{ExternKind, ExternSpec, MapContents, MapSpec, SpecMap, TypeRef};

/// The map that holds the values of the kernel configuration.
pub(super) const KCONFIG: &str = ".kconfig";

/// Externs by the index of their symbol.
pub(super) struct ExternTable {
    by_symbol: Vec<(usize, ExternKind, Arc<str>)>,
}

impl ExternTable {
    /// The extern that a symbol stands for.
    pub(super) fn get(&self, symbol: usize) -> Option<(ExternKind, &Arc<str>)> {
        let at = self.by_symbol.binary_search_by_key(&symbol, |(symbol, ..)| *symbol).ok()?;
        self.by_symbol.get(at).map(|(_, kind, name)| (*kind, name))
    }
}

/// What BTF says about an extern.
#[derive(Clone, Copy)]
struct Declaration {
    kind: ExternKind,
    type_id: TypeId,
}

/// Finds the externs. libbpf: `bpf_object__collect_externs`.
///
/// A symbol that is declared nowhere is not in the table; it is an error where it is used.
pub(super) fn read(
    input: &Input<'_>,
    budget: &mut Budget,
) -> Result<(ExternTable, SpecMap<ExternSpec>), Error> {
    let is_extern = |symbol: &Symbol| {
        symbol.place == Place::Undefined
            && symbol.kind == SymbolKind::NoType
            && matches!(symbol.binding, Binding::Global | Binding::Weak)
    };
    let count = input.object.symbols().iter().filter(|symbol| is_extern(symbol)).count();
    budget.records::<(usize, ExternKind, Arc<str>)>(count)?;
    // Two lists: the externs, and those that have places in memory, in another order.
    budget.records::<(Arc<str>, ExternSpec)>(count)?;
    budget.records::<(u32, &ExternSpec)>(count)?;
    let declared = declarations(input, budget)?;
    let mut by_symbol = Vec::with_capacity(count);
    let mut externs = Vec::with_capacity(count);
    for (index, symbol) in input.object.symbols().iter().enumerate() {
        if !is_extern(symbol) {
            continue;
        }
        let name = input.object.symbol_name(symbol)?;
        let (Some(found), Some(btf)) = (declared.get(name), input.btf.as_ref()) else { continue };
        budget.entry::<ExternSpec>(name)?;
        let mut spec = ExternSpec::new(budget.string(name)?, found.kind);
        spec.weak = symbol.binding == Binding::Weak;
        describe(&mut spec, btf, found, budget)?;
        let name: Arc<str> = Arc::from(name);
        by_symbol.push((index, found.kind, Arc::clone(&name)));
        externs.push((name, spec));
    }
    declared.drop(budget);
    place_values(&mut externs, input.btf.as_ref())?;
    externs.sort_unstable_by(|(first, _), (second, _)| first.cmp(second));
    let mut map = SpecMap::with_capacity(externs.len());
    for (name, spec) in externs {
        if map.insert(Arc::clone(&name), spec).is_some() {
            return Err(Error::Duplicate { kind: "extern", name: name.as_ref().to_owned() });
        }
    }
    Ok((ExternTable { by_symbol }, map))
}

/// What the virtual sections of BTF declare.
fn declarations<'a>(
    input: &'a Input<'_>,
    budget: &mut Budget,
) -> Result<ByName<'a, Declaration>, Error> {
    let sections = [input.datasec(KCONFIG), input.datasec(".ksyms")];
    let most: usize = sections.iter().flatten().map(bpf_btf::Datasec::entry_count).sum();
    let [kconfig, ksyms] =
        sections.map(|section| section.into_iter().flat_map(|section| section.entries()));
    let kconfig = kconfig.filter_map(|entry| {
        let variable = entry.variable()?;
        let kind = ExternKind::Kconfig;
        Some((variable.name(), Declaration { kind, type_id: variable.type_id() }))
    });
    let ksyms = ksyms.filter_map(|entry| {
        if let Some(variable) = entry.variable() {
            let kind = ExternKind::Ksym;
            return Some((variable.name(), Declaration { kind, type_id: variable.type_id() }));
        }
        let function = entry.function()?;
        let kind = ExternKind::Kfunc;
        Some((function.name(), Declaration { kind, type_id: function.id() }))
    });
    ByName::new(most, kconfig.chain(ksyms).map(Ok), budget)
}

/// Writes type and size of an extern down.
fn describe(
    spec: &mut ExternSpec,
    btf: &Btf,
    found: Declaration,
    budget: &mut Budget,
) -> Result<(), Error> {
    let id = found.type_id;
    let shown = match (found.kind, btf.get(id)) {
        (ExternKind::Kfunc, Some(Type::Func(function))) => function.prototype(),
        _ => id,
    };
    let is_void = matches!(btf.resolve(shown), Some(Type::Void));
    if is_void && found.kind == ExternKind::Ksym {
        return Ok(());
    }
    let name = type_name(btf, shown);
    budget.charge(name.capacity())?;
    if found.kind == ExternKind::Kconfig {
        let size = kconfig_size(btf, id);
        let fail = || Error::KconfigType { name: spec.name.clone(), found: name.clone() };
        spec.size = size.ok_or_else(fail)?;
    }
    spec.type_name = Some(name);
    spec.type_id = id.get();
    Ok(())
}

/// Bytes of a value of the kernel configuration, if it can have this type. libbpf: `find_kcfg_type`.
fn kconfig_size(btf: &Btf, id: TypeId) -> Option<u32> {
    match btf.resolve(id)? {
        Type::Int(int) => {
            let size = int.size();
            let fits = if int.is_bool() { size == 1 } else { matches!(size, 1 | 2 | 4 | 8) };
            fits.then_some(size)
        }
        Type::Enum(values) | Type::Enum64(values) => {
            (values.name() == "libbpf_tristate").then(|| values.size())
        }
        Type::Array(array) => match btf.resolve(array.element())? {
            Type::Int(int) if int.size() == 1 && array.len() != 0 => Some(array.len()),
            _ => None,
        },
        _ => None,
    }
}

/// Lays the values of the kernel configuration out: by alignment, largest first, then size, then name, as libbpf does.
fn place_values(externs: &mut [(Arc<str>, ExternSpec)], btf: Option<&Btf>) -> Result<(), Error> {
    let Some(btf) = btf else { return Ok(()) };
    let mut values: Vec<(u32, &mut ExternSpec)> = externs
        .iter_mut()
        .map(|(_, spec)| spec)
        .filter(|spec| spec.kind == ExternKind::Kconfig)
        .map(|spec| (btf.align_of(TypeId::new(spec.type_id)).unwrap_or(1).max(1), spec))
        .collect();
    values.sort_unstable_by(|(align, one), (other_align, other)| {
        other_align
            .cmp(align)
            .then(one.size.cmp(&other.size))
            .then_with(|| one.name.cmp(&other.name))
    });
    let mut end: u32 = 0;
    for (align, spec) in values {
        let offset = end.checked_next_multiple_of(align);
        let Some((offset, next)) = offset.and_then(|at| Some((at, at.checked_add(spec.size)?)))
        else {
            let size = u64::from(end).saturating_add(u64::from(spec.size));
            return Err(Error::SectionSize { section: KCONFIG.to_owned(), size });
        };
        spec.offset = offset;
        end = next;
    }
    Ok(())
}

/// The map that holds the values of the kernel configuration, if there are any.
pub(super) fn kconfig_map(input: &Input<'_>, externs: &SpecMap<ExternSpec>) -> Option<MapSpec> {
    let size = externs
        .values()
        .filter(|spec| spec.kind == ExternKind::Kconfig)
        .map(|spec| spec.offset.saturating_add(spec.size))
        .max()?;
    let mut map = MapSpec::new(KCONFIG, MapType::ARRAY, 4, size, 1);
    KCONFIG.clone_into(&mut map.section);
    map.flags = MapFlags::RDONLY_PROG | MapFlags::MMAPABLE;
    map.freeze = true;
    map.contents = MapContents::Zeroed;
    map.value_type =
        input.datasec(KCONFIG).map(|datasec| TypeRef::new(datasec.id().get(), KCONFIG.to_owned()));
    Some(map)
}
