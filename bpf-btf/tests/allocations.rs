//! How often memory is allocated, and how much stays. One test only: the counters are those of the whole process.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that panics fails"
)]

use std::alloc::System;
use std::hint::black_box;

use bpf_btf::core::{CoreKind, Fixup, Resolver};
use bpf_btf::{
    Btf, BtfBuilder, ByteOrder, CoreRelo, Definition, Kind, NewEnumValue, NewMember, Type,
};
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

/// A blob with as many types as a kernel of 2025 has, and of the same average size.
fn as_large_as_a_kernel() -> Vec<u8> {
    let mut builder = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let int = builder.add(&int).unwrap();
    let members = [NewMember::new("first", int, 0), NewMember::new("second", int, 32)];
    for _ in 0..63_300 {
        let target =
            builder.add(&Definition::Struct { name: "pair", size: 8, members: &members }).unwrap();
        builder.add(&Definition::Ptr { target }).unwrap();
    }
    builder.write(ByteOrder::NATIVE).unwrap()
}

/// An object and a target with other places of the same members, and records of many kinds about them.
fn object() -> (Btf, Btf, Vec<CoreRelo>) {
    let blob = |first: u32| {
        let mut builder = BtfBuilder::new();
        let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
        let int = builder.add(&int).unwrap();
        let array = builder.add(&Definition::Array { element: int, index: int, len: 8 }).unwrap();
        let inner = [NewMember::new("deep", array, 0), NewMember::new("flat", int, 256)];
        let inner = Definition::Struct { name: "", size: 36, members: &inner };
        let inner = builder.add(&inner).unwrap();
        let members = [
            NewMember::new("number", int, first),
            NewMember::new("", inner, first + 32),
            NewMember::bitfield("bits", int, first + 320, 3),
        ];
        let outer = Definition::Struct { name: "outer", size: 128, members: &members };
        let outer = builder.add(&outer).unwrap();
        let values = [NewEnumValue::new("ONE", 1), NewEnumValue::new("TWO", i128::from(first))];
        let values = Definition::Enum { name: "colour", size: 4, signed: false, values: &values };
        let values = builder.add(&values).unwrap();
        let access = ["0:0", "0:1:0:5", "0:1:1", "0:2", "0", "1"]
            .map(|text| builder.add_string(text).unwrap());
        let btf = Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap();
        let [number, deep, flat, bits, whole, second] = access;
        let relo = |id, access, kind: CoreKind| CoreRelo::new(0, id, access, kind.number());
        let relos = vec![
            relo(outer, number, CoreKind::FieldByteOffset),
            relo(outer, deep, CoreKind::FieldByteOffset),
            relo(outer, flat, CoreKind::FieldByteSize),
            relo(outer, flat, CoreKind::FieldExists),
            relo(outer, bits, CoreKind::FieldLshiftU64),
            relo(outer, whole, CoreKind::TypeSize),
            relo(outer, whole, CoreKind::TypeExists),
            relo(outer, whole, CoreKind::TypeMatches),
            relo(values, second, CoreKind::EnumvalValue),
        ];
        (btf, relos)
    };
    let (local, relos) = blob(0);
    (local, blob(64).0, relos)
}

/// How often everything about the relocations allocates.
fn relocate(local: &Btf, target: &Btf, relos: &[CoreRelo]) -> usize {
    let (count, fixups) = count(|| {
        let mut resolver = Resolver::new(local, relos);
        resolver.search_kernel(target);
        resolver.resolve()
    });
    let answered = |fixup: &Fixup| !fixup.poison && fixup.story.is_none();
    assert!(fixups.iter().all(|fixup| fixup.as_ref().is_ok_and(answered)), "{fixups:?}");
    count
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

    let kernel = as_large_as_a_kernel();
    let region = Region::new(GLOBAL);
    let kernel = Btf::parse(kernel).unwrap();
    let change = region.change();
    // The bytes themselves were there before.
    let live = change.bytes_allocated - change.bytes_deallocated;
    assert!(kernel.len() > 126_000 && live <= 1_000_000, "{live} bytes for {} types", kernel.len());

    let bytes = kernel.bytes().to_vec();
    let region = Region::new(GLOBAL);
    let kernel = Btf::parse_trusted(bytes).unwrap();
    let change = region.change();
    let live = change.bytes_allocated - change.bytes_deallocated;
    assert!(kernel.len() > 126_000 && live <= 1_000_000, "{live} bytes for {} types", kernel.len());

    let (opening, btf) = count(|| Btf::parse(native).unwrap());
    assert!(opening <= 3, "opening allocated {opening} times");
    let (trusting, trusted) = count(|| Btf::parse_trusted(btf.bytes().to_vec()).unwrap());
    assert!(trusting <= 4, "opening what is trusted allocated {trusting} times");
    let (validating, valid) = count(|| trusted.validate().is_ok());
    assert!(validating <= 3 && valid, "validating allocated {validating} times");
    let (again, valid) = count(|| trusted.validate().is_ok() && btf.validate().is_ok());
    assert_eq!((again, valid), (0, true));
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

    let (local, target, relos) = object();
    let once = relocate(&local, &target, &relos);
    let often = relocate(&local, &target, &relos.repeat(100));
    assert_eq!(often, once, "records allocate, and not only their object");
}
