//! Types and records in great numbers.

use bpf_asm::{ByteOrder, Slot};
use bpf_btf::{
    BtfBuilder, Definition, FuncLinkage, NewMember, NewSectionEntry, TypeId, VarLinkage,
};

use crate::inputs::symbol;
use crate::testing::{Bytes, Elf, FUNC, GLOBAL, LOCAL, NOTYPE, OBJECT};

fn at(number: usize) -> u64 {
    number as u64
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

fn int(btf: &mut BtfBuilder) -> TypeId {
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    btf.add(&int).unwrap()
}

/// An object with these types and a variable of one of them.
fn object(order: ByteOrder, btf: BtfBuilder, target: TypeId) -> Vec<u8> {
    object_with(order, btf, target, |_| {})
}

/// As `object`, with a change to the bytes of the types.
fn object_with(
    order: ByteOrder,
    mut btf: BtfBuilder,
    target: TypeId,
    change: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let variable = Definition::Var { name: "v", target, linkage: VarLinkage::Global };
    let entries = [NewSectionEntry::new(btf.add(&variable).unwrap(), 0, 8)];
    btf.add(&Definition::Datasec { name: ".data", size: 8, entries: &entries }).unwrap();
    let mut elf = Elf::new(order);
    elf.data(".data", &[1; 8]).symbol("v", ".data", 0, 8, GLOBAL | OBJECT);
    elf.code("xdp", &[Slot::exit()]).symbol("p", "xdp", 0, 8, GLOBAL | FUNC);
    elf.btf(&btf);
    change(&mut elf.find(".BTF").bytes);
    elf.build()
}

/// Types of which each is made of the one before, and a variable of the last.
fn tower(
    order: ByteOrder,
    count: usize,
    step: impl Fn(&mut BtfBuilder, TypeId, usize) -> TypeId,
) -> Vec<u8> {
    let mut btf = BtfBuilder::new();
    let mut last = int(&mut btf);
    for number in 0..count {
        last = step(&mut btf, last, number);
    }
    object(order, btf, last)
}

pub(crate) fn typedefs(order: ByteOrder, size: usize) -> Vec<u8> {
    tower(order, size / 12, |btf, target, _| {
        btf.add(&Definition::Typedef { name: "t", target }).unwrap()
    })
}

pub(crate) fn pointers(order: ByteOrder, size: usize) -> Vec<u8> {
    tower(order, size / 12, |btf, target, _| btf.add(&Definition::Ptr { target }).unwrap())
}

pub(crate) fn arrays(order: ByteOrder, size: usize) -> Vec<u8> {
    tower(order, size / 24, |btf, element, _| {
        btf.add(&Definition::Array { element, index: TypeId::new(1), len: 1 }).unwrap()
    })
}

pub(crate) fn nested(order: ByteOrder, size: usize) -> Vec<u8> {
    tower(order, size / 32, |btf, inner, number| {
        let members = [NewMember::new("m", inner, 0)];
        let name = format!("s{number}");
        btf.add(&Definition::Struct { name: &name, size: 4, members: &members }).unwrap()
    })
}

pub(crate) fn doubled(order: ByteOrder, size: usize) -> Vec<u8> {
    tower(order, size / 44, |btf, inner, number| {
        let members = [NewMember::new("a", inner, 0), NewMember::new("b", inner, 0)];
        let name = format!("s{number}");
        btf.add(&Definition::Struct { name: &name, size: 4, members: &members }).unwrap()
    })
}

/// Structures that point to the next one, the last of them to the first.
pub(crate) fn circle(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 46;
    let mut btf = BtfBuilder::new();
    int(&mut btf);
    for number in 0..count {
        // The ids alternate: a structure, and the pointer to it.
        let next = TypeId::new(short((number + 1) % count * 2 + 3));
        let name = format!("s{number}");
        let members = [NewMember::new("next", next, 0)];
        btf.add(&Definition::Struct { name: &name, size: 8, members: &members }).unwrap();
        btf.add(&Definition::Ptr { target: TypeId::new(short(number * 2 + 2)) }).unwrap();
    }
    object(order, btf, TypeId::new(2))
}

pub(crate) fn one_name(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut btf = BtfBuilder::new();
    let int = int(&mut btf);
    for number in 0..size / 24 {
        let members = [NewMember::new("m", int, short(number % 1000) * 32)];
        btf.add(&Definition::Struct { name: "s", size: 8, members: &members }).unwrap();
    }
    object(order, btf, TypeId::new(2))
}

/// Types of 12 bytes whose names are in one long string: at these distances from its start.
fn long_names(order: ByteOrder, size: usize, text: &str, at: fn(usize) -> usize) -> Vec<u8> {
    let count = size / 24;
    let mut btf = BtfBuilder::new();
    for number in 0..count {
        btf.add(&Definition::Fwd { name: "s", union: number % 2 == 1 }).unwrap();
    }
    let text = text.repeat(size / 2 / text.len());
    let start = btf.add_string(&text).unwrap();
    let target = int(&mut btf);
    object_with(order, btf, target, |types| {
        let records = types.split_at_mut(24).1.chunks_exact_mut(12);
        for (number, record) in records.take(count).enumerate() {
            let name = start + short(at(number) % text.len());
            let name = match order {
                ByteOrder::Little => name.to_le_bytes(),
                ByteOrder::Big => name.to_be_bytes(),
            };
            record[..4].copy_from_slice(&name);
        }
    })
}

pub(crate) fn one_long_name(order: ByteOrder, size: usize) -> Vec<u8> {
    long_names(order, size, "long", |_| 0)
}

pub(crate) fn one_long_foreign_name(order: ByteOrder, size: usize) -> Vec<u8> {
    long_names(order, size, "\u{e4}\u{f6}", |_| 0)
}

pub(crate) fn ends_of_a_long_name(order: ByteOrder, size: usize) -> Vec<u8> {
    long_names(order, size, "long", |number| number)
}

pub(crate) fn ends_of_a_long_foreign_name(order: ByteOrder, size: usize) -> Vec<u8> {
    long_names(order, size, "\u{e4}\u{f6}", |number| number * 2)
}

/// Variables of a section, each with a symbol of its own.
fn variables(elf: &mut Elf, btf: &mut BtfBuilder, name: &str, target: TypeId, each: u32) -> usize {
    let count = elf.find(name).bytes.len() / usize::try_from(each).unwrap();
    let section = elf.index(name);
    let mut entries = Vec::new();
    for number in 0..count {
        let name = format!("v{number}");
        let variable = Definition::Var { name: &name, target, linkage: VarLinkage::Global };
        entries.push(NewSectionEntry::new(btf.add(&variable).unwrap(), 0, each));
        let place = (at(number) * u64::from(each), u64::from(each));
        symbol(elf, name, section, place, GLOBAL | OBJECT);
    }
    btf.add(&Definition::Datasec { name, size: 0, entries: &entries }).unwrap();
    count
}

pub(crate) fn maps(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    let mut btf = BtfBuilder::new();
    let int = int(&mut btf);
    let hash = Definition::Array { element: int, index: int, len: 1 };
    let hash = btf.add(&hash).unwrap();
    let hash = btf.add(&Definition::Ptr { target: hash }).unwrap();
    let members = [NewMember::new("type", hash, 0)];
    let map = btf.add(&Definition::Struct { name: "", size: 8, members: &members }).unwrap();
    elf.data(".maps", &vec![0; size / 78 * 8]);
    variables(&mut elf, &mut btf, ".maps", map, 8);
    elf.btf(&btf).build()
}

pub(crate) fn struct_ops(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut elf = Elf::new(order);
    let mut btf = BtfBuilder::new();
    let pointer = btf.add(&Definition::Ptr { target: TypeId::VOID }).unwrap();
    let members = [NewMember::new("call", pointer, 0)];
    let ops = btf.add(&Definition::Struct { name: "ops", size: 8, members: &members }).unwrap();
    elf.data(".struct_ops", &vec![0; size / 94 * 8]);
    elf.code("struct_ops/call", &[Slot::exit()]);
    elf.symbol("p", "struct_ops/call", 0, 8, GLOBAL | FUNC);
    let count = variables(&mut elf, &mut btf, ".struct_ops", ops, 8);
    for number in 0..count {
        elf.raw_relocation(".struct_ops", at(number) * 8, 1);
    }
    elf.btf(&btf).build()
}

pub(crate) fn ksyms(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 104;
    let mut elf = Elf::new(order);
    let mut btf = BtfBuilder::new();
    let proto = Definition::FuncProto { return_type: TypeId::VOID, params: &[] };
    let prototype = btf.add(&proto).unwrap();
    let mut slots = vec![Slot::call_function(-1); count];
    slots.push(Slot::exit());
    elf.code("xdp", &slots).symbol("p", "xdp", 0, at(slots.len()) * 8, GLOBAL | FUNC);
    let mut entries = Vec::new();
    for number in 0..count {
        let name = format!("k{number}");
        let linkage = FuncLinkage::Extern;
        let function = Definition::Func { name: &name, prototype, linkage };
        entries.push(NewSectionEntry::new(btf.add(&function).unwrap(), 0, 0));
        symbol(&mut elf, name, 0, (0, 0), GLOBAL | NOTYPE);
        let last = elf.symbols.len() - 1;
        elf.raw_relocation("xdp", at(number) * 8, last);
    }
    btf.add(&Definition::Datasec { name: ".ksyms", size: 0, entries: &entries }).unwrap();
    elf.btf(&btf).build()
}

/// `.BTF.ext` with parts of these sections, each of records.
fn ext(order: ByteOrder, parts: [&[(u32, Vec<u32>)]; 3]) -> Vec<u8> {
    let mut body = Bytes(Vec::new(), order);
    let mut places = Vec::new();
    for (sections, size) in parts.into_iter().zip([8_u32, 16, 16]) {
        let start = body.0.len();
        if !sections.is_empty() {
            body.put(u64::from(size), 4);
        }
        for (name, words) in sections {
            body.put(u64::from(*name), 4);
            body.put(at(words.len() * 4) / u64::from(size), 4);
            for word in words {
                body.put(u64::from(*word), 4);
            }
        }
        places.push((start, body.0.len() - start));
    }
    let mut bytes = Bytes(Vec::new(), order);
    bytes.put(0xeb9f, 2);
    bytes.put(1, 2);
    if order == ByteOrder::Big {
        bytes.0 = vec![0xeb, 0x9f, 1, 0];
    }
    bytes.put(32, 4);
    for (start, len) in places {
        bytes.put(at(start), 4);
        bytes.put(at(len), 4);
    }
    bytes.0.extend(body.0);
    bytes.0
}

/// Many sections of records of one section of code, each with one record, half of them of a section that is not there.
pub(crate) fn record_sections(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut btf = BtfBuilder::new();
    int(&mut btf);
    let [here, gone] = ["xdp", "gone"].map(|name| btf.add_string(name).unwrap());
    let one = |number| (if number % 2 == 0 { here } else { gone }, vec![0, 0, 0, 1 << 10]);
    let sections: Vec<_> = (0..size / 24).map(one).collect();
    let mut elf = Elf::new(order);
    elf.code("xdp", &[Slot::exit()]).symbol("p", "xdp", 0, 8, GLOBAL | FUNC);
    elf.btf(&btf).data(".BTF.ext", &ext(order, [&[], &sections, &[]]));
    elf.build()
}

/// Names of the code between two functions.
fn names(elf: &mut Elf, count: usize) {
    elf.code("xdp", &[Slot::exit(), Slot::exit(), Slot::exit()]);
    let section = elf.index("xdp");
    for number in 0..count {
        symbol(elf, format!("f{number}"), section, (8, 8), LOCAL | FUNC);
    }
    symbol(elf, "first".to_owned(), section, (0, 8), GLOBAL | FUNC);
}

/// The type of a function again and again, which is that of many.
pub(crate) fn records_of_names(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut btf = BtfBuilder::new();
    let proto = Definition::FuncProto { return_type: TypeId::VOID, params: &[] };
    let prototype = btf.add(&proto).unwrap();
    let linkage = FuncLinkage::Static;
    let id = btf.add(&Definition::Func { name: "f", prototype, linkage }).unwrap();
    let here = btf.add_string("xdp").unwrap();
    let words = [8, id.get()].repeat(size / 16);
    let mut elf = Elf::new(order);
    names(&mut elf, size / 128);
    elf.btf(&btf).data(".BTF.ext", &ext(order, [&[(here, words)], &[], &[]]));
    elf.build()
}

/// Lines of the function before, and of no function, by turns.
pub(crate) fn records_beside_names(order: ByteOrder, size: usize) -> Vec<u8> {
    let mut btf = BtfBuilder::new();
    int(&mut btf);
    let here = btf.add_string("xdp").unwrap();
    let words = [0, 0, 0, 1 << 10, 16, 0, 0, 1 << 10].repeat(size / 64);
    let mut elf = Elf::new(order);
    names(&mut elf, size / 128);
    elf.btf(&btf).data(".BTF.ext", &ext(order, [&[], &[(here, words)], &[]]));
    elf.build()
}

/// Lines of a function whose texts are in one long string: at these distances from its start.
fn long_lines(order: ByteOrder, size: usize, at: fn(usize) -> usize) -> Vec<u8> {
    let count = size / 48;
    let mut btf = BtfBuilder::new();
    int(&mut btf);
    let here = btf.add_string("xdp").unwrap();
    let text = btf.add_string(&"line".repeat(size / 2 / 4)).unwrap();
    let mut words = Vec::new();
    for number in 0..count {
        words.extend([short(number) * 8, here, text + short(at(number) % (size / 2)), 1 << 10]);
    }
    let mut slots = vec![Slot::mov64(bpf_asm::R0, 0); count];
    slots.push(Slot::exit());
    let mut elf = Elf::new(order);
    elf.code("xdp", &slots).symbol("p", "xdp", 0, self::at(slots.len()) * 8, GLOBAL | FUNC);
    elf.btf(&btf).data(".BTF.ext", &ext(order, [&[], &[(here, words)], &[]]));
    elf.build()
}

pub(crate) fn one_long_line(order: ByteOrder, size: usize) -> Vec<u8> {
    long_lines(order, size, |_| 0)
}

pub(crate) fn ends_of_a_long_line(order: ByteOrder, size: usize) -> Vec<u8> {
    long_lines(order, size, |number| number)
}

/// Accesses to many types whose names have one beginning, each with an instruction of its own.
pub(crate) fn core(order: ByteOrder, size: usize) -> Vec<u8> {
    let count = size / 64;
    let mut btf = BtfBuilder::new();
    let int = int(&mut btf);
    let mut words = Vec::new();
    let access = btf.add_string("0:0").unwrap();
    for number in 0..count {
        let name = format!("s___{number}");
        let members = [NewMember::new("m", int, 0)];
        let id = btf.add(&Definition::Struct { name: &name, size: 4, members: &members }).unwrap();
        words.extend([short(number) * 8, id.get(), access, 0]);
    }
    let section = btf.add_string("xdp").unwrap();
    let mut slots = vec![Slot::mov64(bpf_asm::R0, 0); count];
    slots.push(Slot::exit());
    let mut elf = Elf::new(order);
    elf.code("xdp", &slots).symbol("p", "xdp", 0, at(slots.len()) * 8, GLOBAL | FUNC);
    elf.btf(&btf).data(".BTF.ext", &ext(order, [&[], &[], &[(section, words)]]));
    elf.build()
}
