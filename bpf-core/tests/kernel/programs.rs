//! Programs: loaded, run, refused.

use crate::support::{NoLeak, load, run};

#[test]
fn counters_count_in_four_kinds_of_maps() {
    let _leak = NoLeak::new();
    let collection = load("counter");
    for len in [64, 64, 100] {
        assert_eq!(
            run(collection.program("count_filter").unwrap(), len),
            u32::try_from(len).unwrap()
        );
    }
    run(collection.program("count_xdp").unwrap(), 64);
    let runs = collection.map("runs").unwrap().typed::<u32, u64>().unwrap();
    assert_eq!(
        [0, 1, 2, 3].map(|slot| runs.get(&slot).unwrap()),
        [Some(3), Some(1), Some(0), Some(0)]
    );
    let by_cpu = collection.map("runs_by_cpu").unwrap().per_cpu::<u32, u64>().unwrap();
    assert_eq!(by_cpu.get(&0).unwrap().unwrap().iter().sum::<u64>(), 3);
    let mut by_length: Vec<(u32, u64)> =
        collection.map("by_length").unwrap().typed().unwrap().iter().map(Result::unwrap).collect();
    by_length.sort_unstable();
    assert_eq!(by_length, [(64, 3), (100, 1)]);
}
