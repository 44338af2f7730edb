//! Pairs of keys and values that maps begin with: what is taken and what is refused, by rule.
use bpf_sys::abi::MapFlags;
use zerocopy::{Immutable, IntoBytes};

use super::maps::{Change, check, maps};
use super::*;
use crate::spec::{MapMut, MapPair, MapProblem, TypeRef};

/// A number in the byte order of the collection.
fn number(map: &MapMut<'_>, number: u32) -> [u8; 4] {
    match map.spec.byte_order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

/// Sets pairs with these keys, and values of 8 bytes.
fn set_keys(map: &mut MapMut<'_>, keys: &[u32]) -> Result<(), EditError> {
    let pair = |key: &u32| MapPair::new(number(map, *key), [7; 8]);
    let pairs: Vec<_> = keys.iter().map(pair).collect();
    map.set_pairs(pairs).map(drop)
}

/// Sets keys of a trie: lengths of prefixes and addresses.
fn set_prefixes(map: &mut MapMut<'_>, keys: &[(u32, [u8; 4])]) -> Result<(), EditError> {
    let key = |(length, address): &(u32, [u8; 4])| [number(map, *length), *address].concat();
    let pairs: Vec<_> = keys.iter().map(|of| MapPair::new(key(of), [7; 8])).collect();
    map.set_pairs(pairs).map(drop)
}

#[test]
fn keys_and_values_have_the_sizes_of_the_map() {
    check(&[
        ("hash", |m| set_keys(m, &[0, 77, u32::MAX]), ""),
        ("hash", |m| m.set_pairs([]).map(drop), ""),
        (
            "hash",
            |m| m.set_pairs([MapPair::new([1, 2, 3], [0; 8])]).map(drop),
            "the pair of key [01, 02, 03]: keys of 4 bytes, and this one of 3",
        ),
        (
            "hash",
            |m| m.set_pairs([MapPair::new([0; 5], [0; 8])]).map(drop),
            "the pair of key [00, 00, 00, 00, 00]: keys of 4 bytes, and this one of 5",
        ),
        (
            "hash",
            |m| m.set_pairs([MapPair::new([0; 4], [0; 8]), MapPair::new([1; 4], [])]).map(drop),
            "the pair of key [01, 01, 01, 01]: values of 8 bytes, and this one of 0",
        ),
        // One value for all CPUs, which has the size of one.
        ("percpu", |m| set_keys(m, &[0, 15]), ""),
        (
            "percpu",
            |m| m.set_pairs([MapPair::new([0; 4], [0; 16])]).map(drop),
            "the pair of key [00, 00, 00, 00]: values of 8 bytes, and this one of 16",
        ),
        // Types that the rules do not know take what has the sizes.
        ("unknown", |m| m.set_pairs([MapPair::new([0; 3], [0; 5])]).map(drop), ""),
        ("unknown", |m| m.set_pairs([MapPair::new([0; 3], [0; 4])]).map(drop), "the pair of key"),
    ]);
}

#[test]
fn a_key_is_there_once_and_there_is_room_for_all() {
    check(&[
        ("hash", |m| set_keys(m, &[1, 2, 1]), "contents for key ["),
        ("lru", |m| set_keys(m, &[5, 5]), "contents for key ["),
        ("array", |m| set_keys(m, &[3, 3]), "contents for key ["),
        ("hash", |m| set_keys(m, &(0..16).collect::<Vec<_>>()), ""),
        (
            "hash",
            |m| set_keys(m, &(0..17).collect::<Vec<_>>()),
            "contents of 17 pairs, and max_entries is 16",
        ),
        ("array", |m| set_keys(m, &[0, 15]), ""),
        ("array", |m| set_keys(m, &[1, 16]), "contents for slot 16, and max_entries is 16"),
        ("array", |m| set_keys(m, &[1 << 24]), "contents for slot 16777216, and max_entries"),
        ("percpu", |m| set_keys(m, &[16]), "contents for slot 16, and max_entries is 16"),
        (
            "code",
            |m| {
                let key = number(m, 4);
                m.set_pairs([MapPair::new(key, [0; 16])]).map(drop)
            },
            "contents for slot 4, and max_entries is 4",
        ),
    ]);
}

#[test]
fn keys_of_tries_are_what_their_prefix_says() {
    check(&[
        ("trie", |m| set_prefixes(m, &[(0, [0; 4]), (8, [10, 0, 0, 0]), (32, [10, 0, 0, 0])]), ""),
        ("trie", |m| set_prefixes(m, &[(33, [10, 0, 0, 0])]), "the prefix of key ["),
        // What is behind the prefix is not compared.
        ("trie", |m| set_prefixes(m, &[(8, [10, 0, 0, 0]), (8, [11, 0, 0, 0])]), ""),
        (
            "trie",
            |m| set_prefixes(m, &[(8, [10, 0, 0, 0]), (8, [10, 0, 0, 1])]),
            "contents for key [",
        ),
        ("trie", |m| set_prefixes(m, &[(0, [1; 4]), (0, [2; 4])]), "contents for key ["),
        ("trie", |m| set_prefixes(m, &[(12, [10, 0x1f, 0, 0]), (12, [10, 0x2f, 0, 0])]), ""),
        (
            "trie",
            |m| set_prefixes(m, &[(12, [10, 0x1f, 0, 0]), (12, [10, 0x10, 9, 9])]),
            "contents for key [",
        ),
        ("trie", |m| set_prefixes(m, &[(32, [1, 2, 3, 4]), (32, [1, 2, 3, 5])]), ""),
    ]);
}

#[test]
fn maps_of_other_objects_and_without_keys_hold_no_pairs() {
    let no: Change = |m| m.set_pairs([]).map(drop);
    let rows = [
        ("ring", "ringbuf"),
        ("queue", "queue"),
        ("bloom", "bloom_filter"),
        ("stack", "stack_trace"),
        ("arena", "arena"),
        ("cgroup", "cgroup_storage"),
        ("perf", "perf_event_array"),
        ("task", "task_storage"),
        ("table", "prog_array"),
        ("maps", "array_of_maps"),
        ("ops", "struct_ops"),
    ];
    for (name, map_type) in rows {
        let expected = format!("a map of type {map_type} cannot begin with pairs");
        check(&[(name, no, expected.leak())]);
    }
    check(&[
        (".data", |m| m.set_pairs([]).map(drop), "a data section begins with the bytes of a value"),
        (
            "array",
            |m| {
                m.edit(|map| {
                    map.section = ".kconfig".into();
                    map.contents = MapContents::Pairs(vec![]);
                })
                .map(drop)
            },
            "its contents are those of the kernel's configuration",
        ),
        (
            "maps",
            |m| {
                m.edit(|map| map.inner.as_mut().unwrap().contents = MapContents::Pairs(vec![]))
                    .map(drop)
            },
            "an inner map has no contents",
        ),
    ]);
}

#[test]
fn what_the_loader_puts_into_a_map_it_can_write() {
    check(&[
        (
            "hash",
            |m| {
                m.edit(|map| {
                    map.flags = MapFlags::RDONLY;
                    map.contents = MapContents::Pairs(vec![]);
                })
                .map(drop)
            },
            "with the flag RDONLY nothing can be put into it",
        ),
        (
            "array",
            |m| {
                m.edit(|map| {
                    map.flags = MapFlags::RDONLY;
                    map.contents = MapContents::Bytes(vec![1; 8]);
                })
                .map(drop)
            },
            "with the flag RDONLY nothing can be put into it",
        ),
        // Frozen after that, and read-only for programs alone.
        (
            "hash",
            |m| {
                m.edit(|map| {
                    map.freeze = true;
                    map.flags = MapFlags::RDONLY_PROG;
                    map.contents = MapContents::Pairs(vec![MapPair::new([0; 4], [0; 8])]);
                })
                .map(drop)
            },
            "",
        ),
    ]);
}

#[test]
fn devices_and_cpus_are_numbers_without_a_program() {
    fn set(map: &mut MapMut<'_>, value: &[u8]) -> Result<(), EditError> {
        let pairs = vec![MapPair::new([0; 4], value)];
        let size = u32::try_from(value.len()).unwrap();
        map.edit(|map| {
            map.value_size = size;
            map.contents = MapContents::Pairs(pairs);
        })
        .map(drop)
    }
    check(&[
        ("cpus", |m| set(m, &[1; 4]), ""),
        ("cpus", |m| set(m, &[1, 1, 1, 1, 0, 0, 0, 0]), ""),
        ("cpus", |m| set(m, &[1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff]), ""),
        (
            "cpus",
            |m| set(m, &[1, 1, 1, 1, 5, 0, 0, 0]),
            "the value of key [00, 00, 00, 00] has a program in its second half",
        ),
        (
            "cpus",
            |m| {
                let key = number(m, 16);
                m.set_pairs([MapPair::new(key, [0; 4])]).map(drop)
            },
            "contents for slot 16, and max_entries is 16",
        ),
    ]);
}

/// Sizes and types that pairs no longer fit are refused, and changed together with them.
#[test]
fn other_changes_leave_pairs_that_fit() {
    for order in [ByteOrder::NATIVE, FOREIGN] {
        let mut spec = maps(order);
        set_keys(&mut spec.map_mut("array").unwrap(), &[0, 9]).unwrap();
        spec.map_mut("maps").unwrap().edit(|map| map.contents = MapContents::None).unwrap();
        let mut map = spec.map_mut("array").unwrap();
        let rows: [(Change, &str); 6] = [
            (|m| m.set_max_entries(10).map(drop), ""),
            (|m| m.set_max_entries(9).map(drop), "contents for slot 9, and max_entries is 9"),
            (|m| m.set_value_size(4).map(drop), "the pair of key [00, 00, 00, 00]: values of 4"),
            (|m| m.set_type(MapType::HASH, 4, 8).map(drop), ""),
            (|m| m.set_key_size(2).map(drop), "the pair of key [00, 00, 00, 00]: keys of 2"),
            (|m| m.set_type(MapType::QUEUE, 0, 8).map(drop), "a map of type queue cannot begin"),
        ];
        for (change, expected) in rows {
            match change(&mut map) {
                Ok(()) => assert_eq!(expected, ""),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains(expected) && !expected.is_empty(), "{text}");
                }
            }
        }
        map.edit(|map| {
            map.value_size = 1;
            map.contents = MapContents::Pairs(vec![MapPair::new([1; 4], [2])]);
        })
        .unwrap();
        let before = spec.maps.get("array").unwrap().contents.clone();
        spec.rename_map("array", "other").unwrap();
        assert_eq!(spec.maps.get("other").unwrap().contents, before);
        assert_eq!((spec.check(), spec.check_map("other")), (Ok(()), Ok(())));
        spec.maps.get_mut("other").unwrap().value_size = 2;
        let size = MapProblem::PairSize { key: vec![1; 4], part: "value", size: 2, found: 1 };
        let error = EditError::Map { map: "other".into(), problem: size };
        assert_eq!(spec.check(), Err(error));
    }
}

#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Key {
    port: [u8; 2],
    protocol: [u8; 2],
}

#[test]
fn pairs_of_rust_types_are_in_the_order_of_the_collection() {
    let types = |part| MapProblem::PairByteOrder { part };
    let mut spec = maps(FOREIGN);
    let mut map = spec.map_mut("hash").unwrap();
    for (result, part) in [
        (map.set_typed_pairs([(1_u32, [0_u8; 8])]).map(drop), "key"),
        (map.set_typed_pairs([([0_u8; 4], 1_u64)]).map(drop), "value"),
    ] {
        let error = EditError::Map { map: "hash".into(), problem: types(part) };
        assert_eq!(result, Err(error));
    }
    let named = U32::<BigEndian>::new(1);
    map.set_typed_pairs([(named, [named, named])]).unwrap();
    let big = [0, 0, 0, 1, 0, 0, 0, 1];
    let pairs = |key: [u8; 4], value: [u8; 8]| MapContents::Pairs(vec![MapPair::new(key, value)]);
    assert_eq!(map.spec().unwrap().contents, pairs([0, 0, 0, 1], big));

    let mut spec = maps(ByteOrder::NATIVE);
    let mut map = spec.map_mut("hash").unwrap();
    map.set_typed_pairs([(1_u32, 2_i64)]).unwrap();
    let expected = pairs(1_u32.to_ne_bytes(), 2_i64.to_ne_bytes());
    assert_eq!(map.spec().unwrap().contents, expected);
    let key = Key { port: [0, 80], protocol: [6, 0] };
    map.set_typed_pairs([(key, 2_i64)]).unwrap();
    assert_eq!(map.spec().unwrap().contents, pairs([0, 80, 6, 0], 2_i64.to_ne_bytes()));
    let error = map.set_typed_pairs([(1_u64, 2_u64)]).map(drop).unwrap_err().to_string();
    assert!(error.contains("keys of 4 bytes, and this one of 8"), "{error}");
}

#[test]
fn pairs_of_rust_types_are_what_their_types_say() {
    let mut spec = maps(ByteOrder::NATIVE);
    // The types of the keys and values of `task`: `int` and `long`.
    let task = spec.maps.get("task").unwrap().clone();
    let mut map = spec.map_mut("hash").unwrap();
    map.set_types(task.key_type, task.value_type).unwrap();
    map.set_typed_pairs([(1_i32, 1_u64)]).unwrap();
    let of = |part| MapProblem::PairType {
        part,
        expected: "an integer",
        found: "a floating-point number",
    };
    for (result, part) in [
        (map.set_typed_pairs([(1_f32, 1_u64)]).map(drop), "key"),
        (map.set_typed_pairs([(1_u32, 1_f64)]).map(drop), "value"),
    ] {
        assert_eq!(result, Err(EditError::Map { map: "hash".into(), problem: of(part) }));
    }
    map.edit(|map| map.key_type = Some(TypeRef::new(u32::MAX, "none"))).unwrap_err();
}
