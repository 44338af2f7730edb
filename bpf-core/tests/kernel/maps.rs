//! Maps by themselves.

use bpf_core::{ErrorKind, Map, MapContents, MapEntry, MapFlags, MapSpec, MapType, UpdateFlags};
use testdata::requires;

use crate::support::NoLeak;

fn create(map_type: MapType, key: u32, value: u32, entries: u32) -> Map {
    Map::create(&MapSpec::new("map", map_type, key, value, entries)).unwrap()
}

#[test]
fn a_hash_map_holds_what_is_put_in() {
    let _leak = NoLeak::new();
    let map = create(MapType::HASH, 4, 8, 4);
    let numbers = map.typed::<u32, u64>().unwrap();
    assert_eq!(numbers.get(&1).unwrap(), None);
    numbers.insert(&1, &10, UpdateFlags::NOEXIST).unwrap();
    let error = numbers.insert(&1, &11, UpdateFlags::NOEXIST).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyExists);
    let error = numbers.insert(&2, &11, UpdateFlags::EXIST).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyNotFound);
    numbers.insert(&1, &12, UpdateFlags::EXIST).unwrap();
    assert_eq!(numbers.get(&1).unwrap(), Some(12));
    for key in 2..=4 {
        numbers.insert(&key, &u64::from(key), UpdateFlags::ANY).unwrap();
    }
    let error = numbers.insert(&5, &5, UpdateFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(error.to_string(), "cannot update map `map`: the map is full");
    let mut entries: Vec<(u32, u64)> = numbers.iter().map(Result::unwrap).collect();
    entries.sort_unstable();
    assert_eq!(entries, [(1, 12), (2, 2), (3, 3), (4, 4)]);
    assert!(numbers.remove(&3).unwrap());
    assert!(!numbers.remove(&3).unwrap());
    assert_eq!(numbers.keys().count(), 3);
    if requires("taking from hash maps", (5, 14)) {
        assert_eq!(numbers.take(&4).unwrap(), Some(4));
        assert_eq!(numbers.take(&4).unwrap(), None);
    }
}

#[test]
fn entries_may_be_deleted_while_they_are_walked_over() {
    let _leak = NoLeak::new();
    let map = create(MapType::HASH, 4, 4, 500);
    let numbers = map.typed::<u32, u32>().unwrap();
    for key in 0..500_u32 {
        numbers.insert(&key, &!key, UpdateFlags::ANY).unwrap();
    }
    let mut seen = Vec::new();
    for entry in map.entries() {
        let (key, value) = entry.unwrap();
        assert!(map.delete(&key).unwrap());
        let key = u32::from_ne_bytes(key.try_into().unwrap());
        assert_eq!(value, (!key).to_ne_bytes());
        seen.push(key);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
    assert_eq!(map.keys().count(), 0);
}

#[test]
fn a_walk_that_others_disturb_comes_to_an_end() {
    let _leak = NoLeak::new();
    let map = create(MapType::HASH, 4, 4, 64);
    let fill = || {
        for key in 0..64_u32 {
            map.update(&key.to_ne_bytes(), &[0; 4], UpdateFlags::ANY).unwrap();
        }
    };
    fill();
    let mut steps = 0_u32;
    let mut interrupted = false;
    for key in map.keys() {
        match key {
            Ok(_) => {
                // Takes the next key away, so that the kernel begins again.
                for key in map.keys() {
                    assert!(map.delete(&key.unwrap()).unwrap());
                }
                fill();
                steps += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Interrupted);
                interrupted = true;
            }
        }
        assert!(steps <= 64);
    }
    assert!(interrupted || steps <= 64);
}

#[test]
fn batches_hold_all_entries_once() {
    let _leak = NoLeak::new();
    for (map_type, count) in [(MapType::HASH, 1000_u32), (MapType::ARRAY, 1000), (MapType::HASH, 1)]
    {
        let map = create(map_type, 4, 8, count);
        let keys: Vec<u8> = (0..count).flat_map(u32::to_ne_bytes).collect();
        let values: Vec<u8> = (0..count).flat_map(|key| u64::from(!key).to_ne_bytes()).collect();
        assert_eq!(map.update_batch(&keys, &values, UpdateFlags::ANY).unwrap(), count as usize);
        for chunk in [1, 7, 300, 5000] {
            let mut seen = Vec::new();
            let mut batches = map.batches(chunk);
            while let Some(batch) = batches.next_batch().unwrap() {
                assert!(!batch.is_empty() && batch.len() == batch.iter().len());
                assert_eq!(batch.keys().len(), batch.len() * 4);
                assert_eq!(batch.values().len(), batch.len() * 8);
                for (key, value) in batch.iter() {
                    let key = u32::from_ne_bytes(key.try_into().unwrap());
                    assert_eq!(value, u64::from(!key).to_ne_bytes());
                    seen.push(key);
                }
            }
            assert!(batches.next_batch().unwrap().is_none(), "the end is the end");
            seen.sort_unstable();
            assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{map_type}, {chunk} at a time");
        }
        if map_type == MapType::HASH {
            let mut drained = 0;
            let mut batches = map.drain_batches(300);
            while let Some(batch) = batches.next_batch().unwrap() {
                drained += batch.len();
            }
            assert_eq!((drained, map.keys().count()), (count as usize, 0));
        }
    }
}

#[test]
fn many_keys_are_deleted_up_to_the_first_that_is_missing() {
    let _leak = NoLeak::new();
    let map = create(MapType::HASH, 4, 4, 16);
    for key in [1_u32, 2, 4] {
        map.update(&key.to_ne_bytes(), &[0; 4], UpdateFlags::ANY).unwrap();
    }
    let keys: Vec<u8> = [1_u32, 2, 3, 4].into_iter().flat_map(u32::to_ne_bytes).collect();
    assert_eq!(map.delete_batch(&keys).unwrap(), 2);
    assert_eq!(map.keys().count(), 1);
    assert_eq!(map.delete_batch(&[0; 3]).unwrap_err().kind(), ErrorKind::WrongSize);
    let error = map.update_batch(&[0; 8], &[0; 4], UpdateFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongSize, "{error}");
}

#[test]
fn per_cpu_values_are_one_for_each_cpu() {
    let _leak = NoLeak::new();
    for map_type in [MapType::PERCPU_ARRAY, MapType::PERCPU_HASH, MapType::LRU_PERCPU_HASH] {
        let map = create(map_type, 4, 4, 8);
        let view = map.per_cpu::<u32, u32>().unwrap();
        let mut values = view.zeroed();
        let cpus = values.len();
        assert_eq!(map.value_len(), cpus * 8);
        for cpu in 0..cpus {
            assert!(values.set(cpu, &u32::try_from(cpu + 100).unwrap()));
        }
        view.insert(&3, &values, UpdateFlags::ANY).unwrap();
        let again = view.get(&3).unwrap().unwrap();
        assert_eq!(again, values, "{map_type}");
        values.fill(&7);
        view.insert(&3, &values, UpdateFlags::EXIST).unwrap();
        assert!(view.get_into(&3, &mut values).unwrap());
        assert_eq!(values.iter().collect::<Vec<_>>(), vec![7; cpus]);
        if map_type != MapType::PERCPU_ARRAY {
            assert!(view.remove(&3).unwrap() && view.get(&3).unwrap().is_none());
        }
        assert_eq!(view.map().typed::<u32, u32>().unwrap_err().kind(), ErrorKind::WrongType);
    }
    let plain = create(MapType::ARRAY, 4, 4, 1);
    assert_eq!(plain.per_cpu::<u32, u32>().unwrap_err().kind(), ErrorKind::WrongType);
}

#[test]
fn queues_and_stacks_have_no_keys() {
    let _leak = NoLeak::new();
    for (map_type, order) in [(MapType::QUEUE, [1_u32, 2, 3]), (MapType::STACK, [3, 2, 1])] {
        let map = create(map_type, 0, 4, 3);
        assert_eq!(map.pop().unwrap(), None);
        for value in 1..=3_u32 {
            map.push(&value.to_ne_bytes(), UpdateFlags::ANY).unwrap();
        }
        let error = map.push(&[0; 4], UpdateFlags::ANY).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        assert_eq!(map.peek().unwrap(), Some(order[0].to_ne_bytes().to_vec()));
        for value in order {
            assert_eq!(map.pop().unwrap(), Some(value.to_ne_bytes().to_vec()), "{map_type}");
        }
        assert_eq!(map.peek().unwrap(), None);
    }
}

#[test]
fn bloom_filters_answer_perhaps_or_no() {
    let _leak = NoLeak::new();
    if !requires("bloom filters", (5, 16)) {
        return;
    }
    let map = create(MapType::BLOOM_FILTER, 0, 4, 100);
    map.push(&7_u32.to_ne_bytes(), UpdateFlags::ANY).unwrap();
    assert!(map.lookup_into(&[], &mut 7_u32.to_ne_bytes()).unwrap());
    let no = (100..200_u32).filter(|n| !map.lookup_into(&[], &mut n.to_ne_bytes()).unwrap());
    assert!(no.count() > 50);
}

#[test]
fn wrong_sizes_are_refused_with_both_sizes() {
    let _leak = NoLeak::new();
    let map = create(MapType::HASH, 4, 8, 4);
    let rows = [
        (map.lookup(&[0; 3]).unwrap_err(), "the key has 3 bytes, the map's has 4"),
        (
            map.lookup_into(&[0; 4], &mut [0; 9]).map(drop).unwrap_err(),
            "the value has 9 bytes, the map's has 8",
        ),
        (
            map.update(&[0; 4], &[], UpdateFlags::ANY).unwrap_err(),
            "the value has 0 bytes, the map's has 8",
        ),
        (map.delete(&[]).map(drop).unwrap_err(), "the key has 0 bytes, the map's has 4"),
        (map.typed::<u64, u64>().map(drop).unwrap_err(), "the key has 8 bytes, the map's has 4"),
        (map.typed::<u32, u32>().map(drop).unwrap_err(), "the value has 4 bytes, the map's has 8"),
    ];
    for (error, text) in rows {
        assert_eq!(error.kind(), ErrorKind::WrongSize);
        assert!(error.to_string().ends_with(text), "{error}");
    }
}

#[test]
fn what_a_type_of_map_cannot_do_is_told() {
    let _leak = NoLeak::new();
    let array = create(MapType::ARRAY, 4, 4, 2);
    assert!(array.delete(&[0; 4]).is_err());
    let error = array.update(&9_u32.to_ne_bytes(), &[0; 4], UpdateFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    let ring = create(MapType::RINGBUF, 0, 0, 4096);
    let error = ring.lookup(&[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert!(error.to_string().contains("a map of type ringbuf cannot"), "{error}");
}

#[test]
fn sizes_that_the_system_decides_are_filled_in() {
    let _leak = NoLeak::new();
    assert_eq!(create(MapType::RINGBUF, 0, 0, 5000).max_entries(), 8192);
    let cpus = create(MapType::PERF_EVENT_ARRAY, 0, 0, 0);
    assert!(cpus.max_entries() > 0 && cpus.key_size() == 4 && cpus.value_size() == 4);
}

#[test]
fn a_frozen_map_is_read_only_for_its_user() {
    let _leak = NoLeak::new();
    let map = create(MapType::ARRAY, 4, 4, 1);
    map.update(&[0; 4], &[1; 4], UpdateFlags::ANY).unwrap();
    map.freeze().unwrap();
    let error = map.update(&[0; 4], &[2; 4], UpdateFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    assert_eq!(map.lookup(&[0; 4]).unwrap(), Some(vec![1; 4]));
}

#[test]
fn a_map_by_itself_is_filled_and_frozen_as_its_specification_says() {
    let _leak = NoLeak::new();
    let mut spec = MapSpec::new("filled", MapType::ARRAY, 4, 4, 1);
    spec.contents = MapContents::Bytes(vec![1, 2, 3, 4]);
    spec.freeze = true;
    let map = Map::create(&spec).unwrap();
    assert_eq!(map.lookup(&[0; 4]).unwrap(), Some(vec![1, 2, 3, 4]));
    let error = map.update(&[0; 4], &[0; 4], UpdateFlags::ANY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    spec.contents = MapContents::Entries(vec![MapEntry::new(0, "other")]);
    let error = Map::create(&spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSpec);
}

#[test]
fn a_clone_and_an_opened_map_are_the_same_map() {
    let _leak = NoLeak::new();
    let map = create(MapType::ARRAY, 4, 4, 1);
    let (clone, opened) = (map.try_clone().unwrap(), Map::from_id(map.id().unwrap()).unwrap());
    map.update(&[0; 4], &[9; 4], UpdateFlags::ANY).unwrap();
    for other in [&clone, &opened] {
        assert_eq!(other.lookup(&[0; 4]).unwrap(), Some(vec![9; 4]));
        assert_eq!((other.name(), other.id().unwrap()), ("map", map.id().unwrap()));
    }
    let error = Map::from_id(bpf_core::MapId(u32::MAX)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_type_that_this_kernel_lacks_is_not_supported() {
    let _leak = NoLeak::new();
    for (map_type, since) in [(MapType::BLOOM_FILTER, (5, 16)), (MapType::ARENA, (6, 9))] {
        let mut spec =
            MapSpec::new("new", map_type, 0, if map_type == MapType::ARENA { 0 } else { 4 }, 8);
        if map_type == MapType::ARENA {
            spec.flags = MapFlags::MMAPABLE;
        }
        let result = Map::create(&spec);
        if testdata::kernel_release() >= since {
            drop(result.unwrap());
            continue;
        }
        let error = result.unwrap_err();
        let feature = map_type.name().unwrap();
        assert_eq!(error.missing_feature(), Some(feature));
        let text = format!("this kernel has no {feature} (in Linux since {}.{})", since.0, since.1);
        assert!(error.to_string().contains(&text), "{error}");
    }
}
