//! What the tool prints of an object: it keeps to its contract, tells what the spec holds, and is the same for the other byte order.
use std::collections::BTreeSet;
use std::process::Command;

use bpf_asm::ByteOrder;
use bpf_btf::TypeId;
use bpf_elf::spec::{CollectionSpec, Function};
use serde_json::Value;

use crate::contract;
use crate::orders::turn;
use crate::report::{Check, Report};
use crate::{Error, Object};

/// Fields of a program that depend on its instructions.
const OF_CODE: [&str; 4] = ["slots", "references", "core_relocations", "line_infos"];

/// Looks at what is printed of all objects, and of their twins of the other byte order.
pub(crate) fn check(report: &mut Report, one: &[Object], other: &[Object]) -> Result<(), Error> {
    for object in one {
        let printed = inspect(report, object)?;
        let Some(twin) = other.iter().find(|twin| twin.name == object.name) else { continue };
        let twins = inspect(report, twin)?;
        if let (Some(printed), Some(twins)) = (printed, twins) {
            let found = differences(object, twin, printed, twins);
            if found.is_empty() {
                report.equal(Check::Inspect);
            }
            for (part, what) in found {
                report.differs(Check::Inspect, &object.name, &part, &what);
            }
        }
    }
    Ok(())
}

/// What the tool prints, if it keeps to its contract.
fn inspect(report: &mut Report, object: &Object) -> Result<Option<Value>, Error> {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_bpf-elf"));
    let output = tool.args(["inspect", "--format", "json"]).arg(&object.path).output()?;
    let messages = String::from_utf8_lossy(&output.stderr);
    let mut differs = |name: &str, what: &str| {
        report.differs(Check::Inspect, &object.name, name, what);
        Ok(None)
    };
    let Ok(spec) = &object.spec else {
        let good = output.status.code() == Some(1)
            && output.stdout.is_empty()
            && messages.lines().count() == 1;
        if !good {
            return differs("-", &format!("refused, yet {}: {messages}", output.status));
        }
        report.equal(Check::Inspect);
        return Ok(None);
    };
    if !output.status.success() || !messages.is_empty() {
        return differs("-", &format!("{}: {messages}", output.status));
    }
    let printed: Value = serde_json::from_slice(&output.stdout)?;
    let mut found = contract::breaches(&printed);
    found.extend(untold(spec, &printed));
    if let Some(breach) = found.first() {
        return differs("-", &format!("{breach} ({} in all)", found.len()));
    }
    report.equal(Check::Inspect);
    Ok(Some(printed))
}

/// What the spec has and the tool does not tell in its order, or the other way round.
fn untold(spec: &CollectionSpec, printed: &Value) -> Vec<String> {
    let names = |list: &str| -> Vec<&str> {
        let items = printed.get(list).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.get("name")?.as_str()).collect()
    };
    let mut untold = Vec::new();
    let mut hold = |list: &str, own: Vec<&str>| {
        let told = names(list);
        if told != own {
            untold.push(format!("{list}: {told:?}, in the spec {own:?}"));
        }
    };
    hold("programs", spec.programs.values().map(|found| found.name.as_str()).collect());
    hold("maps", spec.maps.values().map(|found| found.name.as_str()).collect());
    hold("variables", spec.variables.values().map(|found| found.name.as_str()).collect());
    hold("externs", spec.externs.values().map(|found| found.name.as_str()).collect());
    untold
}

/// In what the two byte orders differ: the part, and how.
fn differences(
    one: &Object,
    other: &Object,
    mut printed: Value,
    mut twins: Value,
) -> Vec<(String, String)> {
    let (Ok(spec), Ok(twin)) = (&one.spec, &other.spec) else { return Vec::new() };
    let mut found = Vec::new();
    let changed = changed_code(spec, twin);
    for (spec, printed, order) in [(spec, &mut printed, "little"), (twin, &mut twins, "big")] {
        if take(printed, "byte_order") != order {
            found.push(("byte_order".to_owned(), format!("is not {order}")));
        }
        for program in list(printed, "programs") {
            leave_out_code(program, &changed);
        }
        for variable in list(printed, "variables") {
            as_little(spec, variable);
        }
    }
    let (Some(ours), Some(theirs)) = (printed.as_object(), twins.as_object()) else { return found };
    for (key, ours) in ours {
        let theirs = theirs.get(key).unwrap_or(&Value::Null);
        let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
            if ours != theirs {
                found.push((key.clone(), format!("{ours} in little, {theirs} in big endian")));
            }
            continue;
        };
        if ours.len() != theirs.len() {
            let what = format!("{} in little, {} in big endian", ours.len(), theirs.len());
            found.push((key.clone(), what));
        }
        for (ours, theirs) in ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs) {
            let name = ours.get("name").and_then(Value::as_str).unwrap_or("-");
            let what = format!("{ours} in little, {theirs} in big endian");
            found.push((format!("{key}/{name}"), what));
        }
    }
    found
}

/// Names of functions that the compiler made other code of.
fn changed_code<'a>(one: &'a CollectionSpec, other: &CollectionSpec) -> BTreeSet<&'a str> {
    let changed = |ours: &Function, theirs: Option<&Function>| {
        theirs.is_none_or(|theirs| theirs.slots != ours.slots)
    };
    let functions = one.functions.iter();
    let functions = functions.filter(|(key, found)| changed(found, other.function(key)));
    let programs = one.programs.iter().filter(|(key, found)| {
        changed(&found.function, other.programs.get(key).map(|found| &found.function))
    });
    let functions = functions.map(|(_, found)| found.name.as_str());
    functions.chain(programs.map(|(_, found)| found.name.as_str())).collect()
}

/// Other code has other slots, and other instructions that name something.
fn leave_out_code(program: &mut Value, changed: &BTreeSet<&str>) {
    let functions = program.get("functions").and_then(Value::as_array);
    let mut functions = functions.into_iter().flatten().filter_map(Value::as_str);
    if functions.any(|name| changed.contains(name)) {
        for field in OF_CODE {
            take(program, field);
        }
    }
}

/// Gives a value the bytes that it would have in little endian. What has bits or several meanings keeps its size alone.
fn as_little(spec: &CollectionSpec, variable: &mut Value) {
    let big = spec.byte_order == ByteOrder::Big;
    let digits = take(variable, "value");
    let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
    let turned = digits.as_str().and_then(bytes).and_then(|mut bytes| {
        let type_id = spec.variables.get(name)?.type_id;
        turn(spec.btf()?, TypeId::new(type_id), &mut bytes, big)?;
        Some(bytes)
    });
    if let (Some(turned), Some(fields)) = (turned, variable.as_object_mut()) {
        fields.insert("value".to_owned(), turned.into());
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn take(of: &mut Value, field: &str) -> Value {
    of.get_mut(field).map_or(Value::Null, Value::take)
}

fn list<'a>(of: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    of.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}
