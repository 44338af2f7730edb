//! Sizes, alignments, stripping, names as in C.

use bpf_btf::{Btf, Error, Kind, TypeId};

use crate::asm::{Asm, FLAG, ORDERS, SIGNED, asm, every_kind};

fn read(blob: &Asm) -> [Btf; 2] {
    ORDERS.map(|order| Btf::parse(blob.write(order)).unwrap())
}

#[test]
fn sizes_follow_c() {
    let no_size = |number, kind| Err(Error::NoSize { id: TypeId::new(number), kind });
    let rows: [(&str, Asm, u32, Result<u64, Error>); 17] = [
        ("integer", asm().int("int", 4, 0), 1, Ok(4)),
        ("pointer", asm().ptr(0), 1, Ok(8)),
        ("array of arrays", asm().int("int", 4, 0).array(1, 1, 3).array(2, 1, 5), 3, Ok(60)),
        (
            "array behind typedefs",
            asm().int("int", 4, 0).array(1, 1, 3).typedef("t", 2).constant(3).array(4, 1, 2),
            5,
            Ok(24),
        ),
        ("flexible array", asm().int("int", 4, 0).array(1, 1, 0), 2, Ok(0)),
        (
            "flexible array of huge arrays",
            asm().int("int", 4, 0).array(1, 1, u32::MAX).array(2, 1, u32::MAX).array(3, 1, 0),
            4,
            Ok(0),
        ),
        ("variable", asm().int("int", 4, 0).var("v", 1, 0), 2, Ok(4)),
        ("section", asm().datasec(".data", 12, &[]), 1, Ok(12)),
        ("float", asm().float("long double", 16), 1, Ok(16)),
        ("enum64", asm().enum64("e", 8, false, &[]), 1, Ok(8)),
        ("tagged", asm().int("int", 4, 0).type_tag("user", 1).restrict(2).volatile(3), 4, Ok(4)),
        ("void", asm(), 0, no_size(0, Kind::Void)),
        ("const void", asm().constant(0), 1, no_size(0, Kind::Void)),
        ("forward declaration", asm().fwd("s", false).array(1, 1, 2), 2, no_size(1, Kind::Fwd)),
        ("no such type", asm(), 7, Err(Error::NoSuchType { id: TypeId::new(7) })),
        (
            "loop",
            asm().typedef("a", 2).typedef("b", 1),
            1,
            Err(Error::TooDeep { id: TypeId::new(1) }),
        ),
        (
            "overflow",
            asm().int("int", 4, 0).array(1, 1, u32::MAX).array(2, 1, u32::MAX).array(3, 1, 4),
            4,
            Err(Error::SizeOverflow { id: TypeId::new(4) }),
        ),
    ];
    for (what, blob, id, expected) in rows {
        for btf in read(&blob) {
            assert_eq!(btf.size_of(TypeId::new(id)), expected, "{what}");
        }
    }
}

#[test]
fn alignments_follow_c() {
    let int = || asm().int("int", 4, SIGNED).int("char", 1, SIGNED);
    let rows: [(&str, Asm, u32, Option<u32>); 10] = [
        ("integer", int(), 1, Some(4)),
        ("pointer", int().ptr(0), 3, Some(8)),
        ("array of characters", int().array(2, 1, 16), 3, Some(1)),
        ("structure", int().structure("s", 8, &[("c", 2, 0), ("i", 1, 32)]), 3, Some(4)),
        ("packed by offset", int().structure("s", 5, &[("c", 2, 0), ("i", 1, 8)]), 3, Some(1)),
        ("packed by size", int().structure("s", 5, &[("i", 1, 0), ("c", 2, 32)]), 3, Some(1)),
        ("bitfields", int().bitfields("s", 4, &[("a", 1, 0, 3), ("b", 1, 3, 5)]), 3, Some(4)),
        ("empty", int().structure("s", 0, &[]), 3, Some(1)),
        ("void", int(), 0, None),
        ("contains itself", int().structure("s", 4, &[("s", 3, 0), ("t", 3, 0)]), 3, None),
    ];
    for (what, blob, id, expected) in rows {
        for btf in read(&blob) {
            assert_eq!(btf.align_of(TypeId::new(id)).ok(), expected, "{what}");
        }
    }
}

#[test]
fn pointers_are_as_wide_as_long() {
    let rows = [
        (asm().int("int", 4, 0), 8),
        (asm().int("long int", 4, SIGNED), 4),
        (asm().int("unsigned long", 8, 0), 8),
        (asm().int("long", 3, 0), 8),
    ];
    for (blob, expected) in rows {
        for btf in read(&blob) {
            assert_eq!(btf.pointer_size(), expected);
        }
    }
}

#[test]
fn stripping_ends() {
    let blob = asm()
        .int("int", 4, 0)
        .volatile(1)
        .typedef("t", 2)
        .constant(3)
        .type_tag("x", 4)
        .typedef("loop", 6);
    for btf in read(&blob) {
        let strip = |id| btf.strip(TypeId::new(id)).get();
        let modifiers = |id| btf.strip_modifiers(TypeId::new(id)).get();
        assert_eq!([strip(5), strip(1), strip(0), strip(6), strip(99)], [1, 1, 0, 6, 99]);
        assert_eq!([modifiers(5), modifiers(3), modifiers(2)], [3, 3, 1]);
    }
}

#[test]
fn types_are_named_as_in_c() {
    // 1 int, 2 char, 3 struct datarec, 4 volatile int, 5 const volatile int, 6 void *, 7 proto int(void *)
    let base = || {
        asm()
            .int("int", 4, SIGNED)
            .int("char", 1, SIGNED)
            .structure("datarec", 8, &[])
            .volatile(1)
            .constant(4)
            .ptr(0)
            .prototype(1, &[("ctx", 6)])
    };
    let rows: [(Asm, u32, &str, &str); 24] = [
        (base(), 0, "", "void"),
        (base(), 5, "", "const volatile int"),
        (base(), 3, "", "struct datarec"),
        (base(), 6, "p", "void *p"),
        (base(), 6, "", "void *"),
        (base().typedef("__u32", 1), 8, "x", "__u32 x"),
        (base().array(2, 1, 16), 8, "", "char[16]"),
        (base().array(2, 1, 16), 8, "comm", "char comm[16]"),
        (base().array(2, 1, 0), 8, "data", "char data[]"),
        (base().array(1, 1, 3).array(8, 1, 2), 9, "m", "int m[2][3]"),
        (base().ptr(7), 8, "", "int (*)(void *)"),
        (base().ptr(7), 8, "fn", "int (*fn)(void *)"),
        (base().ptr(7).array(8, 1, 4), 9, "table", "int (*table[4])(void *)"),
        (base().array(1, 1, 4).ptr(8), 9, "", "int (*)[4]"),
        (base().array(1, 1, 4).constant(8).ptr(9), 10, "p", "const int (*p)[4]"),
        (base().ptr(1).constant(8).ptr(9), 10, "", "int *const *"),
        (base().constant(1).ptr(8), 9, "p", "const int *p"),
        (base().ptr(1).restrict(8), 9, "p", "int *restrict p"),
        (
            base().ptr(7).prototype(8, &[("", 1), ("", 0)]).ptr(9),
            10,
            "f",
            "int (*(*f)(int, ...))(void *)",
        ),
        (base().prototype(0, &[]).ptr(8), 9, "", "void (*)(void)"),
        (base().structure("", 4, &[]), 8, "", "struct {...}"),
        (base().fwd("u", true).ptr(8), 9, "", "union u *"),
        (base().type_tag("user", 2).ptr(8), 9, "", "char *"),
        (base().head("bad", 18, FLAG, 8), 8, "", "..."),
    ];
    for (blob, id, declared, expected) in rows {
        for btf in read(&blob) {
            assert_eq!(btf.display_declaration(TypeId::new(id), declared).to_string(), expected);
        }
    }
}

#[test]
fn names_of_types_that_contain_themselves_end() {
    // A prototype that takes two pointers to itself would have no end.
    let blob = every_kind().ptr(22).prototype(21, &[("", 21), ("", 21), ("", 21)]);
    for btf in read(&blob) {
        let name = btf.display_name(TypeId::new(22)).to_string();
        assert!(name.len() < 100_000, "{} bytes", name.len());
    }
}
