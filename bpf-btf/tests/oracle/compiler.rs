//! A C compiler lays out our text of the kernel's types as the kernel's compiler did.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use bpf_btf::{Btf, CHeaderOptions, Type, c_header};

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Assertions on sizes and offsets of all structures and unions whose name is theirs alone.
fn assertions(btf: &Btf) -> (String, usize) {
    let mut counts = BTreeMap::<&str, u32>::new();
    let tagged = |found: Type<'_>| found.composite().is_some() || found.enumeration().is_some();
    btf.types()
        .filter(|(_, found)| tagged(*found))
        .for_each(|(_, found)| *counts.entry(found.name()).or_default() += 1);
    let mut text = String::new();
    let mut count = 0;
    for composite in btf.types().filter_map(|(_, found)| found.composite()) {
        let name = composite.name();
        if name.is_empty() || counts.get(name) != Some(&1) {
            continue;
        }
        let keyword = if composite.is_union() { "union" } else { "struct" };
        writeln!(
            text,
            "_Static_assert(sizeof({keyword} {name}) == {}, \"{name}\");",
            composite.size()
        )
        .unwrap();
        count += 1;
        for member in composite
            .members()
            .filter(|member| !member.is_anonymous() && member.bitfield_size().is_none())
        {
            let (field, offset) = (member.name(), member.bit_offset() / 8);
            writeln!(text, "_Static_assert(__builtin_offsetof({keyword} {name}, {field}) == {offset}, \"{name}.{field}\");").unwrap();
            count += 1;
        }
    }
    (text, count)
}

#[test]
fn the_kernels_types_compile_to_the_same_layout() {
    let btf = Btf::parse(std::fs::read(VMLINUX).unwrap()).unwrap();
    let (assertions, count) = assertions(&btf);
    assert!(count > 50_000, "{count}");
    let path = std::env::temp_dir().join(format!("bpf-btf-layout-{}.c", std::process::id()));
    let header = c_header(&btf, &CHeaderOptions::default().without_kfuncs()).unwrap();
    std::fs::write(&path, header + &assertions).unwrap();
    let flags = ["-std=gnu11", "-fsyntax-only", "-w", "-fmax-errors=20"];
    let output = Command::new("cc").args(flags).arg(&path).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    std::fs::remove_file(&path).unwrap();
}
