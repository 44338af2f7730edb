//! How often memory is allocated. One test only: the counters are those of the whole process.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

use std::alloc::System;
use std::hint::black_box;

use bpf_btf::{Btf, ByteOrder, Kind, Type};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "it/asm.rs"]
#[expect(dead_code, reason = "shared with the other tests, which use more of it")]
mod asm;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations and reallocations while `work` runs.
fn count<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let region = Region::new(GLOBAL);
    let value = work();
    let change = region.change();
    (change.allocations + change.reallocations, value)
}

fn visit(btf: &Btf) -> usize {
    btf.types()
        .map(|(id, found)| {
            let size = btf.size_of(id).map_or(0, |_| 1)
                + btf.resolve(id).map_or(0, |found| found.name().len());
            size + match found {
                Type::Struct(composite) | Type::Union(composite) => {
                    composite.members().map(|member| member.name().len()).sum()
                }
                Type::Enum(values) | Type::Enum64(values) => {
                    values.values().map(|value| value.name().len()).sum()
                }
                Type::FuncProto(proto) => {
                    proto.params().map(|param| param.name().len()).sum::<usize>()
                }
                Type::Datasec(section) => section.variables().count(),
                other => other.name().len(),
            }
        })
        .sum()
}

#[test]
fn opening_allocates_at_most_three_times_and_asking_never() {
    let foreign =
        if ByteOrder::NATIVE == ByteOrder::Little { ByteOrder::Big } else { ByteOrder::Little };
    let mut blob = asm::every_kind();
    for number in 0..1000 {
        blob = blob.structure(&format!("type_{}", number * 7919 % 1000), 8, &[("member", 1, 0)]);
    }
    let native = blob.write(ByteOrder::NATIVE);
    let foreign = blob.write(foreign);

    let (opening, btf) = count(|| Btf::parse(native).unwrap());
    assert!(opening <= 3, "opening allocated {opening} times");
    let (swapping, _) = count(|| Btf::parse(foreign).unwrap());
    assert!(swapping <= 4, "opening a foreign blob allocated {swapping} times");
    let (walking, sum) = count(|| visit(black_box(&btf)));
    assert_eq!((walking, sum > 10_000), (0, true));
    let (indexing, found) = count(|| btf.find("type_7", Kind::Struct));
    assert!(indexing <= 3 && found.is_some(), "the index allocated {indexing} times");
    let (asking, found) = count(|| {
        btf.find("type_8", Kind::Struct).is_some() && btf.find("no such type", Kind::Int).is_none()
    });
    assert_eq!((asking, found), (0, true));
    let (cloning, _) = count(|| btf.clone());
    assert_eq!(cloning, 0);
}
