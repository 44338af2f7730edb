//! What reading an object takes, in allocations and bytes: bounds that do not depend on how busy a machine is.
//!
//! All in one test: the allocator counts for the whole process.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics, and shares its objects with benches"
)]

#[path = "../benches/objects/mod.rs"]
mod objects;

use std::alloc::System;

use bpf_asm::ByteOrder;
use bpf_elf::Error;
use bpf_elf::spec::CollectionSpec;
use cap::Cap;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: Cap<&StatsAlloc<System>> = Cap::new(&INSTRUMENTED_SYSTEM, usize::MAX);

/// What one read took.
#[derive(Clone, Copy, Debug)]
struct Work {
    /// Bytes of the object.
    input: usize,
    /// Times that memory was asked for.
    allocations: usize,
    /// Bytes that were asked for in all.
    asked: usize,
    /// Bytes of the spec that came out.
    heap: usize,
}

/// Reads an object under its bound: 8 times its size and a megabyte.
fn read(object: &[u8]) -> (Result<CollectionSpec, Error>, Work) {
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    HEAP.set_limit(HEAP.allocated() + object.len() * 8 + (1 << 20)).unwrap();
    let spec = CollectionSpec::parse(object);
    HEAP.set_limit(usize::MAX).unwrap();
    let used = region.change();
    let work = Work {
        input: object.len(),
        allocations: used.allocations + used.reallocations,
        asked: used.bytes_allocated,
        heap: used.bytes_allocated.saturating_sub(used.bytes_deallocated),
    };
    (spec, work)
}

/// One row: an object that is read with at most so many allocations, into a spec of at most so many bytes.
#[track_caller]
fn check(name: &str, object: &[u8], allocations: usize, heap: usize) -> Work {
    let (spec, work) = read(object);
    spec.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(work.allocations <= allocations, "{name}: {work:?}, wanted {allocations}");
    assert!(work.heap <= heap, "{name}: {work:?}, wanted {heap}");
    work
}

#[test]
fn reading_takes_what_its_input_accounts_for() {
    for order in testdata::Order::BOTH {
        check("counter", testdata::object("counter", order), 95, 13_000);
        check("tracing", testdata::object("tracing", order), 290, 21_000);
    }
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let filter = objects::filter(order);
        check("filter", &filter, 90, 2 * filter.len());
        // libbpf 1.8: 6,108 allocations for an object of these numbers.
        let big = objects::big(order);
        let whole = check("big", &big, 6_700, 2 * big.len());
        let half = objects::objects(order, 150, 300, 20);
        let half = check("half of big", &half, 3_500, 2 * half.len());
        let unrolled = objects::unrolled(order);
        check("unrolled", &unrolled, 90, 2 * unrolled.len());
        // Twice the input is twice the work, not four times.
        assert!(whole.allocations * 2 <= half.allocations * 5, "{half:?}, {whole:?}");
        assert!(whole.asked * 2 <= half.asked * 5, "{half:?}, {whole:?}");

        // A hundred thousand functions of one slot say more than their bytes account for: 380 bytes of spec for 40 of file.
        let (spec, work) = read(&objects::dense(order, 100_000, 1));
        assert!(matches!(spec, Err(Error::TooLarge)), "{work:?}");
        assert!(work.asked <= work.input * 8 + (1 << 20), "{work:?}");
        for slots in [3, 4, 8, 10] {
            let dense = objects::dense(order, 100_000, slots);
            check(&format!("functions of {slots} slots"), &dense, 500_000, 7 * dense.len());
        }
    }
}
