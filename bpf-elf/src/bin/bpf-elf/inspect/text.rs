//! A spec as tables for people. The form may change from release to release: programs read the JSON form.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Result;
use bpf_asm::ByteOrder;
use bpf_elf::prepare::{Flattened, flatten};
use bpf_elf::spec::{CollectionSpec, MapContents, MapSpec, ProgramSpec, VariableSpec};
use bpf_sys::abi::{MapFlags, ProgramFlags};

use crate::names;
use crate::table::{Table, clean};

pub(crate) fn write(out: &mut impl Write, shown: &str, spec: &CollectionSpec) -> Result<()> {
    let license = if spec.license.is_empty() {
        "no license".to_owned()
    } else {
        format!("license {:?}", spec.license)
    };
    write!(out, "{}: {}-endian, {license}", clean(shown), names::byte_order(spec.byte_order))?;
    match spec.kernel_version {
        0 => writeln!(out)?,
        version => writeln!(out, ", version {version:#x}")?,
    }
    programs(spec)?.write(out, "programs")?;
    maps(spec).write(out, "maps")?;
    variables(spec).write(out, "variables")?;
    externs(spec).write(out, "externs")?;
    warnings(spec).write(out, "warnings")?;
    Ok(())
}

/// A dash for what is not there.
fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn programs(spec: &CollectionSpec) -> Result<Table> {
    let mut table = Table::new(&["name", "section", "type", "attach type", "attach to", ">slots"]);
    for program in spec.programs.values() {
        let flat = flatten(spec, program)?;
        table.row(
            vec![
                program.name.clone(),
                program.section.clone(),
                names::program_type(program.program_type),
                or_dash(program.attach_type.map(names::attach_type)),
                or_dash(program.attach_to.clone()),
                flat.slots.to_string(),
            ],
            notes(program, &flat),
        );
    }
    Ok(table)
}

fn notes(program: &ProgramSpec, flat: &Flattened<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut facts = Vec::new();
    if !program.autoload {
        facts.push("not loaded by default");
    }
    for (flag, fact) in
        [(ProgramFlags::SLEEPABLE, "may sleep"), (ProgramFlags::XDP_HAS_FRAGS, "takes fragments")]
    {
        if program.flags.contains(flag) {
            facts.push(fact);
        }
    }
    if !facts.is_empty() {
        notes.push(facts.join(", "));
    }
    let called: Vec<_> =
        flat.functions.iter().skip(1).map(|placed| placed.function.name.as_str()).collect();
    if !called.is_empty() {
        notes.push(format!("functions: {}", called.join(", ")));
    }
    let functions = flat.functions.iter().map(|placed| placed.function);
    let mut references = BTreeSet::new();
    for function in functions.clone() {
        references.extend(function.references.iter().map(|of| names::target(function, &of.target)));
    }
    for (title, kinds) in [
        ("maps", &["map", "map_value"][..]),
        ("kernel", &["kfunc", "ksym"]),
        ("configuration", &["kconfig"]),
    ] {
        let named: BTreeSet<_> = references
            .iter()
            .filter(|(kind, _)| kinds.contains(kind))
            .map(|&(_, name)| name)
            .collect();
        if !named.is_empty() {
            notes.push(format!("{title}: {}", named.into_iter().collect::<Vec<_>>().join(", ")));
        }
    }
    let relocations: usize = functions.map(|function| function.core_relocations.len()).sum();
    if relocations > 0 {
        notes.push(format!("CO-RE relocations: {relocations}"));
    }
    notes
}

fn maps(spec: &CollectionSpec) -> Table {
    let mut table =
        Table::new(&["name", "type", ">key", ">value", ">entries", "key type", "value type"]);
    for map in spec.maps.values() {
        table.row(map_cells(map.name.clone(), map), map_notes(map));
        if let Some(inner) = &map.inner {
            table.row(map_cells("  each".to_owned(), inner), map_notes(inner));
        }
    }
    table
}

fn map_cells(name: String, map: &MapSpec) -> Vec<String> {
    vec![
        name,
        names::map_type(map.map_type),
        map.key_size.to_string(),
        map.value_size.to_string(),
        map.max_entries.to_string(),
        or_dash(map.key_type.as_ref().map(|ty| ty.name().to_owned())),
        or_dash(map.value_type.as_ref().map(|ty| ty.name().to_owned())),
    ]
}

fn map_notes(map: &MapSpec) -> Vec<String> {
    let mut facts = Vec::new();
    if map.flags != MapFlags::NONE {
        // `MapFlags(A | B)`
        let flags = format!("{:?}", map.flags);
        let inside = flags.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        facts.push(format!("flags {}", inside.unwrap_or(&flags)));
    }
    if map.numa_node != 0 {
        facts.push(format!("NUMA node {}", map.numa_node));
    }
    if map.map_extra != 0 {
        facts.push(format!("extra {:#x}", map.map_extra));
    }
    if names::pinning(map.pinning) == "by_name" {
        facts.push("pinned by name".to_owned());
    }
    if !map.autocreate {
        facts.push("not created by default".to_owned());
    }
    if let MapContents::Entries(entries) = &map.contents {
        let entries: Vec<_> =
            entries.iter().map(|entry| format!("[{}] {}", entry.key, entry.name)).collect();
        facts.push(format!("holds {}", entries.join(", ")));
    }
    if facts.is_empty() { Vec::new() } else { vec![facts.join(", ")] }
}

fn variables(spec: &CollectionSpec) -> Table {
    let mut table = Table::new(&["name", "map", ">offset", ">size", "type", "value"]);
    for variable in spec.variables.values() {
        table.row(
            vec![
                variable.name.clone(),
                variable.map.clone(),
                variable.offset.to_string(),
                variable.size.to_string(),
                or_dash(variable.type_name.clone()),
                value(spec, variable),
            ],
            vec![],
        );
    }
    table
}

/// A value as people read it: a number where it is as long as one, else its first bytes.
fn value(spec: &CollectionSpec, variable: &VariableSpec) -> String {
    const SHOWN: usize = 16;
    let contents = spec.maps.get(&variable.map).map(|map| &map.contents);
    let bytes = match contents {
        Some(MapContents::Zeroed) => return "0".to_owned(),
        Some(MapContents::Bytes(bytes)) => {
            let (start, size) = (usize::try_from(variable.offset), usize::try_from(variable.size));
            let end = |start: usize| size.ok().and_then(|size| start.checked_add(size));
            start.ok().and_then(|start| bytes.get(start..end(start)?))
        }
        _ => None,
    };
    let Some(bytes) = bytes else { return "-".to_owned() };
    if bytes.iter().all(|&byte| byte == 0) {
        return "0".to_owned();
    }
    if matches!(bytes.len(), 1 | 2 | 4 | 8) {
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = match spec.byte_order {
            ByteOrder::Big => bytes.iter().fold(0, push),
            ByteOrder::Little => bytes.iter().rev().fold(0, push),
        };
        return format!("{number:#x}");
    }
    match bytes.get(..SHOWN) {
        Some(shown) if bytes.len() > SHOWN => format!("{}...", names::hex(shown)),
        _ => names::hex(bytes),
    }
}

fn externs(spec: &CollectionSpec) -> Table {
    let mut table = Table::new(&["name", "kind", "type", ""]);
    for external in spec.externs.values() {
        table.row(
            vec![
                external.name.clone(),
                names::extern_kind(external.kind).to_owned(),
                or_dash(external.type_name.clone()),
                if external.weak { "weak" } else { "" }.to_owned(),
            ],
            vec![],
        );
    }
    table
}

fn warnings(spec: &CollectionSpec) -> Table {
    let mut table = Table::new(&[""]);
    for warning in &spec.warnings {
        table.row(vec![warning.to_string()], vec![]);
    }
    table
}
