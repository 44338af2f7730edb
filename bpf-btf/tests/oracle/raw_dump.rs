//! `bpftool btf dump format raw` of the running kernel, line by line.

use std::process::Command;

use bpf_btf::Btf;
use testdata::output;

use crate::dump::dump;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

#[test]
fn the_kernels_types_are_what_bpftool_says() {
    let theirs =
        output(Command::new("bpftool").args(["btf", "dump", "file", VMLINUX, "format", "raw"]));
    let ours = dump(&Btf::parse(std::fs::read(VMLINUX).unwrap()).unwrap());
    for (line, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {}", line + 1);
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}
