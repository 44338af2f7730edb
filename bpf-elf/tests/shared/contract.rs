//! What `bpf-elf inspect --format json` promises, held against what it prints: the fields and their shapes, and what the fields say about
//! each other. The promise is `src/bin/bpf-elf/inspect/FORMAT.md`; a field that is added there is added here.

use serde_json::{Map, Value};

/// What may stand in a field.
#[derive(Clone, Copy)]
enum Shape {
    /// The number of the format.
    Format,
    Number,
    Flag,
    Text,
    /// A name of the kernel's in lower case, or a number for what has no name yet.
    Word,
    /// Digits of bytes.
    Bytes,
    OneOf(&'static [&'static str]),
    Or(&'static Shape),
    Each(&'static Shape),
    Of(Fields),
    /// A map: one may hold another.
    Map,
    /// What a map holds at first.
    Contents,
    Reference,
}

type Fields = &'static [(&'static str, Shape)];

const OBJECT: Fields = &[
    ("format", Shape::Format),
    ("byte_order", Shape::OneOf(&["little", "big"])),
    ("license", Shape::Text),
    ("kernel_version", Shape::Number),
    ("programs", Shape::Each(&Shape::Of(PROGRAM))),
    ("maps", Shape::Each(&Shape::Map)),
    ("variables", Shape::Each(&Shape::Of(VARIABLE))),
    ("externs", Shape::Each(&Shape::Of(EXTERN))),
    ("warnings", Shape::Each(&Shape::Text)),
];

const PROGRAM: Fields = &[
    ("name", Shape::Text),
    ("section", Shape::Text),
    ("autoload", Shape::Flag),
    ("type", Shape::Word),
    ("attach_type", Shape::Or(&Shape::Word)),
    ("attach_to", Shape::Or(&Shape::Text)),
    ("flags", Shape::Number),
    ("slots", Shape::Number),
    ("functions", Shape::Each(&Shape::Text)),
    ("references", Shape::Each(&Shape::Reference)),
    ("core_relocations", Shape::Each(&Shape::Of(CORE_RELOCATION))),
    ("line_infos", Shape::Number),
];

const MAP_VALUE: &str = "map_value";

const REFERENCE: Fields = &[
    ("slot", Shape::Number),
    (
        "kind",
        Shape::OneOf(&["map", MAP_VALUE, "call", "func", "kfunc", "ksym", "kconfig", "jump_table"]),
    ),
    ("name", Shape::Text),
];

const CORE_RELOCATION: Fields = &[
    ("slot", Shape::Number),
    ("kind", Shape::Word),
    ("type", Shape::Text),
    ("access", Shape::Text),
];

const MAP: Fields = &[
    ("name", Shape::Or(&Shape::Text)),
    ("section", Shape::Text),
    ("type", Shape::Word),
    ("key_size", Shape::Number),
    ("value_size", Shape::Number),
    ("max_entries", Shape::Number),
    ("flags", Shape::Number),
    ("numa_node", Shape::Number),
    ("map_extra", Shape::Number),
    ("pinning", Shape::OneOf(&["none", "by_name"])),
    ("key_type", Shape::Or(&Shape::Text)),
    ("value_type", Shape::Or(&Shape::Text)),
    ("inner", Shape::Or(&Shape::Map)),
    ("contents", Shape::Or(&Shape::Contents)),
];

const ENTRY: Fields = &[("key", Shape::Number), ("name", Shape::Text)];

const VARIABLE: Fields = &[
    ("name", Shape::Text),
    ("map", Shape::Text),
    ("offset", Shape::Number),
    ("size", Shape::Number),
    ("constant", Shape::Flag),
    ("type", Shape::Or(&Shape::Text)),
    ("value", Shape::Or(&Shape::Bytes)),
];

const EXTERN: Fields = &[
    ("name", Shape::Text),
    ("kind", Shape::OneOf(&["kconfig", "ksym", "kfunc"])),
    ("weak", Shape::Flag),
    ("type", Shape::Or(&Shape::Text)),
];

/// What an object that was printed breaks, with the place of each.
pub(crate) fn breaches(printed: &Value) -> Vec<String> {
    let mut found = Vec::new();
    shape(&mut found, "", printed, Shape::Of(OBJECT));
    // Without the shape there is nothing to say about the meaning.
    if found.is_empty() {
        programs(&mut found, printed);
        maps(&mut found, printed);
        variables(&mut found, printed);
        let names: Vec<_> = texts(printed, "externs", "name").collect();
        if !names.is_sorted() {
            found.push("externs: not sorted by name".to_owned());
        }
    }
    found
}

fn shape(found: &mut Vec<String>, place: &str, value: &Value, expected: Shape) {
    let good = match expected {
        Shape::Format => value.as_u64() == Some(1),
        Shape::Number => value.is_u64(),
        Shape::Flag => value.is_boolean(),
        Shape::Text => value.is_string(),
        Shape::Word => value.as_str().is_some_and(is_word),
        Shape::Bytes => value.as_str().is_some_and(is_hex),
        Shape::OneOf(words) => value.as_str().is_some_and(|text| words.contains(&text)),
        Shape::Or(inner) => {
            if !value.is_null() {
                shape(found, place, value, *inner);
            }
            true
        }
        Shape::Each(inner) => {
            let items = value.as_array();
            for (at, item) in items.into_iter().flatten().enumerate() {
                shape(found, &format!("{place}[{at}]"), item, *inner);
            }
            items.is_some()
        }
        Shape::Of(fields) => has(found, place, value.as_object(), fields, &[]),
        Shape::Map => has(found, place, value.as_object(), MAP, &[]),
        Shape::Contents => {
            let fields: Fields = if value.get("entries").is_some() {
                &[("entries", Shape::Each(&Shape::Of(ENTRY)))]
            } else {
                &[("bytes", Shape::Number), ("nonzero", Shape::Flag)]
            };
            has(found, place, value.as_object(), fields, &[])
        }
        Shape::Reference => {
            let in_value = value.get("kind").is_some_and(|kind| kind == MAP_VALUE);
            let more: Fields = if in_value { &[("offset", Shape::Number)] } else { &[] };
            has(found, place, value.as_object(), REFERENCE, more)
        }
    };
    if !good {
        found.push(format!("{place}: {value}"));
    }
}

/// Whether it is an object; its fields are looked at.
fn has(
    found: &mut Vec<String>,
    place: &str,
    object: Option<&Map<String, Value>>,
    fields: Fields,
    more: Fields,
) -> bool {
    let Some(object) = object else { return false };
    let all = || fields.iter().chain(more);
    for (name, expected) in all() {
        match object.get(*name) {
            Some(value) => shape(found, &format!("{place}.{name}"), value, *expected),
            None => found.push(format!("{place}.{name}: missing")),
        }
    }
    let unknown = object.keys().filter(|key| all().all(|(name, _)| name != key));
    found.extend(unknown.map(|key| format!("{place}.{key}: a field that nobody promised")));
    true
}

fn is_word(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(good)
}

fn is_hex(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() % 2 == 0 && text.bytes().all(good)
}

/// Instructions are in the program, and name what is there.
fn programs(found: &mut Vec<String>, printed: &Value) {
    let maps: Vec<_> = texts(printed, "maps", "name").collect();
    let externs: Vec<_> = texts(printed, "externs", "name").collect();
    for program in items(printed, "programs") {
        let name = text(program, "name");
        let mut complain = |what: String| found.push(format!("program {name}: {what}"));
        let functions = items(program, "functions").filter_map(Value::as_str).collect::<Vec<_>>();
        if functions.first() != Some(&name) {
            complain(format!("its first function is {:?}", functions.first()));
        }
        let slots = number(program, "slots");
        for list in ["references", "core_relocations"] {
            let own: Vec<_> = items(program, list).map(|item| number(item, "slot")).collect();
            if own.iter().any(|slot| *slot >= slots) {
                complain(format!("{list} behind its {slots} slots"));
            }
        }
        if number(program, "line_infos") > slots {
            complain("more lines than slots".to_owned());
        }
        for reference in items(program, "references") {
            let known = match text(reference, "kind") {
                "map" | MAP_VALUE => &maps,
                "call" | "func" => &functions,
                "kfunc" | "ksym" | "kconfig" => &externs,
                _ => continue,
            };
            if !known.contains(&text(reference, "name")) {
                complain(format!("no {} {}", text(reference, "kind"), text(reference, "name")));
            }
        }
    }
}

/// Maps come by what defines them; only inner maps have no name.
fn maps(found: &mut Vec<String>, printed: &Value) {
    let rank = |map: &Value| match (text(map, "section"), text(map, "type")) {
        (_, "struct_ops") => 3,
        (".kconfig", _) => 2,
        (".maps" | "maps", _) => 0,
        _ => 1,
    };
    let ranks: Vec<_> = items(printed, "maps").map(rank).collect();
    if !ranks.is_sorted() {
        found.push(format!("maps: not by what defines them: {ranks:?}"));
    }
    for map in items(printed, "maps") {
        let (name, inner) = (map.get("name"), map.get("inner"));
        let is_null = |value: Option<&Value>| value.is_none_or(Value::is_null);
        if is_null(name) {
            found.push(format!("a map without a name: {map}"));
        }
        let inner = inner.filter(|inner| !inner.is_null());
        if inner.is_some_and(|inner| !is_null(inner.get("name")) || !is_null(inner.get("inner"))) {
            found.push(format!("the inner map has a name or an inner map: {map}"));
        }
    }
}

/// Variables are in maps, by place, and have as many bytes as their size says.
fn variables(found: &mut Vec<String>, printed: &Value) {
    let maps: Vec<_> = texts(printed, "maps", "name").collect();
    // The section of an arena's variables is another one than that of its definition.
    let sections: Vec<_> = texts(printed, "maps", "section").collect();
    let comparable = |one: usize, other: usize| {
        one == other || [one, other].iter().all(|map| sections.get(*map) != Some(&".maps"))
    };
    let mut before: Option<(usize, u64)> = None;
    for variable in items(printed, "variables") {
        let name = text(variable, "name");
        let Some(map) = maps.iter().position(|map| *map == text(variable, "map")) else {
            found.push(format!("variable {name}: in no map"));
            continue;
        };
        let place = (map, number(variable, "offset"));
        if before.is_some_and(|before| before > place && comparable(before.0, map)) {
            found.push(format!("variable {name}: not by section and offset"));
        }
        before = Some(place);
        let digits = variable.get("value").and_then(Value::as_str).map(|digits| digits.len() / 2);
        let size = usize::try_from(number(variable, "size")).ok();
        if digits.is_some() && digits != size {
            found.push(format!("variable {name}: another number of bytes than its size"));
        }
    }
}

fn items<'a>(of: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    of.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn texts<'a>(of: &'a Value, list: &str, field: &str) -> impl Iterator<Item = &'a str> {
    items(of, list).filter_map(move |item| item.get(field)?.as_str())
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn number(of: &Value, field: &str) -> u64 {
    of.get(field).and_then(Value::as_u64).unwrap_or_default()
}
