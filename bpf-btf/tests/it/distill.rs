//! Split BTF that takes a small base along, and finds its types in another one.

use bpf_btf::{Btf, BuildError, ByteOrder, Kind, RelocateError, TypeId, distill, relocate_base};

use crate::asm::{Asm, ORDERS, SIGNED, asm, split};
use crate::rewrite::lines;

/// The kernel that a module was built for.
fn built_for() -> Asm {
    asm()
        .int("int", 4, SIGNED) // 1
        .int("unused", 8, 0) // 2
        .structure("pointed", 8, &[("x", 1, 0), ("y", 1, 32)]) // 3
        .structure("held", 4, &[("x", 1, 0)]) // 4
        .enumeration("state", 4, false, &[("A", 1)]) // 5
        .ptr(3) // 6
        .typedef("pointed_t", 6) // 7
        .union("", 4, &[("x", 1, 0)]) // 8
        .fwd("opaque", true) // 9
        .ptr(9) // 10
        .float("double", 8) // 11
        .enum64("wide", 8, false, &[("W", 1)]) // 12
}

fn module(base: &Asm) -> Asm {
    split(base.string_len())
        .structure(
            "own",
            64,
            &[
                ("p", 7, 0),
                ("held", 4, 64),
                ("state", 5, 96),
                ("u", 8, 128),
                ("o", 10, 192),
                ("d", 11, 256),
                ("w", 12, 320),
                ("self", 14, 384),
            ],
        ) // 13
        .ptr(13) // 14
}

fn parse(order: ByteOrder) -> Btf {
    let base = built_for();
    let own = module(&base).write(order);
    Btf::parse_split(own, &Btf::parse(base.write(order)).unwrap()).unwrap()
}

#[test]
fn the_small_base_has_outlines_and_the_rest_is_copied() {
    for order in ORDERS {
        let distilled = distill(&parse(order)).unwrap();
        let expected = asm()
            .int("int", 4, SIGNED) // 1
            .structure("pointed", 8, &[]) // 2
            .structure("held", 4, &[]) // 3
            .enumeration("state", 4, false, &[]) // 4
            .fwd("opaque", true) // 5
            .float("double", 8) // 6
            .enumeration("wide", 8, false, &[]); // 7
        let own = split(expected.string_len())
            .structure(
                "own",
                64,
                &[
                    ("p", 11, 0),
                    ("held", 3, 64),
                    ("state", 4, 96),
                    ("u", 12, 128),
                    ("o", 13, 192),
                    ("d", 6, 256),
                    ("w", 7, 320),
                    ("self", 9, 384),
                ],
            ) // 8
            .ptr(8) // 9
            .ptr(2) // 10
            .typedef("pointed_t", 10) // 11
            .union("", 4, &[("x", 1, 0)]) // 12
            .ptr(5); // 13
        let expected = Btf::parse(expected.write(order)).unwrap();
        let own = Btf::parse_split(own.write(order), &expected).unwrap();
        assert_eq!(lines(&distilled.base), lines(&expected));
        let split = distilled.split.write(order).unwrap();
        let split = Btf::parse_split(split, &distilled.base).unwrap();
        assert_eq!(lines(&split), lines(&own));
        assert_eq!(distilled.ids.get(TypeId::new(13)), Some(TypeId::new(8)));
    }
    let alone = Btf::parse(built_for().write(ByteOrder::NATIVE)).unwrap();
    assert_eq!(distill(&alone).unwrap_err(), BuildError::Base);
}

/// Moves the module to another kernel.
fn relocate(kernel: &Asm, order: ByteOrder) -> Result<Btf, RelocateError> {
    let distilled = distill(&parse(order)).unwrap();
    let split = distilled.split.write(order).unwrap();
    let split = Btf::parse_split(split, &distilled.base).unwrap();
    let kernel = Btf::parse(kernel.write(order)).unwrap();
    let moved = relocate_base(&split, &kernel)?.write(order).unwrap();
    Ok(Btf::parse_split(moved, &kernel).unwrap())
}

/// Another build of the kernel: other ids, and what is only pointed to has grown.
fn other(held: u32, state: u32) -> Asm {
    asm()
        .float("double", 8) // 1
        .structure("pointed", 16, &[]) // 2
        .enumeration("wide", 8, false, &[("W", 1)]) // 3
        .enumeration("state", state, false, &[("B", 1)]) // 4
        .structure("opaque", 0, &[]) // 5
        .fwd("opaque", true) // 6
        .int("int", 4, SIGNED) // 7
        .int("int", 4, 0) // 8
        .structure("held", held, &[]) // 9
}

#[test]
fn types_are_found_in_the_other_base() {
    for order in ORDERS {
        let moved = relocate(&other(4, 4), order).unwrap();
        let own = moved.find("own", Kind::Struct).and_then(|id| moved.get(id));
        let own = own.and_then(|found| found.composite()).unwrap();
        let types = own.members().map(|member| moved.strip(member.type_id()).get());
        assert_eq!(types.collect::<Vec<_>>(), [12, 9, 4, 14, 15, 1, 3, 11]);
        assert_eq!(moved.targets(TypeId::new(12)), [TypeId::new(2)]);
        assert_eq!(moved.targets(TypeId::new(14)), [TypeId::new(7)]);
        assert_eq!(moved.targets(TypeId::new(15)), [TypeId::new(6)]);
    }
}

#[test]
fn what_is_not_found_once_is_an_error() {
    let missing = |id, kind, name: &str| {
        Err(RelocateError::Missing { id: TypeId::new(id), kind, name: name.to_owned() })
    };
    // Held by value: the size counts. Of enumerations it always does.
    let got = |kernel: &Asm| relocate(kernel, ByteOrder::NATIVE).map(|_| ());
    assert_eq!(got(&other(8, 4)), missing(3, Kind::Struct, "held"));
    assert_eq!(got(&other(4, 8)), missing(4, Kind::Enum, "state"));
    assert_eq!(got(&asm()), missing(1, Kind::Int, "int"));
    let ambiguous = RelocateError::Ambiguous {
        kind: Kind::Struct,
        name: "held".to_owned(),
        first: TypeId::new(9),
        second: TypeId::new(10),
    };
    assert_eq!(got(&other(4, 4).structure("held", 4, &[])), Err(ambiguous));
    // Of several that are only pointed to the one with the size is meant.
    assert_eq!(got(&other(4, 4).structure("pointed", 8, &[])), Ok(()));
}
