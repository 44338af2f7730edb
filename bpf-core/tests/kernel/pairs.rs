//! Maps that begin with pairs of keys and values.

use bpf_core::asm::{ByteOrder, Code};
use bpf_core::{
    CollectionSpec, ErrorKind, Map, MapContents, MapEntry, MapFlags, MapPair, MapSpec, MapType,
    Pinning, ProgramType, UpdateFlags,
};

use crate::support::{Folder, NoLeak, load_spec, run};

/// A map with keys of 8 bytes, or numbers of 4 in arrays, and values of 6, which no CPU has side by side.
fn with_pairs(map_type: MapType) -> MapSpec {
    let array = matches!(map_type, MapType::ARRAY | MapType::PERCPU_ARRAY);
    let mut map = MapSpec::new("pairs", map_type, if array { 4 } else { 8 }, 6, 16);
    if map_type == MapType::LPM_TRIE {
        map.flags = MapFlags::NO_PREALLOC;
    }
    let key = |number: u32| match map_type {
        _ if array => number.to_ne_bytes().to_vec(),
        // An address of 4 bytes, behind the length of its prefix.
        MapType::LPM_TRIE => [(8 * number).to_ne_bytes(), [10; 4]].concat(),
        _ => [number.to_ne_bytes(), [9; 4]].concat(),
    };
    let pairs = [(1, 11), (4, 44), (2, 22)];
    let pairs = pairs.map(|(number, value)| MapPair::new(key(number), [value; 6]));
    map.contents = MapContents::Pairs(pairs.to_vec());
    map.check().unwrap();
    map
}

fn pairs(map: &MapSpec) -> &[MapPair] {
    let MapContents::Pairs(pairs) = &map.contents else { panic!("no pairs") };
    pairs
}

fn collection(map: MapSpec) -> CollectionSpec {
    let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
    spec.add_map(map).unwrap();
    spec
}

/// The map has the pairs of its specification; per CPU, every CPU has them.
#[track_caller]
fn check(map: &Map, spec: &MapSpec) {
    let slot = map.value_len() / if map.map_type().is_per_cpu() { cpus(map) } else { 1 };
    for pair in pairs(spec) {
        let value = map.lookup(&pair.key).unwrap().unwrap();
        assert_eq!(value.len() % slot, 0);
        let mut expected = pair.value.clone();
        expected.resize(slot, 0);
        for one in value.chunks(slot) {
            assert_eq!(one, expected, "{}: {:?}", map.map_type(), pair.key);
        }
    }
    let array = matches!(map.map_type(), MapType::ARRAY | MapType::PERCPU_ARRAY);
    let entries = map.keys().map(Result::unwrap).count();
    assert_eq!(entries, if array { 16 } else { 3 }, "{}", map.map_type());
    if array {
        let none = map.lookup(&3_u32.to_ne_bytes()).unwrap().unwrap();
        assert!(none.iter().all(|byte| *byte == 0));
    }
}

fn cpus(map: &Map) -> usize {
    // Values of 6 bytes are 8 bytes apart.
    map.value_len() / 8
}

const TYPES: [MapType; 7] = [
    MapType::HASH,
    MapType::LRU_HASH,
    MapType::PERCPU_HASH,
    MapType::LRU_PERCPU_HASH,
    MapType::ARRAY,
    MapType::PERCPU_ARRAY,
    MapType::LPM_TRIE,
];

#[test]
fn a_map_begins_with_the_pairs_of_its_specification() {
    let _leak = NoLeak::new();
    for map_type in TYPES {
        let spec = with_pairs(map_type);
        check(&Map::create(&spec).unwrap(), &spec);
        let collection = load_spec(&collection(spec.clone()));
        check(collection.map("pairs").unwrap(), &spec);
    }
}

#[test]
fn pairs_are_put_before_the_map_is_frozen() {
    let _leak = NoLeak::new();
    for map_type in TYPES {
        let mut spec = with_pairs(map_type);
        spec.freeze = true;
        spec.flags |= MapFlags::RDONLY_PROG;
        let alone = Map::create(&spec).unwrap();
        let collection = load_spec(&collection(spec.clone()));
        for map in [&alone, collection.map("pairs").unwrap()] {
            check(map, &spec);
            let value = vec![0; map.value_len()];
            let error = map.update(&pairs(&spec)[0].key, &value, UpdateFlags::ANY).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
        }
    }
}

/// The first run of a program finds them.
#[test]
fn programs_find_the_pairs() {
    const CODE: &str = "
        *(u32 *)(r10 -4) = 1000
        r2 = r10
        r2 += -4
        r1 = map[limits] ll
        call bpf_map_lookup_elem#1
        if r0 == 0 goto out
        r0 = *(u32 *)(r0 +0)
    out:
        exit
    ";
    let _leak = NoLeak::new();
    let mut spec = collection(MapSpec::new("limits", MapType::HASH, 4, 8, 4));
    let code = Code::assemble(CODE).unwrap();
    spec.add_program("limit", ProgramType::SOCKET_FILTER, &code).unwrap();
    "GPL".clone_into(&mut spec.license);
    let run_once = |spec: &CollectionSpec| run(load_spec(spec).program("limit").unwrap(), 64);
    assert_eq!(run_once(&spec), 0);
    let limits = [(1000_u32, 50_u64), (1001, 20)];
    spec.map_mut("limits").unwrap().set_typed_pairs(limits).unwrap();
    assert_eq!(run_once(&spec), 50);
}

#[test]
fn cpus_are_numbers_and_have_pairs() {
    let _leak = NoLeak::new();
    let mut spec = MapSpec::new("cpus", MapType::CPUMAP, 4, 4, 1);
    let queue = 192_u32.to_ne_bytes();
    spec.contents = MapContents::Pairs(vec![MapPair::new([0; 4], queue)]);
    let map = Map::create(&spec).unwrap();
    assert_eq!(map.lookup(&[0; 4]).unwrap(), Some(queue.to_vec()));
}

#[test]
fn a_map_that_was_there_before_keeps_what_it_has() {
    let _leak = NoLeak::new();
    let folder = Folder::new("pairs");
    let mut map = with_pairs(MapType::HASH);
    map.pinning = Pinning::ByName;
    let spec = collection(map.clone());
    let first = folder.load(&spec).unwrap();
    let pinned = first.map("pairs").unwrap();
    check(pinned, &map);
    let [one, two, _] = pairs(&map) else { panic!("three pairs") };
    pinned.update(&one.key, &[99; 6], UpdateFlags::EXIST).unwrap();
    assert!(pinned.delete(&two.key).unwrap());
    drop(first);
    let second = folder.load(&spec).unwrap();
    let pinned = second.map("pairs").unwrap();
    assert_eq!(pinned.lookup(&one.key).unwrap(), Some(vec![99; 6]));
    assert_eq!(pinned.lookup(&two.key).unwrap(), None);
}

#[test]
fn a_map_with_pairs_can_be_inside_of_another() {
    let _leak = NoLeak::new();
    let mut spec = collection(with_pairs(MapType::ARRAY));
    let mut outer = MapSpec::new("outer", MapType::ARRAY_OF_MAPS, 4, 4, 2);
    outer.inner = Some(Box::new(MapSpec::new("inner", MapType::ARRAY, 4, 6, 16)));
    outer.contents = MapContents::Entries(vec![MapEntry::new(1, "pairs")]);
    spec.add_map(outer).unwrap();
    let collection = load_spec(&spec);
    let inner = collection.map("outer").unwrap().inner_map(&1_u32.to_ne_bytes()).unwrap().unwrap();
    check(&inner, spec.maps.get("pairs").unwrap());
}

/// What an unchecked specification asks for and cannot be: the map and the key are named, and nothing is left behind.
#[test]
fn errors_name_the_map_and_the_key() {
    type Edit = fn(&mut MapSpec);
    let _leak = NoLeak::new();
    let put = |key: &str| format!("cannot put key {key} into map `pairs`: ");
    let rows: [(MapType, Edit, ErrorKind, String); 6] = [
        (
            MapType::HASH,
            |map| map.contents = MapContents::Pairs(vec![MapPair::new([1, 2], [0; 6])]),
            ErrorKind::WrongSize,
            put("[01, 02]") + "wrong size: the key has 2 bytes, the map's has 8",
        ),
        (
            MapType::PERCPU_HASH,
            |map| map.contents = MapContents::Pairs(vec![MapPair::new([1; 8], [0; 5])]),
            ErrorKind::WrongSize,
            put("[01, 01, 01, 01, 01, 01, 01, 01]") + "wrong size: the value has 5 bytes, the map's has 6",
        ),
        (
            MapType::ARRAY,
            |map| map.contents = MapContents::Pairs(vec![MapPair::new([0xff; 4], [0; 6])]),
            ErrorKind::Full,
            put("[ff, ff, ff, ff]"),
        ),
        (
            MapType::LPM_TRIE,
            |map| map.contents = MapContents::Pairs(vec![MapPair::new([0xff; 8], [0; 6])]),
            ErrorKind::System,
            put("[ff, ff, ff, ff, ff, ff, ff, ff]"),
        ),
        (
            MapType::HASH,
            |map| map.flags = MapFlags::RDONLY,
            ErrorKind::NotPermitted,
            "into map `pairs`: not permitted".to_owned(),
        ),
        (
            MapType::ARRAY,
            |map| {
                map.map_type = MapType::PROG_ARRAY;
                map.value_size = 4;
            },
            ErrorKind::InvalidSpec,
            "cannot fill map `pairs`: invalid specification: keys or values of a map of type prog_array are descriptors"
                .to_owned(),
        ),
    ];
    for (map_type, edit, kind, expected) in rows {
        let mut map = with_pairs(map_type);
        edit(&mut map);
        let mut spec = CollectionSpec::new(ByteOrder::NATIVE);
        spec.maps.insert("pairs", map.clone());
        assert!(spec.check_map("pairs").is_err(), "{map_type}");
        let loaded = bpf_core::Collection::load(&spec, &bpf_core::LoadOptions::new());
        for error in [Map::create(&map).unwrap_err(), loaded.unwrap_err()] {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}
