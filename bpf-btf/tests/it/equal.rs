//! Equality of types of any blobs, and the hash that goes with it.

use bpf_btf::{Btf, TypeId};

use crate::asm::{Asm, ORDERS, SIGNED, asm, every_kind, split};

fn id(number: u32) -> TypeId {
    TypeId::new(number)
}

/// Whether type `a` of one blob equals type `b` of another, from both sides.
#[track_caller]
fn check(first: &Asm, a: u32, second: &Asm, b: u32, expected: bool) {
    let first = Btf::parse(first.write(ORDERS[0])).unwrap();
    let second = Btf::parse(second.write(ORDERS[1])).unwrap();
    assert_eq!(first.types_equal(id(a), &second, id(b)), expected);
    assert_eq!(second.types_equal(id(b), &first, id(a)), expected);
    if expected {
        assert_eq!(first.type_hash(id(a)), second.type_hash(id(b)));
    }
}

#[test]
fn places_in_the_blob_do_not_matter() {
    let one =
        asm().int("int", 4, SIGNED).structure("node", 16, &[("next", 3, 0), ("x", 1, 64)]).ptr(2);
    let other = asm().raw_strings(b"unused\0").ptr(3).int("int", 4, SIGNED).structure(
        "node",
        16,
        &[("next", 1, 0), ("x", 2, 64)],
    );
    check(&one, 2, &other, 3, true);
    check(&one, 3, &other, 1, true);
    check(&one, 2, &other, 1, false);
    check(&one, 0, &other, 0, true);
    check(&one, 0, &other, 1, false);
    check(&one, 9, &other, 9, false);
}

#[test]
fn anything_below_makes_a_difference() {
    let list = |name, size, offset, encoding| {
        asm()
            .int("int", 4, encoding)
            .structure(name, size, &[("next", 3, 0), ("x", 1, offset)])
            .ptr(2)
    };
    let one = list("node", 16, 64, SIGNED);
    check(&one, 3, &list("node", 16, 64, SIGNED), 3, true);
    check(&one, 3, &list("other", 16, 64, SIGNED), 3, false);
    check(&one, 3, &list("node", 24, 64, SIGNED), 3, false);
    check(&one, 3, &list("node", 16, 96, SIGNED), 3, false);
    check(&one, 3, &list("node", 16, 64, 0), 3, false);
    check(&asm().fwd("s", false), 1, &asm().structure("s", 0, &[]), 1, false);
    check(&asm().array(0, 0, 1), 1, &asm().array(0, 0, 2), 1, false);
}

#[test]
fn an_unrolled_cycle_is_the_cycle() {
    let short = asm().structure("node", 8, &[("next", 2, 0)]).ptr(1);
    let long = asm()
        .structure("node", 8, &[("next", 2, 0)])
        .ptr(3)
        .structure("node", 8, &[("next", 4, 0)])
        .ptr(1);
    check(&short, 1, &long, 1, true);
    check(&short, 1, &long, 3, true);
}

#[test]
fn every_kind_equals_itself_and_no_other() {
    let btf = Btf::parse(every_kind().write(ORDERS[0])).unwrap();
    let copy = Btf::parse(every_kind().write(ORDERS[1])).unwrap();
    for a in 0..btf.len() {
        for b in 0..btf.len() {
            assert_eq!(btf.types_equal(id(a), &copy, id(b)), a == b, "{a} {b}");
            assert_eq!(btf.type_hash(id(a)) == copy.type_hash(id(b)), a == b, "{a} {b}");
        }
    }
}

#[test]
fn types_of_a_base_are_compared_like_own_ones() {
    let base = asm().int("int", 4, SIGNED);
    let own = split(base.string_len()).int("int", 4, SIGNED).ptr(1).ptr(2);
    let base = Btf::parse(base.write(ORDERS[0])).unwrap();
    let btf = Btf::parse_split(own.write(ORDERS[0]), &base).unwrap();
    assert!(btf.types_equal(id(3), &btf, id(4)));
    assert!(base.types_equal(id(1), &btf, id(2)));
    assert!(!btf.types_equal(id(1), &btf, id(3)));
}
