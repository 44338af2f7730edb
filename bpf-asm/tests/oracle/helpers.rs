//! The table of helpers against the kernel's BTF, from which it is generated.
//!
//! To renew it under a newer kernel: `RENEW_HELPERS=1 cargo test -p bpf-asm --test oracle helpers`.

use std::fmt::Write as _;
use std::process::Command;

use bpf_asm::HelperId;

use testdata::output;

/// Numbers and names of `enum bpf_func_id` of the running kernel, without the `BPF_FUNC_`.
fn kernel_helpers() -> Vec<(u32, String)> {
    let dump =
        output(Command::new("bpftool").args(["btf", "dump", "file", "/sys/kernel/btf/vmlinux"]));
    let values = dump
        .lines()
        .skip_while(|line| !line.contains("ENUM 'bpf_func_id'"))
        .skip(1)
        .take_while(|line| line.starts_with('\t'));
    values
        .filter_map(|line| {
            let (name, number) = line.trim().strip_prefix("'BPF_FUNC_")?.split_once("' val=")?;
            Some((number.parse().ok()?, name.to_owned()))
        })
        .filter(|(_, name)| name != "unspec")
        .collect()
}

/// The generated file.
fn table(helpers: &[(u32, String)]) -> String {
    let mut text = "\
//! Helper numbers and names, from `enum bpf_func_id` of the kernel's BTF. Generated: see `tests/oracle/helpers.rs`.

crate::helper::helpers! {
"
    .to_owned();
    for (number, name) in helpers {
        let constant = name.to_uppercase();
        writeln!(text, "    {number} {constant} \"bpf_{name}\";").expect("memory");
    }
    text.push_str("}\n");
    text
}

/// An older kernel knows fewer helpers, and none by another name.
#[test]
fn the_table_of_helpers_is_that_of_the_kernel() {
    let helpers = kernel_helpers();
    assert!(helpers.len() > 100, "{}", helpers.len());
    if std::env::var_os("RENEW_HELPERS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/helper_table.rs");
        std::fs::write(path, table(&helpers)).expect("the table");
        return;
    }
    for (number, name) in &helpers {
        assert_eq!(HelperId::new(*number).name(), Some(format!("bpf_{name}").as_str()));
    }
    if helpers.len() == HelperId::all().len() {
        assert_eq!(table(&helpers), include_str!("../../src/helper_table.rs"));
    }
}
