//! The same source compiled for the other byte order.
//!
//! All that a source defines is the same in both. Code is where the compiler made the same of it: it leaves out what turns bytes round
//! where they already stand right, and so much of what deals with packets is other code.
use std::collections::BTreeMap;

use bpf_btf::{Btf, Type, TypeId};
use bpf_elf::spec::{
    CollectionSpec, ExternSpec, Function, MapContents, MapSpec, ProgramSpec, TypeRef, VariableSpec,
};

use crate::Object;
use crate::report::{Check, Report};

/// What an object defines, each in words. Numbers of types are left out: what a compiler leaves out shifts them.
type Parts = BTreeMap<String, String>;

/// Holds the two against each other.
pub(crate) fn check(report: &mut Report, little: &Object, big: &Object) {
    let name = &little.name;
    let (one, other) = match (&little.spec, &big.spec) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(_), Err(_)) => return report.equal(Check::Orders),
        (Ok(_), Err(error)) => {
            let what = format!("only the big-endian one is refused: {error}");
            return report.differs(Check::Orders, name, "-", &what);
        }
        (Err(error), Ok(_)) => {
            let what = format!("only the little-endian one is refused: {error}");
            return report.differs(Check::Orders, name, "-", &what);
        }
    };
    let (ours, theirs) = (parts(one), parts(other));
    for (part, ours) in &ours {
        match theirs.get(part) {
            Some(theirs) if ours == theirs => report.equal(Check::Orders),
            Some(theirs) => {
                let what = format!("{ours} in little, {theirs} in big endian");
                report.differs(Check::Orders, name, part, &what);
            }
            None => report.differs(Check::Orders, name, part, "only in little endian"),
        }
    }
    for part in theirs.keys().filter(|part| !ours.contains_key(*part)) {
        report.differs(Check::Orders, name, part, "only in big endian");
    }
    let programs = |spec: &CollectionSpec| -> BTreeMap<String, Function> {
        let programs = spec.programs.iter().map(|(key, program)| (key, &program.function));
        let all = spec.functions.iter().chain(programs);
        all.map(|(key, function)| (key.to_owned(), function.clone())).collect()
    };
    let others = programs(other);
    for (key, function) in programs(one) {
        let Some(twin) = others.get(&key) else { continue };
        if function.slots != twin.slots {
            report.other_code();
            continue;
        }
        let (ours, theirs) = (code(one, &function), code(other, twin));
        match ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs) {
            Some((ours, theirs)) => {
                let what = format!("{ours} in little, {theirs} in big endian");
                report.differs(Check::Orders, name, &key, &what);
            }
            None if ours.len() != theirs.len() => {
                let what = format!("{} records in little, {} in big", ours.len(), theirs.len());
                report.differs(Check::Orders, name, &key, &what);
            }
            None => report.equal(Check::Orders),
        }
    }
}

fn parts(spec: &CollectionSpec) -> Parts {
    let mut parts = Parts::new();
    parts.insert("licence".to_owned(), format!("{} {}", spec.license, spec.kernel_version));
    let warnings = spec.warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    parts.insert("warnings".to_owned(), warnings.join("; "));
    for (place, (key, found)) in spec.programs.iter().enumerate() {
        parts.insert(format!("program/{key}"), format!("{place} {}", program(found)));
    }
    for (key, found) in &spec.functions {
        parts.insert(format!("function/{key}"), function(found));
    }
    for (place, (key, found)) in spec.maps.iter().enumerate() {
        parts.insert(format!("map/{key}"), format!("{place} {}", map(found)));
    }
    for (key, found) in &spec.variables {
        parts.insert(format!("variable/{key}"), variable(spec, found));
    }
    for (key, found) in &spec.externs {
        parts.insert(format!("extern/{key}"), external(found));
    }
    parts
}

fn program(program: &ProgramSpec) -> String {
    format!(
        "{} {:?} {:?} {} {:?} {} {:?} {} {:?} {}",
        program.section,
        program.program_type,
        program.attach_type,
        program.attach_type_optional,
        program.attach_to,
        program.needs_btf_target,
        program.flags,
        program.autoload,
        program.exception_callback,
        function(&program.function),
    )
}

fn function(function: &Function) -> String {
    let Function { name, section, linkage, hidden, .. } = function;
    format!("{name} {section} {linkage:?} {hidden} {}", function.type_id.is_some())
}

fn map(map: &MapSpec) -> String {
    let contents = match &map.contents {
        MapContents::Bytes(bytes) => {
            format!("{} bytes, {}", bytes.len(), bytes.iter().any(|byte| *byte != 0))
        }
        other => format!("{other:?}"),
    };
    format!(
        "{:?} {} {:?} {} {} {} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {} {} {} {contents}",
        map.name,
        map.section,
        map.map_type,
        map.key_size,
        map.value_size,
        map.max_entries,
        map.flags,
        map.numa_node,
        map.map_extra,
        map.pinning,
        map.key_type.as_ref().map(TypeRef::name),
        map.value_type.as_ref().map(TypeRef::name),
        map.inner.as_ref().map(|inner| self::map(inner)),
        map.function_members,
        map.autocreate,
        map.freeze,
        map.extra.len(),
    )
}

fn variable(spec: &CollectionSpec, variable: &VariableSpec) -> String {
    let VariableSpec { map, offset, size, constant, type_name, .. } = variable;
    let value =
        spec.variable(&variable.name).ok().and_then(|found| found.bytes().map(<[u8]>::to_vec));
    let value = value.zip(spec.btf()).and_then(|(mut bytes, btf)| {
        let big = spec.byte_order == bpf_asm::ByteOrder::Big;
        turn(btf, TypeId::new(variable.type_id), &mut bytes, big)?;
        Some(bytes)
    });
    format!("{map}+{offset} {size} {constant} {type_name:?} {value:?}")
}

/// Turns the scalars of a value round, if it is in big endian. What has bits or several meanings cannot be turned.
pub(crate) fn turn(btf: &Btf, id: TypeId, bytes: &mut [u8], big: bool) -> Option<()> {
    match btf.resolve(id)? {
        Type::Array(array) => {
            let size = usize::try_from(btf.size_of(array.element()).ok()?).ok()?;
            if size != 0 {
                let mut elements = bytes.chunks_mut(size);
                elements.try_for_each(|bytes| turn(btf, array.element(), bytes, big))?;
            }
        }
        Type::Struct(structure) => {
            for member in structure.members() {
                let start = usize::try_from(member.bit_offset() / 8).ok()?;
                let size = usize::try_from(btf.size_of(member.type_id()).ok()?).ok()?;
                if member.bitfield_size().is_some() {
                    return None;
                }
                let bytes = bytes.get_mut(start..start.checked_add(size)?)?;
                turn(btf, member.type_id(), bytes, big)?;
            }
        }
        Type::Union(_) => return None,
        _ if big => bytes.reverse(),
        _ => {}
    }
    Some(())
}

fn external(found: &ExternSpec) -> String {
    let ExternSpec { kind, weak, type_name, offset, size, .. } = found;
    format!("{kind:?} {weak} {type_name:?} {offset} {size}")
}

/// What belongs to the instructions of a function, in words.
fn code(spec: &CollectionSpec, function: &Function) -> Vec<String> {
    let references = function.references.iter().map(|found| format!("{found:?}"));
    let core = function.core_relocations.iter().map(|found| {
        let (name, access) = (spec.core_type_name(found), spec.core_access(found));
        format!("{} {:?} {name:?} {access:?}", found.slot, found.kind)
    });
    let lines = function.line_infos.iter().map(|found| {
        // Objects that were compiled in different folders are still the same.
        let file = spec.btf_string(found.file_name).and_then(|path| path.rsplit('/').next());
        let text = spec.line_text(found);
        format!("{} {file:?} {text:?} {} {}", found.slot, found.line, found.column)
    });
    let tables = function.jump_tables.iter().map(|found| format!("{found:?}"));
    references.chain(core).chain(lines).chain(tables).collect()
}
