//! A prepared program as the walk through its paths wants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bpf_asm::HelperId;
use bpf_btf::Kind;
use bpf_sys::abi::{KernelVersion, MapFlags};

use super::TargetKernel;
use super::finding::Place;
use super::reach::{Loaded, Program, Reach, ReadOnly, reached};
use crate::prepare::{FixupTarget, Flattened, KernelType, PreparedProgram};
use crate::spec::{CollectionSpec, ExternKind, Linkage, MapContents, ProgramSpec};

/// How sure it is that the verifier comes upon each slot.
pub(super) fn walk(
    spec: &CollectionSpec,
    program: &ProgramSpec,
    flat: &Flattened<'_>,
    prepared: &PreparedProgram,
    kernel: &TargetKernel,
    symbols: &HashMap<usize, Loaded>,
) -> Vec<Reach> {
    let mut loads = symbols.clone();
    let mut data = Vec::new();
    let mut numbers = HashMap::new();
    let mut jump_targets = Vec::new();
    for fixup in &prepared.fixups {
        match &fixup.target {
            FixupTarget::MapValue { map, offset } => {
                let number = *numbers.entry(map.clone()).or_insert_with(|| {
                    let found = read_only(spec, map, kernel)?;
                    data.push(found);
                    data.len().checked_sub(1)
                });
                if let Some(map) = number {
                    loads.insert(fixup.slot, Loaded::Data { map, offset: i64::from(*offset) });
                }
            }
            FixupTarget::JumpTable { targets, .. } => jump_targets.extend(targets),
            _ => {}
        }
    }
    let global = global(spec, flat, prepared);
    // The verifier leaves out global functions that nothing calls since 6.8.
    let lazy = kernel.version().is_none_or(|version| version >= KernelVersion::new(6, 8, 0));
    let mut roots: Vec<usize> = if lazy { Vec::new() } else { global.iter().copied().collect() };
    roots.extend(program.exception_callback.as_deref().and_then(|key| flat.start_of(key)));
    reached(&Program {
        order: spec.byte_order,
        slots: &prepared.slots,
        loads,
        data,
        global,
        roots,
        jump_targets,
    })
}

/// Functions that the verifier takes by themselves. Without types it knows of none.
fn global(
    spec: &CollectionSpec,
    flat: &Flattened<'_>,
    prepared: &PreparedProgram,
) -> BTreeSet<usize> {
    if !spec.has_btf() || prepared.func_infos.is_empty() {
        return BTreeSet::new();
    }
    let called = flat.functions.iter().skip(1);
    let global = called.filter(|of| of.function.linkage != Linkage::Static && !of.function.hidden);
    global.map(|of| of.start).collect()
}

/// What the verifier reads in a map as constants: programs may not write it, and it is frozen (`bpf_map_is_rdonly`).
fn read_only<'a>(
    spec: &'a CollectionSpec,
    name: &str,
    kernel: &TargetKernel,
) -> Option<ReadOnly<'a>> {
    let map = spec.maps.get(name)?;
    if !map.freeze || !map.flags.contains(MapFlags::RDONLY_PROG) {
        return None;
    }
    if map.section == ".kconfig" {
        return Some(ReadOnly { bytes: &[], known: Some(configuration(spec, kernel)) });
    }
    match &map.contents {
        MapContents::Bytes(bytes) => Some(ReadOnly { bytes, known: None }),
        _ => None,
    }
}

/// What is known of the map of configuration values: what the configuration says, if it was given, and the facts that a loader finds out
/// (libbpf: E43).
fn configuration(spec: &CollectionSpec, kernel: &TargetKernel) -> BTreeMap<i64, (u8, u64)> {
    let fact = |name: &str| match name {
        "LINUX_KERNEL_VERSION" => kernel.version().map(|version| u64::from(version.code())),
        "LINUX_HAS_BPF_COOKIE" => {
            kernel.vocabulary().has_helper(HelperId::GET_ATTACH_COOKIE).map(u64::from)
        }
        "LINUX_HAS_SYSCALL_WRAPPER" => {
            let wrapper =
                KernelType { module: None, name: "__x64_sys_bpf".into(), kind: Kind::Func };
            kernel.find(&wrapper).map(|_| 1)
        }
        _ => None,
    };
    let externs = spec.externs.values().filter(|of| of.kind == ExternKind::Kconfig);
    let known = externs.filter_map(|of| {
        let size = u8::try_from(of.size).ok()?;
        let said = kernel.config().and_then(|config| config.number(of));
        Some((i64::from(of.offset), (size, said.or_else(|| fact(&of.name))?)))
    });
    known.collect()
}

/// Most bytes of a name in a place, of which there may be one for each instruction. Kernels take functions of 511 bytes, and systems open
/// files of 4095.
const MAX_NAME: usize = 4096;

/// Function and line of a slot.
pub(super) fn place(spec: &CollectionSpec, flat: &Flattened<'_>, slot: usize) -> Option<Place> {
    let placed = flat.functions.iter().rev().find(|placed| placed.start <= slot)?;
    let within = slot.saturating_sub(placed.start);
    let line = placed.function.line_infos.iter().rev().find(|line| line.slot <= within);
    let line = line.and_then(|line| {
        let file = spec.btf.as_ref()?.string_start(line.file_name, MAX_NAME)?;
        (!file.is_empty()).then(|| (file.to_owned(), line.line))
    });
    let name = &placed.function.name;
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    let function = end.and_then(|end| name.get(..end)).unwrap_or_default().to_owned();
    Some(Place { slot, function, line })
}
