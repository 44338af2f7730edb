//! What is read and what is refused.

use std::sync::Arc;

use bpf_btf::{Btf, BtfBytes, ByteOrder, Error, Kind, Type, TypeId};

use crate::asm::{Asm, FLAG, ORDERS, SIGNED, asm, every_kind, header, split, u32_bytes};

fn check(what: &str, blob: impl Fn(ByteOrder) -> Vec<u8>, expected: &Result<u32, Error>) {
    for order in ORDERS {
        let read = Btf::parse(blob(order)).map(|btf| {
            assert_eq!(btf.byte_order(), order, "{what}");
            btf.len()
        });
        assert_eq!(read, *expected, "{what}, {order:?}");
    }
}

fn id(number: u32) -> TypeId {
    TypeId::new(number)
}

#[test]
fn what_clang_and_kernels_write_is_read() {
    let rows: [(&str, Asm, u32); 13] = [
        ("every kind", every_kind(), 21),
        ("only strings", asm().raw_strings(b"hello\0"), 1),
        ("nothing but the empty string", asm(), 1),
        ("no bytes at all behind the header", split(0), 1),
        (
            "section without size and offsets",
            asm().int("int", 4, 0).var("v", 1, 1).datasec(".bss", 0, &[(2, 0, 0)]),
            4,
        ),
        (
            "section of functions",
            asm().prototype(0, &[]).func("f", 1, 2).datasec(".ksyms", 0, &[(2, 0, 0)]),
            4,
        ),
        ("prototype after its function", asm().func("f", 2, 0).prototype(0, &[]), 3),
        ("empty structure", asm().structure("nothing", 0, &[]), 2),
        ("name of a section with a question mark", asm().datasec("?.struct_ops", 0, &[]), 2),
        ("names that are not identifiers", asm().structure("Option<&str>", 0, &[]), 2),
        ("names that are UTF-8", asm().structure("größe", 0, &[]), 2),
        (
            "strings that are not UTF-8 but name nothing",
            asm().raw_strings(b"caf\xe9\0").int("int", 4, 0),
            2,
        ),
        (
            "types that contain themselves",
            asm().typedef("loop", 1).structure("s", 4, &[("s", 2, 0)]),
            3,
        ),
    ];
    for (what, blob, len) in rows {
        check(what, |order| blob.write(order), &Ok(len));
    }
}

#[test]
fn what_has_a_wrong_type_is_refused_with_its_id() {
    let int = || asm().int("int", 4, SIGNED);
    let target = |number| Error::NoSuchTarget { id: id(2), target: id(number) };
    let name = |number, offset| Error::StringOffset { id: id(number), offset };
    let cut = |number, offset| Error::Truncated { id: id(number), offset };
    let rows: [(&str, Asm, Error); 22] = [
        ("pointer beyond the ids", int().ptr(3), target(3)),
        ("typedef beyond the ids", int().typedef("t", 9), target(9)),
        ("array element", int().array(7, 1, 1), target(7)),
        ("array index", int().array(1, 7, 1), target(7)),
        ("member", int().structure("s", 4, &[("a", 1, 0), ("b", 5, 0)]), target(5)),
        ("result", int().prototype(5, &[]), target(5)),
        ("parameter", int().prototype(1, &[("p", 5)]), target(5)),
        ("variable", int().var("v", 5, 1), target(5)),
        ("section entry", int().datasec(".data", 4, &[(5, 0, 4)]), target(5)),
        ("tagged declaration", int().decl_tag("t", 5, u32::MAX), target(5)),
        ("tagged type", int().type_tag("t", u32::MAX), target(u32::MAX)),
        (
            "function of an integer",
            int().func("f", 1, 0),
            Error::NotPrototype { id: id(2), target: id(1) },
        ),
        (
            "function of void",
            int().func("f", 0, 0),
            Error::NotPrototype { id: id(2), target: id(0) },
        ),
        (
            "function of itself",
            int().func("f", 2, 0),
            Error::NotPrototype { id: id(2), target: id(2) },
        ),
        (
            "function of a later integer",
            asm().func("f", 2, 0).int("int", 4, 0),
            Error::NotPrototype { id: id(1), target: id(2) },
        ),
        ("name beyond the strings", asm().words(&[1, 7 << 24, 0]), name(1, 1)),
        ("member's name", int().words(&[0, 4 << 24 | 1, 4, 5, 1, 0]), name(2, 5)),
        ("enumerator's name", asm().words(&[0, 6 << 24 | 1, 4, 99, 1]), name(1, 99)),
        ("kind 0", asm().words(&[0, 0, 0]), Error::UnknownKind { id: id(1), kind: 0 }),
        ("kind 20", int().words(&[0, 20 << 24, 0]), Error::UnknownKind { id: id(2), kind: 20 }),
        ("half a head", int().words(&[0, 2 << 24]), cut(2, 16)),
        (
            "more members than bytes",
            int().words(&[0, 4 << 24 | 0x00ff_ffff, 4, 0, 1, 0]),
            cut(2, 16),
        ),
    ];
    for (what, blob, error) in rows {
        check(what, |order| blob.write(order), &Err(error));
    }
    let latin = asm().words(&[1, 7 << 24, 0]).raw_strings(b"caf\xe9\0");
    check(
        "name that is not UTF-8",
        |order| latin.write(order),
        &Err(Error::NameEncoding { id: id(1), offset: 1 }),
    );
}

/// A blob whose names are all at one place, or each a byte behind the one before, in a string of that many bytes.
#[test]
fn names_take_no_more_than_in_proportion_to_the_strings() {
    const MIB: usize = 1 << 20;
    for (what, len, types, step, wrong) in [
        ("one long name", MIB, 1, 0, None),
        ("the most", MIB, 17, 0, None),
        ("one too many", MIB, 18, 0, Some(18)),
        ("ends, the most", MIB, 17, 1, None),
        ("ends", MIB, 19, 1, Some(18)),
        // What no kernel takes, but not long enough to take long.
        ("many names that are short", 511, 100_000, 0, None),
        ("many names that are not", 2000, 100_000, 0, Some(541)),
    ] {
        let mut strings = vec![b'x'; len];
        strings.push(0);
        let mut blob = asm().raw_strings(&strings);
        for number in 0..types {
            blob = blob.words(&[1 + number * step, 7 << 24, 0]);
        }
        let most = (strings.len() + 1) * 16 + MIB;
        let error = |number| Error::Names { id: id(number), most };
        let expected = wrong.map_or(Ok(types + 1), |number| Err(error(number)));
        check(what, |order| blob.write(order), &expected);
    }
}

#[test]
fn what_has_a_wrong_header_is_refused() {
    let with = |len: u32, fields: &'static [u32], tail: &'static [u8]| {
        move |order| {
            let mut blob = header(order, len, fields);
            blob.extend_from_slice(tail);
            blob
        }
    };
    let section = |section, offset, len, total| Error::Section { section, offset, len, total };
    check("strings only", with(24, &[0, 0, 0, 1], &[0]), &Ok(1));
    check("gap before the strings", with(24, &[0, 0, 3, 1], &[9, 9, 9, 0]), &Ok(1));
    check("bytes behind the strings", with(24, &[0, 0, 0, 1], &[0, 7]), &Ok(1));
    check("longer header of zeros", with(40, &[0, 0, 0, 1, 0, 0, 0, 0], &[0]), &Ok(1));
    check("longer header of things unknown", with(40, &[0, 0, 0, 1, 0, 0, 7, 7], &[0]), &Ok(1));
    check("short header", with(23, &[0, 0, 0, 1], &[0]), &Err(Error::HeaderLength { len: 23 }));
    check(
        "header beyond the end",
        with(26, &[0, 0, 0, 1], &[0]),
        &Err(Error::TooShort { len: 25 }),
    );
    check(
        "header of 4 GiB",
        with(u32::MAX, &[0, 0, 0, 1], &[0]),
        &Err(Error::TooShort { len: 25 }),
    );
    check(
        "strings beyond the end",
        with(24, &[0, 0, 0, 2], &[0]),
        &Err(section("string", 0, 2, 25)),
    );
    check(
        "strings at 4 GiB",
        with(24, &[0, 0, u32::MAX, u32::MAX], &[0]),
        &Err(section("string", u32::MAX, u32::MAX, 25)),
    );
    check("types beyond the end", with(24, &[0, 4, 0, 1], &[0]), &Err(section("type", 0, 4, 25)));
    check("unaligned types", with(24, &[1, 0, 0, 1], &[0]), &Err(Error::Unaligned { offset: 1 }));
    check(
        "types under the strings",
        with(24, &[0, 4, 3, 1], &[0; 4]),
        &Err(Error::Overlap { first: "type", second: "string" }),
    );
    check(
        "layout beyond the end",
        with(32, &[0, 0, 0, 1, 1, 4], &[0]),
        &Err(section("layout", 1, 4, 33)),
    );
    check(
        "layout under the strings",
        with(32, &[0, 0, 0, 1, 0, 1], &[0]),
        &Err(Error::Overlap { first: "layout", second: "string" }),
    );
    check(
        "layout that ends within an entry",
        with(32, &[0, 0, 7, 1, 0, 7], &[0; 8]),
        &Err(Error::Layout { offset: 0, len: 7 }),
    );
    check(
        "layout between two words",
        with(32, &[0, 0, 6, 1, 2, 4], &[0; 7]),
        &Err(Error::Layout { offset: 2, len: 4 }),
    );
    check("no layout, at an odd offset", with(32, &[0, 0, 0, 1, 1, 0], &[0]), &Ok(1));
    check(
        "strings that do not start empty",
        with(24, &[0, 0, 0, 2], b"a\0"),
        &Err(Error::StringsStart),
    );
    check("strings that do not end", with(24, &[0, 0, 0, 2], b"\0a"), &Err(Error::StringsEnd));

    for (blob, error) in [
        (vec![], Error::TooShort { len: 0 }),
        (vec![0x9f], Error::TooShort { len: 1 }),
        (vec![0x9f, 0xeb, 1], Error::TooShort { len: 3 }),
        (vec![0x9f, 0xeb, 1, 0, 24, 0, 0, 0], Error::TooShort { len: 8 }),
        (vec![0x9f, 0xeb, 2, 0, 24, 0, 0, 0], Error::Version { version: 2 }),
        (vec![0x9f, 0xeb, 1, 1, 24, 0, 0, 0], Error::Flags { flags: 1 }),
        (vec![0x7f, b'E', b'L', b'F'], Error::Magic { magic: 0x457f }),
    ] {
        assert_eq!(Btf::parse(blob).unwrap_err(), error);
    }
}

#[test]
fn vlen_has_24_bits() {
    let count = 70_000;
    for order in ORDERS {
        let mut blob = asm().int("int", 4, 0).head("huge", 4, count, 4);
        for _ in 0..count {
            blob = blob.words(&[0, 1, 0]);
        }
        let btf = Btf::parse(blob.write(order)).unwrap();
        let huge = btf.get(id(2)).and_then(|found| found.composite()).unwrap();
        assert_eq!((huge.name(), huge.member_count()), ("huge", 70_000));
    }
}

#[test]
fn unknown_kinds_are_skipped_with_the_layout_section() {
    let mut layout = vec![(0, 0); 20];
    layout.extend([(0, 0), (4, 8)]);
    for order in ORDERS {
        let blob = asm()
            .int("int", 4, 0)
            .head("later", 21, 2 | FLAG, 77)
            .words(&[1, 2, 3, 4, 5])
            .ptr(1)
            .layout(&layout)
            .write(order);
        let btf = Btf::parse(blob.clone()).unwrap();
        assert_eq!(btf.len(), 4);
        let Some(Type::Unknown(unknown)) = btf.get(id(2)) else {
            panic!("type 2 should be unknown")
        };
        assert_eq!(
            (unknown.name(), unknown.kind(), unknown.vlen(), unknown.size_or_type()),
            ("later", Kind::Unknown(21), 2, 77)
        );
        assert_eq!(btf.get(id(3)).map(|found| found.kind()), Some(Kind::Ptr));

        let beyond = asm().head("", 22, 0, 0).layout(&layout).write(order);
        assert_eq!(Btf::parse(beyond), Err(Error::UnknownKind { id: id(1), kind: 22 }));
        let void = asm().head("", 0, 0, 0).layout(&layout).write(order);
        assert_eq!(Btf::parse(void), Err(Error::UnknownKind { id: id(1), kind: 0 }));
    }
}

#[test]
fn both_orders_give_equal_content() {
    let [little, big] = ORDERS.map(|order| Btf::parse(every_kind().write(order)).unwrap());
    assert_eq!(little, big);
    assert_eq!(little.bytes(), every_kind().write(ByteOrder::NATIVE));
    assert_ne!(little, Btf::parse(asm().write(ByteOrder::NATIVE)).unwrap());
}

#[test]
fn strings_may_share_their_ends() {
    for order in ORDERS {
        // "unsigned int" at 1, so "int" begins at 10.
        let blob = asm().raw_strings(b"unsigned int\0").words(&[
            1,
            1 << 24,
            4,
            32,
            10,
            1 << 24,
            4,
            SIGNED | 32,
        ]);
        let btf = Btf::parse(blob.write(order)).unwrap();
        assert_eq!(btf.get(id(1)).unwrap().name(), "unsigned int");
        assert_eq!(btf.get(id(2)).unwrap().name(), "int");
        assert_eq!(btf.find("int", Kind::Int), Some(id(2)));
    }
}

#[test]
fn split_blobs_continue_ids_and_strings() {
    for order in ORDERS {
        for base_order in ORDERS {
            let base = asm().int("int", 4, SIGNED).structure("shared", 4, &[("field", 1, 0)]);
            let string_len = base.string_len();
            let base = Btf::parse(base.write(base_order)).unwrap();
            let blob = split(string_len).ptr(2).structure("own", 8, &[("pointer", 3, 0)]).words(&[
                1,
                8 << 24,
                4,
            ]);
            let btf = Btf::parse_split(blob.write(order), &base).unwrap();
            assert_eq!((btf.len(), btf.first_id()), (6, id(3)));
            assert_eq!(btf.get(id(2)).unwrap().name(), "shared");
            assert_eq!(btf.get(id(4)).unwrap().name(), "own");
            assert_eq!(
                btf.get(id(4)).unwrap().composite().unwrap().member(0).unwrap().name(),
                "pointer"
            );
            assert_eq!(btf.get(id(5)).unwrap().name(), "int", "a name in the base's strings");
            assert_eq!(btf.get(id(6)).map(|found| found.id()), None);
            assert_eq!(btf.types().map(|(id, _)| id.get()).collect::<Vec<_>>(), [3, 4, 5]);
            assert_eq!(btf.find("shared", Kind::Struct), Some(id(2)));
            assert_eq!(btf.find("own", Kind::Struct), Some(id(4)));
            assert_eq!(btf.find_all("int").collect::<Vec<_>>(), [id(1), id(5)]);
            assert_eq!(btf.base(), Some(&base));

            let deeper = split(btf_string_end(&blob)).typedef("third", 4);
            let deeper = Btf::parse_split(deeper.write(order), &btf).unwrap();
            assert_eq!(
                (deeper.find("third", Kind::Typedef), deeper.find("int", Kind::Int)),
                (Some(id(6)), Some(id(1)))
            );

            let function = split(string_len).func("f", 1, 0);
            let error = Error::NotPrototype { id: id(3), target: id(1) };
            assert_eq!(Btf::parse_split(function.write(order), &base), Err(error));
            let no_strings = split(string_len).ptr(1);
            assert_eq!(Btf::parse_split(no_strings.write(order), &base).unwrap().len(), 4);
        }
    }
}

fn btf_string_end(blob: &Asm) -> u32 {
    blob.string_len()
}

#[test]
fn bytes_may_be_owned_static_or_shared() {
    struct Mapped(Vec<u8>);
    impl AsRef<[u8]> for Mapped {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let blob = every_kind().write(ByteOrder::NATIVE);
    let owned = Btf::parse(blob.clone()).unwrap();
    let shared: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(Mapped(blob.clone()));
    let place = (*shared).as_ref().as_ptr();
    let shared = Btf::parse(shared).unwrap();
    assert_eq!(shared.bytes().as_ptr(), place, "shared bytes are not copied");
    let fixed: &'static [u8] = Vec::leak(blob);
    let fixed_btf = Btf::parse(fixed).unwrap();
    assert_eq!(fixed_btf.bytes().as_ptr(), fixed.as_ptr(), "static bytes are not copied");
    assert_eq!((&owned, &owned), (&shared, &fixed_btf));
    let _: BtfBytes = vec![0_u8].into();
}

#[test]
fn shared_bytes_that_change_give_wrong_answers_only() {
    /// Gives other bytes every time, none in the end.
    struct Changing(std::sync::Mutex<Vec<&'static [u8]>>);
    impl AsRef<[u8]> for Changing {
        fn as_ref(&self) -> &[u8] {
            self.0.lock().unwrap().pop().unwrap_or_default()
        }
    }
    let blob: &'static [u8] = Vec::leak(every_kind().write(ByteOrder::NATIVE));
    for good in 1..80 {
        let changing = Changing(std::sync::Mutex::new(vec![blob; good]));
        let shared: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::new(changing);
        if let Ok(btf) = Btf::parse(shared) {
            for (_, found) in btf.types() {
                let _ = (
                    found.name(),
                    btf.size_of(found.id()),
                    btf.display_name(found.id()).to_string(),
                );
            }
            let _ = btf.find("point", Kind::Struct);
        }
    }
}

#[test]
fn word_order_helper_writes_both() {
    assert_eq!(u32_bytes(1, ByteOrder::Big), [0, 0, 0, 1]);
    assert_eq!(u32_bytes(1, ByteOrder::Little), [1, 0, 0, 0]);
}
