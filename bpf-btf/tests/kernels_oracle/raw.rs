//! `bpftool btf dump format raw`: every field of every type, line by line.

use std::path::Path;

use bpf_btf::Btf;

use crate::dump::dump;
use crate::kernels::{bpftool, each};

fn compare(name: &str, btf: &Btf, path: &Path, base: Option<&Path>) {
    let (ours, theirs) = (dump(btf), bpftool(path, base, "raw"));
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "{name}");
    }
    assert_eq!(ours.lines().count(), theirs.lines().count(), "{name}");
}

#[test]
fn types_are_what_bpftool_says() {
    each(|kernel| {
        let release = &kernel.release;
        compare(release, &kernel.vmlinux, &kernel.path(), None);
        let (mut modules, mut types) = (0, 0);
        for module in kernel.modules() {
            let name = format!("{release} {}", module.name);
            compare(&name, &module.btf, &module.path, Some(&kernel.path()));
            modules += 1;
            types += module.btf.types().count();
        }
        println!(
            "{release}: raw: {} types, and {types} of {modules} modules",
            kernel.vmlinux.types().count()
        );
    });
}
