//! Types as C text. That compilers agree with it is tested by the `oracle` target.

use bpf_btf::{Btf, CDeclarationOptions, CError, CHeaderOptions, CPrinter, TypeId, c_header};

use crate::asm::{Asm, BOOL, FLAG, ORDERS, SIGNED, asm, split};

/// Name, type and bit offset of each member.
type Members<'a> = &'a [(&'a str, u32, u32)];
/// The same with the width of bitfields.
type Bitfields<'a> = &'a [(&'a str, u32, u32, u32)];

/// The text of a type and of all that it needs, in both byte orders.
#[track_caller]
fn check(blob: &Asm, root: u32, expected: &str) {
    for order in ORDERS {
        let btf = Btf::parse(blob.write(order)).unwrap();
        let mut printer = CPrinter::new(&btf);
        assert_eq!(printer.define(TypeId::new(root)), Ok(()), "{order:?}");
        assert_eq!(printer.text(), expected, "{order:?}");
    }
}

#[track_caller]
fn check_error(blob: &Asm, root: u32, expected: &CError) {
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let mut printer = CPrinter::new(&btf);
    assert_eq!(printer.define(TypeId::new(root)).as_ref(), Err(expected));
    assert_eq!(printer.text(), "", "nothing incomplete is written");
}

#[test]
fn members_come_before_pointers_only_by_name() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .structure("list", 16, &[("next", 3, 0), ("other", 4, 64)]) // 2
        .ptr(2) // 3
        .ptr(5) // 4
        .structure("inner", 4, &[("x", 1, 0)]) // 5
        .structure("outer", 24, &[("list", 2, 0), ("inner", 5, 128)]); // 6
    let inner = "struct inner {\n\tint x;\n};\n\n";
    let list =
        "struct inner;\n\nstruct list {\n\tstruct list *next;\n\tstruct inner *other;\n};\n\n";
    check(&blob, 5, inner);
    check(&blob, 2, list);
    check(
        &blob,
        6,
        &format!(
            "{list}{inner}struct outer {{\n\tstruct list list;\n\tstruct inner inner;\n}};\n\n"
        ),
    );
}

#[test]
fn a_member_without_a_name_is_written_as_what_its_type_has() {
    // As kernels have them since they are compiled with -fms-extensions (6.19): other compilers take
    // `struct inner;` for a declaration, and leave the member out.
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .structure("inner", 4, &[("x", 1, 0)]) // 2
        .typedef("inner_t", 2) // 3
        .constant(3) // 4
        .union("middle", 4, &[("", 2, 0), ("y", 1, 0)]) // 5
        .structure("outer", 12, &[("", 3, 0), ("", 5, 32), ("", 4, 64)]); // 6
    let inner =
        "struct inner;\n\ntypedef struct inner inner_t;\n\nstruct inner {\n\tint x;\n};\n\n";
    let middle = "union middle {\n\tstruct {\n\t\tint x;\n\t};\n\tint y;\n};\n\n";
    check(
        &blob,
        6,
        &format!(
            "{inner}{middle}struct outer {{\n\tstruct {{\n\t\tint x;\n\t}};\n\
             \tunion {{\n\t\tstruct {{\n\t\t\tint x;\n\t\t}};\n\t\tint y;\n\t}};\n\
             \tconst struct {{\n\t\tint x;\n\t}};\n}};\n\n"
        ),
    );
}

#[test]
fn a_name_needed_inside_another_definition_is_declared_before_it() {
    let blob = asm()
        .structure("first", 8, &[("callback", 2, 0)]) // 1
        .typedef("callback_t", 3) // 2
        .ptr(4) // 3
        .prototype(0, &[("subject", 5)]) // 4
        .ptr(1); // 5
    check(
        &blob,
        1,
        "struct first;\n\ntypedef void (*callback_t)(struct first *subject);\n\n\
         struct first {\n\tcallback_t callback;\n};\n\n",
    );
}

#[test]
fn declarators_are_written_inside_out() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .ptr(1) // 2
        .constant(2) // 3
        .array(3, 1, 4) // 4
        .ptr(4) // 5
        .prototype(5, &[("code", 1), ("", 0)]) // 6
        .ptr(6) // 7
        .array(7, 1, 2) // 8
        .constant(1) // 9
        .volatile(9) // 10
        .ptr(10) // 11
        .restrict(11) // 12
        .prototype(0, &[]) // 13
        .prototype(1, &[("", 0)]) // 14
        .array(1, 1, 3) // 15
        .array(15, 1, 2) // 16
        .type_tag("user", 1) // 17
        .ptr(17) // 18
        .typedef("word", 1) // 19
        .constant(19); // 20
    let rows = [
        (1, "int v"),
        (2, "int *v"),
        (3, "int *const v"),
        (4, "int *const v[4]"),
        (5, "int *const (*v)[4]"),
        (7, "int *const (*(*v)(int code, ...))[4]"),
        (8, "int *const (*(*v[2])(int code, ...))[4]"),
        (11, "volatile const int *v"),
        (12, "volatile const int *restrict v"),
        (13, "void v(void)"),
        (14, "int v()"),
        (16, "int v[2][3]"),
        (18, "int __attribute__((btf_type_tag(\"user\"))) *v"),
        (20, "const word v"),
    ];
    for order in ORDERS {
        let btf = Btf::parse(blob.write(order)).unwrap();
        let mut printer = CPrinter::new(&btf);
        for (id, expected) in rows {
            let id = TypeId::new(id);
            let text = printer.declaration(id, "v", &CDeclarationOptions::default());
            assert_eq!(text.as_deref(), Ok(expected));
        }
        let bare = CDeclarationOptions::default().without_modifiers();
        assert_eq!(printer.declaration(TypeId::new(12), "v", &bare).as_deref(), Ok("int *v"));
        assert_eq!(printer.declaration(TypeId::new(5), "", &bare).as_deref(), Ok("int *(*)[4]"));
        assert_eq!(printer.text(), "");
    }
}

#[test]
fn gaps_are_filled_and_packing_is_found() {
    let numbers = || asm().int("char", 1, SIGNED).int("int", 4, SIGNED).int("long", 8, SIGNED);
    let rows: [(Members<'_>, u32, &str); 7] = [
        (&[("a", 1, 0), ("b", 2, 32)], 8, "\tchar a;\n\tint b;\n}"),
        (&[("a", 1, 0), ("b", 2, 64)], 12, "\tchar a;\n\tint: 24;\n\tint: 32;\n\tint b;\n}"),
        (&[("a", 1, 0), ("b", 2, 8)], 5, "\tchar a;\n\tint b;\n} __attribute__((packed))"),
        (&[("a", 2, 0), ("b", 1, 32)], 5, "\tint a;\n\tchar b;\n} __attribute__((packed))"),
        (&[("a", 2, 0), ("b", 3, 64)], 24, "\tint a;\n\tlong b;\n\tlong: 64;\n}"),
        (&[("a", 1, 0)], 2, "\tchar a;\n\tchar: 8;\n}"),
        (&[("b", 2, 32), ("a", 1, 0)], 8, "\tchar a;\n\tint b;\n}"),
    ];
    for (members, size, body) in rows {
        let expected = format!("struct s {{\n{body};\n\n");
        check(&numbers().structure("s", size, members), 4, &expected);
    }
    check(&numbers().structure("s", 0, &[]), 4, "struct s {};\n\n");
    check(
        &numbers().structure("s", 1 << 20, &[("a", 1, 0)]),
        4,
        "struct s {\n\tchar a;\n\tunsigned char __gap0[1048575];\n};\n\n",
    );
}

#[test]
fn bitfields_are_where_they_were() {
    let numbers = || asm().int("char", 1, SIGNED).int("int", 4, SIGNED);
    let rows: [(Bitfields<'_>, u32, &str); 5] = [
        (&[("a", 2, 0, 3), ("b", 2, 3, 29)], 4, "\tint a: 3;\n\tint b: 29;\n}"),
        (&[("a", 2, 0, 3), ("b", 2, 32, 30)], 8, "\tint a: 3;\n\tint b: 30;\n}"),
        (&[("a", 2, 0, 3), ("b", 2, 8, 3)], 4, "\tint a: 3;\n\tchar: 5;\n\tint b: 3;\n}"),
        (
            &[("a", 2, 0, 31), ("b", 2, 31, 9)],
            5,
            "\tint a: 31;\n\tint b: 9;\n} __attribute__((packed))",
        ),
        (&[("a", 2, 0, 3), ("b", 1, 8, 0)], 4, "\tint a: 3;\n\tchar b;\n}"),
    ];
    for (members, size, body) in rows {
        let expected = format!("struct s {{\n{body};\n\n");
        check(&numbers().bitfields("s", size, members), 3, &expected);
    }
    // Integers of odd width were bitfields once.
    let old = asm().head("int", 1, 0, 4).words(&[SIGNED | 3]).structure(
        "s",
        4,
        &[("a", 1, 0), ("b", 1, 5)],
    );
    check(&old, 2, "struct s {\n\tint a: 3;\n\tchar: 2;\n\tint b: 3;\n};\n\n");
}

#[test]
fn unions_get_their_size_from_alignment() {
    let blob = |size| asm().int("int", 4, SIGNED).union("u", size, &[("x", 1, 0), ("y", 1, 0)]);
    let body = "union u {\n\tint x;\n\tint y;\n";
    check(&blob(4), 2, &format!("{body}}};\n\n"));
    check(&blob(16), 2, &format!("{body}}} __attribute__((aligned(16)));\n\n"));
    let opaque = asm().union("u", 8, &[]);
    check(&opaque, 1, "union u {\n\tlong: 64;\n};\n\n");
    let odd = asm().int("int", 4, SIGNED).union("u", 12, &[]);
    check(&odd, 2, "union u {\n\tunsigned char __gap[12];\n};\n\n");
}

#[test]
fn arrays_without_elements_are_flexible_only_where_compilers_allow_it() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .array(1, 1, 0) // 2
        .structure("alone", 0, &[("data", 2, 0)]) // 3
        .structure("last", 4, &[("len", 1, 0), ("data", 2, 32)]) // 4
        .structure("early", 4, &[("data", 2, 0), ("len", 1, 0)]) // 5
        .structure("inside", 4, &[("len", 1, 0), ("data", 2, 32)]) // 6
        .structure("around", 8, &[("inside", 6, 0), ("more", 1, 32)]); // 7
    check(&blob, 3, "struct alone {\n\tint data[0];\n};\n\n");
    check(&blob, 4, "struct last {\n\tint len;\n\tint data[];\n};\n\n");
    check(&blob, 5, "struct early {\n\tint data[0];\n\tint len;\n};\n\n");
    check(&blob, 6, "struct inside {\n\tint len;\n\tint data[0];\n};\n\n");
}

#[test]
fn enumerations_keep_values_and_sizes() {
    let rows = [
        (asm().enumeration("e", 4, true, &[("A", -1), ("B", 2)]), "\tA = -1,\n\tB = 2,\n}"),
        (asm().enumeration("e", 4, false, &[("A", -1)]), "\tA = 4294967295,\n}"),
        (asm().enumeration("e", 1, false, &[("A", 1)]), "\tA = 1,\n} __attribute__((mode(QI)))"),
        (asm().enumeration("e", 8, false, &[("A", 1)]), "\tA = 1,\n} __attribute__((mode(DI)))"),
        (
            asm().enum64("e", 8, false, &[("A", u64::MAX), ("B", 1)]),
            "\tA = 18446744073709551615ULL,\n\tB = 1ULL,\n}",
        ),
        (
            asm().enum64("e", 8, true, &[("A", 1 << 63), ("B", u64::MAX)]),
            "\tA = (-9223372036854775807LL - 1),\n\tB = -1LL,\n}",
        ),
    ];
    for (blob, body) in rows {
        check(&blob, 1, &format!("enum e {{\n{body};\n\n"));
    }
    check(&asm().enumeration("e", 4, false, &[]), 1, "enum e;\n\n");
}

#[test]
fn duplicate_names_get_numbers() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .structure("s", 4, &[("x", 1, 0)]) // 2
        .structure("s", 8, &[("x", 1, 0), ("y", 1, 32)]) // 3
        .typedef("s", 2) // 4
        .typedef("s", 3) // 5
        .enumeration("", 4, false, &[("A", 0)]) // 6
        .enumeration("", 4, false, &[("A", 1)]) // 7
        .fwd("s", false) // 8
        .fwd("s", true) // 9
        .structure("s___4", 0, &[]) // 10
        .structure("s", 0, &[]); // 11
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let options = CHeaderOptions::default()
        .in_order_of_ids()
        .with_guard(None)
        .without_preserve_access_index();
    assert_eq!(
        c_header(&btf, &options).unwrap(),
        "struct s {\n\tint x;\n};\n\n\
         struct s___2 {\n\tint x;\n\tint y;\n};\n\n\
         typedef struct s s;\n\n\
         typedef struct s___2 s___2;\n\n\
         enum {\n\tA = 0,\n};\n\n\
         enum {\n\tA___2 = 1,\n};\n\n\
         union s___3;\n\n\
         struct s___4 {};\n\n\
         struct s___5 {};\n\n"
    );
}

#[test]
fn names_that_c_does_not_have_are_made_so() {
    let blob = asm()
        .int("u32", 4, 0) // 1
        .int("bool", 1, BOOL) // 2
        .structure("Option<u32>", 8, &[("default", 1, 0), ("0", 2, 32)]); // 3
    check(
        &blob,
        3,
        "typedef unsigned int u32;\n\n\
         #if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L\ntypedef _Bool bool;\n#endif\n\n\
         struct Option_u32_ {\n\tu32 default_;\n\tbool _0;\n};\n\n",
    );
    let list = asm().structure("tag", 0, &[]).typedef("__builtin_va_list", 1).typedef("list", 2);
    check(&list, 3, "typedef __builtin_va_list list;\n\n");
}

#[test]
fn what_has_no_name_is_written_where_it_is_used() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .union("", 4, &[("x", 1, 0), ("y", 1, 0)]) // 2
        .enumeration("", 4, false, &[("ON", 1)]) // 3
        .structure("s", 8, &[("", 2, 0), ("state", 3, 32)]) // 4
        .typedef("t", 2); // 5
    check(
        &blob,
        4,
        "struct s {\n\tunion {\n\t\tint x;\n\t\tint y;\n\t};\n\tenum {\n\t\tON = 1,\n\t} state;\n};\n\n",
    );
    check(&blob, 5, "typedef union {\n\tint x;\n\tint y;\n} t;\n\n");
}

#[test]
fn functions_and_variables_become_declarations() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .structure("s", 4, &[("x", 1, 0)]) // 2
        .ptr(2) // 3
        .prototype(1, &[("s", 3)]) // 4
        .func("work", 4, 1) // 5
        .var("table", 3, 1); // 6
    check(&blob, 5, "struct s;\n\nextern int work(struct s *s);\n\n");
    check(&blob, 6, "struct s;\n\nextern struct s *table;\n\n");
}

#[test]
fn headers_have_pragmas_and_kfuncs() {
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .prototype(1, &[("flags", 1)]) // 2
        .func("bpf_work", 2, 1) // 3
        .func("not_for_programs", 2, 1) // 4
        .decl_tag("bpf_kfunc", 3, u32::MAX) // 5
        .decl_tag("bpf_fastcall", 3, u32::MAX); // 6
    let btf = Btf::parse(blob.write(ORDERS[1])).unwrap();
    let header = c_header(&btf, &CHeaderOptions::default()).unwrap();
    let wanted = "extern int bpf_work(int flags) __weak __ksym __bpf_fastcall;\n";
    assert!(header.contains(wanted), "{header}");
    assert!(!header.contains("not_for_programs"), "{header}");
    assert!(header.starts_with("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n"), "{header}");
    assert!(header.ends_with("#endif /* __VMLINUX_H__ */\n"), "{header}");
    let bare =
        CHeaderOptions::default().with_guard(None).without_kfuncs().without_preserve_access_index();
    assert_eq!(c_header(&btf, &bare).as_deref(), Ok(""));
}

#[test]
fn accesses_are_kept_where_there_is_something_to_access() {
    for (blob, expected) in [
        (asm().int("int", 4, SIGNED).typedef("number", 1), false),
        (asm().int("int", 4, SIGNED).fwd("s", false), false),
        (asm().int("int", 4, SIGNED).structure("s", 4, &[("x", 1, 0)]), true),
        (asm().int("int", 4, SIGNED).union("u", 4, &[("x", 1, 0)]), true),
    ] {
        let btf = Btf::parse(blob.write(ORDERS[1])).unwrap();
        let header = c_header(&btf, &CHeaderOptions::default()).unwrap();
        let pragmas = header.matches("#pragma clang attribute").count();
        assert_eq!(pragmas, if expected { 2 } else { 0 }, "{header}");
    }
}

#[test]
fn what_c_cannot_express_is_an_error() {
    let int = || asm().int("int", 4, SIGNED);
    let member = |name: &str, member: &str| CError::Member {
        id: TypeId::new(2),
        name: name.to_owned(),
        member: member.to_owned(),
    };
    check_error(&asm().structure("s", 4, &[("s", 1, 0)]), 1, &CError::Cycle { id: TypeId::new(1) });
    check_error(&asm().ptr(1), 1, &CError::Cycle { id: TypeId::new(1) });
    check_error(&asm().typedef("t", 1), 1, &CError::Cycle { id: TypeId::new(1) });
    check_error(&asm(), 7, &CError::NoSuchType { id: TypeId::new(7) });
    let overlap = int().structure("s", 8, &[("a", 1, 0), ("b", 1, 16)]);
    check_error(&overlap, 2, &member("s", "b"));
    check_error(&int().structure("s", 2, &[("a", 1, 0)]), 2, &member("s", "a"));
    check_error(&int().union("u", 8, &[("a", 1, 32)]), 2, &member("u", "a"));
    check_error(&int().structure("s", 8, &[("a", 1, 1)]), 2, &member("s", "a"));
    let wide = asm().int("int", 4, SIGNED).head("s", 4, 1 | FLAG, 8).words(&[0, 1, 40 << 24]);
    check_error(&wide, 2, &member("s", ""));
}

#[test]
fn text_stays_in_proportion_to_the_blob() {
    // Each structure contains the next one twice: written out it would have 2^100 members.
    let mut blob = asm();
    for next in 2..102 {
        blob = blob.structure("", 0, &[("", next, 0), ("", next, 0)]);
    }
    blob = blob.structure("", 0, &[]).structure("root", 0, &[("", 1, 0)]);
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let mut printer = CPrinter::new(&btf);
    let error = printer.define(TypeId::new(102)).unwrap_err();
    assert!(matches!(error, CError::TooLarge { .. } | CError::TooDeep { .. }), "{error}");
    // Prototypes that take two pointers to the next prototype.
    let mut blob = asm();
    for step in 0..40 {
        let pointer = step * 2 + 2;
        blob = blob.prototype(0, &[("", pointer), ("", pointer)]).ptr(step * 2 + 3);
    }
    blob = blob.prototype(0, &[]).typedef("t", 1);
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let error = CPrinter::new(&btf).define(TypeId::new(82)).unwrap_err();
    assert!(matches!(error, CError::TooLarge { .. } | CError::TooDeep { .. }), "{error}");
}

#[test]
fn names_that_many_declarations_mention_stay_in_proportion_to_the_blob() {
    let long = "n".repeat(20_000);
    let value = format!("v{}", "x".repeat(20_000));
    let members = |id: u32, count: u32| {
        let name = |number: u32| format!("m{number}");
        (0..count).map(|number| (name(number), id, number * 32)).collect::<Vec<_>>()
    };
    let rows = [
        ("a long name", asm().structure(&long, 4, &[])),
        ("a body that is repeated", asm().enumeration("", 4, false, &[(&value, 0)])),
    ];
    for (what, blob) in rows {
        for (count, fits) in [(50, true), (2000, false)] {
            let members = members(1, count);
            let members = members.iter().map(|(name, id, at)| (name.as_str(), *id, *at));
            let blob = blob.clone().structure("s", 4 * count, &members.collect::<Vec<_>>());
            for order in ORDERS {
                let btf = Btf::parse(blob.write(order)).unwrap();
                let outcome = CPrinter::new(&btf).define(TypeId::new(2));
                let error = CError::TooLarge { id: TypeId::new(1) };
                assert_eq!(outcome, if fits { Ok(()) } else { Err(error) }, "{what}");
            }
        }
    }
}

#[test]
fn depth_is_no_limit_where_types_have_names() {
    let mut blob = asm().structure("s0", 0, &[]);
    for inner in 1..50_000 {
        blob = blob.structure(&format!("s{inner}"), 0, &[("inner", inner, 0)]);
    }
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let mut printer = CPrinter::new(&btf);
    assert_eq!(printer.define(TypeId::new(50_000)), Ok(()));
    assert!(printer.text().ends_with("struct s49999 {\n\tstruct s49998 inner;\n};\n\n"));
}

#[test]
fn a_split_header_has_of_the_base_what_it_needs() {
    let base = asm()
        .int("int", 4, SIGNED) // 1
        .structure("held", 4, &[("x", 1, 0)]) // 2
        .structure("pointed", 4, &[("x", 1, 0)]) // 3
        .ptr(3) // 4
        .structure("unused", 4, &[("x", 1, 0)]); // 5
    let own = split(base.string_len()).structure("own", 16, &[("held", 2, 0), ("p", 4, 64)]);
    for order in ORDERS {
        let base = Btf::parse(base.write(order)).unwrap();
        let btf = Btf::parse_split(own.write(order), &base).unwrap();
        let options = CHeaderOptions::default().with_guard(None).without_preserve_access_index();
        assert_eq!(
            c_header(&btf, &options).unwrap(),
            "struct held {\n\tint x;\n};\n\nstruct pointed;\n\n\
             struct own {\n\tstruct held held;\n\tstruct pointed *p;\n};\n\n"
        );
    }
}

/// The text with tags on declarations.
#[track_caller]
fn check_tags(blob: &Asm, root: u32, expected: &str) {
    for order in ORDERS {
        let btf = Btf::parse(blob.write(order)).unwrap();
        let mut printer = CPrinter::new(&btf).with_decl_tags();
        assert_eq!(printer.define(TypeId::new(root)), Ok(()), "{order:?}");
        assert_eq!(printer.text(), expected, "{order:?}");
    }
}

#[test]
fn tags_on_declarations_stand_where_compilers_take_them() {
    let whole = u32::MAX;
    let blob = asm()
        .int("int", 4, SIGNED) // 1
        .bitfields("s", 8, &[("a", 1, 0, 0), ("b", 1, 32, 3)]) // 2
        .typedef("t", 1) // 3
        .prototype(1, &[("p", 1), ("call", 7)]) // 4
        .func("f", 4, 1) // 5
        .prototype(1, &[("inner", 1)]) // 6
        .ptr(6) // 7
        .var("v", 1, 1) // 8
        .decl_tag("one", 2, whole)
        .decl_tag("two", 2, whole)
        .decl_tag("first", 2, 0)
        .decl_tag("say \"x\"\\\n\x011", 2, 1)
        .decl_tag("def", 3, whole)
        .decl_tag("arg", 5, 0)
        .decl_tag("fun", 5, whole)
        .decl_tag("var", 8, whole)
        .head("unused", 17, FLAG, 8)
        .words(&[whole]);
    let tag = |text: &str| format!(" __attribute__((btf_decl_tag(\"{text}\")))");
    let (one, two, first) = (tag("one"), tag("two"), tag("first"));
    let odd = tag("say \\\"x\\\"\\\\\\n\x011");
    check_tags(
        &blob,
        2,
        &format!("struct s {{\n\tint a{first};\n\tint b: 3{odd};\n}}{one}{two};\n\n"),
    );
    check_tags(&blob, 3, &format!("typedef int t{};\n\n", tag("def")));
    let (arg, fun) = (tag("arg"), tag("fun"));
    check_tags(&blob, 5, &format!("extern int f(int p{arg}, int (*call)(int inner)){fun};\n\n"));
    check_tags(&blob, 8, &format!("extern int v{} __attribute__((unused));\n\n", tag("var")));
    // Without being asked for, none is written.
    check(&blob, 3, "typedef int t;\n\n");
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let header = c_header(&btf, &CHeaderOptions::default().with_decl_tags()).unwrap();
    assert!(header.contains(&tag("def")) && header.contains(&one), "{header}");
    assert!(!c_header(&btf, &CHeaderOptions::default()).unwrap().contains("btf_decl_tag"));
}
