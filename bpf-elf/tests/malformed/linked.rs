//! Objects that are linked: what the reader refuses, and what only a linker looks at.

use bpf_elf::Linker;

use crate::testing::{GLOBAL, LOCAL, OBJECT, SECTION};
use crate::{Build, compare, program};

/// What comes of an object that is linked.
const LINKED: &str = "";

/// Links the object alone, in both byte orders.
#[track_caller]
fn check(rows: &[(&str, Build, &str)]) {
    compare(rows, |object| {
        let linked = Linker::new().add("a.o", object).and_then(|linker| linker.link());
        linked.map_or_else(|error| error.to_string(), |_| LINKED.to_owned())
    });
}

#[test]
fn tables_and_places_are_checked_before_they_are_believed() {
    check(&[
        ("nothing wrong", program, LINKED),
        (
            "relocations of entries of no size",
            |elf| {
                program(elf);
                elf.relocation("xdp", 0, "p");
                elf.find(".relxdp").entry_size = 0;
            },
            "a.o: section \".relxdp\" has entries of 0 bytes instead of 16, or a part of one",
        ),
        (
            "a relocation of a section without data",
            |elf| {
                program(elf);
                elf.zeros(".bss", 64).relocation(".bss", 0, "p");
            },
            LINKED,
        ),
        (
            "a relocation beyond its section",
            |elf| {
                program(elf);
                elf.relocation("xdp", u64::MAX, "p");
            },
            "a.o: relocation at offset 18446744073709551615 of section \"xdp\" is beyond the end of the section",
        ),
        (
            "a relocation of no symbol",
            |elf| {
                program(elf);
                elf.raw_relocation("xdp", 0, 99);
            },
            "a.o: relocation at offset 0 of section \"xdp\" names a symbol that is not there",
        ),
        (
            "2^40 zeros",
            |elf| {
                program(elf);
                elf.zeros(".bss", 1 << 40);
            },
            LINKED,
        ),
        (
            "a symbol beyond its section, which is for the reader to refuse",
            |elf| {
                program(elf);
                elf.data(".data", &[1; 8]).symbol("v", ".data", u64::MAX, 104, GLOBAL | OBJECT);
                elf.symbol("", ".data", 0, 0, LOCAL | SECTION);
            },
            LINKED,
        ),
    ]);
}
