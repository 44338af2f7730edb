//! The BTF of an object as a kernel takes it.

use std::collections::HashMap;

use bpf_btf::{
    BtfBuilder, BtfFeatures, ByteOrder, FuncLinkage, Kind, NewSectionEntry, SectionLayout, Type,
    TypeId, VarLinkage, VariablePlace,
};

use super::kconfig::kconfig_map;
use super::{ContextFunctions, PrepareError};
use crate::spec::{CollectionSpec, ExternKind, Function, Linkage, MapSpec, TypeRef};

/// The BTF of the collection for `BPF_BTF_LOAD`, in native byte order; `None` if the object has none.
///
/// See [`prepare_btf_for`].
///
/// # Errors
///
/// As for [`prepare_btf_for`].
pub fn prepare_btf(
    spec: &CollectionSpec,
    features: &BtfFeatures,
) -> Result<Option<Vec<u8>>, PrepareError> {
    prepare_btf_for(spec, features, ByteOrder::NATIVE)
}

/// The BTF of the collection for `BPF_BTF_LOAD` of a kernel of this byte order; `None` if the object has none.
///
/// What compilers leave open is filled in: sizes and offsets of data sections, the places of configuration values, externs
/// as kernels want them. What `features` lacks is replaced by older kinds. Type numbers and string offsets stay what they
/// are, so those in [`PreparedProgram`](super::PreparedProgram) keep their meaning.
///
/// # Errors
///
/// [`PrepareError::Btf`]: a data section of the BTF is no section of the object, or a variable no symbol of it.
pub fn prepare_btf_for(
    spec: &CollectionSpec,
    features: &BtfFeatures,
    order: ByteOrder,
) -> Result<Option<Vec<u8>>, PrepareError> {
    let Some(mut builder) = complete(spec)? else { return Ok(None) };
    builder.sanitize(features)?;
    Ok(Some(builder.write(order)?))
}

/// The BTF of the collection, as [`prepare_btf_for`] makes it, with copies of the functions that have a parameter tagged `arg:ctx`: for kernels before
/// 6.8, which take a parameter for the context by the name of its type.
///
/// A program uses them by its function records: [`ContextFunctions::func_infos`]. To a program that keeps its own nothing changes.
///
/// # Errors
///
/// As for [`prepare_btf_for`].
pub fn prepare_btf_with_contexts(
    spec: &CollectionSpec,
    features: &BtfFeatures,
    order: ByteOrder,
) -> Result<Option<(Vec<u8>, ContextFunctions)>, PrepareError> {
    let Some(btf) = &spec.btf else { return Ok(None) };
    let Some(mut builder) = complete(spec)? else { return Ok(None) };
    let programs = spec.programs.values().map(|program| program.program_type);
    let contexts = ContextFunctions::add(spec, btf, programs, &mut builder, Some)?;
    builder.sanitize(features)?;
    Ok(Some((builder.write(order)?, contexts)))
}

/// The BTF with what compilers leave open.
fn complete(spec: &CollectionSpec) -> Result<Option<BtfBuilder>, PrepareError> {
    let Some(btf) = &spec.btf else { return Ok(None) };
    let mut builder = BtfBuilder::from_btf(btf);
    builder.fix_sections(&Places::new(spec))?;
    place_kconfig(spec, &mut builder)?;
    builder.define_ksyms()?;
    for function in all_functions(spec).filter(|f| f.hidden && f.linkage != Linkage::Static) {
        // libbpf: a hidden global function is verified in the context of its callers.
        if let Some(id) = function.type_id.map(TypeId::new) {
            builder.set_func_linkage(id, FuncLinkage::Static)?;
        }
    }
    Ok(Some(builder))
}

pub(super) fn all_functions(spec: &CollectionSpec) -> impl Iterator<Item = &Function> {
    spec.functions.values().chain(spec.programs.values().map(|program| &program.function))
}

/// Where the sections and symbols of the object are.
struct Places<'a> {
    spec: &'a CollectionSpec,
    /// The map that stands for a section of a spec that was made by hand, by the name of the section.
    maps: HashMap<&'a str, (&'a str, &'a MapSpec)>,
}

impl<'a> Places<'a> {
    fn new(spec: &'a CollectionSpec) -> Self {
        let mut maps = HashMap::with_capacity(spec.maps.len());
        for (name, map) in &spec.maps {
            let described = map.value_type.as_ref().map(TypeRef::name);
            // Of several maps for one section, the first.
            for section in [Some(name), Some(map.section.as_str()), described].into_iter().flatten()
            {
                maps.entry(section).or_insert((name, map));
            }
        }
        Self { spec, maps }
    }
}

impl SectionLayout for Places<'_> {
    fn section_size(&self, section: &str) -> Option<u32> {
        let read = self.spec.layout.section(section).map(|section| section.size);
        read.or_else(|| self.maps.get(section).map(|(_, map)| map.value_size))
    }

    fn variable(&self, section: &str, variable: &str) -> Option<VariablePlace> {
        if let Some(section) = self.spec.layout.section(section) {
            let symbol = section.symbol(variable)?;
            return Some(VariablePlace::new(symbol.offset, symbol.hidden));
        }
        let (map, _) = self.maps.get(section)?;
        let found = self.spec.variables.get(variable).filter(|found| found.map == *map)?;
        Some(VariablePlace::new(found.offset, false))
    }
}

/// Configuration values become variables of a section at the places that the spec gives them.
fn place_kconfig(spec: &CollectionSpec, builder: &mut BtfBuilder) -> Result<(), PrepareError> {
    let Some(btf) = &spec.btf else { return Ok(()) };
    let Some(id) = btf.find(".kconfig", Kind::Datasec) else { return Ok(()) };
    let Some(Type::Datasec(section)) = btf.get(id) else { return Ok(()) };
    let mut entries = Vec::new();
    let mut size = 0_u32;
    for entry in section.entries() {
        let Some(Type::Var(variable)) = btf.get(entry.type_id()) else { continue };
        let Some(value) =
            spec.externs.get(variable.name()).filter(|value| value.kind == ExternKind::Kconfig)
        else {
            continue;
        };
        builder.set_var_linkage(entry.type_id(), VarLinkage::Global)?;
        entries.push(NewSectionEntry::new(entry.type_id(), value.offset, value.size));
        size = size.max(value.offset.saturating_add(value.size));
    }
    // The kernel wants the section as large as the value of its map.
    if let Some((_, map)) = kconfig_map(spec) {
        size = size.max(map.value_size);
    }
    builder.set_section(id, size, entries)?;
    Ok(())
}
