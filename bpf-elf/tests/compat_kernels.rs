//! The command `bpf-elf compat` with the BTF of real kernels and all their modules.
//!
//! `cargo xtask test btf` takes the BTF out of the kernels' packages and runs this: `BPF_KERNEL_BTF` holds the folders, one for each kernel, as a
//! search path. What loads there in truth is the matter of the test `compat` of bpf-core's kernel tests.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, clippy::panic, reason = "a test: its panics are failures")]

use serde_json::Value;
use testdata::{OBJECTS, Order};

type Version = (u64, u64);

/// Object, program, and the first kernel on which it loads; `None` if there is none.
const FIRST: [(&str, &str, Option<Version>); 16] = [
    ("counter", "count_xdp", Some((5, 10))),
    ("core", "guarded", Some((5, 10))),
    ("core", "unguarded", None),
    ("core", "direct", Some((5, 10))),
    ("kconfig_ksyms", "call_kernel", Some((5, 10))),
    ("kconfig_ksyms", "call_missing", Some((5, 10))),
    ("struct_ops", "ssthresh", Some((6, 4))),
    ("isa_v4", "extend", Some((6, 6))),
    ("tracing", "on_fentry", Some((5, 10))),
    ("sections", "on_netfilter", Some((6, 4))),
    ("sections", "on_syscall", Some((5, 14))),
    ("sections", "on_xdp_frags", Some((5, 18))),
    ("sections", "on_lsm_cgroup_socket_bind", Some((6, 0))),
    ("sections", "on_uprobe_s_bin_sh_main", Some((6, 0))),
    ("sections", "on_cgroup_connect_unix", Some((6, 7))),
    ("sections", "on_fsession_do_exit", Some((7, 0))),
];

#[test]
fn the_fixtures_load_from_the_first_kernel_on_that_has_what_they_need() {
    let folders = std::env::var_os("BPF_KERNEL_BTF").unwrap_or_else(|| {
        panic!("BPF_KERNEL_BTF names no folder with BTF: run `cargo xtask test btf`")
    });
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    let objects = tempfile::tempdir().expect("a folder");
    let mut compared = 0;
    for &object in OBJECTS {
        let path = objects.path().join(format!("{object}.o"));
        std::fs::write(&path, testdata::object(object, Order::Little)).expect("a file");
        let mut command = testdata::built(env!("CARGO_BIN_EXE_bpf-elf"));
        command.args(["compat", "--format", "json"]).arg(&path);
        for folder in &folders {
            command.arg("--btf").arg(folder);
        }
        let output = command.output().expect("start bpf-elf");
        let error = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|problem| panic!("{object}: {problem}: {error}"));
        assert_eq!(output.status.code(), Some(i32::from(report["breaks"] == true)), "{object}");
        let kernels = report["kernels"].as_array().expect("kernels");
        assert_eq!(kernels.len(), folders.len(), "{object}");
        for kernel in kernels {
            for row in FIRST.iter().filter(|row| row.0 == object) {
                check(kernel, row);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, FIRST.len() * folders.len(), "a row names no program");
}

/// One row on one kernel.
fn check(kernel: &Value, (object, program, first): &(&str, &str, Option<Version>)) {
    let version = kernel["version"].as_str().expect("the folder has a version");
    let mut numbers = version.split('.').map(|number| number.parse().expect("a number"));
    let version: Version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let programs = kernel["programs"].as_array().expect("programs");
    let report = programs
        .iter()
        .find(|report| report["name"] == *program)
        .unwrap_or_else(|| panic!("{object} has no program {program}"));
    let severe = |findings: &Value| {
        let findings = findings.as_array().expect("findings");
        findings.iter().any(|finding| finding["severity"] == "breaks")
    };
    let loads = !severe(&report["findings"]) && !severe(&kernel["findings"]);
    let expected = first.is_some_and(|first| version >= first);
    assert_eq!(loads, expected, "{object}/{program} on {version:?}: {report}");
}
