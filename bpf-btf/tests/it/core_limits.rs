//! CO-RE: how much is done for an object and a target that were made to need much.

use bpf_btf::core::CoreKind::{
    EnumvalValue, FieldByteOffset, FieldExists, FieldSigned, TypeExists, TypeIdTarget, TypeMatches,
    TypeSize,
};
use bpf_btf::core::{CoreError, CoreKind, Resolver};
use bpf_btf::{Btf, ByteOrder, CoreRelo, Minimizer, TypeId};

use crate::asm::{Asm, ORDERS, asm};
use crate::core::{ints, resolve, short};

/// Every type of the object has the name of every type of the target, but for its flavour.
#[test]
fn there_is_an_end_to_the_candidates_that_are_asked() {
    let flavours = |count: u32| {
        (0..count).fold(ints(), |blob, number| blob.structure(&format!("s___{number}"), 4, &[]))
    };
    let first = Btf::parse(ints().write(ORDERS[0])).unwrap().len();
    let outcome = |count: u32| {
        let target = Btf::parse(flavours(count).write(ORDERS[0])).unwrap();
        let relos = (first..first + count).map(|id| (id, "0", TypeExists)).collect::<Vec<_>>();
        resolve(&flavours(count), &target, &[], ORDERS[0], &relos)
    };
    assert!(outcome(100).iter().all(Result::is_ok));
    let error =
        "type_exists struct s___0: the targets have too many types of the names that are asked for";
    assert_eq!(short(&outcome(2000)[0]), format!("error: {error}"));
}

/// The same for what is kept: each record has as many answers as there are flavours.
#[test]
fn there_is_an_end_to_the_candidates_that_are_kept() {
    let outcome = |count: u32| {
        let flavours = (1..=count)
            .fold(asm(), |blob, number| blob.structure(&format!("s___{number}"), 4, &[]));
        let mut local = flavours.clone();
        let access = local.string("0");
        let relo = |id| CoreRelo::new(0, TypeId::new(id), access, TypeExists.number());
        let relos = (1..=count).map(relo).collect::<Vec<_>>();
        let [local, kernel] =
            [local, flavours].map(|blob| Btf::parse(blob.write(ORDERS[0])).unwrap());
        Minimizer::new(&kernel).keep_for(&local, &relos)
    };
    assert_eq!(outcome(300), Ok(()));
    let access = "struct s___1".to_string();
    assert_eq!(outcome(2000), Err(CoreError::TooManyCandidates { kind: TypeExists, access }));
}

/// So many equal records: the last one's error by the resolver, and that of the minimizer.
fn last_of(
    local: &Asm,
    target: &Asm,
    (id, access, kind): (u32, &str, CoreKind),
    records: usize,
    order: ByteOrder,
) -> [Option<CoreError>; 2] {
    let mut local = local.clone();
    let relo = CoreRelo::new(0, TypeId::new(id), local.string(access), kind.number());
    let relos = vec![relo; records];
    let [local, target] = [&local, target].map(|blob| Btf::parse(blob.write(order)).unwrap());
    let mut resolver = Resolver::new(&local, &relos);
    resolver.search_kernel(&target);
    let kept = Minimizer::new(&target).keep_for(&local, &relos);
    [resolver.resolve().pop().unwrap().err(), kept.err()]
}

/// Each record alone is answered.
#[test]
fn there_is_an_end_to_what_all_records_look_at() {
    let long = "a".repeat(400_000);
    let named = |last: &str| ints().structure("s", 4, &[(&format!("{long}{last}"), 1, 0)]);
    // Looking whether a name is this one is a hundred steps.
    let x = "x".repeat(6400);
    let mut wide = vec![("x", 1, 0); 600];
    wide.push((&x, 1, 0));
    let mut values = vec![("x", 0); 600];
    values.push((&x, 1));
    let cut = |len: usize| format!("{}...", "x".repeat(len));
    let rows = [
        (
            "members",
            ints().structure("s", 4, &[(&x, 1, 0)]),
            ints().structure("s", 4, &wide),
            (6, "0:0", FieldByteOffset),
            format!("s->{}", cut(509)),
        ),
        (
            "enumerators",
            ints().enumeration("e", 4, false, &[(&x, 1)]),
            ints().enumeration("e", 4, false, &values),
            (6, "0", EnumvalValue),
            format!("enum e::{}", cut(504)),
        ),
        (
            "a long name",
            named("x"),
            named("y"),
            (6, "0:0", FieldExists),
            format!("s->{}...", "a".repeat(509)),
        ),
    ];
    for (what, local, target, relo, access) in rows {
        for order in ORDERS {
            assert_eq!(last_of(&local, &target, relo, 1, order), [None, None], "{what}");
            let error = CoreError::TooMuchWork { kind: relo.2, access: access.clone() };
            let expected = [Some(error.clone()), Some(error)];
            assert_eq!(last_of(&local, &target, relo, 2000, order), expected, "{what}");
        }
    }
}

/// Each question needs thousands of steps, and is asked many thousand times.
#[test]
fn what_is_asked_of_a_whole_type_again_is_not_looked_at_again() {
    let long = "a".repeat(200_000);
    let wide = ints().structure("s", 4, &[(long.as_str(), 1, 0); 4]);
    let tree = (6..12)
        .fold(ints().ptr(1), |blob, id| blob.prototype(id, &[("", id), ("", id)]))
        .typedef("t", 12);
    for (local, relo) in [
        (&wide, (6, "0", TypeMatches)),
        (&wide, (6, "0", TypeSize)),
        (&tree, (13, "0", TypeExists)),
        (&tree, (13, "0", TypeMatches)),
    ] {
        for order in ORDERS {
            assert_eq!(last_of(local, local, relo, 20_000, order), [None, None], "{}", relo.2);
        }
    }
}

/// Flavours of one type, and types of other kinds that are called the same, each mean their own.
#[test]
fn roots_of_one_name_are_told_apart_by_their_kinds() {
    let local = ints()
        .structure("s___a", 4, &[]) // 6
        .union("s", 4, &[]) // 7
        .structure("s", 4, &[]) // 8
        .typedef("s___t", 1) // 9
        .enum64("s___e", 8, false, &[]) // 10
        .structure("s___b", 4, &[]) // 11
        .enumeration("s", 4, false, &[]) // 12
        .union("other", 4, &[]); // 13
    let target = ints()
        .union("s___x", 4, &[]) // 6
        .typedef("s", 1) // 7
        .enumeration("s___y", 4, false, &[]) // 8
        .structure("s", 4, &[]) // 9
        .structure("other", 4, &[]); // 10
    for order in ORDERS {
        let target = Btf::parse(target.write(order)).unwrap();
        let relos = (6..14).map(|id| (id, "0", TypeIdTarget)).collect::<Vec<_>>();
        let fixups = resolve(&local, &target, &[], order, &relos);
        let found = fixups.iter().map(short).collect::<Vec<_>>();
        assert_eq!(found, ["9", "6", "9", "7", "8", "9", "8", "0"]);
    }
}

/// Every record may have an error, so none may hold as much as the object.
#[test]
fn errors_are_short_however_long_the_names_are() {
    let long = "n".repeat(5000);
    let cut = |len: usize| format!("{}...", "n".repeat(len));
    let local = ints()
        .structure(&long, 4, &[(&long, 1, 0)]) // 6
        .enumeration(&long, 4, false, &[(&long, 1)]) // 7
        .structure("s", 4, &[("x", 1, 0)]); // 8
    let zeros = |count: usize| format!("{}:0", "0".repeat(count));
    let (many, few) = (zeros(5000), zeros(600));
    let wrong = |access: String, kind, id| {
        let id = TypeId::new(id);
        Some(CoreError::AccessString { access, kind, id })
    };
    let rows = [
        (8, "0:0", FieldExists, None),
        (8, few.as_str(), FieldExists, None),
        (8, &many, FieldExists, wrong(format!("{}...", "0".repeat(512)), FieldExists, 8)),
        (8, &long, FieldExists, wrong(cut(512), FieldExists, 8)),
        (8, &long, TypeExists, wrong(cut(512), TypeExists, 8)),
        (7, &long, EnumvalValue, wrong(cut(512), EnumvalValue, 7)),
        (6, "0:0", FieldExists, None),
        (
            6,
            "0",
            FieldSigned,
            Some(CoreError::ArrayElement { kind: FieldSigned, access: cut(512) }),
        ),
    ];
    let target = ints()
        .structure(&long, 4, &[(&long, 1, 0)])
        .enumeration(&long, 4, false, &[(&long, 1)])
        .structure("s", 4, &[("x", 1, 0)]);
    for (id, access, kind, expected) in rows {
        for order in ORDERS {
            let [found, _] = last_of(&local, &target, (id, access, kind), 1, order);
            assert_eq!(found, expected, "{kind} of [{id}]");
        }
    }
}
