//! Finding types by name.

use bpf_btf::{Btf, Kind, TypeId};

use crate::asm::{Asm, ORDERS, asm};

fn check(blob: &Asm, name: &str, all: &[u32], first: &[(Kind, Option<u32>)]) {
    for order in ORDERS {
        let btf = Btf::parse(blob.write(order)).unwrap();
        let found = btf.find_all(name).map(TypeId::get).collect::<Vec<_>>();
        assert_eq!(found, all, "{name}");
        for (kind, expected) in first {
            assert_eq!(btf.find(name, *kind).map(TypeId::get), *expected, "{name} as {kind}");
        }
    }
}

fn unsorted() -> Asm {
    asm()
        .structure("zebra", 0, &[])
        .ptr(1)
        .typedef("apple", 1)
        .structure("apple", 4, &[])
        .union("apple", 4, &[])
        .typedef("apple", 4)
        .structure("a rather long name of more than sixteen bytes", 0, &[])
}

fn sorted() -> Asm {
    asm()
        .ptr(4)
        .structure("", 4, &[])
        .typedef("apple", 4)
        .structure("apple", 4, &[])
        .union("apple", 4, &[])
        .typedef("apple", 4)
        .structure("zebra", 0, &[])
}

#[test]
fn names_are_found_in_the_order_of_ids() {
    check(
        &unsorted(),
        "apple",
        &[3, 4, 5, 6],
        &[(Kind::Struct, Some(4)), (Kind::Typedef, Some(3)), (Kind::Enum, None)],
    );
    check(&unsorted(), "zebra", &[1], &[(Kind::Struct, Some(1)), (Kind::Union, None)]);
    check(&unsorted(), "a rather long name of more than sixteen bytes", &[7], &[]);
    check(&unsorted(), "a rather long name of more than sixteen byteS", &[], &[]);
}

#[test]
fn sorted_blobs_are_bisected() {
    check(
        &sorted(),
        "apple",
        &[3, 4, 5, 6],
        &[(Kind::Struct, Some(4)), (Kind::Typedef, Some(3)), (Kind::Enum, None)],
    );
    check(&sorted(), "zebra", &[7], &[(Kind::Struct, Some(7))]);
    check(&sorted(), "aardvark", &[], &[]);
    check(&sorted(), "middle", &[], &[]);
    check(&sorted(), "zoo", &[], &[]);
    check(&asm(), "zoo", &[], &[]);
    check(&asm().ptr(0), "zoo", &[], &[]);
}

#[test]
fn the_empty_name_and_prefixes_find_nothing() {
    for blob in [unsorted(), sorted()] {
        check(&blob, "", &[], &[(Kind::Ptr, None), (Kind::Struct, None)]);
        check(&blob, "appl", &[], &[]);
        check(&blob, "apples", &[], &[]);
        check(&blob, "apple\0", &[], &[]);
    }
}
