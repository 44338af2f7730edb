//! Times against the BTF of the running kernel, each beside the [`floor`]: `cargo bench -p bpf-btf`.
#![expect(missing_docs, reason = "criterion's macro makes a public function")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics fails"
)]

mod floor;

use std::hint::black_box;

use bpf_btf::core::{CoreKind, Resolver};
use bpf_btf::{
    Btf, BtfBuilder, ByteOrder, CHeaderOptions, CoreRelo, Definition, Kind, NewMember, Type,
    c_header, dedup, distill, sort_by_name,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use floor::Floor;

fn blob() -> &'static [u8] {
    Vec::leak(std::fs::read("/sys/kernel/btf/vmlinux").unwrap())
}

/// The names of the first 1000 structures.
fn names(btf: &Btf) -> Vec<String> {
    let structs =
        btf.types().filter(|(_, found)| found.kind() == Kind::Struct && !found.name().is_empty());
    structs.map(|(_, found)| found.name().to_owned()).take(1000).collect()
}

/// An object that accesses the first four members of each of `count` structures of the kernel.
fn object(btf: &Btf, count: usize) -> (Btf, Vec<CoreRelo>) {
    let mut builder = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let int = builder.add(&int).unwrap();
    let access = ["0:0", "0:1", "0:2", "0:3"].map(|text| builder.add_string(text).unwrap());
    let mut relos = Vec::new();
    for name in names(btf).into_iter().take(count) {
        let found = btf
            .find(&name, Kind::Struct)
            .and_then(|id| btf.get(id))
            .and_then(|found| found.composite());
        let members = found.unwrap().members().filter(|member| !member.is_anonymous()).take(4);
        let members =
            members.map(|member| NewMember::new(member.name(), int, 0)).collect::<Vec<_>>();
        let id =
            builder.add(&Definition::Struct { name: &name, size: 8, members: &members }).unwrap();
        let kind = CoreKind::FieldExists.number();
        relos.extend(
            access.iter().take(members.len()).map(|access| CoreRelo::new(0, id, *access, kind)),
        );
    }
    (Btf::parse(builder.write(ByteOrder::NATIVE).unwrap()).unwrap(), relos)
}

fn walk(btf: &Btf) -> u64 {
    let mut sum = 0_u64;
    for (_, found) in btf.types() {
        sum += u64::from(found.id().get());
        match found {
            Type::Struct(composite) | Type::Union(composite) => {
                sum += composite
                    .members()
                    .map(|member| u64::from(member.bit_offset() ^ member.type_id().get()))
                    .sum::<u64>();
            }
            Type::Enum(values) | Type::Enum64(values) => {
                sum += values.values().map(|value| value.bits() & 0xff).sum::<u64>();
            }
            Type::FuncProto(proto) => {
                sum += proto.params().map(|param| u64::from(param.type_id().get())).sum::<u64>();
            }
            other => sum += u64::from(other.kind().number()),
        }
    }
    sum
}

fn kernel(c: &mut Criterion) {
    let blob = blob();
    let btf = Btf::parse(blob).unwrap();
    let floor = Floor::new(blob);
    let offsets = floor.offsets();
    assert_eq!(offsets.len() + 1, usize::try_from(btf.len()).unwrap());
    let names = names(&btf);
    let find_all =
        |btf: &Btf| names.iter().filter(|name| btf.find(name, Kind::Struct).is_some()).count();
    assert_eq!(find_all(&btf), floor.names(&offsets, &names));

    let mut group = c.benchmark_group("load");
    group.bench_function("ours", |b| b.iter(|| Btf::parse(black_box(blob)).unwrap()));
    group.bench_function("floor", |b| b.iter(|| Floor::new(black_box(blob)).offsets()));
    group.finish();

    let mut group = c.benchmark_group("first task_struct");
    group.bench_function("ours", |b| {
        b.iter_batched(
            || Btf::parse(blob).unwrap(),
            |btf| btf.find("task_struct", Kind::Struct),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("floor", |b| b.iter(|| floor.first(black_box(&offsets), b"task_struct")));
    group.finish();

    let mut group = c.benchmark_group("1000 struct names");
    group.bench_function("ours", |b| {
        b.iter_batched(|| Btf::parse(blob).unwrap(), |btf| find_all(&btf), BatchSize::PerIteration);
    });
    group.bench_function("ours, not the first time", |b| b.iter(|| find_all(&btf)));
    group.bench_function("floor", |b| b.iter(|| floor.names(black_box(&offsets), &names)));
    group.finish();

    let mut group = c.benchmark_group("every type");
    group.bench_function("ours", |b| b.iter(|| walk(black_box(&btf))));
    group.bench_function("floor", |b| b.iter(|| floor.walk(black_box(&offsets))));
    group.finish();

    for count in [6, 1000] {
        let (local, relos) = object(&btf, count);
        c.bench_function(&format!("CO-RE {} relocations", relos.len()), |b| {
            b.iter(|| {
                let mut resolver = Resolver::new(&local, &relos);
                resolver.search_kernel(&btf);
                resolver.resolve().len()
            });
        });
    }
}

/// Work on whole blobs, which has no floor but its output.
fn whole(c: &mut Criterion) {
    let btf = Btf::parse(blob()).unwrap();
    let mut group = c.benchmark_group("whole");
    group.sample_size(10);
    group.bench_function("dedup", |b| b.iter(|| dedup(&btf).unwrap()));
    group.bench_function("C header", |b| {
        b.iter(|| c_header(&btf, &CHeaderOptions::default()).unwrap().len());
    });
    group.bench_function("sort by name", |b| b.iter(|| sort_by_name(&btf).unwrap()));
    group.bench_function("distil", |b| {
        let mut builder = BtfBuilder::split(&btf);
        let task = btf.find("task_struct", Kind::Struct).unwrap();
        builder.add(&Definition::Ptr { target: task }).unwrap();
        let split = Btf::parse_split(builder.write(ByteOrder::NATIVE).unwrap(), &btf).unwrap();
        b.iter(|| distill(&split).unwrap());
    });
    group.finish();
}

criterion_group!(benches, kernel, whole);
criterion_main!(benches);
