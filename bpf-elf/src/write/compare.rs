//! Whether what was written is read as what was meant.

use std::collections::HashMap;
use std::sync::Arc;

use super::code::{Code, Placed};
use super::error::WriteError;
use crate::spec::{
    CollectionSpec, ExternSpec, Linkage, MapContents, MapSpec, ProgramSpec, Reference, Target,
    TypeRef, VariableSpec,
};

/// Finds the first thing that is read otherwise than it is in the spec.
///
/// What only a spec knows may differ: the keys of functions that share a name, the sections of programs that had none, types that
/// nobody asked for.
pub(super) fn compare(
    spec: &CollectionSpec,
    code: &Code<'_>,
    read: &CollectionSpec,
) -> Result<(), WriteError> {
    let fail = |kind, name: &str, what| {
        Err(WriteError::Inexpressible { kind, name: name.to_owned(), what })
    };
    if spec.license != read.license {
        return fail("collection", "", "license");
    }
    if spec.kernel_version != read.kernel_version {
        return fail("collection", "", "kernel version");
    }
    let keys = keys(code, read);
    for placed in code.sections.iter().flat_map(|section| &section.functions) {
        let kind = if placed.entry { "program" } else { "function" };
        if let Some(what) = function(placed, &keys, read) {
            return fail(kind, placed.key, what);
        }
    }
    for (name, program) in &spec.programs {
        let Some(found) = read.programs.get(name) else {
            return fail("program", name, "existence");
        };
        if let Some(what) = self::program(program, found, &keys) {
            return fail("program", name, what);
        }
    }
    for (name, map) in &spec.maps {
        let Some(found) = read.maps.get(name) else { return fail("map", name, "existence") };
        if let Some(what) = self::map(map, found) {
            return fail("map", name, what);
        }
    }
    for (name, variable) in &spec.variables {
        let Some(found) = read.variables.get(name) else {
            return fail("variable", name, "existence");
        };
        if let Some(what) = self::variable(variable, found) {
            return fail("variable", name, what);
        }
    }
    for (name, found) in &spec.externs {
        let Some(read) = read.externs.get(name) else { return fail("extern", name, "existence") };
        if let Some(what) = self::found(found, read) {
            return fail("extern", name, what);
        }
    }
    let counts = |spec: &CollectionSpec| {
        [
            ("programs", spec.programs.len()),
            ("functions", spec.functions.len()),
            ("maps", spec.maps.len()),
            ("variables", spec.variables.len()),
            ("externs", spec.externs.len()),
        ]
    };
    match counts(spec).iter().zip(counts(read)).find(|(one, other)| **one != *other) {
        Some((_, (what, _))) => fail("collection", "", what),
        None => Ok(()),
    }
}

/// The key of each function as it was read, by its key in the spec.
#[derive(Default)]
struct Keys<'a> {
    functions: HashMap<&'a str, Arc<str>>,
    programs: HashMap<&'a str, Arc<str>>,
}

impl Keys<'_> {
    fn function(&self, key: &str) -> Option<&Arc<str>> {
        self.functions.get(key).or_else(|| self.programs.get(key))
    }
}

fn keys<'a>(code: &Code<'a>, read: &CollectionSpec) -> Keys<'a> {
    let places = read.layout.functions.iter().filter_map(|(key, offset)| {
        let program = read.programs.get(key);
        let found = match read.functions.get(key) {
            Some(found) => found,
            None => &program?.function,
        };
        Some(((found.section.clone(), *offset, found.name.clone()), Arc::clone(key)))
    });
    let places: HashMap<_, _> = places.collect();
    let mut keys = Keys::default();
    for section in &code.sections {
        for placed in &section.functions {
            let place = (section.name.clone(), placed.offset, placed.symbol.to_owned());
            if let Some(key) = places.get(&place) {
                let known = if placed.entry { &mut keys.programs } else { &mut keys.functions };
                known.insert(placed.key, Arc::clone(key));
            }
        }
    }
    keys
}

fn function(placed: &Placed<'_>, keys: &Keys<'_>, read: &CollectionSpec) -> Option<&'static str> {
    let known = if placed.entry { &keys.programs } else { &keys.functions };
    let Some(found) = known.get(placed.key).and_then(|key| read.function(key)) else {
        return Some("existence");
    };
    let function = placed.function;
    let references = || {
        function.references.len() == found.references.len()
            && function
                .references
                .iter()
                .zip(&found.references)
                .all(|(one, other)| same_reference(one, other, keys))
    };
    let linkage =
        function.linkage == found.linkage || (placed.entry && function.linkage == Linkage::Static);
    let typed = read.btf.is_some();
    let checks = [
        ("linkage", linkage),
        ("visibility", function.hidden == found.hidden),
        ("references", references()),
        ("instructions", function.slots == found.slots),
        ("jump tables", function.jump_tables == found.jump_tables),
        ("type", function.type_id == found.type_id || !typed),
        ("lines", function.line_infos == found.line_infos || !typed),
        ("CO-RE relocations", function.core_relocations == found.core_relocations),
    ];
    first_wrong(&checks)
}

fn same_reference(one: &Reference, other: &Reference, keys: &Keys<'_>) -> bool {
    if one.slot != other.slot {
        return false;
    }
    match (&one.target, &other.target) {
        (Target::Call { function: one }, Target::Call { function: other })
        | (
            Target::FunctionAddress { function: one },
            Target::FunctionAddress { function: other },
        ) => keys.function(one) == Some(other),
        (one, other) => one == other,
    }
}

fn program(program: &ProgramSpec, found: &ProgramSpec, keys: &Keys<'_>) -> Option<&'static str> {
    let callback = program.exception_callback.as_ref();
    let callback = callback.map(|key| keys.function(key).unwrap_or(key));
    let checks = [
        ("type", program.program_type == found.program_type),
        ("attach type", program.attach_type == found.attach_type),
        ("target", program.attach_to == found.attach_to),
        ("flags", program.flags == found.flags),
        ("autoload flag", program.autoload == found.autoload),
        ("exception callback", callback == found.exception_callback.as_ref()),
    ];
    first_wrong(&checks)
}

fn map(map: &MapSpec, found: &MapSpec) -> Option<&'static str> {
    let inner = match (&map.inner, &found.inner) {
        (Some(one), Some(other)) => self::map(one, other),
        (None, None) => None,
        _ => Some("pattern of inner maps"),
    };
    let has_type = |map: &Option<TypeRef>, found: &Option<TypeRef>| match (map, found) {
        (Some(map), Some(found)) => map.id() == found.id(),
        (map, _) => map.is_none(),
    };
    let mut members = map.function_members.clone();
    members.sort_by_key(|member| member.offset);
    let checks = [
        ("pattern of inner maps", inner.is_none()),
        ("type", map.map_type == found.map_type),
        ("key size", map.key_size == found.key_size),
        ("value size", map.value_size == found.value_size),
        ("number of entries", map.max_entries == found.max_entries),
        ("flags", map.flags == found.flags),
        ("NUMA node", map.numa_node == found.numa_node),
        ("extra number", map.map_extra == found.map_extra),
        ("pinning", map.pinning == found.pinning),
        ("key type", has_type(&map.key_type, &found.key_type)),
        ("value type", has_type(&map.value_type, &found.value_type)),
        ("contents", same_contents(map, found)),
        ("programs", members == found.function_members),
        ("autocreate flag", map.autocreate == found.autocreate),
        ("freezing", map.freeze == found.freeze),
        ("extra bytes", map.extra == found.extra),
    ];
    first_wrong(&checks)
}

fn same_contents(map: &MapSpec, found: &MapSpec) -> bool {
    let zero = |contents: &MapContents| match contents {
        MapContents::Bytes(bytes) => bytes.iter().all(|byte| *byte == 0),
        MapContents::Zeroed | MapContents::None => true,
        MapContents::Entries(_) | MapContents::Pairs(_) => false,
    };
    match (&map.contents, &found.contents) {
        (MapContents::Entries(one), MapContents::Entries(other)) => {
            let mut one = one.clone();
            one.sort_by_key(|entry| entry.key);
            one == *other
        }
        (one, other) => one == other || (zero(one) && zero(other)),
    }
}

fn variable(variable: &VariableSpec, found: &VariableSpec) -> Option<&'static str> {
    let checks = [
        ("map", variable.map == found.map),
        ("offset", variable.offset == found.offset),
        ("size", variable.size == found.size),
        ("constancy", variable.constant == found.constant),
        ("type", variable.type_id == 0 || variable.type_id == found.type_id),
    ];
    first_wrong(&checks)
}

fn found(found: &ExternSpec, read: &ExternSpec) -> Option<&'static str> {
    let checks = [
        ("kind", found.kind == read.kind),
        ("weakness", found.weak == read.weak),
        ("type", found.type_id == 0 || found.type_id == read.type_id),
    ];
    first_wrong(&checks)
}

fn first_wrong(checks: &[(&'static str, bool)]) -> Option<&'static str> {
    checks.iter().find(|(_, holds)| !holds).map(|(what, _)| *what)
}
