//! Times of reading objects, each beside the floor: `cargo bench -p bpf-elf --features unstable-btf`.
//!
//! For ratios see the bench `ratio`, which interleaves them.
#![expect(missing_docs, reason = "criterion's macro makes a public function")]
#![expect(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics fails, and shares its parts with others"
)]

mod floor;
mod objects;
mod rows;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use testdata::Side;

fn object(c: &mut Criterion) {
    for row in rows::rows() {
        assert_eq!(row.work(Side::Floor), row.work(Side::Ours), "{}: results differ", row.name);
        let mut group = c.benchmark_group(row.name);
        group.throughput(Throughput::Bytes(row.object().len() as u64));
        for side in Side::BOTH {
            group.bench_function(format!("{side:?}"), |b| b.iter(|| row.work(side)));
        }
        group.finish();
    }
}

criterion_group!(benches, object);
criterion_main!(benches);
