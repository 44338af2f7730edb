//! Values as text: every sort of type, in both byte orders.

use bpf_btf::{Btf, ByteOrder, TypeId, ValueError, ValueOptions};

use crate::asm::{Asm, BOOL, CHAR, FLAG, ORDERS, SIGNED, asm};

/// Bytes written in little and in big endian.
type Bytes = [&'static [u8]; 2];

/// Name, type, bit offset and width of each member.
type Fields = &'static [(&'static str, u32, u32, u32)];

const fn both(bytes: &'static [u8]) -> Bytes {
    [bytes, bytes]
}

fn bare() -> ValueOptions {
    ValueOptions::default().compact().without_names()
}

/// The value of the last type of a blob.
fn text(
    blob: &Asm,
    order: ByteOrder,
    bytes: &[u8],
    options: &ValueOptions,
) -> Result<String, ValueError> {
    let btf = Btf::parse(blob.write(order)).unwrap();
    btf.value_text(TypeId::new(btf.len() - 1), bytes, order, options)
}

#[track_caller]
fn check_with(options: &ValueOptions, what: &str, blob: &Asm, bytes: Bytes, expected: &str) {
    for (order, bytes) in ORDERS.into_iter().zip(bytes) {
        let text = text(blob, order, bytes, options);
        assert_eq!(text.as_deref(), Ok(expected), "{what}, {order:?}");
    }
}

#[track_caller]
fn check(what: &str, blob: &Asm, bytes: Bytes, expected: &str) {
    check_with(&bare(), what, blob, bytes, expected);
}

fn int() -> Asm {
    asm().int("int", 4, SIGNED)
}

#[test]
fn integers_of_every_width() {
    let of = |size, encoding| asm().int("number", size, encoding);
    let low: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let rows: [(&str, Asm, Bytes, &str); 16] = [
        ("u8", of(1, 0), both(&[0xfe]), "254"),
        ("s8", of(1, SIGNED), both(&[0xfe]), "-2"),
        ("char", of(1, CHAR), both(b"A"), "65"),
        ("bool", of(1, BOOL), both(&[1]), "true"),
        ("bool that is neither", of(1, BOOL), both(&[2]), "2"),
        ("u16", of(2, 0), [&[0x34, 0x12], &[0x12, 0x34]], "4660"),
        ("s16", of(2, SIGNED), [&[0x00, 0x80], &[0x80, 0x00]], "-32768"),
        ("u32", of(4, 0), both(&[0xff; 4]), "4294967295"),
        ("s32", of(4, SIGNED), [&[0, 0, 0, 0x80], &[0x80, 0, 0, 0]], "-2147483648"),
        ("u64", of(8, 0), both(&[0xff; 8]), "18446744073709551615"),
        (
            "s64",
            of(8, SIGNED),
            [&[0, 0, 0, 0, 0, 0, 0, 0x80], &[0x80, 0, 0, 0, 0, 0, 0, 0]],
            "-9223372036854775808",
        ),
        ("u128", of(16, 0), both(&[0xff; 16]), "340282366920938463463374607431768211455"),
        ("s128", of(16, SIGNED), both(&[0xff; 16]), "-1"),
        (
            "least s128",
            of(16, SIGNED),
            [
                &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80],
                &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ],
            "-170141183460469231731687303715884105728",
        ),
        (
            "24 bits in 3 bytes",
            asm().head("odd", 1, 0, 3).words(&[24]),
            [&[1, 2, 3], &[3, 2, 1]],
            "197121",
        ),
        (
            "under const and a typedef",
            of(4, 0).typedef("t", 1).constant(2),
            [&[7, 0, 0, 0], &[0, 0, 0, 7]],
            "7",
        ),
    ];
    for (what, blob, bytes, expected) in rows {
        check(what, &blob, bytes, expected);
    }
    let mut big = low;
    big.reverse();
    for (order, bytes) in ORDERS.into_iter().zip([low, big]) {
        assert_eq!(text(&of(16, 0), order, &bytes, &bare()).as_deref(), Ok("1"));
    }
    let error = text(&of(32, 0), ByteOrder::Little, &[0; 32], &bare()).unwrap_err();
    assert_eq!(error, ValueError::Width { id: TypeId::new(1), bits: 256 });
}

#[test]
fn floating_point_numbers() {
    let of = |size| asm().float("f", size);
    let rows: [(&str, Asm, Bytes, &str); 9] = [
        ("float", of(4), [&[0, 0, 0xc0, 0x3f], &[0x3f, 0xc0, 0, 0]], "1.5"),
        (
            "double",
            of(8),
            [&[0, 0, 0, 0, 0, 0, 0xf8, 0xbf], &[0xbf, 0xf8, 0, 0, 0, 0, 0, 0]],
            "-1.5",
        ),
        ("infinite", of(4), [&[0, 0, 0x80, 0x7f], &[0x7f, 0x80, 0, 0]], "inf"),
        ("no number", of(4), [&[0, 0, 0xc0, 0x7f], &[0x7f, 0xc0, 0, 0]], "NaN"),
        ("negative zero", of(4), [&[0, 0, 0, 0x80], &[0x80, 0, 0, 0]], "-0"),
        (
            "smallest",
            of(4),
            [&[1, 0, 0, 0], &[0, 0, 0, 1]],
            "0.000000000000000000000000000000000000000000001",
        ),
        ("half", of(2), [&[0, 0x3c], &[0x3c, 0]], "0x3c00"),
        (
            "12 bytes",
            of(12),
            [&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
            "0x20000000000000000000001",
        ),
        ("16 bytes", of(16), both(&[0x11; 16]), "0x11111111111111111111111111111111"),
    ];
    for (what, blob, bytes, expected) in rows {
        check(what, &blob, bytes, expected);
    }
}

#[test]
fn enumerations_known_and_unknown() {
    let narrow = |size, signed| {
        asm().enumeration("e", size, signed, &[("A", 1), ("MINUS", -1), ("TWICE", 1)])
    };
    let wide = |signed| asm().enum64("e", 8, signed, &[("TOP", u64::MAX), ("BIT", 1 << 40)]);
    let rows: [(&str, Asm, Bytes, &str); 13] = [
        ("first of two names", narrow(4, true), [&[1, 0, 0, 0], &[0, 0, 0, 1]], "A"),
        ("negative", narrow(4, true), both(&[0xff; 4]), "MINUS"),
        ("unsigned", narrow(4, false), both(&[0xff; 4]), "MINUS"),
        ("unknown", narrow(4, true), [&[9, 0, 0, 0], &[0, 0, 0, 9]], "9"),
        (
            "unknown and negative",
            narrow(4, true),
            [&[0xfe, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xfe]],
            "-2",
        ),
        (
            "unknown and large",
            narrow(4, false),
            [&[0xfe, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xfe]],
            "4294967294",
        ),
        ("one byte", narrow(1, true), both(&[0xff]), "MINUS"),
        ("two bytes", narrow(2, false), [&[1, 0], &[0, 1]], "A"),
        ("64 bits, unsigned", wide(false), both(&[0xff; 8]), "TOP"),
        ("64 bits, signed", wide(true), both(&[0xff; 8]), "TOP"),
        (
            "64 bits, high bit",
            wide(false),
            [&[0, 0, 0, 0, 0, 1, 0, 0], &[0, 0, 1, 0, 0, 0, 0, 0]],
            "BIT",
        ),
        (
            "64 bits, unknown",
            wide(false),
            [
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            ],
            "18446744073709551614",
        ),
        (
            "without values",
            asm().enumeration("e", 4, false, &[]),
            [&[3, 0, 0, 0], &[0, 0, 0, 3]],
            "3",
        ),
    ];
    for (what, blob, bytes, expected) in rows {
        check(what, &blob, bytes, expected);
    }
}

#[test]
fn pointers_have_the_size_of_their_machine() {
    let wide = asm().ptr(0);
    check(
        "64 bits",
        &wide,
        [&[0xef, 0xbe, 0, 0, 0, 0, 0, 0x80], &[0x80, 0, 0, 0, 0, 0, 0xbe, 0xef]],
        "0x800000000000beef",
    );
    let narrow = asm().int("long int", 4, SIGNED).ptr(1);
    check("32 bits", &narrow, [&[0xef, 0xbe, 0, 0], &[0, 0, 0xbe, 0xef]], "0xbeef");
    let function = asm().prototype(0, &[]).ptr(1);
    check("function", &function, both(&[0; 8]), "0x0");
    let named = ValueOptions::default().compact();
    check_with(&named, "named", &function, both(&[0; 8]), "(void (*)(void))0x0");
    check_with(&named, "forward", &asm().fwd("f", false).ptr(1), both(&[0; 8]), "(struct f *)0x0");
}

#[test]
fn bitfields_of_new_and_old_kind() {
    let of = |members: &[(&str, u32, u32, u32)]| int().int("u64", 8, 0).bitfields("s", 16, members);
    let options = ValueOptions::default().compact();
    // Each number spans bytes, or a part of one.
    let bytes: Bytes = [
        &[0x21, 0x43, 0x65, 0x87, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0],
        &[0x21, 0x43, 0x65, 0x87, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0],
    ];
    let rows: [(&str, Fields, [&str; 2]); 5] = [
        ("half a byte", &[("a", 2, 0, 4)], ["1", "2"]),
        ("second half", &[("a", 2, 4, 4)], ["2", "1"]),
        ("over a byte", &[("a", 2, 4, 8)], ["50", "20"]),
        ("signed", &[("a", 1, 64, 5)], ["-1", "-1"]),
        ("60 bits", &[("a", 2, 4, 60)], ["141972530", "91028047972532224"]),
    ];
    for (what, members, expected) in rows {
        for ((order, bytes), expected) in ORDERS.into_iter().zip(bytes).zip(expected) {
            let name = if members[0].1 == 1 { "int" } else { "u64" };
            let text = text(&of(members), order, bytes, &options);
            let expected = format!("(struct s){{.a = ({name}){expected},}}");
            assert_eq!(text.as_deref(), Ok(expected.as_str()), "{what}, {order:?}");
        }
    }
    // Old BTF: integers of odd width, with an offset of their own.
    let old = asm()
        .head("b3", 1, 0, 4)
        .words(&[SIGNED | 3])
        .head("b5", 1, 0, 4)
        .words(&[3 << 16 | 5])
        .structure("s", 4, &[("a", 1, 0), ("b", 2, 0)]);
    check("old", &old, [&[0b1000_1101, 0, 0, 0], &[0b1011_0001, 0, 0, 0]], "{-3,17,}");
    // Enumerations and bools may be bitfields.
    let sorts = asm().enumeration("e", 4, true, &[("LAST", -1)]).int("_Bool", 1, BOOL).bitfields(
        "s",
        4,
        &[("e", 1, 0, 2), ("flag", 2, 2, 1)],
    );
    check("sorts", &sorts, [&[0b111, 0, 0, 0], &[0b1110_0000, 0, 0, 0]], "{LAST,true,}");
}

#[test]
fn unions_and_structures_within_each_other() {
    let blob = int()
        .int("unsigned char", 1, 0) // 2
        .array(2, 1, 4) // 3
        .union("u", 4, &[("word", 1, 0), ("bytes", 3, 0)]) // 4
        .structure("", 8, &[("u", 4, 0), ("x", 1, 32)]) // 5
        .structure("outer", 12, &[("", 5, 0), ("last", 1, 64)]); // 6
    let named = ValueOptions::default().compact();
    let bytes: Bytes =
        [&[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]];
    for ((order, bytes), array) in ORDERS.into_iter().zip(bytes).zip(["1,", "0,0,0,1,"]) {
        let text = text(&blob, order, bytes, &named).unwrap();
        let u = format!("(union u){{.word = (int)1,.bytes = (unsigned char[4])[{array}],}}");
        assert_eq!(text, format!("(struct outer){{(struct){{.u = {u},}},.last = (int)9,}}"));
    }
    check("empty", &int().structure("s", 0, &[]), both(&[]), "{}");
    check(
        "padding is not shown",
        &int().structure("s", 8, &[("a", 1, 0)]),
        both(&[0, 0, 0, 0, 1, 1, 1, 1]),
        "{}",
    );
}

#[test]
fn arrays_of_arrays_and_of_nothing() {
    let nested = int().array(1, 1, 2).array(2, 1, 2);
    let bytes: Bytes = [
        &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0],
    ];
    check("nested", &nested, bytes, "[[1,2,],[3,],]");
    check_with(&bare().with_zeroes(), "nested", &nested, bytes, "[[1,2,],[3,0,],]");
    let named = ValueOptions::default().compact();
    check_with(&named, "nested", &nested, bytes, "(int[2][2])[(int[2])[1,2,],(int[2])[3,],]");
    let pointers = asm().int("int", 4, 0).ptr(0).array(2, 1, 2);
    check(
        "pointers",
        &pointers,
        [
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        ],
        "[0x1,]",
    );
    check("no elements", &int().array(1, 1, 0), both(&[]), "[]");
    let flexible = int().array(1, 1, 0).structure("s", 4, &[("n", 1, 0), ("rest", 2, 32)]);
    let five: Bytes = [&[5, 0, 0, 0, 7, 0, 0, 0], &[0, 0, 0, 5, 0, 0, 0, 7]];
    check("flexible array", &flexible, five, "{5,}");
    check_with(&bare().with_zeroes(), "flexible array", &flexible, five, "{5,[],}");
}

#[test]
fn strings_of_every_sort() {
    let of = |name: &'static str, encoding| int().int(name, 1, encoding).array(2, 1, 6);
    let strings = bare().with_strings();
    let rows: [(&str, Asm, &'static [u8], &str, &str); 7] = [
        ("char", of("char", SIGNED), b"abc\0\0\0", "['a','b','c',]", "\"abc\""),
        ("encoded as char", of("letter", CHAR), b"abc\0\0\0", "['a','b','c',]", "\"abc\""),
        ("full", of("char", 0), b"abcdef", "['a','b','c','d','e','f',]", "\"abcdef\""),
        ("empty", of("char", 0), b"\0\0\0\0\0\0", "[]", "\"\""),
        ("not ASCII", of("char", 0), b"\xc3\xa9\0\0\0\0", "['\\xc3','\\xa9',]", "\"\\xc3\\xa9\""),
        (
            "bytes behind the end",
            of("char", 0),
            b"a\0b\0\0\0",
            "['a','\\0','b',]",
            "['a','\\0','b',]",
        ),
        ("no characters", of("unsigned char", 0), b"ab\0\0\0\0", "[97,98,]", "[97,98,]"),
    ];
    for (what, blob, bytes, plain, string) in rows {
        check(what, &blob, both(bytes), plain);
        check_with(&strings, what, &blob, both(bytes), string);
    }
}

#[test]
fn too_few_bytes_are_an_error_that_says_where() {
    let blob = int().array(1, 1, 2).structure("inner", 12, &[("a", 1, 0), ("b", 2, 32)]).structure(
        "s",
        16,
        &[("a", 1, 0), ("inner", 3, 32)],
    );
    for order in ORDERS {
        for len in 0..16 {
            let error = text(&blob, order, &vec![1; len], &bare()).unwrap_err();
            let expected = ValueError::TooShort { id: TypeId::new(4), offset: 0, needed: 16, len };
            assert_eq!(error, expected);
        }
        assert!(text(&blob, order, &[1; 16], &bare()).is_ok());
        // More than is needed does not matter.
        assert!(text(&blob, order, &[1; 17], &bare()).is_ok());
        // A member that lies outside of its structure is not read from behind it unless the bytes are there.
        let outside = int().structure("s", 4, &[("a", 1, 32)]);
        let short = ValueError::TooShort { id: TypeId::new(1), offset: 4, needed: 4, len: 4 };
        assert_eq!(text(&outside, order, &[1; 4], &bare()), Err(short));
        let bits = int().bitfields("s", 4, &[("a", 1, 30, 4)]);
        let short = ValueError::TooShort { id: TypeId::new(1), offset: 3, needed: 2, len: 4 };
        assert_eq!(text(&bits, order, &[1; 4], &bare().with_zeroes()), Err(short));
    }
}

#[test]
fn what_has_no_value_is_an_error() {
    let rows: [(&str, Asm); 7] = [
        ("forward declaration", asm().fwd("f", false)),
        ("typedef of void", asm().typedef("t", 0)),
        ("function", asm().prototype(0, &[]).func("f", 1, 1)),
        (
            "array of what is declared forward",
            asm().int("int", 4, 0).fwd("f", false).array(2, 1, 1),
        ),
        ("member declared forward", asm().fwd("f", false).structure("s", 4, &[("a", 1, 0)])),
        ("declaration tag", asm().int("int", 4, 0).decl_tag("t", 1, u32::MAX)),
        ("unknown kind", asm().head("new", 20, FLAG, 4).layout(&[(0, 0); 21])),
    ];
    for (what, blob) in rows {
        for order in ORDERS {
            let error = text(&blob, order, &[0; 64], &bare().with_zeroes()).unwrap_err();
            assert!(matches!(error, ValueError::Kind { .. }), "{what}: {error}");
        }
    }
    let mut deep = int();
    for id in 1..100 {
        deep = deep.structure("s", 4, &[("inner", id, 0)]);
    }
    let error = text(&deep, ByteOrder::NATIVE, &[1; 4], &bare()).unwrap_err();
    assert!(matches!(error, ValueError::TooDeep { .. }), "{error}");
    let endless = asm().structure("s", 4, &[("itself", 1, 0)]);
    let error = text(&endless, ByteOrder::NATIVE, &[1; 4], &bare()).unwrap_err();
    assert!(matches!(error, ValueError::TooDeep { .. }), "{error}");
}
