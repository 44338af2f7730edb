//! Changes to maps: what is taken and what is refused, by rule.
use bpf_btf::{Btf, BtfBuilder, Definition};
use bpf_sys::abi::MapFlags;

use super::*;
use crate::spec::{MapMut, MapProblem, Pinning, TypeRef};

pub(super) type Change = fn(&mut MapMut<'_>) -> Result<(), EditError>;

/// A change, and the start of what the error says about the map; nothing if the change is good.
pub(super) type Row = (&'static str, Change, &'static str);

/// One map of each kind that the rows need, and a program that uses the value of `.data`.
pub(super) fn maps(order: ByteOrder) -> CollectionSpec {
    let mut builder = BtfBuilder::new();
    let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
    let long = Definition::Int { name: "long", size: 8, signed: true, char: false, bool: false };
    let types = [builder.add(&int).unwrap(), builder.add(&long).unwrap()];
    let mut spec = super::spec(order);
    spec.btf = Some(Btf::parse(builder.write(bpf_btf::ByteOrder::NATIVE).unwrap()).unwrap());
    let rows = [
        ("hash", MapType::HASH, 4, 8, 16, MapFlags::NONE),
        ("array", MapType::ARRAY, 4, 8, 16, MapFlags::NONE),
        ("percpu", MapType::PERCPU_ARRAY, 4, 8, 16, MapFlags::NONE),
        ("lru", MapType::LRU_HASH, 4, 8, 16, MapFlags::NONE),
        ("trie", MapType::LPM_TRIE, 8, 8, 16, MapFlags::NO_PREALLOC),
        ("ring", MapType::RINGBUF, 0, 0, 4096, MapFlags::NONE),
        ("queue", MapType::QUEUE, 0, 8, 16, MapFlags::NONE),
        ("bloom", MapType::BLOOM_FILTER, 0, 8, 16, MapFlags::NONE),
        ("stack", MapType::STACK_TRACE, 4, 80, 16, MapFlags::NONE),
        ("arena", MapType::ARENA, 0, 0, 16, MapFlags::MMAPABLE),
        ("cpus", MapType::CPUMAP, 4, 4, 16, MapFlags::NONE),
        ("cgroup", MapType::CGROUP_STORAGE, 8, 8, 0, MapFlags::NONE),
        ("perf", MapType::PERF_EVENT_ARRAY, 4, 4, 0, MapFlags::NONE),
        ("code", MapType::INSN_ARRAY, 4, 16, 4, MapFlags::NONE),
        ("open", MapType::HASH, 4, 8, 0, MapFlags::NONE),
        ("unknown", MapType(9999), 3, 5, 7, MapFlags::NONE),
    ];
    for (name, map_type, key_size, value_size, max_entries, flags) in rows {
        let mut map = MapSpec::new(name, map_type, key_size, value_size, max_entries);
        map.flags = flags;
        spec.maps.insert(name, map);
    }
    let mut task = MapSpec::new("task", MapType::TASK_STORAGE, 4, 8, 0);
    task.flags = MapFlags::NO_PREALLOC;
    task.key_type = Some(TypeRef::new(types[0].get(), "int"));
    task.value_type = Some(TypeRef::new(types[1].get(), "long"));
    spec.maps.insert("task", task);
    let mut outer = MapSpec::new("maps", MapType::ARRAY_OF_MAPS, 4, 4, 2);
    outer.inner = Some(Box::new(MapSpec::new("maps.inner", MapType::ARRAY, 4, 8, 16)));
    outer.contents = MapContents::Entries(vec![MapEntry::new(1, "array")]);
    spec.maps.insert("maps", outer);
    let reference = Reference::new(0, Target::MapValue { map: ".data".into(), offset: 8 });
    spec.programs.get_mut("member").unwrap().function.references = vec![reference];
    spec.check().unwrap();
    spec
}

#[track_caller]
pub(super) fn check(rows: &[Row]) {
    for order in [ByteOrder::NATIVE, FOREIGN] {
        let before = maps(order);
        for (at, (name, change, expected)) in rows.iter().enumerate() {
            let mut spec = before.clone();
            let result = change(&mut spec.map_mut(name).unwrap());
            if expected.is_empty() {
                assert_eq!(result, Ok(()), "row {at}: {name}");
                assert_ne!(spec, before, "row {at}: {name}");
                continue;
            }
            let text = result.expect_err(&format!("row {at}: {name} is taken")).to_string();
            let wanted = format!("map {name:?}: {expected}");
            assert!(text.starts_with(&wanted), "row {at}: {text}, not {wanted}");
            assert_eq!(spec, before, "row {at}: {name} is changed by what is refused");
        }
    }
}

#[test]
fn a_type_fixes_the_sizes_of_keys_and_values() {
    check(&[
        ("hash", |m| m.set_key_size(16).map(drop), ""),
        (
            "hash",
            |m| m.set_key_size(0).map(drop),
            "keys of 0 bytes: a map of type hash has keys of at least 1",
        ),
        ("hash", |m| m.set_value_size(4096).map(drop), ""),
        ("hash", |m| m.set_value_size(0).map(drop), "values of 0 bytes"),
        ("lru", |m| m.set_key_size(0).map(drop), "keys of 0 bytes"),
        ("percpu", |m| m.set_value_size(64).map(drop), ""),
        (
            "percpu",
            |m| m.set_key_size(8).map(drop),
            "keys of 8 bytes: a map of type percpu_array has keys of 4",
        ),
        ("queue", |m| m.set_value_size(1).map(drop), ""),
        (
            "queue",
            |m| m.set_key_size(4).map(drop),
            "keys of 4 bytes: a map of type queue has keys of 0",
        ),
        (
            "bloom",
            |m| m.set_key_size(4).map(drop),
            "keys of 4 bytes: a map of type bloom_filter has keys of 0",
        ),
        (
            "ring",
            |m| m.set_key_size(4).map(drop),
            "keys of 4 bytes: a map of type ringbuf has keys of 0",
        ),
        (
            "ring",
            |m| m.set_value_size(8).map(drop),
            "values of 8 bytes: a map of type ringbuf has values of 0",
        ),
        ("trie", |m| m.set_key_size(20).map(drop), ""),
        (
            "trie",
            |m| m.set_key_size(4).map(drop),
            "keys of 4 bytes: a map of type lpm_trie has keys of 5 to 260",
        ),
        ("trie", |m| m.set_key_size(261).map(drop), "keys of 261 bytes"),
        ("stack", |m| m.set_value_size(1016).map(drop), ""),
        (
            "stack",
            |m| m.set_value_size(84).map(drop),
            "values of 84 bytes: a map of type stack_trace has values of a multiple of 8",
        ),
        ("cpus", |m| m.set_value_size(8).map(drop), ""),
        (
            "cpus",
            |m| m.set_value_size(6).map(drop),
            "values of 6 bytes: a map of type cpumap has values of 4 or 8",
        ),
        ("cgroup", |m| m.set_key_size(16).map(drop), ""),
        (
            "cgroup",
            |m| m.set_key_size(4).map(drop),
            "keys of 4 bytes: a map of type cgroup_storage has keys of 8 or 16",
        ),
        (
            "table",
            |m| m.set_value_size(8).map(drop),
            "values of 8 bytes: a map of type prog_array has values of 4",
        ),
        (
            "maps",
            |m| m.set_value_size(8).map(drop),
            "values of 8 bytes: a map of type array_of_maps has values of 4",
        ),
        (
            "perf",
            |m| m.set_value_size(8).map(drop),
            "values of 8 bytes: a map of type perf_event_array has values of 0 or 4",
        ),
        (
            "code",
            |m| m.set_value_size(8).map(drop),
            "values of 8 bytes: a map of type insn_array has values of 16",
        ),
        (
            "ops",
            |m| m.set_key_size(8).map(drop),
            "keys of 8 bytes: a map of type struct_ops has keys of 4",
        ),
        (
            "arena",
            |m| m.set_value_size(4096).map(drop),
            "values of 4096 bytes: a map of type arena has values of 0",
        ),
        ("unknown", |m| m.set_key_size(0).map(drop), ""),
    ]);
}

#[test]
fn a_type_fixes_the_number_of_entries() {
    check(&[
        ("hash", |m| m.set_max_entries(1).map(drop), ""),
        (
            "hash",
            |m| m.set_max_entries(0).map(drop),
            "max_entries is 0: in a map of type hash it is at least 1",
        ),
        ("ring", |m| m.set_max_entries(1 << 20).map(drop), ""),
        (
            "ring",
            |m| m.set_max_entries(0).map(drop),
            "max_entries is 0: in a map of type ringbuf it is a power of two",
        ),
        ("ring", |m| m.set_max_entries(12288).map(drop), "max_entries is 12288"),
        ("ring", |m| m.set_max_entries(2048).map(drop), "max_entries is 2048"),
        ("perf", |m| m.set_max_entries(64).map(drop), ""),
        (
            "task",
            |m| m.set_max_entries(1).map(drop),
            "max_entries is 1: in a map of type task_storage it is 0",
        ),
        (
            "cgroup",
            |m| m.set_max_entries(1).map(drop),
            "max_entries is 1: in a map of type cgroup_storage it is 0",
        ),
        (
            "ops",
            |m| m.set_max_entries(2).map(drop),
            "max_entries is 2: in a map of type struct_ops it is 1",
        ),
        (
            "arena",
            |m| m.set_max_entries(0).map(drop),
            "max_entries is 0: in a map of type arena it is at least 1",
        ),
        ("unknown", |m| m.set_max_entries(0).map(drop), ""),
    ]);
}

#[test]
fn a_type_fixes_flags_and_extra() {
    check(&[
        ("hash", |m| m.set_flags(MapFlags::NO_PREALLOC | MapFlags::RDONLY_PROG).map(drop), ""),
        (
            "hash",
            |m| m.set_flags(MapFlags::MMAPABLE).map(drop),
            "a map of type hash does not take MapFlags(MMAPABLE)",
        ),
        (
            "array",
            |m| m.set_flags(MapFlags::INNER_MAP).map(drop),
            "it is in map \"maps\", and has another flags",
        ),
        (
            "array",
            |m| m.set_flags(MapFlags::NO_PREALLOC).map(drop),
            "a map of type array does not take",
        ),
        (
            "percpu",
            |m| m.set_flags(MapFlags::MMAPABLE).map(drop),
            "a map of type percpu_array does not take",
        ),
        ("lru", |m| m.set_flags(MapFlags::NO_COMMON_LRU).map(drop), ""),
        (
            "lru",
            |m| m.set_flags(MapFlags::NO_PREALLOC).map(drop),
            "a map of type lru_hash does not take",
        ),
        (
            "hash",
            |m| m.set_flags(MapFlags::NO_COMMON_LRU).map(drop),
            "a map of type hash does not take",
        ),
        (
            "trie",
            |m| m.set_flags(MapFlags::NONE).map(drop),
            "a map of type lpm_trie needs MapFlags(NO_PREALLOC)",
        ),
        ("task", |m| m.set_flags(MapFlags::NONE).map(drop), "a map of type task_storage needs"),
        (
            "task",
            |m| m.set_flags(MapFlags::NO_PREALLOC | MapFlags::CLONE).map(drop),
            "a map of type task_storage does not take",
        ),
        ("arena", |m| m.set_flags(MapFlags::MMAPABLE | MapFlags::SEGV_ON_FAULT).map(drop), ""),
        ("arena", |m| m.set_flags(MapFlags::SEGV_ON_FAULT).map(drop), "a map of type arena needs"),
        ("perf", |m| m.set_flags(MapFlags::PRESERVE_ELEMS).map(drop), ""),
        (
            "perf",
            |m| m.set_flags(MapFlags::RDONLY_PROG).map(drop),
            "a map of type perf_event_array does not take",
        ),
        ("ring", |m| m.set_flags(MapFlags::RB_OVERWRITE).map(drop), ""),
        (
            "ring",
            |m| m.set_flags(MapFlags::RDONLY_PROG).map(drop),
            "a map of type ringbuf does not take",
        ),
        ("ops", |m| m.set_flags(MapFlags::LINK).map(drop), ""),
        ("hash", |m| m.set_flags(MapFlags::LINK).map(drop), "a map of type hash does not take"),
        ("hash", |m| m.set_flags(MapFlags::from_bits(1 << 30)).map(drop), ""),
        (
            "hash",
            |m| m.set_flags(MapFlags::RDONLY | MapFlags::WRONLY).map(drop),
            "MapFlags(RDONLY | WRONLY) exclude each other",
        ),
        (
            "hash",
            |m| m.set_flags(MapFlags::RDONLY_PROG | MapFlags::WRONLY_PROG).map(drop),
            "MapFlags(RDONLY_PROG | WRONLY_PROG) exclude",
        ),
        ("hash", |m| m.set_numa_node(Some(1)).map(drop), ""),
        (
            "task",
            |m| m.set_numa_node(Some(1)).map(drop),
            "a map of type task_storage does not take MapFlags(NUMA_NODE)",
        ),
        ("bloom", |m| m.set_map_extra(5).map(drop), ""),
        (
            "bloom",
            |m| m.set_map_extra(16).map(drop),
            "map_extra is 0x10: in a map of type bloom_filter it is a number of hash functions",
        ),
        ("arena", |m| m.set_map_extra(1 << 44).map(drop), ""),
        (
            "arena",
            |m| m.set_map_extra(1).map(drop),
            "map_extra is 0x1: in a map of type arena it is an address",
        ),
        (
            "hash",
            |m| m.set_map_extra(1).map(drop),
            "map_extra is 0x1: in a map of type hash it is 0",
        ),
        ("unknown", |m| m.set_map_extra(1).map(drop), ""),
        ("unknown", |m| m.set_flags(MapFlags::LINK).map(drop), ""),
    ]);
}

#[test]
fn types_have_the_sizes_of_keys_and_values() {
    check(&[
        (
            "hash",
            |m| m.set_types(Some(TypeRef::new(1, "int")), Some(TypeRef::new(2, "long"))).map(drop),
            "",
        ),
        (
            "hash",
            |m| m.set_types(Some(TypeRef::new(2, "long")), None).map(drop),
            "keys of 4 bytes, and their type `long` has 8",
        ),
        (
            "hash",
            |m| m.set_types(None, Some(TypeRef::new(1, "int"))).map(drop),
            "values of 8 bytes, and their type `int` has 4",
        ),
        (
            "hash",
            |m| m.set_types(None, Some(TypeRef::new(7, "no"))).map(drop),
            "the type 7 of its values is none of the object's",
        ),
        (
            "task",
            |m| m.set_types(None, None).map(drop),
            "a map of type task_storage needs the types",
        ),
        // The value would lose its type.
        ("task", |m| m.set_value_size(16).map(drop), "a map of type task_storage needs the types"),
        (
            "task",
            |m| {
                m.edit(|map| {
                    map.value_size = 4;
                    map.value_type = Some(TypeRef::new(1, "int"));
                })
                .map(drop)
            },
            "",
        ),
    ]);
    let (int, long) = (Some(TypeRef::new(1, "int")), Some(TypeRef::new(2, "long")));
    let mut spec = maps(ByteOrder::NATIVE);
    let mut map = spec.map_mut("hash").unwrap();
    map.set_types(int.clone(), long).unwrap().set_value_size(16).unwrap();
    let map = map.spec().unwrap();
    assert_eq!((map.key_type.clone(), map.value_type.clone()), (int, None));
}

#[test]
fn inner_maps_are_maps_that_can_be_inside() {
    check(&[
        (
            "maps",
            |m| m.set_inner(MapSpec::new("maps.inner", MapType::ARRAY, 4, 8, 8)).map(drop),
            "slot 1: map \"array\" has another max_entries",
        ),
        (
            "maps",
            |m| m.set_inner(MapSpec::new("maps.inner", MapType::HASH, 4, 8, 8)).map(drop),
            "slot 1: map \"array\" has another type",
        ),
        (
            "maps",
            |m| {
                m.edit(|map| {
                    map.inner = Some(Box::new(MapSpec::new("maps.inner", MapType::HASH, 4, 8, 8)));
                    map.contents = MapContents::Entries(vec![MapEntry::new(0, "hash")]);
                })
                .map(drop)
            },
            "",
        ),
        (
            "maps",
            |m| m.set_inner(MapSpec::new("i", MapType::PROG_ARRAY, 4, 4, 16)).map(drop),
            "a map of type prog_array cannot be inside",
        ),
        (
            "maps",
            |m| m.set_inner(MapSpec::new("i", MapType::HASH_OF_MAPS, 4, 4, 16)).map(drop),
            "a map of type hash_of_maps cannot be inside",
        ),
        (
            "maps",
            |m| m.set_inner(MapSpec::new("i", MapType::HASH, 0, 4, 16)).map(drop),
            "its inner maps: keys of 0 bytes",
        ),
        (
            "maps",
            |m| m.edit(|map| map.inner.as_mut().unwrap().pinning = Pinning::ByName).map(drop),
            "an inner map has no pinning",
        ),
        (
            "maps",
            |m| m.edit(|map| map.inner.as_mut().unwrap().contents = MapContents::Zeroed).map(drop),
            "an inner map has no contents",
        ),
        (
            "maps",
            |m| m.edit(|map| map.inner = None).map(drop),
            "a map of type array_of_maps needs a definition",
        ),
        (
            "hash",
            |m| m.set_inner(MapSpec::new("i", MapType::HASH, 4, 4, 16)).map(drop),
            "a map of type hash has no inner maps",
        ),
        (
            "array",
            |m| m.set_max_entries(8).map(drop),
            "it is in map \"maps\", and has another max_entries",
        ),
        (
            "array",
            |m| m.set_value_size(4).map(drop),
            "it is in map \"maps\", and has another value_size",
        ),
    ]);
}

#[test]
fn contents_fit_into_the_map() {
    check(&[
        ("array", |m| m.set_value([1; 8]).map(drop), ""),
        ("percpu", |m| m.set_value([1; 8]).map(drop), ""),
        ("array", |m| m.set_value([1; 9]).map(drop), "values of 8 bytes, and contents of 9"),
        (
            "hash",
            |m| m.set_value([1; 8]).map(drop),
            "a map of type hash cannot begin with the bytes of a value",
        ),
        ("ring", |m| m.set_value([]).map(drop), "a map of type ringbuf cannot begin with"),
        (
            "array",
            |m| m.set_entries([MapEntry::new(0, "hash")]).map(drop),
            "a map of type array cannot begin with maps or programs",
        ),
        (
            "table",
            |m| m.set_entries([MapEntry::new(0, "tail"), MapEntry::new(1, "member")]).map(drop),
            "",
        ),
        (
            "table",
            |m| m.set_entries([MapEntry::new(2, "tail")]).map(drop),
            "contents for slot 2, and max_entries is 2",
        ),
        (
            "table",
            |m| m.set_entries([MapEntry::new(1, "tail"), MapEntry::new(1, "tail")]).map(drop),
            "contents for slot 1 twice",
        ),
        (
            "table",
            |m| m.set_entries([MapEntry::new(1, "hash")]).map(drop),
            "slot 1: the collection has no program \"hash\"",
        ),
        ("table", |m| m.set_max_entries(1).map(drop), "contents for slot 1, and max_entries is 1"),
        (
            "maps",
            |m| m.set_entries([MapEntry::new(0, "array"), MapEntry::new(1, "array")]).map(drop),
            "",
        ),
        (
            "maps",
            |m| m.set_entries([MapEntry::new(0, "tail")]).map(drop),
            "slot 0: the collection has no map \"tail\"",
        ),
        (
            "maps",
            |m| m.set_entries([MapEntry::new(0, "hash")]).map(drop),
            "slot 0: map \"hash\" has another type",
        ),
        (
            "maps",
            |m| {
                m.edit(|map| {
                    map.map_type = MapType::HASH_OF_MAPS;
                    map.key_size = 8;
                })
                .map(drop)
            },
            "keys of 8 bytes: a map of type hash_of_maps has keys of 4 if it has contents",
        ),
        (
            "maps",
            |m| {
                m.edit(|map| {
                    map.map_type = MapType::HASH_OF_MAPS;
                    map.contents = MapContents::Entries(vec![MapEntry::new(77, "array")]);
                })
                .map(drop)
            },
            "",
        ),
        (
            "maps",
            |m| {
                m.edit(|map| {
                    map.map_type = MapType::HASH_OF_MAPS;
                    map.contents = MapContents::Entries(
                        (0..3).map(|key| MapEntry::new(key, "array")).collect(),
                    );
                })
                .map(drop)
            },
            "contents for slot 2, and max_entries is 2",
        ),
        (
            "ops",
            |m| m.edit(|map| map.function_members[0].offset = 4).map(drop),
            "member at 4: no place for program \"member\"",
        ),
        (
            "ops",
            |m| m.edit(|map| map.function_members[0].program = "no".into()).map(drop),
            "member at 0: no place for program \"no\"",
        ),
        (
            ".data",
            |m| m.edit(|map| map.section = ".kconfig".into()).map(drop),
            "its contents are those of the kernel's configuration",
        ),
    ]);
}

#[test]
fn variables_and_code_keep_their_place_in_the_value() {
    check(&[
        (".data", |m| m.set_value_size(24).map(drop), ""),
        (
            ".data",
            |m| {
                m.edit(|map| {
                    map.value_size = 8;
                    map.contents = MapContents::Bytes(vec![0; 8]);
                })
                .map(drop)
            },
            "function \"member\" uses byte 8 of its value by address",
        ),
        (
            ".data",
            |m| {
                m.edit(|map| {
                    map.value_size = 12;
                    map.contents = MapContents::Bytes(vec![0; 12]);
                })
                .map(drop)
            },
            "variable \"b\" is not within its value",
        ),
        (
            ".data",
            |m| {
                m.edit(|map| {
                    map.map_type = MapType::HASH;
                    map.contents = MapContents::None;
                })
                .map(drop)
            },
            "function \"member\" uses byte 8 of its value by address",
        ),
    ]);
    let mut spec = maps(ByteOrder::NATIVE);
    spec.map_mut(".data").unwrap().set_value_size(32).unwrap();
    assert_eq!(spec.variables.get("b").unwrap().size, 24);
    assert_eq!(spec.maps.get(".data").unwrap().contents.bytes().unwrap().len(), 32);
    let outside = EditError::Outside { name: "b".into(), map: ".data".into() };
    let error = spec.map_mut(".data").unwrap().set_value_size(8).map(drop);
    assert_eq!(error, Err(outside));
}

#[test]
fn a_pinned_map_has_the_name_of_a_file_and_an_arena_is_alone() {
    check(&[
        ("hash", |m| m.set_pinning(Pinning::ByName).map(drop), ""),
        (
            "hash",
            |m| m.set_type(MapType::ARENA, 0, 0).map(drop),
            "the collection already has the arena \"arena\"",
        ),
        (
            "hash",
            |m| m.edit(|map| map.name = "other".into()).map(drop),
            "its field `name` is \"other\": give it another name with `rename_map`",
        ),
    ]);
    let mut map = MapSpec::new("a/b", MapType::HASH, 4, 4, 4);
    assert_eq!(map.check(), Ok(()));
    map.pinning = Pinning::ByName;
    let expected = EditError::Map { map: "a/b".into(), problem: MapProblem::PinName };
    assert_eq!(map.check(), Err(expected));
}

#[test]
fn what_was_wrong_before_stands_in_the_way_of_nothing_else() {
    let mut spec = maps(ByteOrder::NATIVE);
    let mut map = spec.map_mut("open").unwrap();
    map.set_value_size(16).unwrap().set_flags(MapFlags::NO_PREALLOC).unwrap();
    assert!(spec.check_map("open").is_err());
    spec.map_mut("open").unwrap().set_max_entries(9).unwrap();
    assert_eq!(spec.check_map("open"), Ok(()));
    assert!(spec.map_mut("open").unwrap().set_max_entries(0).is_err());
}

#[test]
fn another_type_brings_its_flags() {
    let mut spec = maps(ByteOrder::NATIVE);
    spec.map_mut("hash").unwrap().set_flags(MapFlags::RDONLY | MapFlags::ZERO_SEED).unwrap();
    spec.map_mut("hash").unwrap().set_type(MapType::LPM_TRIE, 8, 8).unwrap();
    let map = spec.maps.get("hash").unwrap();
    assert_eq!(map.flags, MapFlags::RDONLY | MapFlags::NO_PREALLOC);
}

#[test]
fn only_a_map_that_the_kernel_takes_is_added() {
    let mut spec = maps(ByteOrder::NATIVE);
    let before = spec.clone();
    let taken = EditError::Taken { kind: "map", name: "hash".into() };
    let good = MapSpec::new("hash", MapType::HASH, 4, 4, 4);
    assert_eq!(spec.add_map(good.clone()).map(drop), Err(taken));
    for (name, problem) in [("", "it is empty"), ("a b", "it has a space or control character")] {
        let mut map = good.clone();
        name.clone_into(&mut map.name);
        let expected = EditError::Name { kind: "map", name: name.into(), problem };
        assert_eq!(spec.add_map(map).map(drop), Err(expected));
    }
    let bad = MapSpec::new("bad", MapType::RINGBUF, 0, 0, 5000);
    assert!(matches!(spec.add_map(bad), Err(EditError::Map { .. })));
    assert_eq!(spec, before);
    spec.add_map(MapSpec::new("good", MapType::RINGBUF, 0, 0, 8192)).unwrap();
    assert_eq!(spec.maps.names().last(), Some("good"));
    assert_eq!(spec.map_mut("no").map(drop), Err(EditError::missing("map", "no")));
}
