//! Differences as one JSON object: FORMAT.md, beside this file, lists it field by field.

use std::fmt::Display;
use std::io::Write;

use anyhow::Result;
use bpf_elf::diff::{
    CodeChange, Difference, FieldChange, FieldValue, FunctionChange, MapChange, Named,
    ProgramChange, Reuse, SpecDiff,
};
use serde_json::{Map, Value, json};

use crate::names;

/// Raised when a field changes its meaning, not when one is added.
const FORMAT: u32 = 1;

pub(super) fn write(out: &mut impl Write, diff: &SpecDiff<'_>) -> Result<()> {
    let lists = [
        ("programs", list(&diff.programs, program)),
        ("functions", list(&diff.functions, |change| object([("code", function(change))]))),
        ("maps", list(&diff.maps, map)),
        ("variables", list(&diff.variables, |change| fields(change))),
        ("externs", list(&diff.externs, |change| fields(change))),
    ];
    write!(out, "{{\n  \"format\": {FORMAT},\n  \"same\": {},\n", diff.is_empty())?;
    write!(out, "  \"changes\": {}", changes(&diff.fields))?;
    for (name, items) in lists {
        write!(out, ",\n  \"{name}\": [")?;
        let mut before = "\n    ";
        for item in &items {
            write!(out, "{before}{item}")?;
            before = ",\n    ";
        }
        write!(out, "{}]", if items.is_empty() { "" } else { "\n  " })?;
    }
    writeln!(out, "\n}}")?;
    Ok(())
}

fn list<C>(differences: &[Named<'_, C>], change: impl Fn(&C) -> Map<String, Value>) -> Vec<Value> {
    let item = |of: &Named<'_, C>| {
        let (what, details) = match &of.difference {
            Difference::Added => ("added", Map::new()),
            Difference::Removed => ("removed", Map::new()),
            Difference::Changed(of) => ("changed", change(of)),
        };
        let mut item = object([("name", json!(of.name)), ("difference", json!(what))]);
        item.extend(details);
        Value::Object(item)
    };
    differences.iter().map(item).collect()
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn fields<F: Display>(of: &[FieldChange<'_, F>]) -> Map<String, Value> {
    object([("changes", changes(of))])
}

fn program(of: &ProgramChange<'_>) -> Map<String, Value> {
    object([("changes", changes(&of.fields)), ("code", json!(of.code.as_ref().map(code)))])
}

fn code(of: &CodeChange<'_>) -> Value {
    json!({
        "old_slots": of.old_slots,
        "new_slots": of.new_slots,
        "own": of.own.as_ref().map(function),
        "functions": of.functions,
        "reached": of.reached,
        "left": of.left,
    })
}

fn function(of: &FunctionChange<'_>) -> Value {
    json!({
        "section": of.section,
        "old_slots": of.old_slots,
        "new_slots": of.new_slots,
        "first_slot": of.first_slot,
    })
}

fn map(of: &MapChange<'_>) -> Map<String, Value> {
    let pinned = of.reuse.as_ref().map(|reuse| {
        let (works, fields) = match reuse {
            Reuse::Works => (json!(true), Vec::new()),
            Reuse::Refused { fields } => {
                (json!(false), fields.iter().map(|field| field.name()).collect())
            }
            _ => (Value::Null, Vec::new()),
        };
        json!({ "works": works, "fields": fields })
    });
    object([
        ("changes", changes(&of.fields)),
        ("inner", changes(&of.inner)),
        ("pinned", json!(pinned)),
    ])
}

fn changes<F: Display>(of: &[FieldChange<'_, F>]) -> Value {
    let change = |of: &FieldChange<'_, F>| json!({ "field": of.field.to_string(), "old": value(&of.old), "new": value(&of.new) });
    of.iter().map(change).collect()
}

fn value(of: &FieldValue<'_>) -> Value {
    match of {
        FieldValue::Flag(flag) => json!(flag),
        FieldValue::Number(number) | FieldValue::Bits(number) => json!(number),
        FieldValue::Text(text) => json!(text),
        FieldValue::Bytes(bytes) => json!({ "bytes": bytes.len(), "hex": names::hex(bytes) }),
        FieldValue::Zeros(bytes) => json!({ "bytes": bytes, "hex": null }),
        FieldValue::List(names) => json!(names),
        FieldValue::Layout(name) => json!({ "type": name }),
        _ => Value::Null,
    }
}
