//! Times against the BTF of the running kernel, each beside the floor: `cargo bench -p bpf-btf`.
#![expect(missing_docs, reason = "criterion's macro makes a public function")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics fails"
)]

mod floor;
mod rows;

use bpf_btf::{
    Btf, BtfBuilder, ByteOrder, CHeaderOptions, Definition, Kind, c_header, dedup, distill,
    sort_by_name,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use rows::{Input, rows};
use testdata::Side;

/// Each row of the table of targets next to its floor. For ratios see the bench `ratio`, which interleaves them.
fn kernel(c: &mut Criterion) {
    let input = Input::new();
    for row in rows(&input) {
        let [floor, ours] = Side::BOTH.map(|side| row.prepare(side)());
        assert_eq!(floor, ours, "{}: results differ", row.name);
        let mut group = c.benchmark_group(row.name);
        for side in Side::BOTH {
            group.bench_function(format!("{side:?}"), |b| {
                b.iter_batched(|| row.prepare(side), |work| work(), BatchSize::PerIteration);
            });
        }
        group.finish();
    }
}

/// Work on whole blobs, which has no floor but its output.
fn whole(c: &mut Criterion) {
    let btf = Btf::parse(std::fs::read("/sys/kernel/btf/vmlinux").unwrap()).unwrap();
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
