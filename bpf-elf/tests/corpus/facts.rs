//! What a spec says of an object, in the words that `testdata/oracle/open.c` has for what libbpf says.
use bpf_elf::spec::{
    CollectionSpec, ExternKind, MapContents, MapSpec, Pinning, ProgramSpec, TypeRef, Warning,
    object_name,
};
use bpf_sys::abi::{MapType, ProgramFlags};

/// Memory is given out in pages of this many bytes on the machines that the comparison runs on.
const PAGE: u32 = 4096;

/// A line for each program, map and variable. `path` gives data sections their names.
pub(crate) fn facts(spec: &CollectionSpec, path: &str) -> Vec<String> {
    let object = object_name(path);
    let mut lines: Vec<String> = spec.programs.values().map(|found| program(spec, found)).collect();
    for entry in spec.maps.values() {
        lines.push(map("map", entry, &object));
        if let Some(inner) = &entry.inner {
            lines.push(map("inner", inner, &object));
        }
    }
    lines.extend(variables(spec));
    lines
}

fn program(spec: &CollectionSpec, program: &ProgramSpec) -> String {
    // libbpf does not know names that only begin like one: taking them gives a warning.
    let unknown = spec.warnings.iter().any(|warning| {
        matches!(warning, Warning::SectionPrefix { section, .. } if *section == program.section)
    });
    let known = (!unknown).then_some(program);
    format!(
        "program\t{}\t{}\ttype {}\tattach {}\tflags {}\tautoload {}\tslots {}",
        program.name,
        program.section.strip_prefix('?').unwrap_or(&program.section),
        known.map_or(0, |known| known.program_type.0),
        known.and_then(|known| known.attach_type).map_or(0, |attach_type| attach_type.0),
        // What the name of the section says libbpf adds only when it loads.
        program.flags.bits() & !(ProgramFlags::SLEEPABLE | ProgramFlags::XDP_HAS_FRAGS).bits(),
        u8::from(program.autoload),
        program.function.slots.len(),
    )
}

fn map(kind: &str, map: &MapSpec, object: &str) -> String {
    // libbpf tells the name that the kernel gets, but for `.data.x` and `.rodata.x` (`map_uses_real_name`).
    let name = map.name.as_str();
    let cut = [".data", ".rodata", ".bss", ".kconfig"].contains(&name) || name.starts_with(".bss.");
    let name = if cut { map.kernel_name(object) } else { map.name.clone() };
    let type_id = |found: &Option<TypeRef>| found.as_ref().map_or(0, TypeRef::id);
    let mut line = format!(
        "{kind}\t{name}\ttype {}\tkey {}\tvalue {}\tentries {}\tflags {}\tnode {}\textra {}\ttypes {} {}",
        map.map_type.0,
        map.key_size,
        map.value_size,
        entries(map),
        map.flags.bits(),
        map.numa_node,
        map.map_extra,
        type_id(&map.key_type),
        type_id(&map.value_type),
    );
    if kind == "map" {
        let pinned = map.pinning == Pinning::ByName;
        let created = u8::from(map.autocreate);
        line = format!("{line}\tautocreate {created}\tpinned {}", u8::from(pinned));
    }
    line + "\t" + &value(map)
}

/// libbpf rounds the size of ring buffers when it opens an object: to a power of two of pages.
fn entries(map: &MapSpec) -> u32 {
    let ring = matches!(map.map_type, MapType::RINGBUF | MapType::USER_RINGBUF);
    if !ring || map.max_entries == 0 {
        return map.max_entries;
    }
    let pages = map.max_entries.div_ceil(PAGE).checked_next_power_of_two();
    pages.and_then(|pages| pages.checked_mul(PAGE)).unwrap_or(map.max_entries)
}

/// The bytes that a map begins with.
fn value(map: &MapSpec) -> String {
    let bytes = match &map.contents {
        MapContents::Zeroed => return format!("value {} 0", map.value_size),
        MapContents::Bytes(bytes) => bytes,
        _ => return "value none".to_owned(),
    };
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
        digest = (digest ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
    if bytes.iter().all(|byte| *byte == 0) {
        digest = 0;
    }
    format!("value {} {digest:x}", bytes.len())
}

/// Variables, and the values of the kernel configuration, which BTF also has as variables.
fn variables(spec: &CollectionSpec) -> Vec<String> {
    let section = |map: &str| match spec.maps.get(map) {
        // The map of these has another name than their section.
        Some(map) if map.map_type == MapType::ARENA => ".addr_space.1".to_owned(),
        _ => map.to_owned(),
    };
    // libbpf knows variables by their BTF alone.
    let described = spec.variables.values().filter(|variable| variable.type_id != 0);
    let own = described.map(|variable| {
        (&variable.name, section(&variable.map), variable.offset, variable.size, variable.type_id)
    });
    let kconfig = spec.externs.values().filter(|found| found.kind == ExternKind::Kconfig);
    let kconfig = kconfig
        .map(|found| (&found.name, ".kconfig".to_owned(), found.offset, found.size, found.type_id));
    own.chain(kconfig)
        .map(|(name, section, offset, size, type_id)| {
            format!(
                "variable\t{name}\tsection {section}\toffset {offset}\tsize {size}\ttype {type_id}"
            )
        })
        .collect()
}
