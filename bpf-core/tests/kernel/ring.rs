//! Ring buffers, read in place.

use std::time::Duration;

use bpf_core::{ErrorKind, MapFlags, RingBuffer, TestRun};
use testdata::requires;
use zerocopy::{FromBytes, IntoBytes};

use crate::support::{NoLeak, load, load_spec, run, spec};

#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes)]
#[repr(C)]
struct Record {
    sequence: u64,
    cpu: u32,
    check: u32,
}

/// All records of one batch.
fn drain(ring: &mut RingBuffer) -> Vec<Record> {
    ring.batch().unwrap().iter().map(|sample| sample.to().unwrap()).collect()
}

#[test]
fn records_come_in_order_and_only_once() {
    let _leak = NoLeak::new();
    let mut edited = spec("ring");
    edited.set_variable("count", &100_u32).unwrap();
    let collection = load_spec(&edited);
    let mut ring = RingBuffer::new(collection.map("records").unwrap()).unwrap();
    assert_eq!(ring.size(), 64 * 1024);
    assert!(drain(&mut ring).is_empty());
    assert!(!ring.wait(Some(Duration::ZERO)).unwrap());
    for round in 0..3 {
        run(collection.program("produce").unwrap(), 64);
        assert!(ring.wait(None).unwrap());
        assert_eq!(ring.available(), 100 * 24);
        let records = drain(&mut ring);
        assert_eq!(records.len(), 100);
        for (index, record) in (round * 100..).zip(&records) {
            assert_eq!(record.sequence, index);
            assert_eq!(u64::from(!record.check), index);
        }
        assert_eq!(ring.available(), 0);
        assert!(!ring.wait(Some(Duration::ZERO)).unwrap());
    }
    assert_eq!(collection.variable("dropped").unwrap().get::<u64>().unwrap(), 0);
}

#[test]
fn a_batch_gives_back_only_what_was_seen() {
    let _leak = NoLeak::new();
    let mut edited = spec("ring");
    edited.set_variable("count", &5_u32).unwrap();
    let collection = load_spec(&edited);
    let mut ring = RingBuffer::new(collection.map("records").unwrap()).unwrap();
    run(collection.program("produce").unwrap(), 64);
    {
        let batch = ring.batch().unwrap();
        let first: Vec<Record> = batch.iter().take(2).map(|sample| sample.to().unwrap()).collect();
        assert_eq!(first.iter().map(|record| record.sequence).collect::<Vec<_>>(), [0, 1]);
        // A second iteration goes on.
        assert_eq!(batch.iter().next().unwrap().get::<u64>(0), Some(2));
    }
    assert_eq!(ring.available(), 2 * 24);
    assert_eq!(drain(&mut ring).iter().map(|record| record.sequence).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn samples_have_the_size_that_was_written_and_end_there() {
    let _leak = NoLeak::new();
    let collection = load("ring");
    let mut ring = RingBuffer::new(collection.map("records").unwrap()).unwrap();
    run(collection.program("produce_sizes").unwrap(), 64);
    let batch = ring.batch().unwrap();
    let mut buffer = Vec::new();
    let mut sizes = Vec::new();
    for sample in &batch {
        sample.copy_to(&mut buffer);
        assert_eq!(buffer.len(), sample.len());
        assert_eq!(usize::from(buffer[0]), sample.len());
        assert!(buffer[1..].iter().all(|&byte| byte == 0));
        assert_eq!(sample.to_vec(), buffer);
        let last = sample.len() - 1;
        assert!(sample.get::<u8>(last).is_some());
        assert_eq!(sample.get::<u16>(last), None);
        assert_eq!(sample.get::<u8>(usize::MAX), None);
        assert_eq!(sample.to::<u64>().is_some(), sample.len() == 8);
        assert!(!sample.read(1, &mut vec![0; sample.len()]));
        sizes.push(sample.len());
    }
    assert_eq!(sizes, (1..=16).collect::<Vec<_>>());
}

#[test]
fn discarded_records_are_not_seen() {
    let _leak = NoLeak::new();
    let collection = load("ring");
    let mut ring = RingBuffer::new(collection.map("records").unwrap()).unwrap();
    for program in ["discard", "produce", "discard"] {
        run(collection.program(program).unwrap(), 64);
    }
    assert_eq!(drain(&mut ring).iter().map(|record| record.sequence).collect::<Vec<_>>(), [1]);
    assert_eq!(ring.available(), 0);
}

#[test]
fn a_full_ring_drops_and_goes_on_around_its_end() {
    let _leak = NoLeak::new();
    let collection = load("ring");
    let mut ring = RingBuffer::new(collection.map("small").unwrap()).unwrap();
    let program = collection.program("produce_small").unwrap();
    let fits = 4096 / 24;
    program.test_run(&TestRun::new().with_data([0; 64]).with_repeat(fits + 10)).unwrap();
    assert_eq!(collection.variable("dropped").unwrap().get::<u64>().unwrap(), 10);
    let mut seen = 0;
    for _ in 0..100 {
        let records = drain(&mut ring);
        for (index, record) in (seen..).zip(&records) {
            assert_eq!((record.sequence, record.check), (index, !u32::try_from(index).unwrap()));
        }
        seen += records.len() as u64;
        program.test_run(&TestRun::new().with_data([0; 64]).with_repeat(7)).unwrap();
    }
    assert_eq!(seen, u64::from(fits) + 99 * 7);
}

#[test]
fn a_record_wakes_a_waiting_thread() {
    let _leak = NoLeak::new();
    if !requires("test runs in two threads", (5, 8)) {
        return;
    }
    let collection = load("ring");
    let mut ring = RingBuffer::new(collection.map("records").unwrap()).unwrap();
    let total: u64 = std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                run(collection.program("produce").unwrap(), 64);
            }
        });
        let mut seen = 0;
        while seen < 200 {
            for record in drain(&mut ring) {
                assert_eq!(record.sequence, seen);
                seen += 1;
            }
            if seen < 200 {
                assert!(
                    ring.wait(Some(Duration::from_secs(60))).unwrap(),
                    "no wake-up after {seen}"
                );
            }
        }
        seen
    });
    assert_eq!(total, 200);
}

#[test]
fn other_maps_are_no_rings() {
    let _leak = NoLeak::new();
    let collection = load("counter");
    let error = RingBuffer::new(collection.map("runs").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert_eq!(
        error.to_string(),
        "cannot read ring buffer map `runs`: wrong type: the map is of type array"
    );
}

#[test]
fn a_ring_that_overwrites_is_not_read_as_one_that_does_not() {
    let _leak = NoLeak::new();
    if !requires("rings that overwrite", (6, 19)) {
        return;
    }
    let mut edited = spec("ring");
    edited.maps.get_mut("records").unwrap().flags = MapFlags::RB_OVERWRITE;
    let collection = load_spec(&edited);
    let error = RingBuffer::new(collection.map("records").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType);
    assert!(error.to_string().ends_with("the ring overwrites its records"), "{error}");
}
