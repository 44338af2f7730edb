//! A C compiler lays out our text of the kernel's types as the kernel's compiler did.

use std::process::Command;

use bpf_btf::{Btf, CHeaderOptions, c_header};

use crate::assertions::assertions;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

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
