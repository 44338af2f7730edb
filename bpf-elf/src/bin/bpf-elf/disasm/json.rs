//! Listings as one JSON object: FORMAT.md, beside this file, lists it field by field.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use bpf_asm::encode_slots;
use bpf_elf::spec::{CollectionSpec, Target};
use serde_json::{Map, Value, json};

use super::Piece;
use crate::names;

/// Raised when a field changes its meaning, not when one is added.
const FORMAT: u32 = 1;

pub(super) fn write<'spec>(
    out: &mut impl Write,
    spec: &'spec CollectionSpec,
    pieces: &mut dyn Iterator<Item = Result<Piece<'spec>>>,
) -> Result<()> {
    let order = json!(names::byte_order(spec.byte_order));
    write!(out, "{{\n  \"format\": {FORMAT},\n  \"byte_order\": {order},\n  \"functions\": [")?;
    let mut before = "\n    ";
    for piece in pieces {
        write_piece(out, spec, before, &piece?)?;
        before = ",\n    ";
    }
    let close = if before.starts_with(',') { "\n  ]" } else { "]" };
    writeln!(out, "{close}\n}}")?;
    Ok(())
}

/// A function, with each instruction on a line of its own.
fn write_piece(
    out: &mut impl Write,
    spec: &CollectionSpec,
    before: &str,
    piece: &Piece<'_>,
) -> Result<()> {
    let code = &piece.listing.code;
    let functions: Vec<_> =
        code.functions.iter().map(|of| json!({ "name": of.name, "slot": of.slot })).collect();
    let head = [
        ("name", json!(piece.function.name)),
        ("section", json!(piece.function.section)),
        ("program", json!(piece.program.is_some())),
        ("linkage", json!(names::linkage(piece.function.linkage))),
        ("slots", json!(code.slots.len())),
        ("functions", json!(functions)),
    ];
    write!(out, "{before}{{")?;
    for (key, value) in head {
        write!(out, "\"{key}\":{value},")?;
    }
    write!(out, "\"instructions\":[")?;
    let references = references(spec, piece);
    let labels: BTreeMap<_, _> = code.labels.iter().map(|of| (of.slot, &of.name)).collect();
    let mut before = "\n      ";
    for line in code.lines() {
        let slot = line.slots.start;
        let bytes = encode_slots(code.slots.get(line.slots).unwrap_or_default(), spec.byte_order);
        let mut fields = Map::new();
        let mut field = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        field("slot", json!(slot));
        field("text", json!(line.text));
        field("bytes", json!(names::hex(&bytes)));
        if let Some(label) = labels.get(&slot) {
            field("label", json!(label));
        }
        if let Some(reference) = references.get(&slot) {
            field("reference", reference.clone());
        }
        if let Some(of) = piece.listing.lines.get(&slot) {
            field(
                "source",
                json!({ "file": of.file, "line": of.line, "column": of.column, "text": of.text }),
            );
        }
        if let Some(of) = piece.listing.accesses.get(&slot) {
            let kind = names::core_kind(of.kind);
            field(
                "core",
                json!({ "kind": kind, "type": of.type_name, "access": of.path, "text": of.text }),
            );
        }
        write!(out, "{before}{}", Value::Object(fields))?;
        before = ",\n      ";
    }
    write!(out, "]}}")?;
    Ok(())
}

/// What instructions name, by slot, in the words of `inspect`.
fn references(spec: &CollectionSpec, piece: &Piece<'_>) -> BTreeMap<usize, Value> {
    let mut references = BTreeMap::new();
    for (start, function) in &piece.functions {
        for reference in &function.references {
            let value = names::reference(spec, function, reference);
            let mut value = json!({ "kind": value.0, "name": value.1 });
            if let (Target::MapValue { offset, .. }, Some(fields)) =
                (&reference.target, value.as_object_mut())
            {
                fields.insert("offset".to_owned(), json!(offset));
            }
            references.insert(start.saturating_add(reference.slot), value);
        }
    }
    references
}
