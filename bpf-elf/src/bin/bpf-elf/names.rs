//! Words for what specs hold as numbers and enums: the same in both output formats.

use bpf_asm::ByteOrder;
use bpf_elf::spec::{
    CollectionSpec, CoreKind, ExternKind, Function, Linkage, Pinning, Reference, Target,
};
use bpf_sys::abi::{AttachType, MapType, ProgramType};

pub(crate) fn byte_order(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::Little => "little",
        ByteOrder::Big => "big",
    }
}

/// A name, or the number in decimal digits where it has none.
fn or_number(name: Option<&str>, number: u32) -> String {
    name.map_or_else(|| number.to_string(), str::to_owned)
}

pub(crate) fn program_type(of: ProgramType) -> String {
    or_number(of.name(), of.0)
}

pub(crate) fn attach_type(of: AttachType) -> String {
    or_number(of.name(), of.0)
}

pub(crate) fn map_type(of: MapType) -> String {
    or_number(of.name(), of.0)
}

pub(crate) fn core_kind(of: CoreKind) -> String {
    or_number(of.name(), of.0)
}

pub(crate) fn pinning(of: Pinning) -> &'static str {
    match of {
        Pinning::ByName => "by_name",
        _ => "none",
    }
}

pub(crate) fn extern_kind(of: ExternKind) -> &'static str {
    match of {
        ExternKind::Kconfig => "kconfig",
        ExternKind::Kfunc => "kfunc",
        _ => "ksym",
    }
}

pub(crate) fn linkage(of: Linkage) -> &'static str {
    match of {
        Linkage::Static => "static",
        Linkage::Global => "global",
        Linkage::Weak => "weak",
    }
}

/// The kind of a reference in a function, and the name of what it names.
pub(crate) fn reference<'spec>(
    spec: &'spec CollectionSpec,
    function: &'spec Function,
    of: &'spec Reference,
) -> (&'static str, &'spec str) {
    let (kind, key) = target(function, &of.target);
    // The key of a function may be longer than its name, to be unique.
    let callee = match of.target {
        Target::Call { .. } | Target::FunctionAddress { .. } => spec.function(key),
        _ => None,
    };
    (kind, callee.map_or(key, |function| &function.name))
}

/// The kind of a reference in a function, and the key of what it names.
pub(crate) fn target<'spec>(
    function: &'spec Function,
    of: &'spec Target,
) -> (&'static str, &'spec str) {
    match of {
        Target::Map { name } => ("map", name),
        Target::MapValue { map, .. } => ("map_value", map),
        Target::Call { function } => ("call", function),
        Target::FunctionAddress { function } => ("func", function),
        Target::Kfunc { name } | Target::KfuncAddress { name } => ("kfunc", name),
        Target::Ksym { name } => ("ksym", name),
        Target::Kconfig { name } => ("kconfig", name),
        Target::JumpTable { index } => {
            ("jump_table", function.jump_tables.get(*index).map_or("", |table| &table.name))
        }
        // The enum may grow; a name for what it grows by belongs here.
        _ => ("unknown", ""),
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('?', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
