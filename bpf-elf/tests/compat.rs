//! The command `bpf-elf compat`: kernels from files and folders, both forms of output, exit status.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a test: its panics are failures")]

use std::fs;
use std::path::Path;
use std::process::Stdio;

use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, FuncLinkage, NewEnumValue};
use serde_json::Value;
use testdata::{Order, built, feed, object};

/// BTF of a kernel whose words go up to these numbers, with functions.
fn kernel(map_type: u32, functions: &[&str]) -> Vec<u8> {
    let mut builder = BtfBuilder::new();
    for (name, last) in [
        ("bpf_prog_type", 32),
        ("bpf_map_type", map_type),
        ("bpf_attach_type", 56),
        ("bpf_func_id", 211),
    ] {
        let values: Vec<_> =
            (0..=last).map(|value| NewEnumValue::new("WORD", i128::from(value))).collect();
        let words = Definition::Enum { name, size: 4, signed: false, values: &values };
        builder.add(&words).expect("a new enumeration");
    }
    add_functions(&mut builder, functions);
    builder.write(ByteOrder::Little).expect("a small blob")
}

fn add_functions(builder: &mut BtfBuilder, functions: &[&str]) {
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let int = builder.add(&int).expect("an integer");
    let prototype =
        builder.add(&Definition::FuncProto { return_type: int, params: &[] }).expect("a type");
    for name in functions {
        let function = Definition::Func { name, prototype, linkage: FuncLinkage::Global };
        builder.add(&function).expect("a function");
    }
}

/// Status, standard output and standard error.
fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = built(env!("CARGO_BIN_EXE_bpf-elf"));
    command.current_dir(folder).arg("compat").args(arguments).stderr(Stdio::piped());
    // A command that does not read closes the pipe early.
    let (output, _) = feed(&mut command, input).expect("run bpf-elf");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Fixtures as files, and kernels: one that has all, one without ring buffers, one with a module.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    };
    for name in ["ring", "tracing", "counter"] {
        put(&format!("{name}.o"), object(name, Order::Little));
    }
    put("counter_big.o", object("counter", Order::Big));
    let traced = ["bpf_fentry_test1", "bpf_modify_return_test", "__x64_sys_getpgid"];
    put("new/6.1.0.btf", &kernel(34, &traced));
    put("old/sub/5.4.0.btf", &kernel(26, &traced));
    put("old/README", b"not BTF");
    put("kconfig.o", object("kconfig_ksyms", Order::Little));
    put("config", b"# a kernel\nCONFIG_HZ=250\n# CONFIG_OFF is not set\n");
    put("config.gz", &[0x1f, 0x8b, 8, 0]);
    let base = kernel(34, &traced[1..]);
    put("with/6.2.0/btf/vmlinux", &base);
    let base = Btf::parse(base).expect("valid");
    let mut module = BtfBuilder::split(&base);
    add_functions(&mut module, &traced[..1]);
    put("with/6.2.0/btf/a_module", &module.write(ByteOrder::Little).expect("a small blob"));
    put("bad/6.2.0.btf", &[0x9f, 0xeb, 1, 0, 0]);
    put("packed/6.2.0.btf.xz", b"");
    folder
}

#[test]
fn the_exit_status_tells_whether_something_breaks() {
    let folder = folder();
    let rows: [(&[&str], i32); 20] = [
        (&["ring.o", "--btf", "new/6.1.0.btf"], 0),
        (&["ring.o", "--btf", "old"], 1),
        (&["ring.o", "--btf", "new", "--btf", "old"], 1),
        (&["ring.o", "--btf", "new", "--format", "json"], 0),
        (&["ring.o", "--btf", "old", "--format", "json"], 1),
        // Its own BTF will do for a kernel that knows no words.
        (&["counter.o", "--btf", "counter.o"], 0),
        (&["counter_big.o", "--btf", "new"], 1),
        (&["ring.o", "--btf", "counter.o", "--kernel-version", "5.8"], 0),
        (&["ring.o", "--btf", "counter.o", "--kernel-version", "5.7"], 1),
        // Usage, and files that are not there or not what they should be.
        (&["ring.o"], 2),
        (&["ring.o", "--btf", "new", "--kernel-version", "x"], 2),
        (&["ring.o", "--btf", "new", "--btf", "old", "--kernel-version", "5.8"], 2),
        (&["nothing.o", "--btf", "new"], 2),
        (&["old/README", "--btf", "new"], 2),
        (&["ring.o", "--btf", "nothing"], 2),
        (&["ring.o", "--btf", "old/README"], 2),
        (&["ring.o", "--btf", "bad"], 2),
        (&["ring.o", "--btf", "packed"], 2),
        (&["ring.o", "--btf", "with/6.2.0/btf/a_module"], 2),
        (&["-", "--btf", "new"], 2),
    ];
    for (arguments, expected) in rows {
        let (status, out, error) = run(folder.path(), arguments, b"");
        assert_eq!(status, Some(expected), "{arguments:?}: {out}{error}");
        if expected == 2 {
            assert!(out.is_empty() && !error.is_empty(), "{arguments:?}: {out}");
        }
    }
}

#[test]
fn a_configuration_answers_for_options() {
    let folder = folder();
    let shown = |arguments: &[&str]| {
        let all = [&["kconfig.o", "--btf", "new"], arguments].concat();
        let (status, out, error) = run(folder.path(), &all, b"");
        (status, out + &error)
    };
    let (_, without) = shown(&[]);
    assert!(without.contains("CONFIG_HZ must be set in the configuration"), "{without}");
    let (_, with) = shown(&["--kconfig", "config"]);
    assert!(!with.contains("CONFIG_HZ "), "{with}");
    assert!(with.contains("is not set in the configuration of the kernel"), "{with}");
    for (arguments, expected) in [
        (
            &["--kconfig", "config", "--btf", "old"][..],
            "--kconfig is for one kernel, and these are 2",
        ),
        (&["--kconfig", "nothing"], "cannot read nothing"),
        (&["--kconfig", "old/README"], "old/README is no configuration of a kernel"),
        (&["--kconfig", "ring.o"], "ring.o is no configuration of a kernel"),
        (&["--kconfig", "config.gz"], "config.gz is compressed"),
    ] {
        let (status, text) = shown(arguments);
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains(expected) && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn an_object_comes_through_a_pipe_and_left_out_files_are_named() {
    let folder = folder();
    let input = object("ring", Order::Little);
    let (status, out, error) = run(folder.path(), &["-", "--btf", "old"], input);
    assert_eq!(status, Some(1));
    assert!(out.starts_with("standard input on 5.4.0: breaks\n"), "{out}");
    assert!(error.contains("README is no BTF and was left out"), "{error}");
}

#[test]
fn people_see_a_table_and_each_reason_once() {
    let folder = folder();
    let (_, out, _) = run(folder.path(), &["ring.o", "--btf", "new", "--btf", "old"], b"");
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    assert_eq!(lines[0], "ring.o on 2 kernels: breaks on 1 of 2");
    let heading = lines.iter().find(|line| line.contains("6.1.0")).expect("names of kernels");
    assert!(heading.contains("5.4.0"), "{out}");
    let reason = "object  breaks  map `records` is of type ringbuf (Linux 5.8): this kernel has no such maps";
    assert_eq!(out.matches(reason).count(), 1, "{out}");
    assert!(out.contains("on 5.4.0"), "{out}");
}

#[test]
fn programs_read_json() {
    let folder = folder();
    let arguments = ["tracing.o", "--btf", "with", "--btf", "old", "--format", "json"];
    let (status, out, _) = run(folder.path(), &arguments, b"");
    // Neither kernel has the tracepoint that one program is attached to.
    assert_eq!(status, Some(1));
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&report["format"], &report["breaks"]), (&1.into(), &true.into()));
    assert_eq!(report["object"], "tracing.o");
    let kernels = report["kernels"].as_array().expect("kernels");
    let names: Vec<_> = kernels.iter().map(|kernel| &kernel["name"]).collect();
    assert_eq!(names, ["6.2.0", "5.4.0"]);
    assert_eq!(kernels[0]["version"], "6.2");
    let program = |name: &str| {
        let programs = kernels[0]["programs"].as_array().expect("programs");
        programs.iter().find(|program| program["name"] == name).expect("the program")
    };
    // Found in the module.
    assert_eq!(program("on_fentry")["verdict"], "ok");
    assert_eq!(program("on_fmod_ret")["autoload"], false);
    let missing = &program("on_tp_btf")["findings"][0];
    assert_eq!(missing["kind"], "attach_target");
    assert_eq!((&missing["severity"], &missing["name"]), (&"breaks".into(), &"sys_enter".into()));
}
