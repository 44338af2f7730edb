//! Maps, and values of the configuration.

use bpf_sys::abi::{MapFlags, MapType};

use super::*;
use crate::spec::{ExternKind, ExternSpec, MapSpec, Reference, Target};

#[track_caller]
fn check(map: MapSpec, world: &World, expected: Expected<'_>) {
    let mut spec = object(RETURN);
    let name = map.name.clone();
    spec.maps.insert(name.as_str(), map);
    compare(&spec, world, expected);
    // What is not created cannot be missing.
    spec.maps.get_mut(&name).unwrap().autocreate = false;
    compare(&spec, world, &[]);
}

fn map(map_type: MapType) -> MapSpec {
    MapSpec::new("map", map_type, 4, 4, 1)
}

#[test]
fn map_types_are_those_of_the_enumeration_or_else_of_the_version() {
    let words = World::default();
    let version = |version| World { words: false, version, ..World::default() };
    let rows: [(MapType, &World, Expected<'_>); 7] = [
        (MapType::USER_RINGBUF, &words, &[]),
        // The number after the last is only its end.
        (MapType::CGRP_STORAGE, &words, &[(Kind::MapType, Breaks, "cgrp_storage")]),
        (MapType(4711), &words, &[(Kind::MapType, Breaks, "unknown (4711)")]),
        (MapType::RINGBUF, &version(Some((5, 8))), &[]),
        (MapType::RINGBUF, &version(Some((5, 7))), &[(Kind::MapType, Breaks, "ringbuf")]),
        (MapType::RINGBUF, &version(None), &[(Kind::MapType, Unknown, "ringbuf")]),
        (MapType(4711), &version(None), &[]),
    ];
    for (map_type, world, expected) in rows {
        check(map(map_type), world, expected);
    }
}

#[test]
fn inner_maps_are_maps_too() {
    let mut outer = map(MapType::HASH_OF_MAPS);
    outer.inner = Some(Box::new(map(MapType::ARENA)));
    check(outer.clone(), &World::default(), &[(Kind::MapType, Breaks, "arena")]);
    outer.inner = Some(Box::new(map(MapType::ARRAY)));
    check(outer, &World::default(), &[]);
}

#[test]
fn map_flags_are_those_of_the_enumeration() {
    let mut linked = map(MapType::HASH);
    linked.flags = MapFlags::LINK | MapFlags::NO_PREALLOC;
    check(linked.clone(), &World { map_flag: 13, ..World::default() }, &[]);
    check(linked.clone(), &World::default(), &[(Kind::MapFlag, Breaks, "LINK")]);
    check(linked, &World { words: false, ..World::default() }, &[]);
}

#[test]
fn data_sections_do_without_being_mapped() {
    let old = World { map_flag: 9, ..World::default() };
    let mut data = map(MapType::ARRAY);
    data.flags = MapFlags::MMAPABLE;
    check(data.clone(), &old, &[(Kind::MapFlag, Breaks, "MMAPABLE")]);
    data.section = ".maps".into();
    check(data.clone(), &old, &[(Kind::MapFlag, Breaks, "MMAPABLE")]);
    data.section = ".bss".into();
    check(data, &old, &[]);
}

#[test]
fn the_configuration_is_not_in_btf() {
    let rows: [(&str, bool, Expected<'_>); 6] = [
        ("CONFIG_HZ", false, &[(Kind::Kconfig, Unknown, "CONFIG_HZ")]),
        ("CONFIG_HZ", true, &[]),
        ("LINUX_KERNEL_VERSION", false, &[]),
        ("LINUX_SOMETHING", false, &[(Kind::Kconfig, Breaks, "LINUX_SOMETHING")]),
        ("LINUX_SOMETHING", true, &[]),
        ("HZ", false, &[(Kind::Kconfig, Breaks, "HZ")]),
    ];
    for (name, weak, expected) in rows {
        let mut spec = object(RETURN);
        let mut value = ExternSpec::new(name, ExternKind::Kconfig);
        value.weak = weak;
        spec.externs.insert(name, value);
        compare(&spec, &World::default(), expected);
    }
}

#[test]
fn a_configuration_answers_for_its_options() {
    let text =
        "CONFIG_HZ=250\n# CONFIG_OFF is not set\nCONFIG_WORD=\"text\"\nCONFIG_BIG=0x100000000\n";
    let rows: [(&str, bool, Expected<'_>); 9] = [
        ("CONFIG_HZ", false, &[]),
        ("CONFIG_OFF", false, &[(Kind::Kconfig, Breaks, "CONFIG_OFF")]),
        ("CONFIG_OFF", true, &[]),
        ("CONFIG_WORD", false, &[(Kind::Kconfig, Breaks, "CONFIG_WORD")]),
        ("CONFIG_WORD", true, &[(Kind::Kconfig, Breaks, "CONFIG_WORD")]),
        ("CONFIG_BIG", false, &[(Kind::Kconfig, Breaks, "CONFIG_BIG")]),
        ("LINUX_KERNEL_VERSION", false, &[]),
        ("LINUX_FACT", false, &[]),
        ("HZ", false, &[(Kind::Kconfig, Breaks, "HZ")]),
    ];
    let config = KernelConfig::new().with_text(text).with_fact("LINUX_FACT", 1);
    for (name, weak, expected) in rows {
        for (byte_order, order) in [
            (ByteOrder::Little, bpf_btf::ByteOrder::Little),
            (ByteOrder::Big, bpf_btf::ByteOrder::Big),
        ] {
            let mut spec = object(RETURN);
            spec.byte_order = byte_order;
            let mut value = ExternSpec::new(name, ExternKind::Kconfig);
            (value.weak, value.size) = (weak, 4);
            spec.externs.insert(name, value);
            let world = World { config: Some(config.clone()), order, ..World::default() };
            compare(&spec, &world, expected);
        }
    }
}

#[test]
fn code_behind_an_option_that_is_off_is_not_reached() {
    // A helper that this kernel does not have.
    let code = "r1 = 0 ll\nr1 = *(u32 *)(r1 +0)\nif r1 == 0 goto +1\ncall 999\nr0 = 0\nexit";
    let missing: Expected<'_> = &[(Kind::Helper, Breaks, "helper 999")];
    let spared: Expected<'_> = &[(Kind::Helper, Note, "helper 999")];
    let rows: [(Option<&str>, Expected<'_>); 4] = [
        (Some("CONFIG_X=1\n"), missing),
        (Some("CONFIG_X=0\n"), spared),
        (Some("\n"), spared),
        (None, &[(Kind::Helper, Unknown, "helper 999")]),
    ];
    for (text, expected) in rows {
        let mut spec = object(code);
        let mut value = ExternSpec::new("CONFIG_X", ExternKind::Kconfig);
        (value.weak, value.size) = (true, 4);
        spec.externs.insert("CONFIG_X", value);
        let mut map = MapSpec::new(".kconfig", MapType::ARRAY, 4, 4, 1);
        map.section = ".kconfig".into();
        map.flags = MapFlags::RDONLY_PROG;
        map.freeze = true;
        spec.maps.insert(".kconfig", map);
        let reference = Reference::new(0, Target::Kconfig { name: "CONFIG_X".into() });
        let function = &mut spec.programs.values_mut().next().unwrap().function;
        function.references = vec![reference];
        crate::reader::write_target(&mut function.slots, 0, &function.references[0].target);
        let config = text.map(|text| KernelConfig::new().with_text(text));
        compare(&spec, &World { config, ..World::default() }, expected);
    }
}
