//! Finding types by name.

use bpf_btf::{Btf, Kind, TypeId};

use crate::asm::{Asm, ORDERS, asm, split};

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

#[test]
fn flavours_of_a_name_are_found_and_nothing_else() {
    let named = |names: &[&'static str]| {
        names.iter().fold(asm(), |blob, name| blob.structure(name, 0, &[]))
    };
    let rows: [(&[&'static str], &str, &[u32]); 12] = [
        // Flavours only, and one only.
        (&["foo___a", "foo___b"], "foo", &[1, 2]),
        (&["foo___a"], "foo", &[1]),
        (&["foo", "foo___a", "foob", "fo"], "foo", &[1, 2]),
        (&["foo___a", "foo"], "foo___b", &[1, 2]),
        // What begins with underscores has no flavour.
        (&["___foo", "foo"], "___foo", &[1]),
        (&["___foo", "foo"], "foo", &[2]),
        (&["___foo___a", "___foo"], "___foo", &[1, 2]),
        // Three underscores, and only at the last place.
        (&["foo__a", "foo____a", "foo___", "foo___a___b"], "foo", &[]),
        (&["foo___a___b"], "foo___a", &[]),
        (&["foo___a", "bar"], "bar___a", &[2]),
        (&["", "foo"], "", &[]),
        (&[], "foo", &[]),
    ];
    for (names, wanted, expected) in rows {
        for order in ORDERS {
            let btf = Btf::parse(named(names).write(order)).unwrap();
            let found = btf.find_flavours(wanted).map(TypeId::get).collect::<Vec<_>>();
            assert_eq!(found, expected, "{wanted} of {names:?}");
        }
    }
    let base = named(&["foo___a", "bar"]);
    let own = split(base.string_len()).structure("foo", 0, &[]);
    let base = Btf::parse(base.write(ORDERS[0])).unwrap();
    let own = Btf::parse_split(own.write(ORDERS[1]), &base).unwrap();
    assert_eq!(own.find_flavours("foo").map(TypeId::get).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(own.find_all("foo").map(TypeId::get).collect::<Vec<_>>(), [3]);
}
