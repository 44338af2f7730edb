//! `bpftool gen min_core_btf`: the types that libbpf needs to relocate an object give the same results as all types.

use std::process::Command;

use bpf_btf::core::{Fixup, Resolver};
use bpf_btf::{Btf, BtfExt, ByteOrder, Minimizer};
use testdata::{OBJECTS, Order, object};

use crate::elf;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Value, original, whether to validate, whether to poison, and the change of width.
type Decision = (u64, u64, bool, bool, Option<(u64, u64, bool)>);

/// What a fixup decides, without ids of types, which differ between the two.
fn decision(fixup: &Fixup) -> Decision {
    let value = if fixup.kind == bpf_btf::core::CoreKind::TypeIdTarget {
        u64::from(fixup.value != 0)
    } else {
        fixup.value
    };
    let width = fixup.width.map(|width| (width.local, width.target, width.allowed));
    (value, fixup.original, fixup.validate, fixup.poison, width)
}

#[test]
fn the_types_that_libbpf_needs_are_those_that_we_need() {
    let kernel = Btf::parse(std::fs::read(VMLINUX).unwrap()).unwrap();
    let directory = std::env::temp_dir().join(format!("bpf-btf-min-core-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut compared = 0;
    for name in OBJECTS {
        let object = object(name, Order::Little);
        let (Some(local), Some(ext)) =
            (elf::section(object, ".BTF"), elf::section(object, ".BTF.ext"))
        else {
            continue;
        };
        let local = Btf::parse(local.to_vec()).unwrap();
        let records = BtfExt::parse(ext)
            .unwrap()
            .core_relos()
            .flat_map(|section| section.records)
            .collect::<Vec<_>>();
        if records.is_empty() {
            continue;
        }
        let (input, output) = (directory.join("object.o"), directory.join("min.btf"));
        std::fs::write(&input, object).unwrap();
        let paths = [VMLINUX.as_ref(), output.as_os_str(), input.as_os_str()];
        let status =
            Command::new("bpftool").args(["gen", "min_core_btf"]).args(paths).status().unwrap();
        assert!(status.success(), "{name}");
        let minimal = Btf::parse(std::fs::read(&output).unwrap()).unwrap();
        assert!(minimal.len() < kernel.len());
        let resolve = |target: &Btf| {
            let mut resolver = Resolver::new(&local, &records);
            resolver.search_kernel(target);
            resolver
                .resolve()
                .into_iter()
                .map(|fixup| decision(&fixup.unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(resolve(&minimal), resolve(&kernel), "{name}");
        // What we keep ourselves answers the same, and is no more.
        let mut ours = Minimizer::new(&kernel);
        ours.keep_for(&local, &records).unwrap();
        let ours = ours.finish().unwrap().builder.write(ByteOrder::NATIVE).unwrap();
        let ours = Btf::parse(ours).unwrap();
        assert_eq!(resolve(&ours), resolve(&kernel), "{name}");
        assert!(ours.len() <= minimal.len(), "{name}: {ours:?} {minimal:?}");
        compared += records.len();
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(compared > 20, "only {compared} relocations");
}
