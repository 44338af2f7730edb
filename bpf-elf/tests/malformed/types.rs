//! Types that contradict themselves, or the object around them.

use bpf_asm::ByteOrder;
use bpf_btf::{BtfBuilder, Definition, NewMember, NewSectionEntry, TypeId, VarLinkage};

use crate::testing::{Elf, FUNC, GLOBAL, NOBITS, OBJECT};
use crate::{READ, check};

/// `.maps` with a variable of the type that comes of `last`, in a DATASEC of the entry that comes of `entry`.
fn maps(elf: &mut Elf, ty: fn(&mut BtfBuilder) -> TypeId, entry: fn(TypeId, TypeId) -> TypeId) {
    let mut btf = BtfBuilder::new();
    let target = ty(&mut btf);
    let linkage = VarLinkage::Global;
    let variable = btf.add(&Definition::Var { name: "m", target, linkage }).unwrap();
    let entries = [NewSectionEntry::new(entry(variable, target), 0, 8)];
    btf.add(&Definition::Datasec { name: ".maps", size: 8, entries: &entries }).unwrap();
    elf.btf(&btf).data(".maps", &[0; 8]).symbol("m", ".maps", 0, 8, GLOBAL | OBJECT);
}

fn int(btf: &mut BtfBuilder) -> TypeId {
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    btf.add(&int).unwrap()
}

/// A typedef of a `const` of the typedef.
fn circle(btf: &mut BtfBuilder) -> TypeId {
    let first = int(btf).get() + 1;
    btf.add(&Definition::Const { target: TypeId::new(first + 1) }).unwrap();
    btf.add(&Definition::Typedef { name: "t", target: TypeId::new(first) }).unwrap()
}

/// The definition of a map whose attribute has this type.
fn attribute(btf: &mut BtfBuilder, name: &str, target: TypeId) -> TypeId {
    let members = [NewMember::new(name, target, 0)];
    btf.add(&Definition::Struct { name: "", size: 8, members: &members }).unwrap()
}

#[test]
fn types_that_never_end_and_sections_of_no_variables() {
    check(&[
        (
            "a map whose type is a circle of typedef and const",
            |elf| maps(elf, circle, |variable, _| variable),
            "map \"m\" is defined by \"t\" instead of a structure",
        ),
        (
            "an attribute that is a circle",
            |elf| {
                let ty = |btf: &mut BtfBuilder| {
                    let target = circle(btf);
                    attribute(btf, "type", target)
                };
                maps(elf, ty, |variable, _| variable);
            },
            "map \"m\": attribute \"type\" is not written as __uint(..., number)",
        ),
        (
            "a key that is a circle",
            |elf| {
                let ty = |btf: &mut BtfBuilder| {
                    let target = circle(btf);
                    let target = btf.add(&Definition::Ptr { target }).unwrap();
                    attribute(btf, "key", target)
                };
                maps(elf, ty, |variable, _| variable);
            },
            "map \"m\": attribute \"key\" has a type without a size",
        ),
        (
            "a section whose entry is no variable",
            |elf| maps(elf, int, |_, target| target),
            "map \"int\": is no variable",
        ),
        (
            "a section whose entry is the section",
            |elf| maps(elf, int, |variable, _| TypeId::new(variable.get() + 1)),
            "map \".maps\": is no variable",
        ),
    ]);
}

/// A `struct_ops` value whose DATASEC gives it this offset, in types to which relocations apply.
fn struct_ops(elf: &mut Elf, offset: u32) {
    let mut btf = BtfBuilder::new();
    let pointer = btf.add(&Definition::Ptr { target: TypeId::VOID }).unwrap();
    let members = [NewMember::new("call", pointer, 0)];
    let target = btf.add(&Definition::Struct { name: "ops", size: 8, members: &members }).unwrap();
    let linkage = VarLinkage::Global;
    let variable = btf.add(&Definition::Var { name: "value", target, linkage }).unwrap();
    let entries = [NewSectionEntry::new(variable, offset, 8)];
    btf.add(&Definition::Datasec { name: ".struct_ops", size: 8, entries: &entries }).unwrap();
    elf.btf(&btf).code("struct_ops/call", &[bpf_asm::Slot::exit()]);
    elf.symbol("p", "struct_ops/call", 0, 8, GLOBAL | FUNC);
    elf.data(".struct_ops", &[0; 8]).symbol("value", ".struct_ops", 0, 8, GLOBAL | OBJECT);
    // The symbol has the place: what a DATASEC says of it, and what relocations would make of that, does not matter.
    for place in [0, 120, u64::MAX] {
        elf.relocation(".BTF", place, "value");
    }
    elf.relocation(".struct_ops", 0, "p");
}

#[test]
fn offsets_of_a_datasec_are_not_believed() {
    check(&[
        ("a struct_ops value at 0", |elf| struct_ops(elf, 0), READ),
        ("a struct_ops value that wraps", |elf| struct_ops(elf, u32::MAX - 3), READ),
        ("a struct_ops value beyond the section", |elf| struct_ops(elf, 4), READ),
    ]);
}

/// Sections `.maps`, which needs types, and `.BTF` of these bytes.
fn blob(elf: &mut Elf, make: fn(&mut Vec<u8>, ByteOrder)) {
    let mut btf = BtfBuilder::new();
    int(&mut btf);
    elf.btf(&btf).data(".maps", &[0; 8]);
    let order = elf.order;
    make(&mut elf.find(".BTF").bytes, order);
}

fn set(bytes: &mut [u8], at: usize, value: u32, order: ByteOrder) {
    let value = match order {
        ByteOrder::Little => value.to_le_bytes(),
        ByteOrder::Big => value.to_be_bytes(),
    };
    bytes[at..at + 4].copy_from_slice(&value);
}

#[test]
fn type_information_is_whole_where_it_is_needed() {
    check(&[
        (
            "no bytes",
            |elf| blob(elf, |bytes, _| bytes.clear()),
            "section \".BTF\" has no contents in the file",
        ),
        (
            "no bytes in the file",
            |elf| {
                blob(elf, |_, _| ());
                elf.find(".BTF").kind = NOBITS;
            },
            "section \".BTF\" has no contents in the file",
        ),
        (
            "a header that is longer than all",
            |elf| blob(elf, |bytes, order| set(bytes, 4, u32::MAX, order)),
            "section \".BTF\": blob of 45 bytes is too short for a BTF header",
        ),
        (
            "strings whose place wraps",
            |elf| blob(elf, |bytes, order| set(bytes, 16, u32::MAX - 1, order)),
            "section \".BTF\": string section at offset 4294967294 with 5 bytes does not fit a blob of 45 bytes",
        ),
        (
            "types whose length wraps",
            |elf| blob(elf, |bytes, order| set(bytes, 12, u32::MAX - 3, order)),
            "section \".BTF\": type section at offset 0 with 4294967292 bytes does not fit a blob of 45 bytes",
        ),
        (
            "strings without a NUL at their end",
            |elf| blob(elf, |bytes, _| *bytes.last_mut().unwrap() = b'x'),
            "section \".BTF\": string section does not end with a nul byte",
        ),
        (
            "a short header of .BTF.ext",
            |elf| {
                blob(elf, |_, _| ());
                elf.data(".BTF.ext", b"\x9f\xeb\x01\0\x08\0\0\0");
                if elf.order == ByteOrder::Big {
                    elf.find(".BTF.ext").bytes = b"\xeb\x9f\x01\0\0\0\0\x08".to_vec();
                }
            },
            "section \".BTF.ext\": header length 8 of .BTF.ext is not possible",
        ),
    ]);
}
