//! What is refused: by the verifier, for want of rights. Nothing is left behind.

use std::os::unix::process::CommandExt;
use std::process::Command;

use bpf_core::asm::Slot;
use bpf_core::{Collection, CollectionSpec, ErrorKind, LoadOptions, LogLevel};

use crate::support::{NoLeak, load_spec, spec};

/// The fixture `data`, whose program ends without `exit`.
fn broken() -> CollectionSpec {
    let mut broken = spec("data");
    broken.programs.get_mut("increment").unwrap().function.slots.pop();
    broken
}

#[test]
fn the_error_names_the_program_and_has_the_log() {
    let _leak = NoLeak::new();
    let error = Collection::load(&broken(), &LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verifier);
    let text = error.to_string();
    assert!(
        text.starts_with("cannot load program `increment`: the verifier refused it: "),
        "{text}"
    );
    let log = error.verifier_log().unwrap();
    assert!(!log.is_truncated() && log.text().len() > 20, "{log:?}");
    assert!(text.contains(log.complaint().unwrap()), "{text}");
    assert!(error.errno().is_some() && std::error::Error::source(&error).is_some());
}

#[test]
fn the_log_leads_to_instruction_and_source_line() {
    let _leak = NoLeak::new();
    let mut edited = spec("data");
    let program = edited.programs.get_mut("increment").unwrap();
    // The first thing the program does, with a register that it has not.
    let slot = program.function.slots.last_mut().unwrap();
    let exit = *slot;
    // r0 = *(u64 *)(r9 +0)
    *slot = Slot::decode([0x79, 0x90, 0, 0, 0, 0, 0, 0], bpf_core::asm::ByteOrder::Little);
    program.function.slots.push(exit);
    let error = Collection::load(&edited, &LoadOptions::new()).unwrap_err();
    let log = error.verifier_log().unwrap();
    let (at, text) = log.instruction().unwrap();
    assert_eq!(text, "r0 = *(u64 *)(r9 +0)");
    assert_eq!(at + 2, edited.programs.get("increment").unwrap().function.slots.len());
    assert!(log.complaint().unwrap().starts_with("R9 "), "{log}");
    // The fixtures have line numbers and no text; kernels before 6.9 print the text only.
    let line = log.source_line();
    assert_eq!(line.is_some(), testdata::kernel_release() >= (6, 9));
    assert!(line.is_none_or(|line| line.starts_with("@ data.c:")), "{line:?}");
}

#[test]
fn a_log_level_of_off_asks_once_and_has_no_log() {
    let _leak = NoLeak::new();
    let options = LoadOptions::new().with_log_level(LogLevel::Off);
    let error = Collection::load(&broken(), &options).unwrap_err();
    assert!(error.verifier_log().is_none());
    assert!(error.errno().is_some());
}

#[test]
fn a_long_log_is_kept_whole() {
    let _leak = NoLeak::new();
    let mut edited = spec("data");
    let program = edited.programs.get_mut("increment").unwrap();
    let exit = program.function.slots.pop().unwrap();
    // r0 += 1, often enough for a log of more than the first buffer.
    let add = Slot::decode([0x07, 0, 0, 0, 1, 0, 0, 0], bpf_core::asm::ByteOrder::Little);
    program.function.slots.extend(std::iter::repeat_n(add, 10_000));
    let read = Slot::decode([0x79, 0x90, 0, 0, 0, 0, 0, 0], bpf_core::asm::ByteOrder::Little);
    program.function.slots.extend([read, exit]);
    let error = Collection::load(&edited, &LoadOptions::new()).unwrap_err();
    let log = error.verifier_log().unwrap();
    let text = log.text();
    let (head, tail) = (&text[..200], &text[text.len() - 600..]);
    assert!(text.len() > 64 << 10, "{} bytes", text.len());
    assert!(
        text.contains("0: ") && log.complaint().unwrap().starts_with("R9 "),
        "{head} ... {tail}"
    );
    assert!(!log.is_truncated());
}

#[test]
fn a_map_that_cannot_be_says_why() {
    let _leak = NoLeak::new();
    let mut edited = spec("counter");
    edited.maps.get_mut("by_length").unwrap().max_entries = 0;
    let error = Collection::load(&edited, &LoadOptions::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot create map `by_length`: EINVAL (invalid argument); max_entries is 0"
    );
    edited.maps.get_mut("by_length").unwrap().map_type = bpf_core::MapType(4711);
    let error = Collection::load(&edited, &LoadOptions::new()).unwrap_err();
    assert!(error.errno().is_some(), "{error}");
}

#[test]
fn a_map_that_was_not_created_makes_its_programs_fail() {
    let _leak = NoLeak::new();
    let mut edited = spec("counter");
    edited.maps.get_mut("by_length").unwrap().autocreate = false;
    let error = Collection::load(&edited, &LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Verifier);
    assert!(error.to_string().contains("uses a map that was not created"), "{error}");
    // Programs that do not use it are not concerned.
    let mut edited = spec("subprograms");
    edited.maps.get_mut("calls").unwrap().autocreate = false;
    for name in ["call_static", "call_chain"] {
        edited.programs.get_mut(name).unwrap().autoload = false;
    }
    drop(load_spec(&edited));
}

#[test]
fn what_cannot_be_loaded_yet_is_told() {
    let _leak = NoLeak::new();
    for (name, text) in [
        ("struct_ops", "struct_ops maps cannot be loaded yet"),
        ("arena", "data in arenas cannot be loaded yet"),
        ("jump_table", "cannot be loaded yet"),
    ] {
        let error = Collection::load(&spec(name), &LoadOptions::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSpec, "{name}: {error}");
        assert!(error.to_string().contains(text), "{name}: {error}");
    }
}

/// The variable that tells this binary, started again, that it runs without rights.
const CHILD: &str = "BPF_CORE_UNPRIVILEGED";

#[test]
fn without_rights_the_error_is_not_permitted() {
    if std::env::var_os(CHILD).is_some() {
        // A hash map, since the system may let anyone load a socket filter.
        let error = Collection::load(&spec("counter"), &LoadOptions::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotPermitted, "{error}");
        let text = error.to_string();
        assert!(text.contains("not permitted") && text.contains("CAP_BPF"), "{text}");
        return;
    }
    let _leak = NoLeak::new();
    let name = "refused::without_rights_the_error_is_not_permitted";
    let copy = tempfile::Builder::new().prefix("bpf-core-test").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(copy.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    // The user may not reach the build folder.
    let binary = copy.path().join("kernel");
    std::fs::copy("/proc/self/exe", &binary).unwrap();
    let mut command = Command::new(&binary);
    command.args([name, "--exact", "--test-threads=1"]).env(CHILD, "1").uid(65534).gid(65534);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
