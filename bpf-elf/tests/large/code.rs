//! Functions, symbols, sections and relocations in great numbers.

use bpf_asm::{ByteOrder, Condition, R0, Slot, Width};

use crate::inputs::symbol;
use crate::testing::{Bytes, Elf, FUNC, GLOBAL, LOCAL, NOTYPE, OBJECT, PROGBITS};

fn exits(count: usize) -> Vec<Slot> {
    vec![Slot::exit(); count]
}

/// A 64-bit load and the end of the function.
fn load() -> [Slot; 2] {
    Slot::ld_imm64(bpf_asm::R1, 0)
}

fn at(number: usize) -> u64 {
    number as u64
}

pub(crate) fn one_slot(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    elf.code("xdp", &exits(1));
    let section = elf.index("xdp");
    for number in 0..size / 32 {
        symbol(&mut elf, format!("f{number}"), section, (0, 8), GLOBAL | FUNC);
    }
    elf.build()
}

pub(crate) fn one_name(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    let count = size / 34;
    elf.code(".text", &exits(count));
    let section = elf.index(".text");
    for number in 0..count {
        symbol(&mut elf, "f".to_owned(), section, (at(number) * 8, 8), LOCAL | FUNC);
    }
    elf.build()
}

/// Functions in `.text` each of which does these, and a program that calls the first.
fn functions(order: ByteOrder, count: usize, programs: usize, call: fn(usize) -> i32) -> Vec<u8> {
    let mut elf = Elf::new(order);
    let function = |number: usize| [Slot::call_function(call(number)), Slot::exit()];
    let mut slots: Vec<Slot> = (0..count).flat_map(function).collect();
    slots.extend(exits(2));
    elf.code(".text", &slots);
    let entry = [Slot::call_function(-1), Slot::exit()];
    let entries: Vec<Slot> = (0..programs).flat_map(|_| entry).collect();
    elf.code("xdp", &entries);
    let (text, xdp) = (elf.index(".text"), elf.index("xdp"));
    for number in 0..=count {
        symbol(&mut elf, format!("f{number}"), text, (at(number) * 16, 16), GLOBAL | FUNC);
    }
    for number in 0..programs {
        symbol(&mut elf, format!("p{number}"), xdp, (at(number) * 16, 16), GLOBAL | FUNC);
    }
    let first = elf.symbols.iter().position(|symbol| symbol.name == "f0").unwrap();
    for number in 0..programs {
        elf.raw_relocation("xdp", at(number) * 16, first);
    }
    elf.build()
}

pub(crate) fn chain(order: ByteOrder, size: usize) -> Vec<u8> {
    functions(order, size / 48, 1, |_| 1)
}

pub(crate) fn star(order: ByteOrder, size: usize) -> Vec<u8> {
    // Each calls itself, the one function that is there in any case.
    functions(order, 1, size / 64, |_| 1)
}

pub(crate) fn programs_of_a_chain(order: ByteOrder, size: usize) -> Vec<u8> {
    functions(order, size / 128, size / 128, |_| 1)
}

pub(crate) fn long(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 8;
    let mut elf = Elf::new(order);
    elf.code("xdp", &exits(count)).symbol("p", "xdp", 0, at(count) * 8, GLOBAL | FUNC);
    elf.build()
}

pub(crate) fn jumps(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 8;
    let mut elf = Elf::new(order);
    // Forward, backward, and everything is a target.
    let jump = |number: usize| {
        let offset = if number % 2 == 0 { 1 } else { -2 };
        Slot::jump_if(Width::W64, Condition::Eq, R0, 0, offset)
    };
    let mut slots: Vec<Slot> = (0..count).map(jump).collect();
    slots.extend(exits(2));
    elf.code("xdp", &slots).symbol("p", "xdp", 0, at(count + 2) * 8, GLOBAL | FUNC);
    elf.build()
}

pub(crate) fn sections(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    for number in 0..(size / 120).min(60_000) {
        let section = elf.sections.len();
        elf.code(&format!("xdp/{number}"), &exits(1));
        symbol(&mut elf, format!("p{number}"), section, (0, 8), GLOBAL | FUNC);
    }
    elf.build()
}

pub(crate) fn empty_sections(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    for number in 0..(size / 80).min(60_000) {
        elf.section(&format!(".data.{number}"), PROGBITS, 0, Vec::new());
    }
    elf.build()
}

/// A function of loads, each with a relocation, and one legacy map.
fn loads(order: ByteOrder, count: usize, offset: fn(usize) -> u64) -> Vec<u8> {
    let mut elf = Elf::new(order);
    let mut slots: Vec<Slot> = (0..count).flat_map(|_| load()).collect();
    slots.push(Slot::exit());
    elf.data("maps", &[1; 20]).symbol("m", "maps", 0, 20, GLOBAL | OBJECT);
    elf.code("xdp", &slots).symbol("p", "xdp", 0, at(slots.len()) * 8, GLOBAL | FUNC);
    for number in 0..count {
        elf.raw_relocation("xdp", offset(number), 1);
    }
    elf.build()
}

pub(crate) fn relocations(order: ByteOrder, size: usize) -> Vec<u8> {
    loads(order, size / 32, |number| at(number) * 16)
}

pub(crate) fn same_relocation(order: ByteOrder, size: usize) -> Vec<u8> {
    loads(order, size / 32, |_| 0)
}

pub(crate) fn tails(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 28;
    let mut elf = Elf::new(order);
    elf.data(".data", &[0; 8]);
    let section = elf.index(".data");
    for _ in 0..count {
        symbol(&mut elf, String::new(), section, (0, 8), LOCAL | OBJECT);
    }
    let mut strings = b"\0.strtab\0.symtab\0.data\0".to_vec();
    elf.name_offsets = Some(strings.len());
    // No name is longer than a bound: the strings are in pieces.
    for number in 0..=count {
        strings.push(if number % 4000 == 3999 { 0 } else { b'a' });
    }
    strings.push(0);
    elf.find(".strtab").bytes = strings;
    elf.build()
}

fn variables(order: ByteOrder, size: usize, zeros: bool) -> Vec<u8> {
    let count = size / 64;
    let mut elf = Elf::new(order);
    let section = elf.sections.len();
    elf.data(".data", &vec![if zeros { 0 } else { 7 }; size / 2]);
    for number in 0..count {
        let place = (at(number), at(size / 2 - number));
        symbol(&mut elf, format!("v{number}"), section, place, GLOBAL | OBJECT);
    }
    elf.build()
}

pub(crate) fn overlapping(order: ByteOrder, size: usize) -> Vec<u8> {
    variables(order, size, false)
}

pub(crate) fn overlapping_zeros(order: ByteOrder, size: usize) -> Vec<u8> {
    variables(order, size, true)
}

pub(crate) fn jump_tables(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 128;
    let mut elf = Elf::new(order);
    let mut slots: Vec<Slot> = (0..count).flat_map(|_| load()).collect();
    slots.push(Slot::exit());
    elf.code("xdp", &slots).symbol("p", "xdp", 0, at(slots.len()) * 8, GLOBAL | FUNC);
    let mut table = Bytes(Vec::new(), order);
    for _ in 0..count {
        table.put(0, 8);
    }
    let section = elf.sections.len();
    elf.data(".jumptables", &table.0);
    for number in 0..count {
        let place = (at(number) * 8, at(count - number) * 8);
        symbol(&mut elf, format!("t{number}"), section, place, LOCAL | OBJECT);
        let last = elf.symbols.len() - 1;
        elf.raw_relocation("xdp", at(number) * 16, last);
    }
    elf.build()
}

pub(crate) fn legacy_maps(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 52;
    let mut elf = Elf::new(order);
    let section = elf.sections.len();
    elf.data("maps", &vec![1; count * 20]);
    for number in 0..count {
        symbol(&mut elf, format!("m{number}"), section, (at(number) * 20, 20), GLOBAL | OBJECT);
    }
    elf.build()
}

pub(crate) fn undefined(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    elf.code("xdp", &exits(1)).symbol("p", "xdp", 0, 8, GLOBAL | FUNC);
    for number in 0..size / 32 {
        symbol(&mut elf, format!("u{number}"), 0, (0, 0), GLOBAL | NOTYPE);
    }
    elf.build()
}
