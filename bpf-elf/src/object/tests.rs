//! Tests of the view of an ELF object.
use super::*;
use crate::testing::{self, COMPRESSED, Elf as Assembler, GLOBAL, NOBITS, ORDERS, PROGBITS, REL};

type Damage = fn(&mut Assembler);

/// An object with a section of each kind that matters here.
fn sound(order: ByteOrder) -> Assembler {
    let mut elf = Assembler::new(order);
    elf.data(".data", &[1, 2, 3, 4]).zeros(".bss", 1 << 40).symbol(
        "value",
        ".data",
        0,
        4,
        GLOBAL | testing::OBJECT,
    );
    elf
}

#[track_caller]
fn check(damage: impl Fn(&mut Assembler), expected: impl Into<Option<ElfError>>) {
    let expected = expected.into();
    for order in ORDERS {
        let mut elf = sound(order);
        damage(&mut elf);
        let bytes = elf.build();
        let found = Object::parse(&bytes).map(|object| assert_eq!(object.order(), order)).err();
        assert_eq!(found, expected, "{order:?}");
    }
}

fn string(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_sound_object_is_seen_as_it_is() {
    for order in ORDERS {
        let bytes = sound(order).relocation(".data", 2, "value").build();
        let object = Object::parse(&bytes).unwrap();
        let names: Vec<&str> = object.sections().iter().map(|section| section.name).collect();
        assert_eq!(names, ["", ".strtab", ".symtab", ".data", ".bss", ".rel.data"]);
        let [_, _, _, data, bss, relocations] = object.sections() else { panic!() };
        assert_eq!(
            (data.kind, data.data),
            (SectionKind::ProgBits { code: false }, &[1, 2, 3, 4][..])
        );
        assert_eq!((bss.kind, bss.size, bss.data), (SectionKind::NoBits, 1 << 40, &[][..]));
        let symbol = object.symbols()[1];
        assert_eq!(object.symbol_name(&symbol), Ok("value"));
        assert_eq!((symbol.place, symbol.size), (Place::Section(SectionIndex::new(3)), 4));
        let relocation = object.relocations(relocations).unwrap().next().unwrap();
        assert_eq!((relocation.offset, relocation.symbol, relocations.info), (2, 1, 3));
    }
}

#[test]
fn what_is_no_bpf_object_is_refused() {
    let rows: [(Damage, ElfError); 9] = [
        (|e| e.header.class = 1, ElfError::Class { class: 1 }),
        (|e| e.header.data = Some(3), ElfError::ByteOrder { data: 3 }),
        (|e| e.header.kind = 2, ElfError::NotRelocatable { kind: 2 }),
        (|e| e.header.machine = 62, ElfError::Machine { machine: 62 }),
        (|e| e.header.sections = Some(0), ElfError::NoSections),
        (|e| e.header.section_headers = Some(0), ElfError::NoSections),
        (|e| e.header.section_header_size = 65535, ElfError::SectionHeaderSize { size: 65535 }),
        (|e| e.header.section_header_size = 0, ElfError::SectionHeaderSize { size: 0 }),
        (|e| e.header.names = Some(0xfffe), ElfError::StringTable { section: 0xfffe }),
    ];
    for (damage, expected) in rows {
        check(damage, expected);
    }
    for order in ORDERS {
        let bytes = sound(order).build();
        for len in 0..bytes.len() {
            let error = Object::parse(&bytes[..len]).unwrap_err();
            let expected = match len {
                0..16 => ElfError::NotElf,
                16..64 => ElfError::Truncated { what: "ELF header" },
                _ => ElfError::Truncated { what: "section table" },
            };
            assert_eq!(error, expected, "{len}");
        }
    }
}

#[test]
fn machine_none_and_program_headers_do_not_matter() {
    check(|e| e.header.machine = 0, None);
    check(|e| e.header.program_headers = u64::MAX, None);
}

#[test]
fn tables_have_to_be_within_the_file() {
    let truncated = ElfError::Truncated { what: "section table" };
    for start in [u64::MAX, u64::MAX - 64, 1 << 40] {
        check(|e| e.header.section_headers = Some(start), Some(truncated.clone()));
    }
    check(|e| e.header.sections = Some(u16::MAX), Some(truncated));
    let bounds = |section: &str, offset, size| {
        Some(ElfError::SectionBounds { section: string(section), offset, size })
    };
    check(|e| e.find(".data").offset = Some(u64::MAX), bounds(".data", u64::MAX, 4));
    check(
        |e| {
            let data = e.find(".data");
            (data.offset, data.size) = (Some(16), Some(u64::MAX - 8));
        },
        bounds(".data", 16, u64::MAX - 8),
    );
    check(
        |e| {
            let data = e.find(".data");
            (data.offset, data.kind) = (Some(u64::MAX), NOBITS);
        },
        None,
    );
}

#[test]
fn sections_cannot_share_the_file() {
    check(
        |e| {
            for name in ["a", "b", "c"] {
                e.data(name, &[]);
                (e.find(name).offset, e.find(name).size) = (Some(0), Some(400));
            }
        },
        Some(ElfError::Overlap),
    );
}

#[test]
fn names_end_within_their_table() {
    check(|e| e.find(".data").name_offset = Some(4000), Some(ElfError::Name { offset: 4000 }));
    check(
        |e| e.find(".strtab").bytes = b"\0.strtab\0.symtab\0.data\0.bss".to_vec(),
        Some(ElfError::Name { offset: 23 }),
    );
    check(
        |e| e.find(".strtab").bytes = b"\0.strtab\0.sym\xfftab\0.data\0.bss\0".to_vec(),
        Some(ElfError::Name { offset: 9 }),
    );
    check(|e| e.find(".strtab").kind = PROGBITS, Some(ElfError::StringTable { section: 1 }));
}

#[test]
fn there_is_one_symbol_table_of_known_form() {
    let size = |entry_size| {
        Some(ElfError::EntrySize { section: string(".symtab"), entry_size, expected: 24 })
    };
    check(|e| e.find(".symtab").entry_size = 0, size(0));
    check(|e| e.find(".symtab").entry_size = 16, size(16));
    check(|e| e.find(".symtab").size = Some(25), size(24));
    check(|e| e.find(".symtab").kind = PROGBITS, Some(ElfError::NoSymbols));
    check(|e| e.find(".symtab").link = Some(3), Some(ElfError::StringTable { section: 3 }));
    check(|e| e.find(".symtab").link = Some(99), Some(ElfError::StringTable { section: 99 }));
    check(
        |e| {
            e.section("more", testing::SYMTAB, 0, Vec::new());
        },
        Some(ElfError::ManySymbolTables),
    );
    check(
        |e| e.symbols[1].section = Some(77),
        Some(ElfError::SymbolSection { symbol: 1, section: 77 }),
    );
    // Absolute and common symbols are in no section.
    check(|e| e.symbols[1].section = Some(0xfff1), None);
}

#[test]
fn relocations_have_one_form() {
    for (entry_size, size) in [(0, 16), (24, 24), (16, 17)] {
        for order in ORDERS {
            let mut elf = sound(order);
            elf.section(".rel", REL, 0, vec![0; 24]);
            (elf.find(".rel").entry_size, elf.find(".rel").size) = (entry_size, Some(size));
            let bytes = elf.build();
            let object = Object::parse(&bytes).unwrap();
            let section = object.sections().last().unwrap();
            let expected =
                ElfError::EntrySize { section: string(".rel"), entry_size, expected: 16 };
            assert_eq!(object.relocations(section).err(), Some(expected));
        }
    }
}

#[test]
fn a_compressed_section_is_told_apart() {
    for order in ORDERS {
        let mut elf = sound(order);
        elf.find(".data").flags = COMPRESSED;
        let bytes = elf.build();
        let object = Object::parse(&bytes).unwrap();
        let data = object.sections().iter().find(|section| section.name == ".data").unwrap();
        assert_eq!(data.require_plain(), Err(ElfError::Compressed { section: string(".data") }));
    }
}

#[test]
fn the_types_of_any_elf_file_are_found() {
    type Row = (Damage, Result<Option<&'static [u8]>, ElfError>);
    let rows: [Row; 7] = [
        (|_| (), Ok(Some(&[1, 2, 3]))),
        // A vmlinux.
        (|e| (e.header.kind, e.header.machine) = (2, 62), Ok(Some(&[1, 2, 3]))),
        (|e| e.find(".BTF").name = ".BTF.ext".into(), Ok(None)),
        (
            |e| e.find(".BTF").flags = COMPRESSED,
            Err(ElfError::Compressed { section: string(".BTF") }),
        ),
        (
            |e| e.find(".BTF").size = Some(1 << 40),
            Err(ElfError::SectionBounds { section: string(".BTF"), offset: 64, size: 1 << 40 }),
        ),
        (
            |e| e.header.section_headers = Some(1 << 40),
            Err(ElfError::Truncated { what: "section table" }),
        ),
        (|e| e.header.section_header_size = 40, Err(ElfError::SectionHeaderSize { size: 40 })),
    ];
    for order in ORDERS {
        for (index, (damage, expected)) in rows.iter().enumerate() {
            let mut elf = sound(order);
            elf.section(".BTF", PROGBITS, 0, vec![1, 2, 3]);
            damage(&mut elf);
            let bytes = elf.build();
            let mut found = btf_section(&bytes);
            if let Err(ElfError::SectionBounds { offset, .. }) = &mut found {
                // Where the assembler puts it does not matter.
                *offset = 64;
            }
            assert_eq!(&found, expected, "row {index}, {order:?}");
        }
    }
    for bytes in [&b""[..], b"\x7fELF", b"not an ELF file, but long enough to be one"] {
        assert_eq!(btf_section(bytes), Err(ElfError::NotElf));
    }
}
