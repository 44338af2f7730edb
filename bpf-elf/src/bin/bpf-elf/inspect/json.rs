//! A spec as one JSON object: FORMAT.md, beside this file, lists it field by field.
//!
//! One program, map, variable or extern stands on one line and is written before the next is made: the output of a hostile object may be
//! long, the memory that it takes is not.

use std::io::Write;

use anyhow::Result;
use bpf_elf::prepare::{Flattened, flatten};
use bpf_elf::spec::{
    CollectionSpec, ExternSpec, MapContents, MapSpec, ProgramSpec, Target, TypeRef, VariableSpec,
};
use serde_json::{Value, json};

use crate::names;

/// Raised when a field changes its meaning, not when one is added.
const FORMAT: u32 = 1;

pub(crate) fn write(out: &mut impl Write, spec: &CollectionSpec) -> Result<()> {
    writeln!(out, "{{")?;
    for (key, value) in [
        ("format", json!(FORMAT)),
        ("byte_order", json!(names::byte_order(spec.byte_order))),
        ("license", json!(spec.license)),
        ("kernel_version", json!(spec.kernel_version)),
    ] {
        writeln!(out, "  \"{key}\": {value},")?;
    }
    let programs = spec.programs.values().map(|of| program(spec, of));
    list(out, "programs", programs, ",")?;
    list(out, "maps", spec.maps.values().map(|of| Ok(map(of, false))), ",")?;
    let mut values = Values::new(spec);
    let variables = spec.variables.values().map(|of| Ok(variable(of, &mut values)));
    list(out, "variables", variables, ",")?;
    list(out, "externs", spec.externs.values().map(|of| Ok(external(of))), ",")?;
    list(out, "warnings", spec.warnings.iter().map(|of| Ok(json!(of.to_string()))), "")?;
    writeln!(out, "}}")?;
    Ok(())
}

fn list(
    out: &mut impl Write,
    key: &str,
    items: impl Iterator<Item = Result<Value>>,
    end: &str,
) -> Result<()> {
    write!(out, "  \"{key}\": [")?;
    let mut before = "\n    ";
    for item in items {
        write!(out, "{before}{}", item?)?;
        before = ",\n    ";
    }
    let close = if before.starts_with(',') { "\n  ]" } else { "]" };
    writeln!(out, "{close}{end}")?;
    Ok(())
}

fn program(spec: &CollectionSpec, of: &ProgramSpec) -> Result<Value> {
    let flat = flatten(spec, of)?;
    let functions: Vec<_> = flat.functions.iter().map(|placed| &placed.function.name).collect();
    let line_infos: usize =
        flat.functions.iter().map(|placed| placed.function.line_infos.len()).sum();
    Ok(json!({
        "name": of.name,
        "section": of.section,
        "autoload": of.autoload,
        "type": names::program_type(of.program_type),
        "attach_type": of.attach_type.map(names::attach_type),
        "attach_to": of.attach_to,
        "flags": of.flags.bits(),
        "slots": flat.slots,
        "functions": functions,
        "references": references(spec, &flat),
        "core_relocations": core_relocations(spec, &flat),
        "line_infos": line_infos,
    }))
}

fn references(spec: &CollectionSpec, flat: &Flattened<'_>) -> Vec<Value> {
    let mut references = Vec::new();
    for placed in &flat.functions {
        for reference in &placed.function.references {
            let (kind, name) = names::reference(spec, placed.function, reference);
            let slot = placed.start.saturating_add(reference.slot);
            let mut value = json!({ "slot": slot, "kind": kind, "name": name });
            if let (Target::MapValue { offset, .. }, Some(fields)) =
                (&reference.target, value.as_object_mut())
            {
                fields.insert("offset".to_owned(), json!(offset));
            }
            references.push(value);
        }
    }
    references
}

fn core_relocations(spec: &CollectionSpec, flat: &Flattened<'_>) -> Vec<Value> {
    let mut relocations = Vec::new();
    for placed in &flat.functions {
        for relocation in &placed.function.core_relocations {
            relocations.push(json!({
                "slot": placed.start.saturating_add(relocation.slot),
                "kind": names::core_kind(relocation.kind),
                "type": spec.core_type_name(relocation),
                "access": spec.core_access(relocation),
            }));
        }
    }
    relocations
}

fn map(of: &MapSpec, inner: bool) -> Value {
    json!({
        // An inner map is a pattern, and has no name of its own.
        "name": (!inner).then_some(&of.name),
        "section": of.section,
        "type": names::map_type(of.map_type),
        "key_size": of.key_size,
        "value_size": of.value_size,
        "max_entries": of.max_entries,
        "flags": of.flags.bits(),
        "numa_node": of.numa_node,
        "map_extra": of.map_extra,
        "pinning": names::pinning(of.pinning),
        "key_type": of.key_type.as_ref().map(TypeRef::name),
        "value_type": of.value_type.as_ref().map(TypeRef::name),
        // Definitions nest one level deep, so this ends.
        "inner": of.inner.as_deref().map(|of| map(of, true)),
        "contents": contents(of),
    })
}

fn contents(of: &MapSpec) -> Value {
    match &of.contents {
        MapContents::Zeroed => json!({ "bytes": of.value_size, "nonzero": false }),
        MapContents::Bytes(bytes) => {
            json!({ "bytes": bytes.len(), "nonzero": bytes.iter().any(|&byte| byte != 0) })
        }
        MapContents::Entries(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| json!({ "key": entry.key, "name": entry.name }))
                .collect();
            json!({ "entries": entries })
        }
        _ => Value::Null,
    }
}

/// The values of variables, up to a limit.
struct Values<'spec> {
    spec: &'spec CollectionSpec,
    left: u64,
}

impl<'spec> Values<'spec> {
    /// Many variables may claim the same bytes, and a few bytes can claim gigabytes of zeros: past this sum, and four times what the
    /// object itself holds, there is no value to see. Objects that a compiler made stay far below.
    const FLOOR: u64 = 16 * 1024 * 1024;

    fn new(spec: &'spec CollectionSpec) -> Self {
        let stored = spec
            .maps
            .values()
            .filter_map(|map| map.contents.bytes())
            .map(|bytes| bytes.len() as u64);
        Self { spec, left: stored.sum::<u64>().saturating_mul(4).saturating_add(Self::FLOOR) }
    }

    /// The bytes of a variable as hexadecimal digits.
    fn hex(&mut self, of: &VariableSpec) -> Option<String> {
        self.left = self.left.checked_sub(u64::from(of.size))?;
        let size = usize::try_from(of.size).ok()?;
        match &self.spec.maps.get(&of.map)?.contents {
            MapContents::Zeroed => Some("00".repeat(size)),
            MapContents::Bytes(bytes) => {
                let start = usize::try_from(of.offset).ok()?;
                bytes.get(start..start.checked_add(size)?).map(names::hex)
            }
            _ => None,
        }
    }
}

fn variable(of: &VariableSpec, values: &mut Values<'_>) -> Value {
    json!({
        "name": of.name,
        "map": of.map,
        "offset": of.offset,
        "size": of.size,
        "constant": of.constant,
        "type": of.type_name,
        "value": values.hex(of),
    })
}

fn external(of: &ExternSpec) -> Value {
    json!({
        "name": of.name,
        "kind": names::extern_kind(of.kind),
        "weak": of.weak,
        "type": of.type_name,
    })
}
