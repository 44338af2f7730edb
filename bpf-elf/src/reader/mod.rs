//! From the neutral view of an object to its spec.

mod by_name;
mod class;
mod code;
mod data;
mod exceptions;
mod ext_info;
mod externs;
mod functions;
mod input;
mod jump_tables;
mod layout;
pub(crate) mod map_definition;
mod maps;
mod names;
mod struct_ops;

use std::sync::Arc;

use bpf_asm::ByteOrder;
use bpf_sys::abi::{MapType, ProgramType};

use self::class::{Class, DataKind};
use self::code::Linker;
pub(crate) use self::code::{distances, write as write_target};
use self::functions::{FunctionPlace, FunctionTable, Functions};
use self::input::Input;
use self::maps::MapTable;
pub(crate) use self::names::type_name;
use crate::budget::Budget;
use crate::object::{Object, Section, SectionIndex};
use crate::spec::{
    CollectionSpec, Function, MapContents, MapSpec, ProgramSpec, SpecMap, VariableSpec, Warning,
};
use crate::{Error, ReadOptions};

/// The longest licence that is kept; libbpf has room for as many bytes.
const MAX_LICENSE: usize = 63;

/// Whether a section of this name holds variables.
pub(crate) fn is_data_section(name: &str) -> bool {
    matches!(Class::of_data(name), Class::Data { .. })
}

/// Reads a whole object.
pub(crate) fn read(data: &[u8], options: &ReadOptions) -> Result<CollectionSpec, Error> {
    let mut budget = Budget::new(data.len());
    let budget = &mut budget;
    let object = Object::parse(data)?;
    let mut spec = CollectionSpec::new(object.order());
    let input = Input::new(object, options, budget, &mut spec.warnings)?;

    let functions = FunctionTable::new(&input, budget, &mut spec.warnings)?;
    let mut maps = MapTable::new();
    for (section, class) in input.sections() {
        match class {
            Class::License => spec.license = license(section)?,
            Class::Version => spec.kernel_version = version(section, spec.byte_order)?,
            Class::Maps => maps.read(&input, budget, section, &mut spec.warnings)?,
            Class::LegacyMaps => {
                maps.read_legacy(&input, budget, section, &mut spec.warnings)?;
            }
            _ => {}
        }
    }
    for (section, class) in input.sections() {
        if class == Class::Maps {
            maps.read_values(&input, budget, &functions, section)?;
        }
    }

    let (externs, extern_specs) = externs::read(&input, budget)?;
    spec.externs = extern_specs;
    let data = read_data(&input, budget, &mut maps)?;
    spec.variables = data.variables;

    let by_section = &data.by_section;
    let mut linker = Linker {
        input: &input,
        functions: &functions,
        maps: &maps,
        externs: &externs,
        data: by_section,
        warnings: &mut spec.warnings,
    };
    let mut code = Functions::with_capacity(&functions);
    let mut adder = Adder { options, warnings: Vec::new(), last_section: None };
    linker.read(budget, |place, function, budget| adder.add(&mut code, place, function, budget))?;
    spec.warnings.append(&mut adder.warnings);
    ext_info::attach(&input, budget, &functions, &mut code)?;
    Functions { programs: spec.programs, others: spec.functions } = code;
    exceptions::attach(&input, budget, &mut spec)?;

    spec.maps = SpecMap::with_capacity(maps.len().saturating_add(data.maps.len()));
    for (name, map) in maps.into_maps().chain(data.maps) {
        insert(&mut spec.maps, "map", name, map)?;
    }
    if let Some(map) = externs::kconfig_map(&input, &spec.externs) {
        insert(&mut spec.maps, "map", Arc::from(externs::KCONFIG), map)?;
    }
    for (section, class) in input.sections() {
        if let Class::StructOps { link, autocreate } = class {
            let values = struct_ops::read(&input, budget, &functions, section, link, autocreate)?;
            for (name, map) in values {
                insert(&mut spec.maps, "map", name, map)?;
            }
        }
    }
    spec.layout = layout::read(&input, &functions, budget)?;
    spec.btf = input.btf;
    Ok(spec)
}

/// What the data sections make.
struct Data {
    maps: Vec<(Arc<str>, MapSpec)>,
    variables: SpecMap<VariableSpec>,
    /// The name of the map that holds a section, by section index.
    by_section: Vec<Option<Arc<str>>>,
}

fn read_data(input: &Input<'_>, budget: &mut Budget, maps: &mut MapTable) -> Result<Data, Error> {
    let mut found = Data {
        maps: Vec::new(),
        variables: SpecMap::new(),
        by_section: vec![None; input.object.sections().len()],
    };
    for (section, class) in input.sections().filter(|(section, _)| section.size != 0) {
        let (name, constant) = match class {
            Class::Data(kind) => {
                let name: Arc<str> = Arc::from(section.name);
                found.maps.push((Arc::clone(&name), data::map(input, budget, section, kind)?));
                (name, kind == DataKind::Constant)
            }
            Class::Arena => (arena(budget, maps, section)?, false),
            _ => continue,
        };
        let variables = &mut found.variables;
        data::variables(input, budget, section, &name, constant, variables)?;
        if let Some(slot) = found.by_section.get_mut(section.index.get()) {
            *slot = Some(name);
        }
    }
    Ok(found)
}

/// Puts the variables of an arena into the one arena that there has to be.
fn arena(
    budget: &mut Budget,
    maps: &mut MapTable,
    section: &Section<'_>,
) -> Result<Arc<str>, Error> {
    data::size(section)?;
    let mut arenas: Vec<_> = maps.of_type(MapType::ARENA).collect();
    let count = arenas.len();
    let [arena] = arenas.as_mut_slice() else { return Err(Error::Arena { count }) };
    if arena.map.contents != MapContents::None {
        return Err(Error::DuplicateSection { section: section.name.to_owned() });
    }
    arena.map.contents = data::contents(section, budget)?;
    Ok(Arc::clone(&arena.name))
}

/// Files programs and functions under their keys.
struct Adder<'a> {
    options: &'a ReadOptions,
    warnings: Vec<Warning>,
    last_section: Option<SectionIndex>,
}

impl Adder<'_> {
    fn add(
        &mut self,
        code: &mut Functions,
        place: &FunctionPlace<'_>,
        function: Function,
        budget: &mut Budget,
    ) -> Result<(), Error> {
        if !place.entry {
            return insert(&mut code.others, "function", Arc::clone(&place.key), function);
        }
        let new_section = self.last_section.replace(place.section) != Some(place.section);
        let warnings = new_section.then_some(&mut self.warnings);
        let program = program(place, function, self.options, warnings, budget)?;
        insert(&mut code.programs, "program", Arc::clone(&place.key), program)
    }
}

/// Makes a program of a function, of the type that its section tells. `warnings` are those of the section.
fn program(
    place: &FunctionPlace<'_>,
    function: Function,
    options: &ReadOptions,
    warnings: Option<&mut Vec<Warning>>,
    budget: &mut Budget,
) -> Result<ProgramSpec, Error> {
    let section = budget.string(&function.section)?;
    let name = budget.string(place.name)?;
    let mut program = ProgramSpec::new(name, ProgramType::UNSPEC, function);
    program.autoload = !section.starts_with('?');
    let plain = section.strip_prefix('?').unwrap_or(&section);
    if let Some(found) = options.section(plain) {
        program.program_type = found.program_type;
        program.attach_type = found.attach_type;
        program.attach_type_optional = found.attach_type_optional;
        program.attach_to = found.attach_to.map(|target| budget.string(target)).transpose()?;
        program.needs_btf_target = found.needs_btf_target;
        program.flags = found.flags;
        if let (false, Some(warnings)) = (found.exact, warnings) {
            warnings.push(Warning::SectionPrefix {
                section: budget.string(&section)?,
                taken_for: found.pattern.to_owned(),
            });
        }
    }
    program.section = section;
    Ok(program)
}

fn insert<T>(
    map: &mut SpecMap<T>,
    kind: &'static str,
    name: Arc<str>,
    value: T,
) -> Result<(), Error> {
    let shared = Arc::clone(&name);
    match map.insert(name, value) {
        // The spec is given up, so it does not matter which of the two it had.
        Some(_) => Err(Error::Duplicate { kind, name: shared.as_ref().to_owned() }),
        None => Ok(()),
    }
}

/// The text of the section `license`, up to its NUL.
fn license(section: &Section<'_>) -> Result<String, Error> {
    if section.data.is_empty() && section.size != 0 {
        return Err(Error::NoContents { section: section.name.to_owned() });
    }
    let text = section.data.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = text.get(..MAX_LICENSE).unwrap_or(text);
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// The number of the section `version`.
fn version(section: &Section<'_>, order: ByteOrder) -> Result<u32, Error> {
    let bytes: [u8; 4] =
        section.data.try_into().map_err(|_| Error::Version { size: section.size })?;
    Ok(u32_of(bytes, order))
}

fn u64_of(bytes: [u8; 8], order: ByteOrder) -> u64 {
    match order {
        ByteOrder::Little => u64::from_le_bytes(bytes),
        ByteOrder::Big => u64::from_be_bytes(bytes),
    }
}

fn u32_of(bytes: [u8; 4], order: ByteOrder) -> u32 {
    match order {
        ByteOrder::Little => u32::from_le_bytes(bytes),
        ByteOrder::Big => u32::from_be_bytes(bytes),
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow in a test fails the test")]
mod tests;
