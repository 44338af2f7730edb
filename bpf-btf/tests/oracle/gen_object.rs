//! `bpftool gen object` links objects and merges their types with libbpf: ours are merged into as many.

use std::collections::BTreeMap;
use std::process::Command;

use bpf_btf::{Btf, BtfBuilder, ByteOrder, Kind, dedup};
use testdata::{OBJECTS, Order, object};

use crate::elf;

/// How many types of each kind there are; those that a linker makes and sizes itself are left out.
fn kinds(btf: &Btf) -> BTreeMap<Kind, usize> {
    let mut kinds = BTreeMap::new();
    for (_, found) in btf.types() {
        if !matches!(found.kind(), Kind::Var | Kind::Datasec) {
            *kinds.entry(found.kind()).or_default() += 1;
        }
    }
    kinds
}

#[test]
fn types_are_merged_into_as_many_as_libbpf_merges_them_into() {
    let directory = std::env::temp_dir().join(format!("bpf-btf-link-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let output = directory.join("linked.o");
    let mut compared = 0;
    for pair in OBJECTS.windows(2) {
        let mut paths = Vec::new();
        let mut builder = BtfBuilder::new();
        for name in pair {
            let bytes = object(name, Order::NATIVE);
            if let Some(types) = elf::section(bytes, ".BTF") {
                builder.add_btf(&Btf::parse(types.to_vec()).unwrap()).unwrap();
            }
            paths.push(directory.join(format!("{name}.o")));
            std::fs::write(paths.last().unwrap(), bytes).unwrap();
        }
        let mut linker = Command::new("bpftool");
        linker.args(["gen", "object"]).arg(&output).args(&paths);
        // Some pairs define one name twice, or differ in their licenses.
        if !linker.output().unwrap().status.success() {
            continue;
        }
        let object = std::fs::read(&output).unwrap();
        let Some(theirs) = elf::section(&object, ".BTF") else { continue };
        let theirs = Btf::parse(theirs.to_vec()).unwrap();
        let both = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
        let ours = dedup(&both).unwrap().builder.write(ByteOrder::NATIVE).unwrap();
        assert_eq!(kinds(&Btf::parse(ours).unwrap()), kinds(&theirs), "{pair:?}");
        compared += 1;
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(compared > 3, "only {compared} pairs");
}
