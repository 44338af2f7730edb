//! Maps: creation, elements, batches, freezing.

use std::os::fd::{AsFd, OwnedFd};

use bpf_sys::abi::{MapFlags, MapType, ObjectName, ProgramType, UpdateFlags};
use bpf_sys::map::{self, BatchCursor, MapCreate};
use bpf_sys::{Errno, MapFd, OwnedMapFd, kernel, object};

use crate::common::{create, leaks_nothing, load, returns};

const ANY: UpdateFlags = UpdateFlags::ANY;

#[test]
fn a_map_has_the_sizes_that_the_kernel_says() {
    leaks_nothing(|| {
        let cpus = kernel::possible_cpus().unwrap().count();
        let rows = [
            (MapType::HASH, 5, 7, 7),
            (MapType::ARRAY, 4, 16, 16),
            (MapType::PERCPU_ARRAY, 4, 12, 16 * cpus),
            (MapType::PERCPU_HASH, 8, 1, 8 * cpus),
            (MapType::LRU_PERCPU_HASH, 8, 8, 8 * cpus),
            (MapType::QUEUE, 0, 3, 3),
            (MapType::PROG_ARRAY, 4, 4, 4),
        ];
        for (map_type, key_size, value_size, buffer) in rows {
            let map = create(map_type, key_size, value_size, 4);
            let shape = map.shape();
            assert_eq!(
                (shape.map_type, shape.key_size, shape.value_size, shape.max_entries),
                (map_type, key_size, value_size, 4)
            );
            assert_eq!(shape.value_buffer_size(), buffer, "{map_type}");
            // The same through every other door.
            assert_eq!(MapFd::try_from(map.as_fd()).unwrap().shape(), shape);
            assert_eq!(
                OwnedMapFd::try_from(OwnedFd::from(map.try_clone().unwrap())).unwrap().shape(),
                shape
            );
        }
    });
}

#[test]
fn a_map_has_name_and_flags() {
    leaks_nothing(|| {
        let mut options = MapCreate::new(MapType::HASH, 4, 4, 4);
        options.name = ObjectName::new("bpf_sys_test").unwrap();
        options.flags = MapFlags::NO_PREALLOC | MapFlags::RDONLY_PROG;
        let map = map::create(&options).unwrap();
        assert_eq!(map.shape().flags, options.flags);
        let info = map::info(map.as_borrowed()).unwrap();
        assert_eq!(ObjectName::from_bytes(info.name), options.name);
    });
}

#[test]
fn what_is_no_map_is_refused() {
    leaks_nothing(|| {
        let program = load(ProgramType::SOCKET_FILTER, &returns(0));
        assert_eq!(MapFd::try_from(program.as_fd()).unwrap_err().errno, Errno::EINVAL);
        assert_eq!(OwnedMapFd::try_from(OwnedFd::from(program)).unwrap_err().errno, Errno::EINVAL);
        let error = map::create(&MapCreate::new(MapType::ARRAY, 3, 4, 1)).unwrap_err();
        assert_eq!(error.to_string(), "bpf(BPF_MAP_CREATE): EINVAL (invalid argument)");
    });
}

#[test]
fn elements_are_created_replaced_read_and_deleted() {
    leaks_nothing(|| {
        let owner = create(MapType::HASH, 4, 8, 8);
        let map = owner.as_borrowed();
        let mut value = [0; 8];
        assert!(!map::lookup(map, &[1, 0, 0, 0], &mut value, ANY).unwrap());
        assert_eq!(
            map::update(map, &[1, 0, 0, 0], &[1; 8], UpdateFlags::EXIST).unwrap_err().errno,
            Errno::ENOENT
        );
        map::update(map, &[1, 0, 0, 0], &[1; 8], UpdateFlags::NOEXIST).unwrap();
        assert_eq!(
            map::update(map, &[1, 0, 0, 0], &[2; 8], UpdateFlags::NOEXIST).unwrap_err().errno,
            Errno::EEXIST
        );
        map::update(map, &[1, 0, 0, 0], &[2; 8], UpdateFlags::EXIST).unwrap();
        assert!(map::lookup(map, &[1, 0, 0, 0], &mut value, ANY).unwrap());
        assert_eq!(value, [2; 8]);
        assert!(map::delete(map, &[1, 0, 0, 0]).unwrap());
        assert!(!map::delete(map, &[1, 0, 0, 0]).unwrap());
        if testdata::requires("lookup and delete in hash tables", (5, 14)) {
            map::update(map, &[3; 4], &[3; 8], ANY).unwrap();
            assert!(map::lookup_and_delete(map, &[3; 4], &mut value, ANY).unwrap());
            assert_eq!(value, [3; 8]);
            assert!(!map::lookup_and_delete(map, &[3; 4], &mut value, ANY).unwrap());
        }
    });
}

#[test]
fn keys_follow_one_another_until_the_last() {
    leaks_nothing(|| {
        let owner = create(MapType::HASH, 1, 1, 100);
        let map = owner.as_borrowed();
        let mut next = [0];
        assert!(!map::next_key(map, None, &mut next).unwrap());
        for key in 0..100 {
            map::update(map, &[key], &[key], ANY).unwrap();
        }
        let mut seen = Vec::new();
        let mut key = None;
        while map::next_key(map, key.as_ref().map(|key: &[u8; 1]| &key[..]), &mut next).unwrap() {
            seen.push(next[0]);
            key = Some(next);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<u8>>());
    });
}

#[test]
fn wrong_lengths_are_refused_before_the_kernel_sees_them() {
    leaks_nothing(|| {
        let cpus = kernel::possible_cpus().unwrap().count();
        let owner = create(MapType::PERCPU_HASH, 4, 12, 8);
        let map = owner.as_borrowed();
        let key = [0; 4];
        let good = 16 * cpus;
        let key_error = |key: &[u8]| map::lookup(map, key, &mut vec![0; good], ANY).unwrap_err();
        assert_eq!(key_error(&[]).note, Some("key of another length than the map's"));
        assert_eq!(key_error(&[0; 5]).errno, Errno::EINVAL);
        for len in [0, 12, good - 1, good + 1] {
            assert!(
                map::lookup(map, &key, &mut vec![0; len], ANY).unwrap_err().note.is_some(),
                "{len}"
            );
            assert!(
                map::lookup_and_delete(map, &key, &mut vec![0; len], ANY)
                    .unwrap_err()
                    .note
                    .is_some(),
                "{len}"
            );
            assert!(
                map::update(map, &key, &vec![0; len], ANY).unwrap_err().note.is_some(),
                "{len}"
            );
        }
        assert!(map::next_key(map, None, &mut [0; 3]).unwrap_err().note.is_some());
        assert!(map::next_key(map, Some(&[0; 3]), &mut [0; 4]).unwrap_err().note.is_some());
        assert!(map::delete(map, &[]).unwrap_err().note.is_some());
        // One value with a CPU flag, also where the kernel does not know the flag.
        let one = UpdateFlags::for_cpu(0);
        assert!(map::update(map, &key, &vec![0; good], one).unwrap_err().note.is_some());
        let result = map::update(map, &key, &[7; 12], one);
        assert!(result.is_ok() || result.unwrap_err().note.is_none());
    });
}

#[test]
fn each_cpu_has_a_value() {
    leaks_nothing(|| {
        let cpus = kernel::possible_cpus().unwrap().count();
        let owner = create(MapType::PERCPU_ARRAY, 4, 4, 2);
        let map = owner.as_borrowed();
        let values: Vec<u8> =
            (0..cpus).flat_map(|cpu| u64::try_from(cpu + 10).unwrap().to_ne_bytes()).collect();
        map::update(map, &[0; 4], &values, ANY).unwrap();
        let mut read = vec![0; values.len()];
        assert!(map::lookup(map, &[0; 4], &mut read, ANY).unwrap());
        for cpu in 0..cpus {
            assert_eq!(read[cpu * 8..cpu * 8 + 4], values[cpu * 8..cpu * 8 + 4], "{cpu}");
        }
        if testdata::requires("CPU flags on map elements", (7, 0)) {
            let mut one = [0; 4];
            map::update(map, &[0; 4], &[9; 4], UpdateFlags::for_cpu(0)).unwrap();
            assert!(map::lookup(map, &[0; 4], &mut one, UpdateFlags::for_cpu(0)).unwrap());
            assert_eq!(one, [9; 4]);
            map::update(map, &[0; 4], &[8; 4], UpdateFlags::ALL_CPUS).unwrap();
            assert!(map::lookup(map, &[0; 4], &mut read, ANY).unwrap());
            assert!(read.chunks(8).all(|value| value[..4] == [8; 4]));
        }
    });
}

#[test]
fn queues_and_bloom_filters_have_no_keys() {
    leaks_nothing(|| {
        let owner = create(MapType::QUEUE, 0, 4, 4);
        let queue = owner.as_borrowed();
        map::update(queue, &[], &[1; 4], ANY).unwrap();
        map::update(queue, &[], &[2; 4], ANY).unwrap();
        let mut value = [0; 4];
        assert!(map::lookup(queue, &[], &mut value, ANY).unwrap());
        assert_eq!(value, [1; 4]);
        for expected in [Some([1; 4]), Some([2; 4]), None] {
            let found = map::lookup_and_delete(queue, &[], &mut value, ANY).unwrap();
            assert_eq!(found.then_some(value), expected);
        }
        if testdata::requires("bloom filter", (5, 16)) {
            let owner = create(MapType::BLOOM_FILTER, 0, 4, 100);
            let filter = owner.as_borrowed();
            map::update(filter, &[], &[5; 4], ANY).unwrap();
            assert!(map::lookup(filter, &[], &mut [5; 4], ANY).unwrap());
        }
    });
}

#[test]
fn a_map_of_maps_takes_descriptors_and_gives_ids() {
    leaks_nothing(|| {
        let inner = create(MapType::ARRAY, 4, 4, 1);
        let mut options = MapCreate::new(MapType::ARRAY_OF_MAPS, 4, 4, 2);
        options.inner_map = Some(inner.as_borrowed());
        let outer = map::create(&options).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&inner);
        map::update(outer.as_borrowed(), &[0; 4], &number.to_ne_bytes(), ANY).unwrap();
        let mut id = [0; 4];
        assert!(map::lookup(outer.as_borrowed(), &[0; 4], &mut id, ANY).unwrap());
        assert_eq!(u32::from_ne_bytes(id), map::info(inner.as_borrowed()).unwrap().id);
    });
}

#[test]
fn a_batch_walks_over_every_element_once() {
    leaks_nothing(|| {
        for map_type in [MapType::HASH, MapType::ARRAY, MapType::LRU_HASH, MapType::PERCPU_HASH] {
            let owner = create(map_type, 4, 8, 300);
            let map = owner.as_borrowed();
            let value = map.shape().value_buffer_size();
            let keys: Vec<u8> = (0..300u32).flat_map(u32::to_ne_bytes).collect();
            let values: Vec<u8> =
                (0..300u64).flat_map(|n| n.to_ne_bytes().repeat(value / 8)).collect();
            if map_type == MapType::LRU_HASH {
                // It may evict what a batch brings before it is full.
                assert_eq!(
                    map::update_batch(map, &keys[..400], &values[..100 * value], ANY).unwrap(),
                    100
                );
            } else {
                assert_eq!(map::update_batch(map, &keys, &values, ANY).unwrap(), 300);
            }
            let mut cursor = BatchCursor::new();
            let (mut some_keys, mut some_values) = (vec![0; 64 * 4], vec![0; 64 * value]);
            let mut seen = Vec::new();
            loop {
                let batch =
                    map::lookup_batch(map, &mut cursor, &mut some_keys, &mut some_values, ANY)
                        .unwrap();
                for (key, value) in
                    some_keys.chunks(4).zip(some_values.chunks(value)).take(batch.count)
                {
                    let key = u32::from_ne_bytes(key.try_into().unwrap());
                    assert!(
                        value.chunks(8).all(|value| value == u64::from(key).to_ne_bytes()),
                        "{map_type} {key}"
                    );
                    seen.push(key);
                }
                if batch.done {
                    break;
                }
            }
            seen.sort_unstable();
            let expected = if map_type == MapType::LRU_HASH { 100 } else { 300 };
            assert_eq!(seen, (0..expected).collect::<Vec<u32>>(), "{map_type}");
        }
    });
}

#[test]
fn batches_delete_and_say_how_far_they_came() {
    leaks_nothing(|| {
        let owner = create(MapType::HASH, 4, 4, 100);
        let map = owner.as_borrowed();
        let keys: Vec<u8> = (0..50u32).flat_map(u32::to_ne_bytes).collect();
        map::update_batch(map, &keys, &keys, ANY).unwrap();
        let more: Vec<u8> = (50..120u32).flat_map(u32::to_ne_bytes).collect();
        let full = map::update_batch(map, &more, &more, ANY).unwrap_err();
        assert_eq!((full.count, full.error.errno), (50, Errno::E2BIG));
        map::delete_batch(map, &more[..200], ANY).unwrap();
        assert_eq!(map::delete_batch(map, &keys[..40], ANY).unwrap(), 10);
        let error = map::delete_batch(map, &[&keys[40..80], &keys[..4]].concat(), ANY).unwrap_err();
        assert_eq!((error.count, error.error.errno), (10, Errno::ENOENT));
        let (mut out_keys, mut out_values) = (vec![0; 400], vec![0; 400]);
        let batch = map::lookup_and_delete_batch(
            map,
            &mut BatchCursor::new(),
            &mut out_keys,
            &mut out_values,
            ANY,
        )
        .unwrap();
        assert_eq!((batch.count, batch.done), (30, true));
        assert!(!map::next_key(map, None, &mut [0; 4]).unwrap());
        assert_eq!(map::delete_batch(map, &[], ANY).unwrap(), 0);
        assert!(map::delete_batch(map, &[1], ANY).unwrap_err().error.note.is_some());
        assert!(map::update_batch(map, &[0; 8], &[0; 4], ANY).unwrap_err().error.note.is_some());
        assert!(
            map::lookup_batch(map, &mut BatchCursor::new(), &mut [0; 3], &mut [0; 4], ANY)
                .unwrap_err()
                .note
                .is_some()
        );
        let queue = create(MapType::QUEUE, 0, 4, 1);
        assert!(
            map::lookup_batch(
                queue.as_borrowed(),
                &mut BatchCursor::new(),
                &mut [0; 4],
                &mut [0; 4],
                ANY
            )
            .is_err()
        );
    });
}

#[test]
fn a_frozen_map_can_only_be_read() {
    leaks_nothing(|| {
        let owner = create(MapType::ARRAY, 4, 4, 1);
        let map = owner.as_borrowed();
        map::update(map, &[0; 4], &[1; 4], ANY).unwrap();
        map::freeze(map).unwrap();
        assert_eq!(map::update(map, &[0; 4], &[2; 4], ANY).unwrap_err().errno, Errno::EPERM);
        let mut value = [0; 4];
        assert!(map::lookup(map, &[0; 4], &mut value, ANY).unwrap());
        assert_eq!(value, [1; 4]);
        assert!(matches!(map::freeze(map).unwrap_err().errno, Errno::EBUSY | Errno::EPERM));
    });
}

#[test]
fn a_map_is_found_by_its_id() {
    leaks_nothing(|| {
        let map = create(MapType::ARRAY, 4, 4, 1);
        let id = bpf_sys::abi::MapId(map::info(map.as_borrowed()).unwrap().id);
        let mut found = false;
        let mut last = None;
        while let Some(next) = object::next_map(last).unwrap() {
            found |= next == id;
            last = Some(next);
        }
        assert!(found);
        let reader = object::map_by_id(id, MapFlags::RDONLY).unwrap();
        assert_eq!(
            map::update(reader.as_borrowed(), &[0; 4], &[2; 4], ANY).unwrap_err().errno,
            Errno::EPERM
        );
        drop(map);
        drop(reader);
    });
}
