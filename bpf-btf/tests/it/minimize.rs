//! What stays of a blob for relocations and for roots.

use bpf_btf::core::{CoreKind, Resolver};
use bpf_btf::{Btf, CoreRelo, Minimizer, TypeId};

use crate::asm::{Asm, ORDERS, SIGNED, asm};
use crate::rewrite::lines;

/// An object's types and one record each of the given kinds, types and access strings.
fn object(mut blob: Asm, records: &[(CoreKind, u32, &str)]) -> (Asm, Vec<CoreRelo>) {
    let mut relos = Vec::new();
    for (kind, id, access) in records {
        let access = blob.string(access);
        relos.push(CoreRelo::new(0, TypeId::new(*id), access, kind.number()));
    }
    (blob, relos)
}

fn kernel() -> Asm {
    asm()
        .int("int", 4, SIGNED) // 1
        .structure(
            "task",
            40,
            &[("pid", 1, 0), ("", 3, 32), ("mm", 6, 64), ("flags", 1, 128), ("names", 9, 160)],
        ) // 2
        .union("", 4, &[("", 4, 0), ("word", 1, 0)]) // 3
        .structure("", 4, &[("deep", 5, 0), ("other", 1, 0)]) // 4
        .typedef("number_t", 1) // 5
        .ptr(7) // 6
        .structure("mm", 4, &[("users", 1, 0)]) // 7
        .structure("name", 4, &[("first", 1, 0), ("second", 1, 0)]) // 8
        .array(8, 1, 4) // 9
        .enumeration("state", 4, false, &[("RUNNING", 1), ("DEAD", 2)]) // 10
        .structure("unused", 4, &[("x", 1, 0)]) // 11
        .decl_tag("note", 2, 0) // 12
        .typedef("handler_t", 14) // 13
        .ptr(7) // 14
}

#[track_caller]
fn check(local: Asm, records: &[(CoreKind, u32, &str)], expected: &Asm) {
    let (local, relos) = object(local, records);
    for order in ORDERS {
        let [local, kernel, expected] =
            [&local, &kernel(), expected].map(|blob| Btf::parse(blob.write(order)).unwrap());
        let mut minimizer = Minimizer::new(&kernel);
        minimizer.keep_for(&local, &relos).unwrap();
        let small = Btf::parse(minimizer.finish().unwrap().builder.write(order).unwrap()).unwrap();
        assert_eq!(lines(&small), lines(&expected), "{order:?}");
        let resolve = |target: &Btf| {
            let mut resolver = Resolver::new(&local, &relos);
            resolver.search_kernel(target);
            let values = resolver.resolve().into_iter().map(|fixup| {
                let fixup = fixup.unwrap();
                let is_id = fixup.kind == CoreKind::TypeIdTarget;
                (if is_id { 0 } else { fixup.value }, fixup.poison, fixup.width)
            });
            values.collect::<Vec<_>>()
        };
        assert_eq!(resolve(&small), resolve(&kernel), "{order:?}");
    }
}

#[test]
fn only_the_members_on_the_way_stay() {
    let local =
        || asm().int("int", 4, SIGNED).structure("task", 8, &[("flags", 1, 0), ("gone", 1, 32)]);
    let expected = asm().int("int", 4, SIGNED).structure("task", 40, &[("flags", 1, 128)]);
    check(local(), &[(CoreKind::FieldByteOffset, 2, "0:0")], &expected);
    check(
        local(),
        &[(CoreKind::FieldExists, 2, "0:0"), (CoreKind::FieldExists, 2, "0:1")],
        &expected,
    );
    check(local(), &[(CoreKind::FieldExists, 2, "0:1")], &asm());
}

#[test]
fn anonymous_members_on_the_way_stay() {
    let local = asm().int("int", 4, SIGNED).structure("task", 4, &[("deep", 1, 0)]);
    let expected = asm()
        .int("int", 4, SIGNED)
        .structure("task", 40, &[("", 3, 32)])
        .union("", 4, &[("", 4, 0)])
        .structure("", 4, &[("deep", 5, 0)])
        .typedef("number_t", 1);
    check(local, &[(CoreKind::FieldByteOffset, 2, "0:0")], &expected);
}

#[test]
fn pointers_lose_their_targets_and_elements_keep_their_way() {
    let local = asm()
        .int("int", 4, SIGNED) // 1
        .ptr(0) // 2
        .structure("name", 4, &[("second", 1, 0)]) // 3
        .array(3, 1, 4) // 4
        .structure("task", 24, &[("mm", 2, 0), ("names", 4, 64)]); // 5
    let records =
        [(CoreKind::FieldByteOffset, 5, "0:0"), (CoreKind::FieldByteOffset, 5, "0:1:2:0")];
    let expected = asm()
        .int("int", 4, SIGNED)
        .structure("task", 40, &[("mm", 3, 64), ("names", 5, 160)])
        .ptr(0)
        .structure("name", 4, &[("second", 1, 0)])
        .array(4, 1, 4);
    check(local, &records, &expected);
}

#[test]
fn questions_about_types_keep_what_answers_them() {
    let task = || asm().structure("task", 0, &[]);
    let rows = [CoreKind::TypeExists, CoreKind::TypeSize, CoreKind::TypeIdTarget];
    for kind in rows {
        check(task(), &[(kind, 1, "0")], &asm().structure("task", 40, &[]));
    }
    check(task(), &[(CoreKind::TypeIdLocal, 1, "0")], &asm());
    let handler = asm().structure("mm", 0, &[]).ptr(1).typedef("handler_t", 2);
    let expected = asm().structure("mm", 4, &[]).typedef("handler_t", 3).ptr(1);
    check(handler, &[(CoreKind::TypeExists, 3, "0")], &expected);
    let states = asm().enumeration("state", 4, false, &[("DEAD", 7)]);
    let expected = asm().enumeration("state", 4, false, &[("RUNNING", 1), ("DEAD", 2)]);
    check(states, &[(CoreKind::EnumvalValue, 1, "0")], &expected);
    let mm = asm().int("int", 4, SIGNED).structure("mm", 4, &[("users", 1, 0)]);
    let expected = asm().int("int", 4, SIGNED).structure("mm", 4, &[("users", 1, 0)]);
    check(mm, &[(CoreKind::TypeMatches, 2, "0")], &expected);
}

#[test]
fn roots_keep_all_below_them() {
    let btf = Btf::parse(kernel().write(ORDERS[0])).unwrap();
    let mut minimizer = Minimizer::new(&btf);
    minimizer.keep(TypeId::new(2));
    let small = minimizer.finish().unwrap();
    let kept = small.ids.iter().map(|(old, _)| old.get()).collect::<Vec<_>>();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
    assert_eq!(small.ids.get(TypeId::new(12)), Some(TypeId::new(10)));
    let none = Minimizer::new(&btf).finish().unwrap();
    assert_eq!(none.ids.iter().count(), 0);
}
