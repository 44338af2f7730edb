//! Objects linked by `bpftool gen object`, whose libbpf merges their types: ours merges the same types into the same.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_btf::{Btf, BtfBuilder, ByteOrder, Kind, Type, TypeId, dedup};

use crate::elf;

/// How far types are followed: two types that differ only farther away count as one.
const ROUNDS: usize = 8;

/// All of a type but what it refers to, as text.
fn own_text(btf: &Btf, id: TypeId) -> String {
    let found = btf.get(id).unwrap();
    let parts = match found {
        Type::Struct(found) | Type::Union(found) => {
            let parts = found.members().map(|member| {
                format!("{} {} {:?}", member.name(), member.bit_offset(), member.bitfield_size())
            });
            format!("{} {:?}", found.size(), parts.collect::<Vec<_>>())
        }
        Type::Enum(found) | Type::Enum64(found) => {
            let parts = found.values().map(|value| format!("{}={}", value.name(), value.value()));
            format!("{} {} {:?}", found.size(), found.is_signed(), parts.collect::<Vec<_>>())
        }
        Type::Int(found) => format!("{} {} {}", found.size(), found.bits(), found.encoding()),
        Type::Float(found) => format!("{}", found.size()),
        Type::Array(found) => format!("{}", found.len()),
        Type::Fwd(found) => format!("{}", found.is_union()),
        Type::FuncProto(found) => {
            format!("{:?}", found.params().map(|param| param.name()).collect::<Vec<_>>())
        }
        Type::DeclTag(found) => format!("{:?}", found.component()),
        _ => String::new(),
    };
    format!("{} {} {parts}", found.kind(), found.name())
}

/// How often there is a type that looks like this. What a linker makes and sizes itself is left out.
fn shapes(btf: &Btf) -> BTreeMap<(String, u64), usize> {
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let ids = btf.types().map(|(id, _)| id).collect::<Vec<_>>();
    let texts = ids.iter().map(|id| (*id, own_text(btf, *id))).collect::<BTreeMap<_, _>>();
    let mut marks =
        texts.iter().map(|(id, text)| (*id, hash(&|to| text.hash(to)))).collect::<BTreeMap<_, _>>();
    for _ in 0..ROUNDS {
        let mark = |id: &TypeId| marks.get(id).copied().unwrap_or_default();
        let next = |id: &TypeId| {
            hash(&|to| {
                mark(id).hash(to);
                btf.targets(*id).iter().for_each(|target| mark(target).hash(to));
            })
        };
        marks = ids.iter().map(|id| (*id, next(id))).collect();
    }
    let mut counts = BTreeMap::new();
    for (id, text) in texts {
        if !matches!(btf.get(id).unwrap().kind(), Kind::Var | Kind::Datasec) {
            *counts.entry((text, marks.get(&id).copied().unwrap())).or_default() += 1;
        }
    }
    counts
}

/// Links objects in both ways, and compares the types; their number. `None` where bpftool refuses: some define one
/// name twice, or differ in their licenses.
pub(crate) fn compare(directory: &Path, paths: &[PathBuf]) -> Option<usize> {
    let output = directory.join("linked.o");
    let linked = Command::new("bpftool").args(["gen", "object"]).arg(&output).args(paths).output();
    if !linked.unwrap().status.success() {
        return None;
    }
    let mut builder = BtfBuilder::new();
    for path in paths {
        let object = std::fs::read(path).unwrap();
        if let Some(types) = elf::section(&object, ".BTF") {
            builder.add_btf(&Btf::parse(types.to_vec()).unwrap()).unwrap();
        }
    }
    let object = std::fs::read(&output).unwrap();
    let theirs = Btf::parse(elf::section(&object, ".BTF")?.to_vec()).unwrap();
    let both = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    let ours = dedup(&both).unwrap().builder.write(ByteOrder::NATIVE).unwrap();
    let (ours, theirs) = (shapes(&Btf::parse(ours).unwrap()), shapes(&theirs));
    let more = |first: &BTreeMap<(String, u64), usize>, second: &BTreeMap<_, usize>| {
        let more = first.iter().filter(|(shape, count)| second.get(*shape) != Some(*count));
        more.map(|((text, _), count)| format!("{count} {text}")).collect::<Vec<_>>()
    };
    let (only_ours, only_theirs) = (more(&ours, &theirs), more(&theirs, &ours));
    assert!(
        only_ours.is_empty() && only_theirs.is_empty(),
        "{paths:?}\nonly ours {only_ours:#?}\nonly theirs {only_theirs:#?}"
    );
    Some(ours.values().sum())
}
