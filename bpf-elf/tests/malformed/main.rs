//! One object for each cause that has broken a reader of BPF objects: refused with these words, or read.
//!
//! Each row is named after its cause. Causes that are not here have their rows next to what they concern:
//!
//! - `src/object/tests.rs`: `e_shentsize` 65535, `e_phoff` all ones, `sh_entsize` 0, names without a NUL, sections beyond the file or
//!   over each other, offsets that wrap, a file that ends anywhere.
//! - `src/reader/tests/functions.rs`: symbols whose value and size wrap, functions that overlap, names that share bytes.
//! - `src/reader/tests/data.rs`: a license without a NUL, compressed sections, an arena's variables without an arena.
//! - `src/reader/tests/records.rs`: records of `.BTF.ext` of size 0 or huge, places of `struct_ops` values that wrap.
//! - `src/reader/tests/maps.rs`: legacy maps that are cut off; `references.rs`: relocations that lead nowhere.
//! - `bpf-btf/tests/it/read.rs`: lengths and offsets of the header that wrap or are too long, strings without a NUL, functions of
//!   something that is no prototype; `ext.rs`: short headers, counts and sizes of records; `kernel_rules.rs`: loops.
//! - `tests/large`: inputs that are large in one way; `tests/mutation`: all the rest.
#![forbid(unsafe_code)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic in a test is a failure"
)]

mod linked;
#[path = "../../src/testing.rs"]
#[allow(dead_code, reason = "the unit tests need more of it")]
mod testing;
mod types;
mod written;

use bpf_asm::{R1, Slot};
use bpf_elf::prepare::{PrepareOptions, prepare_program};
use bpf_elf::spec::CollectionSpec;

use testing::{EXECUTABLE, Elf, FUNC, GLOBAL, LOCAL, NOBITS, OBJECT, ORDERS, SECTION};

type Build = fn(&mut Elf);

/// What comes of an object that is read: its warnings.
const READ: &str = "";

/// Builds in both byte orders, reads, and compares what comes of it: the error, or the warnings in one line.
#[track_caller]
fn check(rows: &[(&str, Build, &str)]) {
    compare(rows, |object| match CollectionSpec::parse(&object) {
        Ok(spec) => {
            spec.check().unwrap();
            let warnings: Vec<_> = spec.warnings.iter().map(ToString::to_string).collect();
            warnings.join("; ")
        }
        Err(error) => error.to_string(),
    });
}

/// Builds in both byte orders, and compares what comes of each object.
#[track_caller]
fn compare(rows: &[(&str, Build, &str)], outcome: impl Fn(Vec<u8>) -> String) {
    let mut failures = Vec::new();
    for (name, build, expected) in rows {
        for order in ORDERS {
            let mut elf = Elf::new(order);
            build(&mut elf);
            let found = outcome(elf.build());
            if found != *expected {
                failures.push(format!("{name}, {order:?}: {found:?} instead of {expected:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn program(elf: &mut Elf) {
    let load = Slot::ld_imm64(R1, 0);
    elf.code("xdp", &[load[0], load[1], Slot::exit()]).symbol("p", "xdp", 0, 24, GLOBAL | FUNC);
}

#[test]
fn the_number_of_sections_may_stand_in_the_first_of_them() {
    check(&[
        (
            "e_shnum 0, and the first header has the number",
            |elf| {
                program(elf);
                elf.header.sections = Some(0);
                elf.find("").size = Some(4);
            },
            READ,
        ),
        (
            "the index of the names too",
            |elf| {
                program(elf);
                (elf.header.sections, elf.header.names) = (Some(0), Some(0xffff));
                (elf.find("").size, elf.find("").link) = (Some(4), Some(1));
            },
            READ,
        ),
        (
            "it has none",
            |elf| {
                program(elf);
                elf.header.sections = Some(0);
            },
            "the file has no sections",
        ),
        (
            "one too many",
            |elf| {
                program(elf);
                elf.header.sections = Some(0);
                elf.find("").size = Some(5);
            },
            "the file ends within its section table",
        ),
        (
            "more than there are bytes",
            |elf| {
                program(elf);
                elf.header.sections = Some(0);
                elf.find("").size = Some(1 << 58);
            },
            "the file ends within its section table",
        ),
        (
            "all ones",
            |elf| {
                program(elf);
                elf.header.sections = Some(0);
                elf.find("").size = Some(u64::MAX);
            },
            "the file ends within its section table",
        ),
        (
            "the first header is beyond the file",
            |elf| {
                program(elf);
                (elf.header.sections, elf.header.section_headers) = (Some(0), Some(u64::MAX - 8));
            },
            "the file ends within its section table",
        ),
        (
            "the index of the names is of no section",
            |elf| {
                program(elf);
                elf.header.names = Some(0xffff);
                elf.find("").link = Some(u32::MAX);
            },
            "section 4294967295 is not a string table",
        ),
    ]);
}

#[test]
fn a_section_of_zeros_is_a_size_and_no_allocation() {
    check(&[
        (
            "2^40 bytes of .bss",
            |elf| {
                elf.zeros(".bss", 1 << 40);
            },
            "section \".bss\" has 1099511627776 bytes: a map value cannot be that large",
        ),
        (
            "2^40 bytes of what nobody reads",
            |elf| {
                elf.zeros(".debug_huge", 1 << 40).zeros("unknown", 1 << 40);
            },
            READ,
        ),
        (
            "2^40 bytes of code",
            |elf| {
                elf.zeros("xdp", 1 << 40);
                elf.find("xdp").flags = EXECUTABLE;
                elf.symbol("p", "xdp", 0, 1 << 40, GLOBAL | FUNC);
            },
            READ,
        ),
        (
            "2^40 bytes of maps",
            |elf| {
                elf.zeros("maps", 1 << 40).symbol("m", "maps", 0, 20, GLOBAL | OBJECT);
            },
            "section \"maps\" has no contents in the file",
        ),
    ]);
}

#[test]
fn relocations_of_sections_without_data_have_nothing_to_change() {
    check(&[
        (
            "of a section of zeros",
            |elf| {
                program(elf);
                elf.zeros(".bss", 64).relocation(".bss", 0, "p");
            },
            READ,
        ),
        (
            "of code without bytes",
            |elf| {
                program(elf);
                elf.zeros("tc", 64);
                elf.find("tc").flags = EXECUTABLE;
                elf.relocation("tc", 0, "p");
            },
            READ,
        ),
        (
            "of code that became zeros, with a function",
            |elf| {
                program(elf);
                elf.relocation("xdp", 0, "p");
                elf.find("xdp").kind = NOBITS;
            },
            READ,
        ),
        (
            "of no section",
            |elf| {
                program(elf);
                elf.relocation("xdp", 0, "p");
                elf.find(".relxdp").info = 99;
            },
            READ,
        ),
        (
            "to a variable of an arena that is not there",
            |elf| {
                program(elf);
                elf.data(".addr_space.1", &[0; 8]);
                elf.symbol("v", ".addr_space.1", 0, 8, LOCAL | OBJECT).relocation("xdp", 0, "v");
            },
            "section \".addr_space.1\" needs one map of type arena, and the object has 0",
        ),
        (
            "to the section of an arena that is not there",
            |elf| {
                program(elf);
                elf.zeros(".addr_space.1", 8);
                elf.symbol("", ".addr_space.1", 0, 0, LOCAL | SECTION).raw_relocation("xdp", 0, 2);
            },
            "section \".addr_space.1\" needs one map of type arena, and the object has 0",
        ),
    ]);
}

#[test]
fn a_load_that_the_end_of_its_section_cuts_off_carries_no_reference() {
    for order in ORDERS {
        let mut elf = Elf::new(order);
        elf.code("xdp", &Slot::ld_imm64(R1, 0)[..1]);
        elf.symbol("p", "xdp", 0, 8, GLOBAL | FUNC);
        elf.data("maps", &[1; 20]).symbol("m", "maps", 0, 20, GLOBAL | OBJECT);
        let spec = CollectionSpec::parse(&elf.relocation("xdp", 0, "m").build()).unwrap();
        let error = prepare_program(&spec, "p", &PrepareOptions::new()).unwrap_err().to_string();
        let expected =
            "function \"p\", slot 0: no instruction that can carry a reference to map \"m\"";
        assert_eq!(error, expected, "{order:?}");
    }
}
