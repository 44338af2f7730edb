//! What is merged and what is not.

use bpf_btf::{Btf, BtfBuilder, BuildError, ByteOrder, TypeId, dedup};

use crate::asm::{Asm, FLAG, ORDERS, SIGNED, asm, every_kind, split};
use crate::rewrite::lines;

/// The result of merging is `expected`, whatever the byte order; `ids` are the new ids of the old types from 1.
#[track_caller]
fn check(blob: &Asm, expected: &Asm, ids: &[u32]) {
    for order in ORDERS {
        let btf = Btf::parse(blob.write(order)).unwrap();
        let merged = dedup(&btf).unwrap();
        let after = Btf::parse(merged.builder.write(order).unwrap()).unwrap();
        let wanted = Btf::parse(expected.write(order)).unwrap();
        assert_eq!(lines(&after), lines(&wanted), "{order:?}");
        let got = (1..).zip(ids).map(|(old, _)| merged.ids.get(TypeId::new(old)));
        let got = got.map(|id| id.map_or(0, TypeId::get)).collect::<Vec<_>>();
        assert_eq!(got, ids, "{order:?}");
        let again = dedup(&after).unwrap().builder.write(order).unwrap();
        let again = lines(&Btf::parse(again).unwrap());
        assert_eq!(again, lines(&after), "merging twice changes nothing");
    }
}

/// Nothing is merged.
#[track_caller]
fn check_kept(blob: &Asm) {
    let len = Btf::parse(blob.write(ORDERS[0])).unwrap().len();
    check(blob, blob, &(1..len).collect::<Vec<_>>());
}

fn int() -> Asm {
    asm().int("int", 4, SIGNED)
}

#[test]
fn numbers_are_merged_when_all_of_them_is_equal() {
    check(&int().int("int", 4, SIGNED), &int(), &[1, 1]);
    check(&int().float("f", 4).float("f", 4), &int().float("f", 4), &[1, 2, 2]);
    check_kept(&int().int("int", 4, 0));
    check_kept(&int().int("int", 8, SIGNED));
    check_kept(&int().int("other", 4, SIGNED));
    check_kept(&asm().float("f", 4).float("f", 8));
}

#[test]
fn enumerations_are_merged_with_their_declarations() {
    let full = |blob: Asm| blob.enumeration("e", 4, false, &[("A", 1)]);
    let wide = |blob: Asm| blob.enum64("e", 8, false, &[("A", 1 << 40)]);
    let empty = |blob: Asm| blob.enumeration("e", 4, false, &[]);
    check(&full(full(asm())), &full(asm()), &[1, 1]);
    check(&full(empty(asm())), &full(asm()), &[1, 1]);
    check(&empty(full(asm())), &full(asm()), &[1, 1]);
    check(&wide(empty(asm())), &wide(asm()), &[1, 1]);
    check_kept(&wide(full(asm())));
    check_kept(&full(asm()).enumeration("e", 4, true, &[("A", 1)]));
    check_kept(&full(asm()).enumeration("e", 1, false, &[("A", 1)]));
    check_kept(&full(asm()).enumeration("e", 4, false, &[("A", 2)]));
    check_kept(&full(asm()).enumeration("e", 4, false, &[("B", 1)]));
    // Without a name nothing is declared.
    check_kept(&asm().enumeration("", 4, false, &[]).enumeration("", 4, false, &[("A", 1)]));
}

/// `struct node { struct node *next; int value; }` from two files.
fn list(blob: Asm, at: u32, width: u32) -> Asm {
    blob.structure("node", 16, &[("next", at + 1, 0), ("value", width, 64)]).ptr(at)
}

#[test]
fn cyclic_graphs_are_merged_as_a_whole() {
    check(&list(list(int(), 2, 1), 4, 1), &list(int(), 2, 1), &[1, 2, 3, 2, 3]);
    // One differs far below.
    let other = asm().int("int", 4, SIGNED).int("unsigned int", 4, 0);
    check_kept(&list(list(other, 3, 1), 5, 2));
}

#[test]
fn declarations_become_the_structure_that_a_graph_shows_them_to_be() {
    // struct outer { struct inner *p; } once with a body of inner and once without.
    let blob = int()
        .structure("inner", 4, &[("x", 1, 0)]) // 2
        .ptr(2) // 3
        .structure("outer", 8, &[("p", 3, 0)]) // 4
        .fwd("inner", false) // 5
        .ptr(5) // 6
        .structure("outer", 8, &[("p", 6, 0)]); // 7
    let merged =
        int().structure("inner", 4, &[("x", 1, 0)]).ptr(2).structure("outer", 8, &[("p", 3, 0)]);
    check(&blob, &merged, &[1, 2, 3, 4, 2, 3, 4]);
    // The other way around.
    let blob = int()
        .fwd("inner", false) // 2
        .ptr(2) // 3
        .structure("outer", 8, &[("p", 3, 0)]) // 4
        .structure("inner", 4, &[("x", 1, 0)]) // 5
        .ptr(5) // 6
        .structure("outer", 8, &[("p", 6, 0)]); // 7
    let merged =
        int().ptr(4).structure("outer", 8, &[("p", 2, 0)]).structure("inner", 4, &[("x", 1, 0)]);
    check(&blob, &merged, &[1, 4, 2, 3, 4, 2, 3]);
}

#[test]
fn declarations_become_the_only_structure_of_their_name_and_kind() {
    let body = |blob: Asm| blob.structure("s", 4, &[("x", 1, 0)]);
    check(&body(int()).fwd("s", false).ptr(3), &body(int()).ptr(2), &[1, 2, 2, 3]);
    check_kept(&body(int()).fwd("s", true));
    check_kept(&body(int()).structure("s", 8, &[("x", 1, 32)]).fwd("s", false));
    check(&asm().fwd("s", false).fwd("s", false), &asm().fwd("s", false), &[1, 1]);
}

#[test]
fn structures_differ_by_anything_in_them() {
    let base = || int().structure("s", 4, &[("x", 1, 0)]);
    check(&base().structure("s", 4, &[("x", 1, 0)]), &base(), &[1, 2, 2]);
    check_kept(&base().structure("t", 4, &[("x", 1, 0)]));
    check_kept(&base().structure("s", 8, &[("x", 1, 0)]));
    check_kept(&base().structure("s", 4, &[("y", 1, 0)]));
    check_kept(&base().union("s", 4, &[("x", 1, 0)]));
    check_kept(&base().structure("s", 4, &[("x", 1, 0), ("y", 1, 0)]));
    check_kept(&int().structure("s", 8, &[("x", 1, 0)]).structure("s", 8, &[("x", 1, 32)]));
    // Widths of bitfields count.
    let bits = |blob: Asm, width| blob.bitfields("b", 4, &[("x", 1, 0, width)]);
    check(&bits(bits(int(), 3), 3), &bits(int(), 3), &[1, 2, 2]);
    check_kept(&bits(bits(int(), 3), 4));
    check_kept(&bits(int().structure("b", 4, &[("x", 1, 0)]), 3));
}

#[test]
fn arrays_differ_by_length_element_and_index() {
    let two = || int().int("long", 8, SIGNED);
    check(&two().array(1, 1, 2).array(1, 1, 2), &two().array(1, 1, 2), &[1, 2, 3, 3]);
    check_kept(&two().array(1, 1, 2).array(1, 1, 3));
    check_kept(&two().array(1, 1, 2).array(2, 1, 2));
    check_kept(&two().array(1, 1, 2).array(1, 2, 2));
    // Also within structures that have the same size.
    let holder = |blob: Asm, array| blob.structure("s", 8, &[("a", array, 0)]);
    check_kept(&holder(holder(two().array(1, 1, 2).array(2, 1, 1), 3), 4));
}

#[test]
fn what_a_compiler_described_twice_within_one_structure_does_not_stop_a_merge() {
    // The second file has two descriptions of int[2] and of an anonymous structure where the first has one.
    let blob = int()
        .array(1, 1, 2) // 2
        .structure("", 4, &[("x", 1, 0)]) // 3
        .structure("s", 24, &[("a", 2, 0), ("b", 2, 64), ("c", 3, 128), ("d", 3, 160)]) // 4
        .array(1, 1, 2) // 5
        .array(1, 1, 2) // 6
        .structure("", 4, &[("x", 1, 0)]) // 7
        .structure("", 4, &[("x", 1, 0)]) // 8
        .structure("s", 24, &[("a", 5, 0), ("b", 6, 64), ("c", 7, 128), ("d", 8, 160)]); // 9
    let merged = int().array(1, 1, 2).structure("", 4, &[("x", 1, 0)]).structure(
        "s",
        24,
        &[("a", 2, 0), ("b", 2, 64), ("c", 3, 128), ("d", 3, 160)],
    );
    check(&blob, &merged, &[1, 2, 3, 4, 2, 2, 3, 3, 4]);
    // But arrays of different elements are not the same.
    let blob = int()
        .int("unsigned int", 4, 0) // 2
        .array(1, 1, 2) // 3
        .structure("s", 16, &[("a", 3, 0), ("b", 3, 64)]) // 4
        .array(2, 1, 2) // 5
        .structure("s", 16, &[("a", 3, 0), ("b", 5, 64)]); // 6
    check_kept(&blob);
}

#[test]
fn references_are_merged_from_the_inside_out() {
    let chain = |blob: Asm, at: u32| {
        blob.constant(1).volatile(at).ptr(at + 1).restrict(at + 2).typedef("t", at + 3)
    };
    check(&chain(chain(int(), 2), 7), &chain(int(), 2), &[1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6]);
    let tags = |blob: Asm| blob.type_tag("user", 1);
    check(&tags(tags(int())), &tags(int()), &[1, 2, 2]);
    check_kept(&tags(int()).type_tag("rcu", 1));
    check_kept(&tags(int()).head("user", 18, FLAG, 1));
    check_kept(&int().typedef("a", 1).typedef("b", 1));
}

#[test]
fn functions_differ_by_names_of_parameters_and_linkage() {
    let proto = |blob: Asm, name| blob.prototype(1, &[(name, 1)]);
    check(&proto(proto(int(), "a"), "a"), &proto(int(), "a"), &[1, 2, 2]);
    check_kept(&proto(proto(int(), "a"), "b"));
    check_kept(&int().prototype(1, &[]).prototype(0, &[]));
    let func = |blob: Asm, linkage| blob.func("f", 2, linkage);
    let base = || proto(int(), "a");
    check(&func(func(base(), 1), 1), &func(base(), 1), &[1, 2, 3, 3]);
    check_kept(&func(func(base(), 0), 1));
}

#[test]
fn variables_and_sections_stay_and_tags_go_with_their_targets() {
    let blob = int()
        .int("int", 4, SIGNED) // 2
        .var("v", 1, 1) // 3
        .var("v", 2, 1) // 4
        .datasec(".data", 4, &[(3, 0, 4)]) // 5
        .datasec(".data", 4, &[(4, 0, 4)]) // 6
        .structure("s", 4, &[("x", 1, 0)]) // 7
        .structure("s", 4, &[("x", 2, 0)]) // 8
        .decl_tag("t", 7, 0) // 9
        .decl_tag("t", 8, 0) // 10
        .decl_tag("t", 8, u32::MAX) // 11
        .decl_tag("t", 3, u32::MAX) // 12
        .decl_tag("t", 4, u32::MAX); // 13
    let merged = int()
        .var("v", 1, 1) // 2
        .var("v", 1, 1) // 3
        .datasec(".data", 4, &[(2, 0, 4)]) // 4
        .datasec(".data", 4, &[(3, 0, 4)]) // 5
        .structure("s", 4, &[("x", 1, 0)]) // 6
        .decl_tag("t", 6, 0) // 7
        .decl_tag("t", 6, u32::MAX) // 8
        .decl_tag("t", 2, u32::MAX) // 9
        .decl_tag("t", 3, u32::MAX); // 10
    check(&blob, &merged, &[1, 1, 2, 3, 4, 5, 6, 6, 7, 7, 8, 9, 10]);
}

#[test]
fn typedefs_of_types_without_a_name_keep_graphs_apart() {
    let both = |second| {
        int()
            .structure("", 4, &[("x", 1, 0)]) // 2
            .typedef("t", 2) // 3
            .structure("", 4, &[(second, 1, 0)]) // 4
            .typedef("t", 4) // 5
    };
    let merged = int().structure("", 4, &[("x", 1, 0)]).typedef("t", 2);
    check(&both("x"), &merged, &[1, 2, 3, 2, 3]);
    check_kept(&both("y"));
}

#[test]
fn split_types_are_merged_with_the_base_which_stays() {
    for order in ORDERS {
        let base = int()
            .structure("s", 4, &[("x", 1, 0)]) // 2
            .fwd("later", false) // 3
            .ptr(3) // 4
            .structure("holder", 8, &[("p", 4, 0)]); // 5
        let own = split(base.string_len())
            .int("int", 4, SIGNED) // 6
            .structure("s", 4, &[("x", 6, 0)]) // 7
            .ptr(7) // 8
            .structure("later", 4, &[("x", 6, 0)]) // 9
            .ptr(9) // 10
            .structure("holder", 8, &[("p", 10, 0)]) // 11
            .fwd("later", false) // 12
            .ptr(1); // 13
        let base = Btf::parse(base.write(order)).unwrap();
        let btf = Btf::parse_split(own.write(order), &base).unwrap();
        let merged = dedup(&btf).unwrap();
        let after = Btf::parse_split(merged.builder.write(order).unwrap(), &base).unwrap();
        let ids = (6..14).map(|id| merged.ids.get(TypeId::new(id)).map_or(0, TypeId::get));
        // `int` and `s` are those of the base. The base's `holder` points to a declaration that cannot change, but which shows
        // what is declared: the own declaration becomes it.
        assert_eq!(ids.collect::<Vec<_>>(), [1, 2, 6, 7, 8, 9, 7, 10]);
        assert_eq!(after.types().count(), 5);
        assert!(after.bytes().len() < btf.bytes().len(), "names of the base are used");
    }
}

#[test]
fn what_refers_to_a_declared_structure_of_the_base_is_merged_once_its_body_is_known() {
    for order in ORDERS {
        let base = int()
            .fwd("later", false) // 2
            .ptr(2) // 3
            .structure("first", 8, &[("p", 3, 0)]) // 4
            .structure("second", 16, &[("p", 3, 0)]); // 5
        let own = split(base.string_len())
            .structure("later", 4, &[("x", 1, 0)]) // 6
            .ptr(6) // 7
            .structure("first", 8, &[("p", 7, 0)]) // 8
            .structure("second", 16, &[("p", 7, 0)]); // 9
        let base = Btf::parse(base.write(order)).unwrap();
        let btf = Btf::parse_split(own.write(order), &base).unwrap();
        let merged = dedup(&btf).unwrap();
        let ids = (6..10).map(|id| merged.ids.get(TypeId::new(id)).map_or(0, TypeId::get));
        // The first to show the body stays, the others become those of the base.
        assert_eq!(ids.collect::<Vec<_>>(), [6, 7, 8, 5]);
    }
}

#[test]
fn strings_are_stored_once_and_unused_ones_dropped() {
    let blob = int().raw_strings(b"nobody\0").structure("int", 0, &[]);
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let merged =
        Btf::parse(dedup(&btf).unwrap().builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
    assert_eq!(merged.bytes().len(), 24 + 16 + 12 + 5);
}

#[test]
fn a_blob_twice_is_the_blob() {
    for order in ORDERS {
        let btf = Btf::parse(every_kind().write(order)).unwrap();
        let mut builder = BtfBuilder::from_btf(&btf);
        builder.add_btf(&btf).unwrap();
        let twice = Btf::parse(builder.write(order).unwrap()).unwrap();
        let merged = dedup(&twice).unwrap();
        let merged = Btf::parse(merged.builder.write(order).unwrap()).unwrap();
        // The variable, its section are there twice.
        assert_eq!(merged.types().count(), btf.types().count() + 2);
    }
}

#[test]
fn rings_of_references_end() {
    let blob = asm().ptr(2).constant(1).typedef("t", 3).ptr(5).ptr(4).array(6, 6, 1);
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let merged = dedup(&btf).unwrap();
    assert!(Btf::parse(merged.builder.write(ByteOrder::NATIVE).unwrap()).is_ok());
}

#[test]
fn kinds_with_unknown_references_cannot_be_renumbered() {
    let layout = [(0, 0); 41];
    let blob = asm().layout(&layout).head("new", 40, 0, 0);
    let btf = Btf::parse(blob.write(ORDERS[0])).unwrap();
    let error = BuildError::UnknownKind { id: TypeId::new(1), kind: 40 };
    assert_eq!(dedup(&btf).unwrap_err(), error);
}

/// Each typedef of one name is a typedef of the one before: none is another, and to see that takes the whole way down.
#[test]
fn what_never_ends_to_compare_is_left_as_it_is() {
    let count = 20_000;
    let tower = (1..=count).fold(int(), |tower, below| tower.typedef("t", below));
    let btf = Btf::parse(tower.write(ORDERS[0])).unwrap();
    let merged = dedup(&btf).unwrap();
    assert_eq!(merged.builder.len(), btf.len());
    assert_eq!(merged.ids.get(TypeId::new(count)), Some(TypeId::new(count)));
}
