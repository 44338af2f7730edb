//! A spec as text, without the numbers that a linker gives types and strings.

use std::fmt::Write as _;

use bpf_elf::spec::{CollectionSpec, Function, MapSpec};

/// All that a spec says, a line for each thing.
pub(crate) fn view(spec: &CollectionSpec) -> String {
    let mut text = String::new();
    let out = &mut text;
    let _ = writeln!(out, "license {:?} version {}", spec.license, spec.kernel_version);
    let _ = writeln!(out, "ByteOrder: {:?}", spec.byte_order);
    for (name, program) in &spec.programs {
        let _ = writeln!(
            out,
            "program {name} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            program.section,
            program.program_type,
            program.attach_type,
            program.attach_to,
            program.flags,
            program.autoload,
            program.needs_btf_target,
            program.exception_callback,
        );
        function(out, spec, &program.function);
    }
    for (key, found) in &spec.functions {
        let _ = writeln!(out, "function {key}");
        function(out, spec, found);
    }
    for (name, map) in &spec.maps {
        let _ = write!(out, "map {name} ");
        self::map(out, map);
    }
    for (name, variable) in &spec.variables {
        let mut variable = variable.clone();
        variable.type_id = 0;
        let _ = writeln!(out, "variable {name} {variable:?}");
        let _ = match spec.variable(name).map(|variable| variable.bytes()) {
            // The bytes of a number are in the order of the object.
            Ok(Some(bytes)) => writeln!(out, "  {} bytes", bytes.len()),
            Ok(None) => writeln!(out, "  zero"),
            Err(error) => writeln!(out, "  {error}"),
        };
    }
    for (name, found) in &spec.externs {
        let mut found = found.clone();
        found.type_id = 0;
        let _ = writeln!(out, "extern {name} {found:?}");
    }
    for warning in &spec.warnings {
        let _ = writeln!(out, "warning {warning}");
    }
    text
}

fn function(out: &mut String, spec: &CollectionSpec, found: &Function) {
    let _ = writeln!(
        out,
        "  {} {:?} {:?} hidden {} typed {}",
        found.name,
        found.section,
        found.linkage,
        found.hidden,
        found.type_id.is_some(),
    );
    for (at, slot) in found.slots.iter().enumerate() {
        let _ = writeln!(out, "  {at}: {slot:?}");
    }
    for reference in &found.references {
        let _ = writeln!(out, "  {reference:?}");
    }
    for record in &found.core_relocations {
        let name = spec.core_type_name(record);
        let _ = writeln!(
            out,
            "  core {} {:?} {name:?} {:?}",
            record.slot,
            record.kind,
            spec.core_access(record)
        );
    }
    for line in &found.line_infos {
        let file = spec.btf_string(line.file_name);
        let text = spec.line_text(line);
        let _ =
            writeln!(out, "  line {} {file:?}:{}:{} {text:?}", line.slot, line.line, line.column);
    }
    for table in &found.jump_tables {
        let _ = writeln!(out, "  table {:?}", table.targets);
    }
}

fn map(out: &mut String, map: &MapSpec) {
    let type_name = |found: &Option<bpf_elf::spec::TypeRef>| {
        found.as_ref().map(|found| found.name().to_owned())
    };
    let contents = match map.contents.bytes() {
        Some(bytes) => format!("{} bytes", bytes.len()),
        None => format!("{:?}", map.contents),
    };
    let _ = writeln!(
        out,
        "{:?} in {:?}: {} {} {} {:?} {} {:#x} {:?} key {:?} value {:?} {contents} {:?} {} {} {:?}",
        map.map_type,
        map.section,
        map.key_size,
        map.value_size,
        map.max_entries,
        map.flags,
        map.numa_node,
        map.map_extra,
        map.pinning,
        type_name(&map.key_type),
        type_name(&map.value_type),
        map.function_members,
        map.autocreate,
        map.freeze,
        map.extra,
    );
    if let Some(inner) = &map.inner {
        let _ = write!(out, "  inner ");
        self::map(out, inner);
    }
}
