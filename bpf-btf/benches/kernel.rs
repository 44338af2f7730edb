//! Times against the BTF of the running kernel: `cargo bench -p bpf-btf`.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics fails"
)]

use std::hint::black_box;

use bpf_btf::core::{CoreKind, Resolver};
use bpf_btf::{Btf, BtfBuilder, ByteOrder, CoreRelo, Definition, Kind, NewMember, Type};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

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
    c.bench_function("open", |b| b.iter(|| Btf::parse(black_box(blob)).unwrap()));
    let btf = Btf::parse(blob).unwrap();
    c.bench_function("walk all types", |b| b.iter(|| walk(black_box(&btf))));
    let names = names(&btf);
    c.bench_function("1000 names from cold", |b| {
        b.iter_batched(
            || Btf::parse(blob).unwrap(),
            |btf| names.iter().filter(|name| btf.find(name, Kind::Struct).is_some()).count(),
            BatchSize::PerIteration,
        );
    });
    btf.find("task_struct", Kind::Struct);
    c.bench_function("1000 names warm", |b| {
        b.iter(|| names.iter().filter(|name| btf.find(name, Kind::Struct).is_some()).count());
    });
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

criterion_group!(benches, kernel);
criterion_main!(benches);
