//! Other programs' answers: LLVM's disassembler, and what its compiler makes of the same source elsewhere.
//!
//! Needs `llvm-objdump-22` and `clang-22`. Not part of a plain `cargo test`; run it with
//! `cargo test -p bpf-elf --features cli --test oracle`.
#![forbid(unsafe_code)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: its panics are failures"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_elf::spec::CollectionSpec;
use serde_json::Value;
use testdata::{OBJECTS, Order, built, object, output};

/// Slots and bytes of instructions, by section and function.
type Listings = BTreeMap<(String, String), Vec<(usize, String)>>;

/// What LLVM's disassembler shows of these functions. Slots count from the start of the section there, and labels look like functions.
fn llvm(path: &Path, functions: &BTreeSet<(String, String)>) -> Listings {
    let dump = output(Command::new("llvm-objdump-22").args(["-d", "--mcpu=v4"]).arg(path));
    let mut listings = Listings::new();
    let (mut section, mut function, mut start) = (String::new(), None::<String>, 0);
    for line in dump.lines() {
        if let Some(name) = line.strip_prefix("Disassembly of section ") {
            section = name.trim_end_matches(':').into();
        } else if let Some((slot, rest)) = line.split_once(":\t") {
            let (Ok(slot), Some(function)) = (slot.trim().parse::<usize>(), &function) else {
                continue;
            };
            let bytes = rest.split('\t').next().unwrap().replace(' ', "");
            let key = (section.clone(), function.clone());
            listings.entry(key).or_default().push((slot - start, bytes));
        } else if let Some((address, name)) = line.split_once(" <") {
            let Ok(address) = usize::from_str_radix(address, 16) else { continue };
            let Some(name) = name.strip_suffix(">:") else { continue };
            if functions.contains(&(section.clone(), name.to_owned())) {
                start = address / 8;
                function = Some(name.to_owned());
            }
        }
    }
    listings
}

#[test]
fn the_fixtures_have_the_instructions_that_llvm_shows() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for name in OBJECTS {
        for order in Order::BOTH {
            let path = folder.path().join(name);
            std::fs::write(&path, object(name, order)).unwrap();
            let mut command = built(env!("CARGO_BIN_EXE_bpf-elf"));
            let text = output(command.args(["disasm", "--format", "json"]).arg(&path));
            let ours: Value = serde_json::from_str(&text).unwrap();
            let functions = ours["functions"].as_array().unwrap();
            let key = |function: &Value| {
                let word = |key: &str| function[key].as_str().unwrap().to_owned();
                (word("section"), word("name"))
            };
            let theirs = llvm(&path, &functions.iter().map(key).collect());
            for function in functions {
                let theirs = &theirs[&key(function)];
                let instructions = function["instructions"].as_array().unwrap();
                assert_eq!(instructions.len(), theirs.len(), "{name} {function}");
                for (ours, (slot, bytes)) in instructions.iter().zip(theirs) {
                    assert_eq!(ours["slot"], *slot, "{name} {function}");
                    let text = ours["bytes"].as_str().unwrap();
                    // What a reference stands for is a number of the file there; the operation is the same.
                    let same = if ours["reference"].is_object() {
                        text.len() == bytes.len() && text[..2] == bytes[..2]
                    } else {
                        text == bytes
                    };
                    assert!(same, "{name}: {bytes} is not {ours}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 2000, "{compared}");
}

/// Compiles a source of the fixtures that stands in `folder`, with so many lines in front of it.
fn compile(name: &str, folder: &Path, lines: usize, target: &str) -> Option<CollectionSpec> {
    let sources = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/bpf");
    std::fs::create_dir_all(folder).unwrap();
    let source = std::fs::read_to_string(sources.join(format!("{name}.c"))).ok()?;
    let path = folder.join(format!("{name}.c"));
    std::fs::write(&path, "\n".repeat(lines) + &source).unwrap();
    std::fs::copy(sources.join("bpf.h"), folder.join("bpf.h")).unwrap();
    let object = folder.join(format!("{name}.o"));
    let mut clang = Command::new("clang-22");
    clang.args(["-O2", "-g", "-mcpu=v4", "-c"]).arg(format!("--target={target}"));
    output(clang.arg(&path).arg("-o").arg(&object));
    Some(CollectionSpec::open(&object).unwrap())
}

#[test]
fn where_and_how_a_source_stands_does_not_change_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for name in OBJECTS {
        for target in ["bpfel", "bpfeb"] {
            let first = compile(name, &folder.path().join("a"), 0, target);
            let second = compile(name, &folder.path().join("another/folder"), 7, target);
            let (Some(first), Some(second)) = (first, second) else { continue };
            assert_eq!(first.digest(), second.digest(), "{name} {target}");
            // They are not the same to a debugger.
            compared += usize::from(first != second);
        }
    }
    assert!(compared > 50, "{compared}");
}
