//! What older kernels get instead of what they do not know.

use bpf_btf::{Btf, BtfFeatures, ByteOrder, Type, sanitize};

use crate::asm::{Asm, ORDERS, SIGNED, asm, every_kind};

/// All features but those that `change` removes.
fn without(change: impl Fn(&mut BtfFeatures)) -> BtfFeatures {
    let mut features = BtfFeatures::ALL;
    change(&mut features);
    features
}

fn check(what: &str, before: &Asm, features: &BtfFeatures, after: &Asm) {
    for order in ORDERS {
        let before = Btf::parse(before.write(order)).unwrap();
        let bytes = sanitize(&before, features).unwrap();
        let sanitized = Btf::parse(bytes).unwrap();
        let after = Btf::parse(after.write(ByteOrder::NATIVE)).unwrap();
        assert_eq!(lines(&sanitized), lines(&after), "{what}");
    }
}

fn lines(btf: &Btf) -> Vec<String> {
    btf.types().map(|(_, found)| crate::views::describe(found)).collect()
}

#[test]
fn each_missing_feature_has_its_replacement() {
    let int = || asm().int("int", 4, SIGNED);
    let rows: [(&str, BtfFeatures, Asm, Asm); 10] = [
        (
            "variables and sections",
            without(|f| f.datasec = false),
            int().var("a", 1, 1).var("b", 1, 1).datasec("?.data.x", 8, &[(2, 0, 4), (3, 4, 4)]),
            int().int("a", 1, 0).int("b", 1, 0).structure(
                "__data_x",
                8,
                &[("a", 2, 0), ("b", 3, 32)],
            ),
        ),
        (
            "question marks in names of sections",
            without(|f| f.qmark_datasec = false),
            int().datasec("?.struct_ops", 8, &[]).datasec(".data.?", 8, &[]),
            int().datasec("_.struct_ops", 8, &[]).datasec(".data.?", 8, &[]),
        ),
        (
            "functions",
            without(|f| f.func = false),
            int().prototype(1, &[("a", 1), ("b", 0)]).func("f", 2, 1),
            int().enumeration("", 4, false, &[("a", 1), ("b", 0)]).typedef("f", 2),
        ),
        (
            "global functions",
            without(|f| f.global_func = false),
            int().prototype(1, &[]).func("f", 2, 1).func("g", 2, 2).func("h", 2, 0),
            int().prototype(1, &[]).func("f", 2, 0).func("g", 2, 0).func("h", 2, 0),
        ),
        (
            "floats",
            without(|f| f.float = false),
            int().float("double", 8),
            int().structure("", 8, &[]),
        ),
        (
            "declaration tags",
            without(|f| f.decl_tag = false),
            int().decl_tag("t", 1, 0),
            int().int("t", 1, 0),
        ),
        (
            "type tags",
            without(|f| f.type_tag = false),
            int().type_tag("user", 1),
            int().constant(1),
        ),
        (
            "64-bit enumerations",
            without(|f| f.enum64 = false),
            int().enum64("e", 8, true, &[("A", 1), ("B", 2)]).enum64("f", 4, false, &[]),
            int().union("e", 8, &[("A", 4, 0), ("B", 4, 0)]).union("f", 4, &[]).int(
                "enum64_placeholder",
                1,
                0,
            ),
        ),
        (
            "signs of enumerations",
            without(|f| f.enum64 = false),
            int().enumeration("e", 4, true, &[("A", 1)]),
            int().enumeration("e", 4, false, &[("A", 1)]),
        ),
        ("nothing", BtfFeatures::ALL, every_kind(), every_kind()),
    ];
    for (what, features, before, after) in rows {
        check(what, &before, &features, &after);
    }
}

#[test]
fn the_layout_section_is_dropped() {
    let blob = every_kind().layout(&[(0, 0), (4, 0)]);
    let btf = Btf::parse(blob.write(ByteOrder::NATIVE)).unwrap();
    let plain = sanitize(&btf, &without(|f| f.layout = false)).unwrap();
    assert_eq!(plain, every_kind().write(ByteOrder::NATIVE));
    assert_eq!(sanitize(&btf, &BtfFeatures::ALL).unwrap(), blob.write(ByteOrder::NATIVE));
}

#[test]
fn the_oldest_kernels_get_only_the_oldest_kinds() {
    for order in ORDERS {
        let before = Btf::parse(every_kind().write(order)).unwrap();
        let after = Btf::parse(sanitize(&before, &BtfFeatures::NONE).unwrap()).unwrap();
        assert_eq!(after.len(), before.len() + 1, "ids are kept, a placeholder is added");
        for (id, found) in after.types() {
            let old = matches!(
                found,
                Type::Int(_)
                    | Type::Ptr(_)
                    | Type::Array(_)
                    | Type::Struct(_)
                    | Type::Union(_)
                    | Type::Enum(_)
                    | Type::Fwd(_)
                    | Type::Typedef(_)
                    | Type::Volatile(_)
                    | Type::Const(_)
                    | Type::Restrict(_)
            );
            assert!(old && !matches!(found, Type::Enum(values) if values.is_signed()), "{found:?}");
            let sized = before
                .get(id)
                .is_some_and(|was| was.composite().is_some() || was.enumeration().is_some());
            assert!(!sized || before.size_of(id) == after.size_of(id), "{found:?}");
        }
    }
}
