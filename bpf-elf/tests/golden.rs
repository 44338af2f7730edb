//! What `bpf-elf inspect --format json` prints for every fixture, against the files in `testdata/golden`.
//!
//! `BLESS=1` writes the files anew from the little-endian objects; look at the difference before it is checked in.
#![forbid(unsafe_code)]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test: its panics are failures"
)]

#[path = "shared/program.rs"]
mod program;

#[path = "shared/contract.rs"]
mod contract;

use std::path::PathBuf;
use std::{env, fs};

use program::{printed, refused, run};
use serde_json::{Value, json};
use testdata::{OBJECTS, Order, object};

fn json_of(name: &str, order: Order) -> String {
    printed(&["inspect", "--format", "json", "-"], object(name, order))
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/golden")
        .join(format!("{name}.json"))
}

#[test]
fn every_object_prints_its_golden_file() {
    for name in OBJECTS {
        let printed = json_of(name, Order::Little);
        if env::var_os("BLESS").is_some() {
            fs::write(golden(name), &printed).expect("write the golden file");
        }
        let expected = fs::read_to_string(golden(name)).unwrap_or_default();
        assert!(
            printed == expected,
            "{name}: not what testdata/golden has; BLESS=1 writes it anew:\n{printed}"
        );
    }
}

#[test]
fn every_object_keeps_to_the_contract() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let printed = serde_json::from_str(&json_of(name, order)).expect("JSON");
            assert_eq!(contract::breaches(&printed), [""; 0], "{name} {order:?}");
        }
    }
}

/// Golden files with one thing changed: where it stands, what stands there instead, and what is said about it.
#[test]
fn what_breaks_the_contract_is_found() {
    for (name, place, changed, expected) in [
        ("core", "/format", json!(2), ".format: 2"),
        ("core", "/byte_order", json!("middle"), ".byte_order: \"middle\""),
        ("core", "/kernel_version", json!(-1), ".kernel_version: -1"),
        ("core", "/license", json!(null), ".license: null"),
        ("core", "/programs", json!({}), ".programs: {}"),
        ("core", "/programs/0/autoload", json!(1), ".programs[0].autoload: 1"),
        ("core", "/programs/0/type", json!("Tracing"), ".programs[0].type: \"Tracing\""),
        (
            "core",
            "/programs/0/functions/0",
            json!("x"),
            "program read_task: its first function is Some(\"x\")",
        ),
        (
            "core",
            "/programs/0/slots",
            json!(30),
            "program read_task: references behind its 30 slots",
        ),
        (
            "core",
            "/programs/0/references/0/kind",
            json!("map"),
            ".programs[0].references[0].offset: a field that nobody promised",
        ),
        ("core", "/programs/0/references/0/name", json!("x"), "program read_task: no map_value x"),
        (
            "core",
            "/programs/5/core_relocations/1/slot",
            json!(15),
            "program guarded: core_relocations behind its 15 slots",
        ),
        ("core", "/programs/5/line_infos", json!(16), "program guarded: more lines than slots"),
        ("core", "/maps/0/inner", json!({}), ".maps[0].inner.name: missing"),
        (
            "core",
            "/maps/0/contents",
            json!({"entries": [{"key": 0}]}),
            ".maps[0].contents.entries[0].name: missing",
        ),
        ("core", "/maps/0/name", json!(null), "a map without a name"),
        ("core", "/variables/1/offset", json!(9), "variable saw_parent: not by section and offset"),
        ("core", "/variables/1/value", json!("000"), ".variables[1].value: \"000\""),
        (
            "core",
            "/variables/1/value",
            json!("000000"),
            "variable saw_tgid: another number of bytes than its size",
        ),
        ("core", "/variables/1/map", json!("x"), "variable saw_tgid: in no map"),
        ("inner_maps", "/maps/0/section", json!(".bss"), "maps: not by what defines them"),
        ("kconfig_ksyms", "/externs/0/kind", json!("func"), ".externs[0].kind: \"func\""),
        ("kconfig_ksyms", "/externs/0/name", json!("~"), "externs: not sorted by name"),
    ] {
        let text = fs::read_to_string(golden(name)).expect("read the golden file");
        let mut printed: Value = serde_json::from_str(&text).expect("JSON");
        *printed.pointer_mut(place).expect(place) = changed;
        let found = contract::breaches(&printed);
        assert!(found.iter().any(|breach| breach.starts_with(expected)), "{place}: {found:?}");
    }
}

/// The byte order itself differs, and the bytes of a value follow it: a scalar is reversed, an array is reversed by its elements, a
/// structure by its members. Nothing else may differ.
#[test]
fn both_byte_orders_give_the_same_spec() {
    for name in OBJECTS {
        let mut little: Value = serde_json::from_str(&json_of(name, Order::Little)).expect("JSON");
        let mut big: Value = serde_json::from_str(&json_of(name, Order::Big)).expect("JSON");
        assert_eq!(little["byte_order"].take(), "little", "{name}");
        assert_eq!(big["byte_order"].take(), "big", "{name}");
        for variable in big["variables"].as_array_mut().expect("an array") {
            // Without BTF there is no type; those variables of the fixtures are scalars.
            let widths = match (variable["type"].as_str(), variable["size"].as_u64()) {
                (Some(ty), _) => widths(ty),
                (None, size) => vec![size.and_then(|size| size.try_into().ok()).expect("a size")],
            };
            if let Some(value) = variable["value"].as_str() {
                variable["value"] = swapped(value, &widths).into();
            }
        }
        assert_eq!(little, big, "{name}");
    }
}

/// Widths of the scalars of a type, in bytes: repeated over the value. A type that the fixtures do not have is taken as bytes, which
/// stand as they are in either order.
fn widths(ty: &str) -> Vec<usize> {
    let element = ty.split('[').next().unwrap_or_default();
    let words = element.split_whitespace().filter(|word| !["const", "volatile"].contains(word));
    match words.collect::<Vec<_>>().join(" ").as_str() {
        "__u16" | "__s16" => vec![2],
        "__u32" | "__s32" | "int" | "unsigned int" | "enum colour" => vec![4],
        "__u64" | "__s64" | "long" | "void *" | "union word" => vec![8],
        "struct point" | "position" => vec![4, 4],
        "struct shape" => vec![4, 4, 4, 4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        "struct node" => vec![8, 8],
        _ => vec![1],
    }
}

fn swapped(hex: &str, widths: &[usize]) -> String {
    let bytes: Vec<&str> = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]).collect();
    let mut swapped = String::new();
    let mut at = 0;
    for width in widths.iter().cycle() {
        if at >= bytes.len() {
            return swapped;
        }
        let scalar = &bytes[at..(at + width).min(bytes.len())];
        swapped.extend(scalar.iter().rev().copied());
        at += width;
    }
    swapped
}

#[test]
fn values_are_swapped_by_the_width_of_their_scalars() {
    for (hex, ty, expected) in [
        ("01020304", "__u32", "04030201"),
        ("01020304", "const volatile __u16[2]", "02010403"),
        ("01020304", "char[4]", "01020304"),
        ("0102030405060708", "const volatile struct point", "0403020108070605"),
        ("", "__u32", ""),
    ] {
        assert_eq!(swapped(hex, &widths(ty)), expected, "{ty}");
    }
}

#[test]
fn a_file_prints_what_standard_input_prints() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let path = folder.path().join("packets.o");
    fs::write(&path, object("packets", Order::Big)).expect("write the object");
    let path = path.to_str().expect("a plain path");
    assert_eq!(printed(&["inspect", "--format=json", path], b""), json_of("packets", Order::Big));
}

#[test]
fn a_bad_file_gives_one_line_and_status_1() {
    let truncated = &object("packets", Order::Little)[..1000];
    for (arguments, input) in [
        (["inspect", "-"], &b"not an object"[..]),
        (["inspect", "-"], b""),
        (["inspect", "-"], truncated),
        (["inspect", "/no/such\nfile.o"], b""),
    ] {
        refused(&arguments, input, 1);
    }
}

#[test]
fn wrong_usage_gives_status_2() {
    for arguments in
        [&[][..], &["inspect"], &["inspect", "--format", "yaml", "-"], &["load", "x.o"]]
    {
        assert_eq!(run(arguments, b"").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_text_form_names_everything_and_has_no_escapes() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let text = printed(&["inspect", "-"], object(name, order));
            assert!(!text.contains('\x1b'), "{name}");
            assert!(!text.lines().any(|line| line.ends_with(' ')), "{name}");
            let spec: Value = serde_json::from_str(&json_of(name, order)).expect("JSON");
            for kind in ["programs", "maps", "variables", "externs"] {
                for item in spec[kind].as_array().expect("an array") {
                    let item = item["name"].as_str().expect("a name");
                    assert!(text.contains(item), "{name}: {kind} {item}");
                }
            }
        }
    }
}
