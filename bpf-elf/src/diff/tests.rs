//! Edits of specs, and the changes that they are.

use bpf_asm::Slot;
use bpf_sys::abi::{MapFlags, MapType};
use testdata::{OBJECTS, Order};

use super::*;
use crate::spec::digest::tests::{INVISIBLE, MAP, PROGRAM, VISIBLE, renumbered, spec};
use crate::spec::{MapContents, MapPair, MapSpec, Pinning, VariableSpec};

/// Two specs have a difference if their digests say so; it is the same from the other side.
#[track_caller]
fn agree(old: &CollectionSpec, new: &CollectionSpec) {
    let (there, back) = (SpecDiff::new(old, new), SpecDiff::new(new, old));
    assert_eq!(there.is_empty(), old.digest() == new.digest(), "{there}");
    assert_eq!(back.is_empty(), there.is_empty(), "{back}");
    assert_eq!(there.to_string().is_empty(), there.is_empty());
}

#[test]
fn specs_differ_as_their_digests_do() {
    for (name, edit) in VISIBLE.iter().chain(INVISIBLE) {
        for order in Order::BOTH {
            let old = spec(name, order);
            let mut new = old.clone();
            edit(&mut new);
            agree(&old, &new);
        }
    }
    let old = spec("counter", Order::Little);
    for edit in PROGRAM {
        let mut new = old.clone();
        edit(new.programs.get_mut("count_filter").unwrap());
        agree(&old, &new);
    }
    for edit in MAP {
        let mut new = old.clone();
        edit(new.maps.get_mut("runs").unwrap());
        agree(&old, &new);
    }
    for name in OBJECTS {
        let old = spec(name, Order::Little);
        agree(&old, &old);
        agree(&old, &spec(name, Order::Big));
        agree(&old, &spec("packets", Order::Little));
        agree(&old, &CollectionSpec::new(old.byte_order));
        if let Some(new) = renumbered(old.clone()) {
            agree(&old, &new);
        }
    }
}

#[test]
fn an_edit_is_told_as_what_it_is() {
    type Edit = fn(&mut CollectionSpec);
    let rows: &[(&str, Edit, &str)] = &[
        ("counter", |_| (), ""),
        ("counter", |spec| spec.license = "MIT".to_owned(), "~ license: \"Dual MIT/GPL\" -> MIT\n"),
        ("counter", |spec| drop(spec.maps.remove("runs")), "- map runs\n"),
        (
            "counter",
            |spec| {
                spec.maps.insert("extra", MapSpec::new("extra", MapType::ARRAY, 4, 4, 1));
            },
            "+ map extra\n",
        ),
        (
            "counter",
            |spec| {
                let map = spec.maps.get_mut("by_length").unwrap();
                map.max_entries += 1;
                map.map_type = MapType::LRU_HASH;
                map.value_type = None;
            },
            "~ map by_length\n    type: hash -> lru_hash\n    max_entries: 16 -> 17\n    \
             value_type: __u64 -> none\n",
        ),
        (
            "counter",
            |spec| spec.programs.get_mut("count_filter").unwrap().function.slots[5].imm = 7,
            "~ program count_filter\n    code: 66 slots, different from slot 5 on\n",
        ),
        (
            "counter",
            |spec| {
                let program = spec.programs.get_mut("count_filter").unwrap();
                program.autoload = false;
                program.attach_to = Some("a b".to_owned());
            },
            "~ program count_filter\n    attach_to: none -> \"a b\"\n    autoload: yes -> no\n",
        ),
        (
            "subprograms",
            |spec| spec.functions.get_mut("twice").unwrap().slots.insert(0, Slot::exit()),
            "~ program call_chain\n    code: its own does not change\n    \
             calls changed functions: twice\n    in all: 28 -> 29 slots\n\
             ~ program call_static\n    code: its own does not change\n    \
             calls changed functions: twice\n    in all: 19 -> 20 slots\n\
             ~ function twice\n    code: 3 -> 4 slots, different from slot 0 on\n",
        ),
        (
            "kconfig_ksyms",
            |spec| spec.externs.get_mut("CONFIG_HZ").unwrap().weak = true,
            "~ extern CONFIG_HZ\n    weak: no -> yes\n",
        ),
    ];
    for (name, edit, expected) in rows {
        for order in Order::BOTH {
            let old = spec(name, order);
            let mut new = old.clone();
            edit(&mut new);
            assert_eq!(SpecDiff::new(&old, &new).to_string(), *expected, "{name}");
        }
    }
}

#[test]
fn the_value_of_a_variable_and_its_section_change_together() {
    let old = spec("data", Order::Little);
    let mut new = old.clone();
    let variable = new.variables.values().find(|of| of.size == 4).unwrap().clone();
    let map = new.maps.get_mut(&variable.map).unwrap();
    let MapContents::Bytes(bytes) = &mut map.contents else { panic!("no bytes") };
    bytes[variable.offset as usize] ^= 1;
    let diff = SpecDiff::new(&old, &new);
    let [changed] = diff.variables.as_slice() else { panic!("{diff}") };
    let Difference::Changed(fields) = &changed.difference else { panic!("{diff}") };
    assert_eq!(changed.name, variable.name);
    assert_eq!(fields.iter().map(|of| of.field).collect::<Vec<_>>(), [VariableField::Value]);
    assert!(matches!(fields[0].new, FieldValue::Bytes(bytes) if bytes.len() == 4), "{fields:?}");
    assert_eq!(diff.maps.len(), 1);
}

type MapEdit = fn(&mut MapSpec);

#[test]
fn a_pinned_map_stays_usable_if_what_libbpf_compares_is_the_same() {
    use MapField::{Flags, KeySize, MapExtra, MaxEntries, Type, ValueSize};
    let refused = |fields: &[MapField]| Reuse::Refused { fields: fields.to_vec() };
    let rows: &[(MapType, MapEdit, Reuse)] = &[
        (MapType::HASH, |_| (), Reuse::Works),
        (MapType::HASH, |map| map.map_type = MapType::LRU_HASH, refused(&[Type])),
        (MapType::HASH, |map| map.key_size = 5, refused(&[KeySize])),
        (MapType::HASH, |map| map.value_size = 9, refused(&[ValueSize])),
        (MapType::HASH, |map| map.max_entries = 17, refused(&[MaxEntries])),
        (MapType::HASH, |map| map.flags = MapFlags::NO_PREALLOC, refused(&[Flags])),
        (MapType::HASH, |map| map.map_extra = 1, refused(&[MapExtra])),
        (
            MapType::HASH,
            |map| {
                map.key_size = 8;
                map.max_entries = 1;
            },
            refused(&[KeySize, MaxEntries]),
        ),
        // What libbpf does not compare.
        (MapType::HASH, |map| map.numa_node = 1, Reuse::Works),
        (MapType::HASH, |map| map.freeze = true, Reuse::Works),
        (MapType::HASH, |map| map.contents = MapContents::Zeroed, Reuse::Works),
        (MapType::HASH, |map| map.contents = MapContents::Pairs(vec![]), Reuse::Works),
        // What the kernel adds by itself.
        (MapType::DEVMAP, |map| map.flags = MapFlags::RDONLY_PROG, Reuse::Works),
        (MapType::DEVMAP_HASH, |map| map.flags = MapFlags::RDONLY_PROG, Reuse::Works),
        (MapType::ARRAY, |map| map.flags = MapFlags::RDONLY_PROG, refused(&[Flags])),
        // 16 bytes make a page, whatever its size.
        (MapType::RINGBUF, |map| map.max_entries = 4096, Reuse::Works),
        (MapType::USER_RINGBUF, |map| map.max_entries = 5000, Reuse::DependsOnMachine),
        (MapType::RINGBUF, |map| map.max_entries = 65536, Reuse::DependsOnMachine),
        (MapType::RINGBUF, |map| map.max_entries = 65537, refused(&[MaxEntries])),
        (MapType::RINGBUF, |map| map.max_entries = u32::MAX, refused(&[MaxEntries])),
        (MapType::RINGBUF, |map| map.max_entries = 0, refused(&[MaxEntries])),
        (MapType::PERF_EVENT_ARRAY, |map| map.max_entries = 0, Reuse::DependsOnMachine),
        (MapType::PERF_EVENT_ARRAY, |map| map.max_entries = 8, refused(&[MaxEntries])),
    ];
    for (map_type, edit, expected) in rows {
        let mut old = MapSpec::new("m", *map_type, 4, 8, 16);
        old.pinning = Pinning::ByName;
        let mut new = old.clone();
        edit(&mut new);
        assert_eq!(Reuse::of(&old, &new), *expected, "{new:?}");
        assert_eq!(Reuse::of(&new, &old).is_certain(), expected.is_certain(), "{new:?}");
        assert_eq!(Reuse::of(&old, &new).is_certain(), *expected == Reuse::Works);
        if old != new {
            let specs = [&old, &new].map(|map| {
                let mut spec = CollectionSpec::new(bpf_asm::ByteOrder::Little);
                spec.maps.insert("m", map.clone());
                spec
            });
            let diff = SpecDiff::new(&specs[0], &specs[1]);
            let Difference::Changed(change) = &diff.maps[0].difference else { panic!("{diff}") };
            assert_eq!(change.reuse.as_ref(), Some(expected));
            assert!(diff.to_string().contains("\n    pinned: "), "{diff}");
        }
    }
}

#[test]
fn pairs_are_told_by_key_whatever_their_order() {
    let pairs = |pairs: &[(u8, u8)]| {
        let pairs = pairs.iter().map(|(key, value)| MapPair::new([*key, 0], [*value; 17]));
        MapContents::Pairs(pairs.collect())
    };
    let (two, turned) = (pairs(&[(1, 9), (2, 8)]), pairs(&[(2, 8), (1, 9)]));
    let many: Vec<_> = (0..17).map(|key| (key, key)).collect();
    let mut other = many.clone();
    (other[3].1, other[4].0) = (99, 99);
    let nines = "09090909090909090909090909090909... (17 bytes)";
    let eights = "08080808080808080808080808080808... (17 bytes)";
    let rows = [
        (&two, &turned, String::new()),
        (&MapContents::None, &pairs(&[(1, 9)]), format!("none -> [0100] {nines}")),
        (&turned, &pairs(&[]), format!("[0100] {nines}, [0200] {eights} -> no pairs")),
        (&MapContents::None, &pairs(&many), "none -> 17 pairs".to_owned()),
        (&pairs(&many), &pairs(&other), "17 -> 17 pairs, of which 3 keys differ".to_owned()),
        (&pairs(&many), &two, "17 -> 2 pairs, of which 17 keys differ".to_owned()),
    ];
    for (old, new, expected) in rows {
        let [old, new] = [old, new].map(|contents| {
            let mut map = MapSpec::new("m", MapType::HASH, 2, 17, 64);
            map.contents = contents.clone();
            let mut spec = CollectionSpec::new(bpf_asm::ByteOrder::Little);
            spec.maps.insert("m", map);
            spec
        });
        agree(&old, &new);
        let text = SpecDiff::new(&old, &new).to_string();
        let line = text.lines().nth(1).unwrap_or_default().trim_start();
        assert_eq!(line.strip_prefix("contents: ").unwrap_or_default(), expected, "{text}");
    }
}

#[test]
fn only_two_pinned_definitions_have_a_pinned_map_in_common() {
    for (old_pinning, new_pinning, common) in [
        (Pinning::None, Pinning::None, false),
        (Pinning::ByName, Pinning::None, false),
        (Pinning::None, Pinning::ByName, false),
        (Pinning::ByName, Pinning::ByName, true),
    ] {
        let mut old = CollectionSpec::new(bpf_asm::ByteOrder::Little);
        let mut map = MapSpec::new("m", MapType::HASH, 4, 8, 16);
        map.pinning = old_pinning;
        old.maps.insert("m", map.clone());
        let mut new = CollectionSpec::new(bpf_asm::ByteOrder::Little);
        map.pinning = new_pinning;
        map.max_entries = 1;
        new.maps.insert("m", map);
        let diff = SpecDiff::new(&old, &new);
        let Difference::Changed(change) = &diff.maps[0].difference else { panic!("{diff}") };
        assert_eq!(change.reuse.is_some(), common);
    }
}

#[test]
fn a_call_to_nowhere_is_no_obstacle() {
    let old = spec("subprograms", Order::Little);
    let mut new = old.clone();
    drop(new.functions.remove("twice"));
    let text = SpecDiff::new(&old, &new).to_string();
    assert!(text.contains("- function twice\n"), "{text}");
}

#[test]
fn names_cannot_act_on_a_terminal() {
    let old = CollectionSpec::new(bpf_asm::ByteOrder::Little);
    let mut new = old.clone();
    new.license = "\u{1b}[2J x".to_owned();
    new.maps.insert("\u{1b}[31m\n", MapSpec::new("m", MapType::HASH, 4, 8, 16));
    let text = SpecDiff::new(&old, &new).to_string();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

/// Each of many variables covers all the bytes of many others: no more of them are looked at than there are.
#[test]
fn variables_that_overlap_are_not_all_compared_one_by_one() {
    let mut old = spec("counter", Order::Little);
    let mut map = MapSpec::new(".data", MapType::ARRAY, 4, 1 << 20, 1);
    map.contents = MapContents::Bytes(vec![0; 1 << 20]);
    old.maps.insert(".data", map);
    for number in 0..20_000 {
        let name = format!("v{number}");
        let variable = VariableSpec::new(name.as_str(), ".data", number, (1 << 20) - number);
        old.variables.insert(name, variable);
    }
    let mut new = old.clone();
    if let MapContents::Bytes(bytes) = &mut new.maps.get_mut(".data").unwrap().contents {
        *bytes.last_mut().unwrap() = 1;
    }
    let diff = SpecDiff::new(&old, &new);
    let text = diff.to_string();
    assert!(text.contains("map .data"), "the map tells of what its variables do not");
    assert!(!diff.variables.is_empty() && diff.variables.len() < 4, "{}", diff.variables.len());
    agree(&old, &new);
}
