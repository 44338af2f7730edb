//! Walks that survive cycles and depth.

use bpf_btf::{Btf, TypeId};

use crate::asm::{ORDERS, asm, every_kind};

fn ids(numbers: &[u32]) -> Vec<TypeId> {
    numbers.iter().copied().map(TypeId::new).collect()
}

#[test]
fn targets_are_those_of_the_record() {
    let btf = Btf::parse(every_kind().write(ORDERS[1])).unwrap();
    let rows: [(u32, &[u32]); 14] = [
        (0, &[]),
        (1, &[]),
        (2, &[1]),
        (3, &[1, 1]),
        (4, &[1, 1]),
        (5, &[1, 2]),
        (6, &[]),
        (12, &[1, 2, 0]),
        (13, &[12]),
        (14, &[1]),
        (15, &[14]),
        (17, &[4]),
        (20, &[1, 1]),
        (21, &[]),
    ];
    for (id, targets) in rows {
        assert_eq!(btf.targets(TypeId::new(id)), ids(targets), "{id}");
    }
}

#[test]
fn types_come_after_those_that_they_refer_to() {
    let btf = Btf::parse(every_kind().write(ORDERS[0])).unwrap();
    assert_eq!(btf.post_order(TypeId::new(15)).collect::<Vec<_>>(), ids(&[1, 14, 15]));
    assert_eq!(btf.post_order(TypeId::new(13)).collect::<Vec<_>>(), ids(&[1, 2, 12, 13]));
    assert_eq!(btf.post_order(TypeId::VOID).count(), 0);
    assert_eq!(btf.post_order(TypeId::new(99)).count(), 0);
}

#[test]
fn cycles_end_and_depth_is_no_limit() {
    let list = asm().structure("node", 16, &[("next", 2, 0), ("self", 3, 64)]).ptr(1).ptr(3);
    let btf = Btf::parse(list.write(ORDERS[0])).unwrap();
    assert_eq!(btf.post_order(TypeId::new(1)).collect::<Vec<_>>(), ids(&[2, 3, 1]));
    let mut deep = asm();
    for target in 0..200_000 {
        deep = deep.ptr(target);
    }
    let btf = Btf::parse(deep.write(ORDERS[0])).unwrap();
    assert_eq!(btf.post_order(TypeId::new(200_000)).count(), 200_000);
}
