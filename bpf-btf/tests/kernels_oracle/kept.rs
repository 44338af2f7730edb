//! `bpftool gen min_core_btf`: of each kernel the types and members that the fixtures' relocations need.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use bpf_btf::{Btf, BtfExt, ByteOrder, Minimizer, Type};
use testdata::{OBJECTS, Order, object};

use crate::elf;
use crate::kernels::each;

/// Kind and name of each type with a name, and the names and offsets of its members or values.
type Parts = BTreeMap<String, BTreeSet<String>>;

fn parts(btf: &Btf) -> Parts {
    let mut parts = Parts::new();
    for (_, found) in btf.types().filter(|(_, found)| !found.name().is_empty()) {
        let set = parts.entry(format!("{} {}", found.kind(), found.name())).or_default();
        match found {
            Type::Struct(found) | Type::Union(found) => set.extend(
                found
                    .members()
                    .map(|member| format!("{} at {}", member.name(), member.bit_offset())),
            ),
            Type::Enum(found) | Type::Enum64(found) => {
                set.extend(
                    found.values().map(|value| format!("{} = {}", value.name(), value.value())),
                );
            }
            _ => {}
        }
    }
    parts
}

/// Types and members of the first that the second does not have.
fn missing(first: &Parts, second: &Parts) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, set) in first {
        match second.get(name) {
            None => missing.push(name.clone()),
            Some(other) => {
                missing.extend(set.difference(other).map(|part| format!("{name}: {part}")));
            }
        }
    }
    missing
}

#[test]
fn what_relocations_need_is_what_bpftool_keeps() {
    each(|kernel| {
        let release = &kernel.release;
        let directory = tempfile::tempdir().unwrap();
        let (mut relocations, mut kept) = (0, 0);
        for name in OBJECTS {
            let bytes = object(name, Order::Little);
            let section = |wanted| elf::section(bytes, wanted);
            let (Some(local), Some(ext)) = (section(".BTF"), section(".BTF.ext")) else { continue };
            let local = Btf::parse(local.to_vec()).unwrap();
            let ext = BtfExt::parse(ext).unwrap();
            let records = ext.core_relos().flat_map(|section| section.records).collect::<Vec<_>>();
            if records.is_empty() {
                continue;
            }
            let (input, output) = (directory.path().join("object.o"), directory.path().join("min"));
            std::fs::write(&input, bytes).unwrap();
            let mut bpftool = Command::new("bpftool");
            bpftool.args(["gen", "min_core_btf"]).args([&kernel.path(), &output, &input]);
            testdata::output(&mut bpftool);
            let theirs = Btf::parse(std::fs::read(&output).unwrap()).unwrap();
            let mut minimizer = Minimizer::new(&kernel.vmlinux);
            minimizer.keep_for(&local, &records).unwrap();
            let ours = minimizer.finish().unwrap().builder.write(ByteOrder::Little).unwrap();
            let ours = Btf::parse(ours).unwrap();
            let (ours, theirs) = (parts(&ours), parts(&theirs));
            let (only_ours, only_theirs) = (missing(&ours, &theirs), missing(&theirs, &ours));
            assert!(only_ours.is_empty(), "{release} {name}: only ours {only_ours:#?}");
            assert!(only_theirs.is_empty(), "{release} {name}: only theirs {only_theirs:#?}");
            relocations += records.len();
            kept += ours.values().map(|set| set.len() + 1).sum::<usize>();
        }
        assert!(relocations > 20, "{release}: only {relocations}");
        println!("{release}: min_core_btf: {relocations} relocations, {kept} types and members");
    });
}
