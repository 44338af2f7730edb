//! Tests of symbol lookup.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of the test's own images")]

use std::io;

use super::*;

impl Source for &[u8] {
    fn len(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&self[start..start + buffer.len()]);
        Ok(())
    }
}

const TEXT_ADDR: u64 = 0x40_1000;
const TEXT_OFFSET: u64 = 0x2000;
const TEXT_SIZE: u64 = 0x800;
const FUNC: u8 = 2;
const OBJECT: u8 = 1;
const IFUNC: u8 = 10;
const GLOBAL: u8 = 1;
const WEAK: u8 = 2;

#[derive(Clone, Copy)]
struct Symbol(&'static str, u8, u8, u16, u64);

/// A global function of .text.
const fn func(name: &'static str, at: u64) -> Symbol {
    Symbol(name, GLOBAL, FUNC, 1, TEXT_ADDR + at)
}

/// Writes numbers in one byte order.
struct Out {
    big: bool,
    bytes: Vec<u8>,
}

impl Out {
    fn new(big: bool) -> Self {
        Out { big, bytes: Vec::new() }
    }

    fn number(&mut self, value: u64, size: usize) {
        let le = value.to_le_bytes();
        let mut part = le[..size].to_vec();
        if self.big {
            part.reverse();
        }
        self.bytes.extend(part);
    }

    fn numbers(&mut self, fields: &[(u64, usize)]) {
        for &(value, size) in fields {
            self.number(value, size);
        }
    }
}

struct Built {
    kind: u32,
    addr: u64,
    offset: u64,
    bytes: Vec<u8>,
    size: u64,
    link: u32,
}

fn table(big: bool, kind: u32, strings_at: u32, symbols: &[Symbol]) -> [Built; 2] {
    let mut out = Out::new(big);
    let mut strings = vec![0];
    out.numbers(&[(0, 8), (0, 8), (0, 8)]);
    for Symbol(name, bind, symbol_type, section, value) in symbols {
        let info = u64::from(*bind << 4 | symbol_type);
        out.numbers(&[(strings.len() as u64, 4), (info, 1), (0, 1)]);
        out.numbers(&[((*section).into(), 2), (*value, 8), (16, 8)]);
        strings.extend(name.as_bytes());
        strings.push(0);
    }
    let built = |kind, bytes: Vec<u8>, link| {
        let size = bytes.len() as u64;
        Built { kind, addr: 0, offset: 0, bytes, size, link }
    };
    [built(kind, out.bytes, strings_at), built(3, strings, 0)]
}

/// An image with .text and the tables that have symbols, and version `V1` (index 2) and `V2` (index 3) for .dynsym.
fn image(big: bool, dynamic: &[Symbol], versions: &[u16], symbols: &[Symbol]) -> Vec<u8> {
    let text = Built {
        kind: 1,
        addr: TEXT_ADDR,
        offset: TEXT_OFFSET,
        bytes: Vec::new(),
        size: TEXT_SIZE,
        link: 0,
    };
    let mut sections = vec![text];
    for (kind, symbols) in [(SHT_DYNSYM, dynamic), (SHT_SYMTAB, symbols)] {
        if !symbols.is_empty() {
            let strings_at = u32::try_from(sections.len()).unwrap() + 2;
            sections.extend(table(big, kind, strings_at, symbols));
        }
    }
    if !versions.is_empty() {
        let mut indexes = Out::new(big);
        indexes.number(0, 2);
        for version in versions {
            indexes.number((*version).into(), 2);
        }
        let mut definitions = Out::new(big);
        for (index, name, next) in [(2, 1, 28), (3, 4, 0)] {
            definitions.numbers(&[(1, 2), (0, 2), (index, 2), (1, 2), (0, 4), (20, 4), (next, 4)]);
            definitions.numbers(&[(name, 4), (0, 4)]);
        }
        let strings_at = u32::try_from(sections.len()).unwrap() + 3;
        for (kind, bytes, link) in [
            (0x6fff_ffff, indexes.bytes, 2),
            (0x6fff_fffd, definitions.bytes, strings_at),
            (3, b"\0V1\0V2\0".to_vec(), 0),
        ] {
            let size = bytes.len() as u64;
            sections.push(Built { kind, addr: 0, offset: 0, bytes, size, link });
        }
    }
    let mut body: Vec<u8> = Vec::new();
    let body_at = 64 + 64 * (sections.len() as u64 + 1);
    for section in &mut sections {
        if section.offset == 0 {
            section.offset = body_at + body.len() as u64;
            body.extend(&section.bytes);
        }
    }
    let mut out = Out::new(big);
    out.bytes.extend(b"\x7fELF\x02");
    out.bytes.extend([if big { 2 } else { 1 }, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.numbers(&[(2, 2), (62, 2), (1, 4), (0, 8), (0, 8), (64, 8), (0, 4), (64, 2)]);
    out.numbers(&[(0, 2), (0, 2), (64, 2), (sections.len() as u64 + 1, 2), (0, 2)]);
    out.numbers(&[(0, 8); 8]);
    for section in &sections {
        out.numbers(&[(0, 4), (section.kind.into(), 4), (0, 8), (section.addr, 8)]);
        out.numbers(&[(section.offset, 8), (section.size, 8), (section.link.into(), 4)]);
        out.numbers(&[(0, 4), (1, 8), (0, 8)]);
    }
    out.bytes.extend(body);
    out.bytes
}

fn lookup(bytes: &[u8], name: &str) -> Result<u64, String> {
    Image::new(bytes)
        .map_err(SymbolError::from)
        .and_then(|image| image.function_offset(name))
        .map_err(|error| error.to_string())
}

fn check(
    rule: &str,
    dynamic: &[Symbol],
    versions: &[u16],
    symbols: &[Symbol],
    name: &str,
    expected: Result<u64, &str>,
) {
    for big in [false, true] {
        let found = lookup(&image(big, dynamic, versions, symbols), name);
        assert_eq!(found, expected.map_err(str::to_owned), "{rule}, big endian {big}");
    }
}

#[test]
fn a_name_gives_the_file_offset_of_its_function() {
    let f = [func("f", 0x10)];
    check("value - sh_addr + sh_offset", &[], &[], &f, "f", Ok(0x2010));
    check("dynamic symbols count", &f, &[], &[], "f", Ok(0x2010));
    check("dynamic before static", &f, &[], &[func("f", 0x20)], "f", Ok(0x2010));
    check("static if not dynamic", &f, &[], &[func("g", 0x20)], "g", Ok(0x2020));
    check("a prefix is another name", &f, &[], &[], "fo", Err("no function symbol `fo`"));
    check(
        "no tables",
        &[],
        &[],
        &[],
        "f",
        Err("the file has neither .dynsym nor .symtab (stripped)"),
    );
}

#[test]
fn only_functions_defined_in_a_section_count() {
    let none = Err("no function symbol `f`");
    for (rule, symbol) in [
        ("data is no function", Symbol("f", GLOBAL, OBJECT, 1, TEXT_ADDR)),
        ("an ifunc resolver is not the function", Symbol("f", GLOBAL, IFUNC, 1, TEXT_ADDR)),
        ("undefined", Symbol("f", GLOBAL, FUNC, 0, 0)),
        ("undefined with a PLT address", Symbol("f", GLOBAL, FUNC, 0, TEXT_ADDR)),
        ("absolute", Symbol("f", GLOBAL, FUNC, 0xfff1, TEXT_ADDR)),
        ("no such section", Symbol("f", GLOBAL, FUNC, 77, TEXT_ADDR)),
        ("below its section", Symbol("f", GLOBAL, FUNC, 1, TEXT_ADDR - 1)),
        ("above its section", Symbol("f", GLOBAL, FUNC, 1, TEXT_ADDR + TEXT_SIZE)),
    ] {
        check(rule, &[symbol], &[], &[], "f", none);
        check(rule, &[], &[], &[symbol], "f", none);
    }
}

#[test]
fn of_several_definitions_one_that_is_not_weak_wins() {
    let weak = |at| Symbol("f", WEAK, FUNC, 1, TEXT_ADDR + at);
    let strong = |at| func("f", at);
    check("weak, strong", &[weak(1), strong(2)], &[], &[], "f", Ok(0x2002));
    check("strong, weak", &[strong(2), weak(1)], &[], &[], "f", Ok(0x2002));
    check("the first of two weak", &[weak(1), weak(2)], &[], &[], "f", Ok(0x2001));
    check("an alias of the same offset", &[strong(2), strong(2)], &[], &[], "f", Ok(0x2002));
    let ambiguous =
        "function symbol `f` is defined at the offsets 0x2001 and 0x2002; give the one to use";
    check("two strong", &[strong(1), strong(2)], &[], &[], "f", Err(ambiguous));
}

#[test]
fn a_version_chooses_among_definitions() {
    let f = [func("f", 1), func("f", 2)];
    // 0x8000: not the default version.
    let versions = [0x8002, 3];
    check("old version", &f, &versions, &[], "f@V1", Ok(0x2001));
    check("default version", &f, &versions, &[], "f@@V2", Ok(0x2002));
    check("one @ for the default", &f, &versions, &[], "f@V2", Ok(0x2002));
    check("no such version", &f, &versions, &[], "f@V3", Err("no function symbol `f@V3`"));
    let named = [func("f@V1", 1), func("f@@V2", 2), func("g", 3)];
    check("version in the name", &[], &[], &named, "f@V1", Ok(0x2001));
    check("default version in the name", &[], &[], &named, "f@@V2", Ok(0x2002));
    check("name has none", &[], &[], &named, "g@V1", Err("no function symbol `g@V1`"));
    check("not asked for", &[], &[], &[func("f@@V2", 2)], "f", Ok(0x2002));
}

#[test]
fn a_filter_gives_each_offset_once_and_in_order() {
    let bytes = image(true, &[func("fb", 9), func("fa", 4)], &[], &[func("fa@V", 4), func("g", 1)]);
    let image = Image::new(bytes.as_slice()).unwrap();
    let found = |accept: fn(&[u8]) -> bool| image.function_offsets(accept).unwrap();
    assert_eq!(found(|name| name.starts_with(b"f")), [0x2004, 0x2009]);
    assert_eq!(found(|name| name == b"fa"), [0x2004]);
    assert_eq!(found(|_| false), [] as [u64; 0]);
}

#[test]
fn other_files_are_refused_by_name() {
    let elf = |class, encoding| {
        let mut bytes = image(false, &[func("f", 0)], &[], &[]);
        bytes[4] = class;
        bytes[5] = encoding;
        bytes
    };
    for (bytes, message) in [
        (Vec::new(), "not an ELF file"),
        (b"#!/bin/sh\n".to_vec(), "not an ELF file"),
        (vec![b'#'; 100], "not an ELF file"),
        (elf(1, 1), "ELF class 1 is not supported, only 64-bit files are"),
        (elf(2, 3), "unknown ELF data encoding 3"),
    ] {
        assert_eq!(lookup(&bytes, "f"), Err(message.to_owned()));
    }
}

#[test]
fn damaged_files_give_errors_and_never_panics() {
    let f = [func("f", 1), func("g", 2)];
    for big in [false, true] {
        let whole = image(big, &f, &[2, 3], &f);
        let read = |bytes: &[u8]| {
            if let Ok(image) = Image::new(bytes) {
                for name in ["f", "f@V2", "none"] {
                    let _ = image.function_offset(name);
                }
                let _ = image.function_offsets(|_| true);
            }
        };
        for len in 0..whole.len() {
            read(&whole[..len]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                read(&damaged);
            }
        }
        for at in (0..whole.len().saturating_sub(8)).step_by(4) {
            let mut damaged = whole.clone();
            damaged[at..at + 8].fill(0xff);
            read(&damaged);
        }
    }
}

#[test]
fn the_own_executable_has_its_functions() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let image = Image::new(&file).unwrap();
    assert!(image.function_offset("main").unwrap() > 0);
}
