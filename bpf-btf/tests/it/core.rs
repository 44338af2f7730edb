//! CO-RE: values, poison, errors, and what is told about them.

use bpf_btf::core::{CoreKind, Fixup, Resolver, types_are_compatible, types_match};
use bpf_btf::{Btf, ByteOrder, CoreRelo, TypeId};

use crate::asm::{Asm, BOOL, CHAR, ORDERS, SIGNED, asm, split};

use CoreKind::{
    EnumvalExists, EnumvalValue, FieldByteOffset, FieldByteSize, FieldExists, FieldLshiftU64,
    FieldRshiftU64, FieldSigned, TypeExists, TypeIdLocal, TypeIdTarget, TypeMatches, TypeSize,
};

/// Resolves relocations of `local`, given as type, access string and kind.
pub(crate) fn resolve(
    local: &Asm,
    target: &Btf,
    modules: &[Btf],
    order: ByteOrder,
    relos: &[(u32, &str, CoreKind)],
) -> Vec<Result<Fixup, String>> {
    let mut local = local.clone();
    let records = relos
        .iter()
        .map(|(id, access, kind)| {
            CoreRelo::new(0, TypeId::new(*id), local.string(access), kind.number())
        })
        .collect::<Vec<_>>();
    let local = Btf::parse(local.write(order)).unwrap();
    let mut resolver = Resolver::new(&local, &records);
    resolver.search_kernel(target);
    if resolver.needs_modules() {
        for module in modules {
            resolver.search_module(module, "module");
        }
    }
    resolver.resolve().into_iter().map(|fixup| fixup.map_err(|error| error.to_string())).collect()
}

/// A fixup in short: the value, `poison`, or the error; with the local value in front if it has to be validated.
pub(crate) fn short(fixup: &Result<Fixup, String>) -> String {
    match fixup {
        Err(error) => format!("error: {error}"),
        Ok(fixup) if fixup.poison => "poison".to_owned(),
        Ok(fixup) => {
            let original =
                if fixup.validate { format!("{} -> ", fixup.original) } else { String::new() };
            let width = fixup.width.map_or_else(String::new, |width| {
                format!(
                    ", {} -> {} bytes{}",
                    width.local,
                    width.target,
                    if width.allowed { "" } else { " refused" }
                )
            });
            format!("{original}{}{width}", fixup.value)
        }
    }
}

fn check(what: &str, local: &Asm, target: &Asm, relos: &[(u32, &str, CoreKind, &str)]) {
    for order in ORDERS {
        for target_order in ORDERS {
            let target = Btf::parse(target.write(target_order)).unwrap();
            let asked =
                relos.iter().map(|(id, access, kind, _)| (*id, *access, *kind)).collect::<Vec<_>>();
            let fixups = resolve(local, &target, &[], order, &asked);
            for ((id, access, kind, expected), fixup) in relos.iter().zip(&fixups) {
                assert_eq!(short(fixup), *expected, "{what}: {kind} of [{id}] {access}, {order:?}");
            }
        }
    }
}

/// 1 int, 2 unsigned int, 3 long, 4 unsigned char, 5 unsigned long long.
pub(crate) fn ints() -> Asm {
    asm()
        .int("int", 4, SIGNED)
        .int("unsigned int", 4, 0)
        .int("long", 8, SIGNED)
        .int("unsigned char", 1, 0)
        .int("u64", 8, 0)
}

#[test]
fn fields_are_found_by_name() {
    let local = ints()
        .structure("inner", 8, &[("a", 1, 0), ("b", 1, 32)]) // 6
        .array(6, 1, 4) // 7
        .structure("outer___mine", 40, &[("x", 1, 0), ("list", 7, 64), ("gone", 1, 32)]) // 8
        .constant(8) // 9
        .typedef("outer_t", 9); // 10
    let target = ints()
        .structure("inner", 16, &[("b", 1, 64), ("a", 1, 0)]) // 6
        .volatile(6) // 7
        .array(7, 1, 3) // 8
        .structure("", 8, &[("y", 1, 0), ("x", 1, 32)]) // 9
        .union("", 8, &[("z", 1, 0), ("", 9, 0)]) // 10
        .structure("outer", 100, &[("list", 8, 128), ("", 10, 512)]) // 11
        .typedef("outer_t", 11); // 12
    check(
        "by name",
        &local,
        &target,
        &[
            (8, "0:0", FieldByteOffset, "0 -> 68"),
            (8, "0:1:2:1", FieldByteOffset, "28 -> 56"),
            (8, "0:1:2", FieldByteOffset, "24 -> 48, 8 -> 16 bytes refused"),
            (8, "0:1:2", FieldByteSize, "8 -> 16"),
            (8, "0:1", FieldByteSize, "32 -> 48"),
            (8, "2:0", FieldByteOffset, "80 -> 268"),
            (8, "0:1:3:0", FieldByteOffset, "poison"),
            (8, "0:1:3:0", FieldExists, "1 -> 0"),
            (8, "0:2", FieldByteOffset, "poison"),
            (8, "0:2", FieldByteSize, "poison"),
            (8, "0:2", FieldSigned, "poison"),
            (8, "0:2", FieldLshiftU64, "poison"),
            (8, "0:2", FieldRshiftU64, "poison"),
            (8, "0:2", FieldExists, "1 -> 0"),
            (8, "0:0", FieldExists, "1 -> 1"),
            (8, "0:0", FieldSigned, "1 -> 1"),
            (8, "0", FieldByteSize, "40 -> 100"),
            (8, "0", FieldExists, "1 -> 1"),
            (8, "3", FieldByteOffset, "120 -> 300, 40 -> 100 bytes refused"),
            (10, "0:1:1:0", FieldByteOffset, "16 -> 32"),
        ],
    );
}

#[test]
fn fields_of_incompatible_types_are_none() {
    let locals = ints()
        .ptr(0) // 6
        .float("double", 8) // 7
        .enumeration("e___x", 4, false, &[]) // 8
        .fwd("f", false) // 9
        .prototype(0, &[]) // 10
        .array(1, 1, 2) // 11
        .structure("s", 4, &[]) // 12
        .words(&[0, 1 << 24, 4, 8 << 16 | 8]) // 13: a bitfield of old
        .enumeration("", 4, false, &[]); // 14
    let member = |id| locals.clone().structure("host", 8, &[("m", id, 0)]);
    let target_types = ints()
        .ptr(1) // 6
        .float("float", 4) // 7
        .enum64("e", 8, false, &[]) // 8
        .union("u", 4, &[]) // 9
        .array(6, 1, 9) // 10
        .array(3, 1, 2) // 11
        .enumeration("other", 4, false, &[]) // 12
        .prototype(0, &[]); // 13
    let target = |id| target_types.clone().structure("host", 8, &[("m", id, 0)]);
    let rows = [
        ("int for long", 1, 3, true),
        ("int for pointer", 1, 6, false),
        ("pointer to other type", 6, 6, true),
        ("floats of other size", 7, 7, true),
        ("enum flavour", 8, 8, true),
        ("other enum", 8, 12, false),
        ("enum without name", 14, 12, true),
        ("int for enum", 1, 12, false),
        ("struct for union", 12, 9, true),
        ("array of int for array of long", 11, 11, true),
        ("array of int for array of pointers", 11, 10, false),
        ("array for int", 11, 1, false),
        ("prototype", 10, 13, false),
        ("integer with an offset", 13, 1, false),
    ];
    for (what, ours, theirs, exists) in rows {
        let expected = if exists { "1 -> 1" } else { "1 -> 0" };
        check(what, &member(ours), &target(theirs), &[(15, "0:0", FieldExists, expected)]);
    }
}

#[test]
fn flexible_arrays_have_no_end() {
    let local = ints()
        .array(1, 1, 0) // 6
        .structure("last", 4, &[("n", 1, 0), ("list", 6, 32)]) // 7
        .structure("first", 4, &[("list", 6, 0), ("n", 1, 0)]) // 8
        .array(1, 1, 2) // 9
        .structure("fixed", 12, &[("n", 1, 0), ("list", 9, 32)]); // 10
    let target = ints()
        .array(1, 1, 0) // 6
        .structure("last", 16, &[("n", 1, 0), ("list", 6, 128)]) // 7
        .structure("fixed", 4, &[("n", 1, 0), ("list", 6, 64)]); // 8
    check(
        "flexible",
        &local,
        &target,
        &[
            (7, "0:1:5", FieldByteOffset, "24 -> 36"),
            (7, "0:1", FieldByteSize, "0 -> 0"),
            (10, "0:1:1", FieldByteOffset, "8 -> 12"),
            (
                8,
                "0:0:5",
                FieldByteOffset,
                "error: access string \"0:0:5\" wants element 5 of type 6, which has 0",
            ),
            (
                10,
                "0:1:2",
                FieldByteOffset,
                "error: access string \"0:1:2\" wants element 2 of type 9, which has 2",
            ),
        ],
    );
}

#[test]
fn loads_change_their_width_only_where_that_is_safe() {
    let encodings = |size: u32| {
        asm()
            .int("signed", size, SIGNED) // 1
            .int("unsigned", size, 0) // 2
            .int("char", size, CHAR) // 3
            .int("bool", size, BOOL) // 4
            .enumeration("e", size, false, &[]) // 5
            .float("f", size) // 6
            .array(2, 2, 3) // 7
            .array(1, 1, 3) // 8
    };
    let host = |size, id| encodings(size).structure("host", 64, &[("m", id, 64)]);
    let rows = [
        (1, "8 -> 8, 4 -> 8 bytes refused"),
        (2, "8 -> 8, 4 -> 8 bytes"),
        (3, "8 -> 8, 4 -> 8 bytes"),
        (4, "8 -> 8, 4 -> 8 bytes"),
        (5, "8 -> 8, 4 -> 8 bytes refused"),
        (6, "8 -> 8, 4 -> 8 bytes refused"),
        (7, "8 -> 8, 4 -> 8 bytes"),
        (8, "8 -> 8, 4 -> 8 bytes refused"),
    ];
    for (id, expected) in rows {
        check("width", &host(4, id), &host(8, id), &[(9, "0:0", FieldByteOffset, expected)]);
        check("same width", &host(4, id), &host(4, id), &[(9, "0:0", FieldByteOffset, "8 -> 8")]);
    }
    // Pointers of a kernel of 32 bits.
    let pointer =
        |long| asm().int("long", long, SIGNED).ptr(1).structure("host", 16, &[("m", 2, 0)]);
    check(
        "pointers",
        &pointer(8),
        &pointer(4),
        &[(3, "0:0", FieldByteOffset, "0 -> 0, 8 -> 4 bytes"), (3, "0:0", FieldByteSize, "8 -> 4")],
    );
}

#[test]
fn bitfields_are_read_through_the_smallest_container() {
    // Order, bit offset, width, size of the declared type; offset, size, left shift, right shift.
    let little = ByteOrder::Little;
    let big = ByteOrder::Big;
    let rows = [
        (little, 0, 3, 4, [0, 4, 61, 61]),
        (little, 5, 3, 4, [0, 4, 56, 61]),
        (little, 35, 10, 4, [4, 4, 51, 54]),
        (little, 30, 4, 4, [0, 8, 30, 60]),
        (little, 14, 4, 1, [0, 4, 46, 60]),
        (little, 65, 1, 1, [8, 1, 62, 63]),
        (big, 0, 3, 4, [0, 4, 32, 61]),
        (big, 5, 3, 4, [0, 4, 37, 61]),
        (big, 35, 10, 4, [4, 4, 35, 54]),
        (big, 30, 4, 4, [0, 8, 30, 60]),
        (big, 65, 1, 1, [8, 1, 57, 63]),
    ];
    for (order, offset, width, size, [byte_offset, byte_size, left, right]) in rows {
        let local = asm().int("t", 4, SIGNED).bitfields("s", 16, &[("f", 1, 64, 7)]);
        let target = asm().int("t", size, SIGNED).bitfields("s", 16, &[("f", 1, offset, width)]);
        let target = Btf::parse(target.write(order)).unwrap();
        let kinds = [FieldByteOffset, FieldByteSize, FieldLshiftU64, FieldRshiftU64, FieldSigned];
        let asked = kinds.map(|kind| (2, "0:0", kind));
        let fixups = resolve(&local, &target, &[], order, &asked)
            .into_iter()
            .map(Result::unwrap)
            .collect::<Vec<_>>();
        let values = fixups.iter().map(|fixup| fixup.value).collect::<Vec<_>>();
        assert_eq!(
            values,
            [byte_offset, byte_size, left, right, 1],
            "{order:?} {offset} {width} {size}"
        );
        let validated = fixups.iter().map(|fixup| fixup.validate).collect::<Vec<_>>();
        assert_eq!(validated, [false, false, false, true, true]);
        assert!(fixups.iter().all(|fixup| fixup.width.is_none()));
    }
    let local = asm().int("t", 8, SIGNED).bitfields("s", 24, &[("f", 1, 60, 8)]);
    check(
        "too wide",
        &local,
        &local,
        &[(
            2,
            "0:0",
            FieldByteOffset,
            "error: bitfield s->f cannot be read with one load of 8 bytes",
        )],
    );
    // As many bits as libbpf does not count: no load is that wide.
    let huge =
        asm().head("t", 1, 0, 1 << 29).words(&[SIGNED | 32]).bitfields("s", 24, &[("f", 1, 60, 3)]);
    let small = asm().int("t", 8, SIGNED).bitfields("s", 24, &[("f", 1, 60, 3)]);
    check(
        "a declared type without end",
        &small,
        &huge,
        &[(
            2,
            "0:0",
            FieldByteOffset,
            "error: bitfield s->f cannot be read with one load of 8 bytes",
        )],
    );
    let plain = asm().int("t", 4, SIGNED).structure("s", 16, &[("f", 1, 64)]);
    let bits = asm().int("t", 4, SIGNED).bitfields("s", 16, &[("f", 1, 70, 4)]);
    check(
        "a field that became a bitfield",
        &plain,
        &bits,
        &[
            (2, "0:0", FieldByteOffset, "8 -> 8, 4 -> 0 bytes refused"),
            (2, "0:0", FieldRshiftU64, "32 -> 60"),
        ],
    );
}

#[test]
fn types_are_asked_for_as_a_whole() {
    let local = ints()
        .structure("there___v2", 8, &[("a", 1, 0)]) // 6
        .structure("gone", 8, &[]) // 7
        .typedef("alias", 6) // 8
        .typedef("there", 6) // 9
        .fwd("there", false) // 10
        .union("there", 8, &[]) // 11
        .enumeration("colors", 4, false, &[("RED", 1)]) // 12
        .structure("", 4, &[]) // 13
        .float("double", 8); // 14
    let target = ints()
        .structure("there", 12, &[("b", 1, 0)]) // 6
        .typedef("alias", 6) // 7
        .enum64("colors", 8, false, &[("RED", 1)]) // 8
        .float("double", 8); // 9
    check(
        "types",
        &local,
        &target,
        &[
            (6, "0", TypeExists, "1 -> 1"),
            (6, "0", TypeSize, "8 -> 12"),
            (6, "0", TypeIdTarget, "6"),
            (6, "0", TypeIdLocal, "6"),
            (6, "0", TypeMatches, "1 -> 0"),
            (7, "0", TypeExists, "1 -> 0"),
            (7, "0", TypeSize, "8 -> 0"),
            (7, "0", TypeIdTarget, "0"),
            (7, "0", TypeIdLocal, "7"),
            (8, "0", TypeExists, "1 -> 1"),
            (8, "0", TypeSize, "8 -> 12"),
            (9, "0", TypeExists, "1 -> 0"),
            (10, "0", TypeExists, "1 -> 0"),
            (11, "0", TypeExists, "1 -> 0"),
            (12, "0", TypeExists, "1 -> 1"),
            (12, "0", TypeSize, "4 -> 8"),
            (13, "0", TypeIdLocal, "13"),
            (13, "0", TypeExists, "error: type_exists of local type 13, which has no name"),
            (14, "0", TypeExists, "1 -> 1"),
            (14, "0", TypeMatches, "1 -> 1"),
        ],
    );
}

#[test]
fn enumerators_are_found_by_name_in_either_width() {
    let local = asm()
        .enumeration("e", 4, false, &[("A___old", 1), ("B", 2), ("GONE", 3)]) // 1
        .enum64("w", 8, false, &[("WIDE", 5)]) // 2
        .typedef("e_t", 1) // 3
        .enumeration("neg", 4, true, &[("MINUS", -1)]) // 4
        .int("int", 4, SIGNED) // 5
        .enumeration("high", 4, false, &[("TOP", i32::MIN)]); // 6
    let target = asm()
        .enum64("e", 8, false, &[("B", 7 << 40), ("A", 10)]) // 1
        .enumeration("w", 4, false, &[("WIDE", 6)]) // 2
        .typedef("e_t", 1) // 3
        .enumeration("neg", 4, false, &[("MINUS", -2)]) // 4
        .enumeration("high", 4, false, &[("TOP", i32::MIN)]); // 5
    check(
        "enumerators",
        &local,
        &target,
        &[
            (1, "0", EnumvalValue, "1 -> 10"),
            (1, "1", EnumvalValue, "2 -> 7696581394432"),
            (1, "1", EnumvalExists, "1 -> 1"),
            (1, "2", EnumvalValue, "poison"),
            (1, "2", EnumvalExists, "1 -> 0"),
            (2, "0", EnumvalValue, "5 -> 6"),
            (3, "1", EnumvalExists, "1 -> 1"),
            (4, "0", EnumvalValue, "18446744073709551615 -> 18446744073709551614"),
            (6, "0", EnumvalValue, "2147483648"),
            (
                1,
                "3",
                EnumvalValue,
                "error: access string \"3\" wants element 3 of type 1, which has 3",
            ),
            (
                1,
                "0:1",
                EnumvalValue,
                "error: access string \"0:1\" is not possible for enumval_value of type 1",
            ),
            (5, "0", EnumvalValue, "error: access string \"0\" goes into type 5 of kind INT"),
        ],
    );
}

#[test]
fn records_that_make_no_sense_are_errors() {
    let local = ints().structure("s", 8, &[("a", 1, 0)]).array(1, 1, 3).structure(
        "l",
        12,
        &[("list", 7, 0)],
    );
    let long = vec!["0"; 65].join(":");
    let rows = [
        (6, "", "error: access string \"\" is not possible for byte_off of type 6"),
        (6, ":", "error: access string \":\" is not possible for byte_off of type 6"),
        (6, "0:", "error: access string \"0:\" is not possible for byte_off of type 6"),
        (6, "0::0", "error: access string \"0::0\" is not possible for byte_off of type 6"),
        (6, "-1", "error: access string \"-1\" is not possible for byte_off of type 6"),
        (6, "+1", "error: access string \"+1\" is not possible for byte_off of type 6"),
        (6, "0:x", "error: access string \"0:x\" is not possible for byte_off of type 6"),
        (
            6,
            "4294967296",
            "error: access string \"4294967296\" is not possible for byte_off of type 6",
        ),
        (6, "0:1", "error: access string \"0:1\" wants element 1 of type 6, which has 1"),
        (6, "0:0:0", "error: access string \"0:0:0\" goes into type 1 of kind INT"),
        (6, &long, "error: access string \"PATH\" goes into type 1 of kind INT"),
        (99, "0:0", "error: local type 99 does not exist"),
        (0, "0:0", "error: size of a type in void is not known"),
    ];
    for (id, access, expected) in rows {
        check(
            "nonsense",
            &local,
            &local,
            &[(id, access, FieldByteOffset, &expected.replace("PATH", &long))],
        );
    }
    check(
        "nonsense",
        &local,
        &local,
        &[
            (
                6,
                "0:0",
                TypeExists,
                "error: access string \"0:0\" is not possible for type_exists of type 6",
            ),
            (
                8,
                "0:0:1",
                FieldSigned,
                "error: signed cannot be asked of the array element l->list[1]",
            ),
            (8, "0:0:1", FieldByteSize, "4 -> 4"),
        ],
    );
    let btf = Btf::parse(local.write(ByteOrder::NATIVE)).unwrap();
    let relos =
        [CoreRelo::new(0, TypeId::new(6), u32::MAX, 0), CoreRelo::new(0, TypeId::new(6), 0, 13)];
    let errors = Resolver::new(&btf, &relos)
        .resolve()
        .into_iter()
        .map(|fixup| fixup.unwrap_err().to_string());
    assert_eq!(
        errors.collect::<Vec<_>>(),
        [
            "access string at string offset 4294967295 does not exist",
            "relocation kind 13 is not known",
        ]
    );
    assert!(CoreKind::ALL.iter().all(|kind| CoreKind::from_number(kind.number()) == Some(*kind)));
}

#[test]
fn candidates_must_agree() {
    let local = ints().structure("s", 8, &[("a", 1, 0), ("b", 1, 32), ("only_one", 1, 0)]);
    let target = ints()
        .structure("s", 8, &[("a", 1, 0), ("b", 1, 32)]) // 6
        .structure("s___other", 8, &[("b", 1, 64), ("a", 1, 0), ("only_one", 1, 96)]); // 7
    let ambiguous = "error: byte_off of s->b is ambiguous: struct s [6] of vmlinux gives 4 and struct s___other [7] of vmlinux gives 8";
    check(
        "disagreement",
        &local,
        &target,
        &[
            (6, "0:0", FieldByteOffset, "0 -> 0"),
            (6, "0:1", FieldByteOffset, ambiguous),
            (
                6,
                "0:1",
                FieldExists,
                "error: field_exists of s->b is ambiguous: struct s [6] of vmlinux gives 1 and struct s___other [7] of vmlinux gives 1",
            ),
            (6, "0:2", FieldByteOffset, "0 -> 12"),
        ],
    );
    // Once a record matched one candidate only, later records ask no other.
    check(
        "after a choice",
        &local,
        &target,
        &[(6, "0:2", FieldByteOffset, "0 -> 12"), (6, "0:1", FieldByteOffset, "4 -> 8")],
    );
}

#[test]
fn modules_are_asked_for_what_the_kernel_does_not_have() {
    let local = ints()
        .structure("both", 8, &[("a", 1, 0)])
        .structure("modular", 8, &[("a", 1, 0)])
        .structure("nowhere", 8, &[("a", 1, 0)]);
    let base = ints().structure("both", 8, &[("a", 1, 32)]);
    let module = split(base.string_len()).structure("both", 8, &[("a", 1, 64)]).structure(
        "modular",
        8,
        &[("a", 1, 96)],
    );
    for order in ORDERS {
        let kernel = Btf::parse(base.write(order)).unwrap();
        let module = Btf::parse_split(module.write(order), &kernel).unwrap();
        let other = split(base.string_len()).structure("modular", 8, &[("a", 1, 64)]);
        let other = Btf::parse_split(other.write(order), &kernel).unwrap();
        let relos = [
            (6, "0:0", FieldByteOffset),
            (7, "0:0", FieldByteOffset),
            (7, "0", TypeIdTarget),
            (8, "0:0", FieldExists),
        ];
        let fixups = resolve(&local, &kernel, std::slice::from_ref(&module), order, &relos);
        assert_eq!(
            fixups.iter().map(short).collect::<Vec<_>>(),
            ["0 -> 4", "0 -> 12", "8", "1 -> 0"]
        );
        let fixups = resolve(&local, &kernel, &[module, other], order, &relos);
        assert_eq!(
            short(&fixups[1]),
            "error: byte_off of modular->a is ambiguous: struct modular [8] of module gives 12 and struct modular [7] of module gives 8"
        );
    }
}

/// Where modules and further targets stand beside a kernel that has `both` but not `modular`.
#[test]
fn further_targets_have_the_same_say_as_the_kernel() {
    #[derive(Clone, Copy, Debug)]
    enum Search {
        Kernel,
        /// The module for what is missing.
        Module,
        /// The module for all types.
        ModuleAlways,
        /// Types of something else, which has `modular` alone.
        Extra,
    }
    use Search::{Extra, Kernel, Module, ModuleAlways};

    let local = ints()
        .structure("both", 8, &[("a", 1, 0)]) // 6
        .structure("modular", 8, &[("a", 1, 0)]); // 7
    let base = ints().structure("both", 8, &[("a", 1, 32)]);
    let module = split(base.string_len()).structure("both", 8, &[("a", 1, 64)]).structure(
        "modular",
        8,
        &[("a", 1, 96)],
    );
    let extra = ints().structure("modular", 8, &[("a", 1, 128)]);
    let clash = "error: byte_off of both->a is ambiguous: struct both [6] of vmlinux gives 4 and struct both [7] of veth gives 8";
    let rows: [(&[Search], &str, &str); 8] = [
        (&[Kernel], "0 -> 4", "poison"),
        (&[Kernel, Module], "0 -> 4", "0 -> 12"),
        (&[Kernel, ModuleAlways], clash, "0 -> 12"),
        (&[ModuleAlways], "0 -> 8", "0 -> 12"),
        (&[Kernel, Extra], "0 -> 4", "0 -> 16"),
        (&[Kernel, Extra, Module], "0 -> 4", "0 -> 16"),
        (
            &[Kernel, Module, Extra],
            "0 -> 4",
            "error: byte_off of modular->a is ambiguous: struct modular [8] of veth gives 12 and struct modular [6] of other gives 16",
        ),
        (&[Extra], "poison", "0 -> 16"),
    ];
    for order in ORDERS {
        let kernel = Btf::parse(base.write(order)).unwrap();
        let module = Btf::parse_split(module.write(order), &kernel).unwrap();
        let extra = Btf::parse(extra.write(order)).unwrap();
        let mut local = local.clone();
        let access = local.string("0:0");
        let local = Btf::parse(local.write(order)).unwrap();
        let relos = [6, 7].map(|id| CoreRelo::new(0, TypeId::new(id), access, 0));
        for (searches, both, modular) in rows {
            let mut resolver = Resolver::new(&local, &relos);
            for search in searches {
                match search {
                    Kernel => resolver.search_kernel(&kernel),
                    Module => resolver.search_module(&module, "veth"),
                    ModuleAlways => resolver.search_target(&module, "veth"),
                    Extra => resolver.search_target(&extra, "other"),
                }
            }
            let fixups = resolver.resolve().into_iter();
            let fixups = fixups.map(|fixup| short(&fixup.map_err(|error| error.to_string())));
            assert_eq!(fixups.collect::<Vec<_>>(), [both, modular], "{searches:?}, {order:?}");
        }
    }
}

#[test]
fn short_names_and_flavours_of_the_target_are_found() {
    for name in ["a", "ab", "abc", "abcd", "abcde"] {
        let local = ints().structure(name, 4, &[("m", 1, 0)]);
        for flavour in ["", "___x", "___long_flavour"] {
            let target = ints().structure(&format!("{name}{flavour}"), 4, &[("m", 1, 0)]);
            check(name, &local, &target, &[(6, "0:0", FieldExists, "1 -> 1")]);
        }
        let longer = ints().structure(&format!("{name}_"), 4, &[("m", 1, 0)]);
        check(name, &local, &longer, &[(6, "0:0", FieldExists, "1 -> 0")]);
    }
}

type Make = fn(Asm) -> Asm;

/// All pairs of types that have no name of their own are compared through this.
fn pair(types: impl Fn(Asm) -> Asm) -> Btf {
    Btf::parse(types(ints()).write(ByteOrder::NATIVE)).unwrap()
}

#[test]
fn definitions_match_level_by_level() {
    let last = |btf: &Btf| TypeId::new(btf.len() - 1);
    let rows: [(&str, Make, Make, bool, bool); 24] = [
        ("same integers", |a| a.int("x", 4, 0), |a| a.int("x", 4, 0), true, true),
        ("other size", |a| a.int("x", 4, 0), |a| a.int("x", 8, 0), false, true),
        ("other sign", |a| a.int("x", 4, 0), |a| a.int("x", 4, SIGNED), false, true),
        ("pointers", |a| a.ptr(1), |a| a.ptr(1), true, true),
        ("pointers to other kinds", |a| a.ptr(1), |a| a.ptr(0), false, false),
        ("arrays", |a| a.array(1, 1, 2), |a| a.array(1, 1, 2), true, true),
        ("arrays of other length", |a| a.array(1, 1, 2), |a| a.array(1, 1, 3), false, true),
        ("flavours", |a| a.structure("s___a", 4, &[]), |a| a.structure("s", 4, &[]), true, true),
        ("other names", |a| a.structure("s", 4, &[]), |a| a.structure("t", 4, &[]), false, true),
        (
            "fewer members",
            |a| a.structure("s", 4, &[("a", 1, 0)]),
            |a| a.structure("s", 8, &[("b", 3, 0), ("a", 1, 64)]),
            true,
            true,
        ),
        (
            "more members",
            |a| a.structure("s", 4, &[("a", 1, 0), ("b", 1, 0)]),
            |a| a.structure("s", 4, &[("a", 1, 0)]),
            false,
            true,
        ),
        (
            "members of other type",
            |a| a.structure("s", 4, &[("a", 1, 0)]),
            |a| a.structure("s", 4, &[("a", 3, 0)]),
            false,
            true,
        ),
        (
            "second of two anonymous members",
            |a| a.structure("", 4, &[("x", 1, 0)]).structure("s", 4, &[("", 6, 0)]),
            |a| {
                a.structure("", 4, &[("y", 1, 0)]).structure("", 4, &[("x", 1, 0)]).structure(
                    "s",
                    4,
                    &[("", 6, 0), ("", 7, 0)],
                )
            },
            true,
            true,
        ),
        (
            "structures behind pointers by name",
            |a| a.structure("s", 4, &[("a", 1, 0)]).ptr(6),
            |a| a.structure("s", 8, &[]).ptr(6),
            true,
            true,
        ),
        (
            "declaration behind a pointer",
            |a| a.fwd("s", false).ptr(6),
            |a| a.structure("s", 8, &[]).ptr(6),
            true,
            false,
        ),
        (
            "structure for a declaration",
            |a| a.structure("s", 8, &[]).ptr(6),
            |a| a.fwd("s", false).ptr(6),
            true,
            false,
        ),
        (
            "declaration of a union",
            |a| a.fwd("s", true).ptr(6),
            |a| a.structure("s", 8, &[]).ptr(6),
            false,
            false,
        ),
        ("declarations", |a| a.fwd("s", true), |a| a.fwd("s", true), true, true),
        ("declarations of two kinds", |a| a.fwd("s", true), |a| a.fwd("s", false), false, true),
        (
            "enumerations",
            |a| a.enumeration("e", 4, false, &[("A", 1)]),
            |a| a.enumeration("e", 4, true, &[("B", 1), ("A___x", 9)]),
            true,
            true,
        ),
        (
            "enumerators missing",
            |a| a.enumeration("e", 4, false, &[("A", 1)]),
            |a| a.enumeration("e", 4, false, &[("B", 1)]),
            false,
            true,
        ),
        (
            "enumerations of two widths",
            |a| a.enumeration("e", 8, false, &[("A", 1)]),
            |a| a.enum64("e", 8, false, &[("A", 1)]),
            true,
            true,
        ),
        (
            "prototypes",
            |a| a.ptr(1).prototype(1, &[("a", 6), ("b", 1)]),
            |a| a.ptr(1).prototype(1, &[("x", 6), ("y", 1)]),
            true,
            true,
        ),
        (
            "prototypes with more parameters",
            |a| a.prototype(1, &[("a", 1)]),
            |a| a.prototype(1, &[]),
            false,
            false,
        ),
    ];
    for (what, local, target, matches, compatible) in rows {
        let (local, target) = (pair(local), pair(target));
        assert_eq!(
            types_match(&local, last(&local), &target, last(&target)),
            Ok(matches),
            "{what}"
        );
        assert_eq!(
            types_are_compatible(&local, last(&local), &target, last(&target)),
            Ok(compatible),
            "{what}"
        );
    }
}

#[test]
fn types_without_end_are_errors() {
    let pointers = pair(|a| a.ptr(7).ptr(6));
    let id = TypeId::new(6);
    assert!(types_are_compatible(&pointers, id, &pointers, id).is_err());
    assert!(types_match(&pointers, id, &pointers, id).is_err());
    // Each level refers to the next twice, so that there are 2^40 paths.
    let wide = pair(|a| {
        (6..46).fold(a, |a, id| a.prototype(0, &[("", id + 1), ("", id + 1)])).int("end", 4, 0)
    });
    assert!(types_are_compatible(&wide, id, &wide, id).is_err());
    let mut members = ints();
    for id in 6..46 {
        members = members.structure("", 4, &[("", id + 1, 0), ("", id + 1, 0)]);
    }
    let members = members.structure("", 4, &[("x", 1, 0)]).structure("host", 4, &[("", 6, 0)]);
    let local = ints().structure("host", 4, &[("y", 1, 0)]);
    check(
        "anonymous members",
        &local,
        &members,
        &[(6, "0:0", FieldExists, "error: types of host->y nest too deeply")],
    );
}
