//! Types of the kernel that programs implement.

use std::collections::{BTreeMap, BTreeSet};

use bpf_btf::core::essential_name;
use bpf_btf::{Btf, Composite, Kind, Member, Type, TypeId};
use bpf_sys::abi::{MapType, ProgramType};

use super::kernel::Found;
use super::{Finding, FindingKind, Severity, TargetKernel};
use crate::prepare::KernelType;
use crate::spec::{CollectionSpec, MapContents, MapSpec, ProgramSpec};

/// What the `struct_ops` maps of an object find in a kernel.
pub(super) struct StructOps {
    maps: BTreeMap<String, Vec<Finding>>,
    /// Programs in members that the kernel has, of maps that are created.
    used: BTreeSet<String>,
    /// Programs in members that the kernel does not have, with a word for the member.
    dropped: BTreeMap<String, String>,
    /// Programs in maps that are not created.
    idle: BTreeSet<String>,
}

impl StructOps {
    pub(super) fn new(spec: &CollectionSpec, kernel: &TargetKernel) -> Self {
        let mut found = Self {
            maps: BTreeMap::new(),
            used: BTreeSet::new(),
            dropped: BTreeMap::new(),
            idle: BTreeSet::new(),
        };
        for (name, map) in &spec.maps {
            if map.map_type != MapType::STRUCT_OPS {
                continue;
            }
            if !map.autocreate {
                found.idle.extend(map.function_members.iter().map(|of| of.program.clone()));
                continue;
            }
            let findings = found.map(spec, name, map, kernel);
            found.maps.insert(name.to_owned(), findings);
        }
        found
    }

    pub(super) fn of_map(&self, name: &str) -> &[Finding] {
        self.maps.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a program is loaded by default, and what concerns it (libbpf: E47, E48).
    pub(super) fn of_program(&self, name: &str, program: &ProgramSpec) -> (bool, Option<Finding>) {
        if program.program_type != ProgramType::STRUCT_OPS {
            return (program.autoload, None);
        }
        let finding = |severity, name: &str, text| {
            Some(Finding::new(FindingKind::StructOps, severity, name, text))
        };
        if self.used.contains(name) {
            return (program.autoload, None);
        }
        if let Some(member) = self.dropped.get(name) {
            let text = format!("this kernel has no {member}: the program is left out");
            return (false, finding(Severity::Note, member, text));
        }
        if self.idle.contains(name) {
            return (false, None);
        }
        let text = "it implements no member of a map".to_owned();
        (program.autoload, finding(Severity::Breaks, name, text))
    }

    /// libbpf: `bpf_map__init_kern_struct_ops`.
    fn map(
        &mut self,
        spec: &CollectionSpec,
        name: &str,
        map: &MapSpec,
        kernel: &TargetKernel,
    ) -> Vec<Finding> {
        let broken = |what: String, text: String| {
            Finding::new(FindingKind::StructOps, Severity::Breaks, what, text)
        };
        let local = spec.btf.as_ref().zip(map.value_type.as_ref());
        let local =
            local.and_then(|(btf, of)| Some((btf, btf.get(TypeId::new(of.id()))?.composite()?)));
        let Some((local, ours)) = local else {
            return vec![broken(name.into(), format!("map `{name}` has no type"))];
        };
        let type_name = essential_name(ours.name());
        let Some((theirs, found)) = kernel_type(kernel, type_name) else {
            // It breaks here already: its programs are as good as used.
            self.used.extend(map.function_members.iter().map(|of| of.program.clone()));
            let hint = kernel.hint_modules();
            let text = format!(
                "map `{name}` implements struct {type_name}, which programs cannot do in this kernel{hint}"
            );
            return vec![broken(type_name.into(), text)];
        };
        let mut findings = Vec::new();
        for member in ours.members().filter(|member| !member.is_anonymous()) {
            let what = format!("{type_name}.{}", member.name());
            let program = programs(map, &member);
            let Some(other) = theirs.member_named(member.name()) else {
                if !zero(local, map, &member) {
                    let text = format!("map `{name}` sets {what}, which this kernel does not have");
                    findings.push(broken(what, text));
                } else if let Some(program) = program {
                    self.dropped.insert(program.to_owned(), what);
                }
                continue;
            };
            if let Some(program) = program {
                self.used.insert(program.to_owned());
            }
            if let Some(problem) = mismatch(local, &member, found.btf, &other, program.is_some()) {
                let text = format!("map `{name}` sets {what}: {problem}");
                findings.push(broken(what, text));
            }
        }
        findings
    }
}

/// The type that programs can implement, and the BTF that has it and the type around it.
fn kernel_type<'a>(kernel: &'a TargetKernel, name: &str) -> Option<(Composite<'a>, Found<'a>)> {
    let wanted = KernelType { module: None, name: name.into(), kind: Kind::Struct };
    let found = kernel.find(&wanted)?;
    // The value of the map, with the state of the kernel around the type.
    found.btf.find(&format!("bpf_struct_ops_{name}"), Kind::Struct)?;
    Some((found.btf.get(found.id)?.composite()?, found))
}

fn programs<'a>(map: &'a MapSpec, member: &Member<'_>) -> Option<&'a str> {
    let offset = member.bit_offset().checked_div(8)?;
    let found = map.function_members.iter().find(|of| of.offset == offset)?;
    Some(&found.program)
}

/// Whether the bytes of a member are all zero. A program in it has no bytes.
fn zero(local: &Btf, map: &MapSpec, member: &Member<'_>) -> bool {
    let MapContents::Bytes(bytes) = &map.contents else { return true };
    let start = usize::try_from(member.bit_offset() >> 3).ok();
    let size = local.size_of(member.type_id()).ok().and_then(|size| usize::try_from(size).ok());
    let bytes = start.zip(size).and_then(|(start, size)| bytes.get(start..)?.get(..size));
    bytes.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// Why a member cannot be copied into that of the kernel.
fn mismatch(
    local: &Btf,
    ours: &Member<'_>,
    kernel: &Btf,
    theirs: &Member<'_>,
    program: bool,
) -> Option<String> {
    if ours.bitfield_size().is_some() || theirs.bitfield_size().is_some() {
        return Some("bit fields cannot be set".to_owned());
    }
    let (ours, theirs) = (local.strip(ours.type_id()), kernel.strip(theirs.type_id()));
    let kind = |btf: &Btf, id| btf.get(id).map_or(Kind::Void, |found| found.kind());
    let (a, b) = (kind(local, ours), kind(kernel, theirs));
    if a != b {
        return Some(format!("the kernel has a {b} there, and the object a {a}"));
    }
    if a == Kind::Ptr {
        let Some(Type::Ptr(pointer)) = kernel.get(theirs) else { return None };
        let function = kind(kernel, kernel.strip(pointer.target())) == Kind::FuncProto;
        return (program && !function).then(|| "the kernel has no function there".to_owned());
    }
    let (a, b) = (local.size_of(ours).ok(), kernel.size_of(theirs).ok());
    let shown = |size: Option<u64>| size.map_or_else(|| "?".to_owned(), |size| size.to_string());
    (a != b)
        .then(|| format!("the kernel has {} bytes there, and the object {}", shown(b), shown(a)))
}
