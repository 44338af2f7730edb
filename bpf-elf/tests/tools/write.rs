//! Written objects are what clang's are to other readers.

use std::fs;

use bpf_elf::spec::CollectionSpec;
use testdata::{OBJECTS, Order, object};

use crate::tools::{llvm, run};

/// Objects that libbpf 1.1, which bpftool may have, opens neither as clang made them.
fn skeleton(path: &std::path::Path) -> Option<String> {
    run("bpftool", &["gen", "skeleton"], &[path]).ok().map(|text| {
        // The bytes of the object, and its name.
        text.lines().take_while(|line| !line.contains("elf_bytes")).collect::<Vec<_>>().join("\n")
    })
}

/// Disassembly with relocations: the same instructions at the same places name the same things.
fn disassembly(path: &std::path::Path) -> String {
    let text = llvm("llvm-objdump", &["-d", "-r", "--no-show-raw-insn"], path);
    let (_, text) = text.split_once("Disassembly").unwrap_or_default();
    text.to_owned()
}

#[test]
fn llvm_and_bpftool_see_the_same_object() {
    let folder = tempfile::tempdir().unwrap();
    let mut skeletons = 0;
    for name in OBJECTS {
        for order in Order::BOTH {
            let clangs = object(name, order);
            let written = CollectionSpec::parse(clangs).unwrap().write_elf().unwrap();
            let paths = ["clang", "ours"].map(|maker| {
                let folder = folder.path().join(maker);
                fs::create_dir_all(&folder).unwrap();
                folder.join(format!("{name}.o"))
            });
            fs::write(&paths[0], clangs).unwrap();
            fs::write(&paths[1], &written).unwrap();
            let warnings = llvm("llvm-readelf", &["-a", "--wide"], &paths[1]);
            assert!(!warnings.contains("warning:"), "{name}: {warnings}");
            let [theirs, ours] = paths.each_ref().map(|path| disassembly(path));
            assert_eq!(ours.lines().count(), theirs.lines().count(), "{name}");
            // The order of instructions and relocations in a section; sections may come in another order.
            let sorted = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            for (ours, theirs) in sorted(&ours).iter().zip(sorted(&theirs)) {
                assert_eq!(ours.trim(), theirs.trim(), "{name}");
            }
            if order == Order::NATIVE {
                let [theirs, ours] = paths.each_ref().map(|path| skeleton(path));
                assert_eq!(ours, theirs, "{name}");
                skeletons += usize::from(theirs.is_some());
            }
        }
    }
    assert!(skeletons > 20, "bpftool opens only {skeletons} objects");
}
