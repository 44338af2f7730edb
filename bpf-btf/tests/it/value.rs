//! Values as text, in both byte orders.

use bpf_btf::{Btf, ByteOrder, Kind, TypeId, ValueError, ValueOptions};

use crate::asm::{Asm, BOOL, ORDERS, SIGNED, asm, u32_bytes};

fn compact() -> ValueOptions {
    ValueOptions::default().compact()
}

fn bare() -> ValueOptions {
    compact().without_names()
}

/// The types of the rows below; the comments give the ids.
fn types() -> Asm {
    asm()
        .int("int", 4, SIGNED) // 1
        .int("unsigned char", 1, 0) // 2
        .int("char", 1, SIGNED) // 3
        .int("_Bool", 1, BOOL) // 4
        .int("long", 8, SIGNED) // 5
        .ptr(0) // 6
        .array(1, 1, 3) // 7
        .array(3, 1, 8) // 8
        .structure("point", 8, &[("x", 1, 0), ("y", 1, 32)]) // 9
        .enumeration("color", 4, true, &[("RED", -1), ("GREEN", 7)]) // 10
        .typedef("number_t", 1) // 11
        .constant(11) // 12
        .float("float", 4) // 13
        .structure("line", 16, &[("from", 9, 0), ("to", 9, 64)]) // 14
        .union("", 4, &[("word", 1, 0), ("byte", 2, 0)]) // 15
        .structure("tagged", 8, &[("kind", 10, 0), ("", 15, 32)]) // 16
        .array(9, 1, 2) // 17
        .bitfields("flags", 4, &[("low", 1, 0, 3), ("middle", 2, 3, 5), ("high", 1, 8, 24)]) // 18
        .var("counter", 12, 0) // 19
        .var("origin", 9, 1) // 20
        .datasec(".data", 12, &[(19, 0, 4), (20, 4, 8)]) // 21
        .prototype(0, &[]) // 22
        .array(2, 1, 2) // 23
        .array(3, 1, 0) // 24
}

/// Bytes of words in a byte order.
fn words(order: ByteOrder, words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| u32_bytes(*word, order)).collect()
}

#[track_caller]
fn check(id: u32, data: &[u32], options: &ValueOptions, expected: &str) {
    for order in ORDERS {
        let btf = Btf::parse(types().write(order)).unwrap();
        let text = btf.value_text(TypeId::new(id), &words(order, data), order, options);
        assert_eq!(text.as_deref(), Ok(expected), "{order:?}");
    }
}

#[track_caller]
fn check_bytes(id: u32, data: &[u8], options: &ValueOptions, expected: &str) {
    for order in ORDERS {
        let btf = Btf::parse(types().write(order)).unwrap();
        let text = btf.value_text(TypeId::new(id), data, order, options);
        assert_eq!(text.as_deref(), Ok(expected), "{order:?}");
    }
}

#[test]
fn numbers_have_a_type_and_a_sign() {
    let rows: [(u32, &[u32], &str, &str); 9] = [
        (1, &[5], "(int)5", "5"),
        (1, &[u32::MAX], "(int)-1", "-1"),
        (11, &[0], "(number_t)0", "0"),
        (12, &[7], "(const number_t)7", "7"),
        (10, &[u32::MAX], "(enum color)RED", "RED"),
        (10, &[7], "(enum color)GREEN", "GREEN"),
        (10, &[8], "(enum color)8", "8"),
        (13, &[0x3fc0_0000], "(float)1.5", "1.5"),
        (13, &[0xc000_0000], "(float)-2", "-2"),
    ];
    for (id, data, named, plain) in rows {
        check(id, data, &compact(), named);
        check(id, data, &bare(), plain);
    }
    check_bytes(2, &[0xff], &compact(), "(unsigned char)255");
    check_bytes(4, &[1], &compact(), "(_Bool)true");
    check_bytes(4, &[0], &compact(), "(_Bool)false");
    check_bytes(4, &[9], &compact(), "(_Bool)9");
    check_bytes(5, &[0xff; 8], &compact(), "(long)-1");
    check_bytes(6, &[0x11; 8], &compact(), "(void *)0x1111111111111111");
    check_bytes(6, &[0; 8], &compact(), "(void *)0x0");
}

#[test]
fn structures_show_what_is_not_zero() {
    check(9, &[1, u32::MAX], &compact(), "(struct point){.x = (int)1,.y = (int)-1,}");
    check(9, &[1, 2], &bare(), "{1,2,}");
    check(9, &[0, 2], &compact(), "(struct point){.y = (int)2,}");
    check(9, &[0, 2], &compact().with_zeroes(), "(struct point){.x = (int)0,.y = (int)2,}");
    check(9, &[0, 0], &compact(), "(struct point){}");
    check(9, &[0, 2], &bare().with_zeroes(), "{0,2,}");
}

#[test]
fn lines_are_indented() {
    let expected = "(struct line){\n\t.from = (struct point){\n\t\t.x = (int)1,\n\t},\n\t.to = (struct point){\n\t\t.y = (int)4,\n\t},\n}";
    check(14, &[1, 0, 0, 4], &ValueOptions::default(), expected);
    let indented = expected.replace('\n', "\n\t\t");
    check(14, &[1, 0, 0, 4], &ValueOptions::default().with_indent(2), &indented);
}

#[test]
fn types_without_a_name_have_no_cast_but_their_kind() {
    for order in ORDERS {
        let btf = Btf::parse(types().write(order)).unwrap();
        let mut data = words(order, &[7]);
        data.extend([1, 1, 1, 1]);
        let text = btf.value_text(TypeId::new(16), &data, order, &compact());
        assert_eq!(
            text.as_deref(),
            Ok(
                "(struct tagged){.kind = (enum color)GREEN,(union){.word = (int)16843009,.byte = (unsigned char)1,},}"
            )
        );
    }
}

#[test]
fn zeroes_at_the_ends_of_arrays_are_not_shown() {
    check(7, &[1, 0, 3], &compact(), "(int[3])[1,0,3,]");
    check(7, &[1, 0, 0], &compact(), "(int[3])[1,]");
    check(7, &[0, 0, 0], &compact(), "(int[3])[]");
    check(7, &[1, 0, 0], &compact().with_zeroes(), "(int[3])[1,0,0,]");
    check(17, &[1, 2, 0, 0], &bare(), "[{1,2,},]");
    check(
        17,
        &[0, 0, 3, 4],
        &compact(),
        "(struct point[2])[(struct point){},(struct point){.x = (int)3,.y = (int)4,},]",
    );
    check_bytes(23, &[1, 2], &bare(), "[1,2,]");
    check_bytes(24, &[], &bare(), "[]");
}

#[test]
fn characters_are_shown_as_such() {
    check_bytes(8, b"ab\0\0\0\0\0\0", &compact(), "(char[8])['a','b',]");
    check_bytes(8, b"a\0b\x01'\n\0\0", &bare(), "['a','\\0','b','\\x01','\\'','\\n',]");
    check_bytes(8, b"ab\0\0\0\0\0\0", &bare().with_strings(), "\"ab\"");
    check_bytes(8, b"abcdefgh", &bare().with_strings(), "\"abcdefgh\"");
    check_bytes(8, b"say \"x\"\\", &bare().with_strings(), "\"say \\\"x\\\"\\\\\"");
    // Two strings are not one.
    check_bytes(8, b"a\0b\0\0\0\0\0", &bare().with_strings(), "['a','\\0','b',]");
}

#[test]
fn bitfields_are_counted_from_the_end_that_comes_first() {
    let rows: [(ByteOrder, [u8; 4]); 2] = [
        // low = -3 (101), middle = 17 (10001), high = 0x000102.
        (ByteOrder::Little, [0b1000_1101, 0x02, 0x01, 0x00]),
        (ByteOrder::Big, [0b1011_0001, 0x00, 0x01, 0x02]),
    ];
    for (order, data) in rows {
        let btf = Btf::parse(types().write(order)).unwrap();
        let text = btf.value_text(TypeId::new(18), &data, order, &compact());
        assert_eq!(
            text.as_deref(),
            Ok("(struct flags){.low = (int)-3,.middle = (unsigned char)17,.high = (int)258,}"),
            "{order:?}"
        );
        let text = btf.value_text(TypeId::new(18), &[0; 4], order, &bare().with_zeroes());
        assert_eq!(text.as_deref(), Ok("{0,0,0,}"));
    }
}

#[test]
fn variables_are_declarations_and_sections_hold_them() {
    check(19, &[7], &compact(), "static const number_t counter = (const number_t)7");
    check(20, &[1, 2], &bare(), "{1,2,}");
    check(
        21,
        &[7, 1, 2],
        &compact(),
        "SEC(\".data\") static const number_t counter = (const number_t)7; \
         SEC(\".data\") struct point origin = (struct point){.x = (int)1,.y = (int)2,};",
    );
}

#[test]
fn what_has_no_value_or_too_few_bytes_is_an_error() {
    let btf = Btf::parse(types().write(ByteOrder::NATIVE)).unwrap();
    let text =
        |id, bytes: &[u8]| btf.value_text(TypeId::new(id), bytes, ByteOrder::NATIVE, &compact());
    let short = |id, offset, needed, len| {
        Err(ValueError::TooShort { id: TypeId::new(id), offset, needed, len })
    };
    assert_eq!(text(1, &[0; 3]), short(1, 0, 4, 3));
    assert_eq!(text(9, &[0; 7]), short(9, 0, 8, 7));
    assert_eq!(text(7, &[0; 11]), short(7, 0, 12, 11));
    assert_eq!(text(21, &[0; 8]), short(9, 4, 8, 8));
    assert_eq!(text(99, &[]), Err(ValueError::NoSuchType { id: TypeId::new(99) }));
    let kind = ValueError::Kind { id: TypeId::new(22), kind: Kind::FuncProto };
    assert_eq!(text(22, &[]), Err(kind));
    assert_eq!(text(0, &[]), Err(ValueError::Kind { id: TypeId::VOID, kind: Kind::Void }));
}

#[test]
fn text_stays_in_proportion_to_the_bytes() {
    // A union of two unions of two unions, all over one byte.
    let mut blob = asm().int("unsigned char", 1, 0);
    for inner in 1..41 {
        blob = blob.union("", 1, &[("", inner, 0), ("", inner, 0)]);
    }
    let btf = Btf::parse(blob.write(ByteOrder::NATIVE)).unwrap();
    let error = btf.value_text(TypeId::new(41), &[1], ByteOrder::NATIVE, &compact()).unwrap_err();
    assert!(matches!(error, ValueError::TooLarge { .. }), "{error}");
    // Billions of elements without a size.
    let blob = asm().structure("empty", 0, &[]).array(1, 1, u32::MAX);
    let btf = Btf::parse(blob.write(ByteOrder::NATIVE)).unwrap();
    let options = bare().with_zeroes();
    let text = btf.value_text(TypeId::new(2), &[], ByteOrder::NATIVE, &options);
    assert_eq!(text.as_deref(), Ok("[]"));
}
