//! Tests of reading map definitions.
use bpf_btf::{Definition, NewEnumValue, NewParam, TypeId, VarLinkage};
use bpf_sys::abi::MapType;

use super::{Types, exits, fails, reads, reads_with};
use crate::ReadOptions;
use crate::spec::{MapContents, MapEntry, MapSpec, Pinning, Warning};
use crate::testing::{Bytes, Elf, FUNC, GLOBAL, LOCAL, NOTYPE, OBJECT};

/// Makes the type of an attribute.
type Make = fn(&mut Types) -> TypeId;

/// An object with one map `m` of these attributes.
fn object(elf: &mut Elf, attributes: &[(&str, Make)]) {
    let mut types = Types::new();
    let attributes: Vec<_> =
        attributes.iter().map(|(name, make)| (*name, make(&mut types))).collect();
    let definition = types.attributes("", &attributes);
    let map = types.variable("m", definition, VarLinkage::Global);
    let size = u32::try_from(8 * attributes.len() + 24).unwrap();
    types.section(".maps", &[(map, size)]);
    elf.btf(&types.btf).data(".maps", &vec![0; size as usize]).symbol(
        "m",
        ".maps",
        0,
        u64::from(size),
        GLOBAL | OBJECT,
    );
}

#[track_caller]
fn check(attributes: &[(&str, Make)], check: impl Fn(&MapSpec)) {
    reads(|elf| object(elf, attributes), |spec| check(spec.maps.get("m").unwrap()));
}

/// The map is refused with this message behind its name.
#[track_caller]
fn refused(attributes: &[(&str, Make)], message: &str) {
    fails(|elf| object(elf, attributes), &format!("map \"m\"{message}"));
}

const HASH: (&str, Make) = ("type", |t| t.number(1));
const PROG_ARRAY: (&str, Make) = ("type", |t| t.number(3));
const OF_MAPS: (&str, Make) = ("type", |t| t.number(12));
const INT: Make = |t| t.pointer(t.int);
const FOUR: Make = |t| t.number(4);
const EIGHT: Make = |t| t.number(8);

/// `__array(values, struct { type, pinning })`.
fn inner(types: &mut Types, members: &[(&str, Make)]) -> TypeId {
    let members: Vec<_> = members.iter().map(|(name, make)| (*name, make(types))).collect();
    let inner = types.attributes("inner", &members);
    let pointer = types.pointer(inner);
    types.array(pointer, 0)
}

fn enumeration(types: &mut Types, values: &[i128], wide: bool) -> TypeId {
    let values: Vec<_> = values.iter().map(|value| NewEnumValue::new("value", *value)).collect();
    types.add(&if wide {
        Definition::Enum64 { name: "", size: 8, signed: false, values: &values }
    } else {
        Definition::Enum { name: "", size: 4, signed: false, values: &values }
    })
}

#[test]
fn attributes_are_read_from_types() {
    check(
        &[
            HASH,
            ("key", INT),
            ("value_size", EIGHT),
            ("max_entries", |t| t.number(1024)),
            ("map_flags", |t| t.number(5)),
            ("numa_node", |t| t.number(2)),
            ("map_extra", |t| t.number(3)),
            ("pinning", |t| t.number(1)),
        ],
        |map| {
            assert_eq!((map.map_type, map.key_size, map.value_size), (MapType::HASH, 4, 8));
            assert_eq!((map.max_entries, map.flags.bits(), map.numa_node), (1024, 5, 2));
            assert_eq!((map.map_extra, map.pinning), (3, Pinning::ByName));
            let key = map.key_type.as_ref().unwrap();
            assert_eq!((key.name(), key.id()), ("int", 1));
            assert_eq!((&map.value_type, map.section.as_str()), (&None, ".maps"));
        },
    );
    // Types may stand behind other names, and sizes may be said twice.
    check(
        &[
            ("type", |t| {
                let target = t.number(1);
                let target = t.add(&Definition::Typedef { name: "kind", target });
                t.add(&Definition::Const { target })
            }),
            ("key", INT),
            ("key_size", FOUR),
            ("value_size", FOUR),
            ("value", INT),
        ],
        |map| assert_eq!((map.map_type, map.key_size, map.value_size), (MapType::HASH, 4, 4)),
    );
    check(&[HASH, ("map_extra", |t| enumeration(t, &[1 << 44], true))], |map| {
        assert_eq!(map.map_extra, 1 << 44);
    });
    check(&[HASH, ("map_extra", |t| enumeration(t, &[7], false))], |map| {
        assert_eq!(map.map_extra, 7);
    });
}

#[test]
fn attributes_that_make_no_sense_are_refused() {
    refused(&[("max_entries", FOUR)], " has no attribute \"type\"");
    refused(
        &[HASH, ("colour", FOUR)],
        " has the unknown attribute \"colour\": one of type, key, value, key_size, value_size, max_entries, map_flags, numa_node, map_extra, pinning, values is possible",
    );
    // No compiler takes a structure with two members of one name.
    for (name, value) in
        [("max_entries", 4), ("value_size", 4), ("map_extra", 0), ("type", 1), ("pinning", 0)]
    {
        let value: fn(&mut Types) -> TypeId = match value {
            0 => |t| t.number(0),
            1 => |t| t.number(1),
            _ => |t| t.number(4),
        };
        let error = format!(": attribute {name:?} is given twice");
        refused(&[HASH, (name, value), (name, value)], &error);
    }
    let number = "is not written as __uint(..., number)";
    refused(&[("type", |t| t.int)], &format!(": attribute \"type\" {number}"));
    refused(&[("type", INT)], &format!(": attribute \"type\" {number}"));
    refused(
        &[HASH, ("max_entries", |t| enumeration(t, &[1], false))],
        &format!(": attribute \"max_entries\" {number}"),
    );
    refused(
        &[HASH, ("map_extra", |t| enumeration(t, &[1, 2], true))],
        ": attribute \"map_extra\" is not written as __ulong(..., number)",
    );
    refused(&[HASH, ("key", |t| t.int)], ": attribute \"key\" is not written as __type(..., type)");
    refused(
        &[HASH, ("key", |t| t.pointer(TypeId::VOID))],
        ": attribute \"key\" has a type without a size",
    );
    let size = "has another size than the attribute before";
    refused(
        &[HASH, ("key", INT), ("key_size", EIGHT)],
        &format!(": attribute \"key_size\" {size}"),
    );
    refused(
        &[HASH, ("value_size", EIGHT), ("value", INT)],
        &format!(": attribute \"value\" {size}"),
    );
    refused(
        &[HASH, ("pinning", |t| t.number(2))],
        ": attribute \"pinning\" is neither 0 (none) nor 1 (by name)",
    );
}

#[test]
fn values_are_patterns_of_maps_or_functions() {
    let function: Make = |t| {
        let params = [NewParam::new("context", t.int)];
        let proto = t.add(&Definition::FuncProto { return_type: t.int, params: &params });
        let pointer = t.pointer(proto);
        t.array(pointer, 0)
    };
    check(&[OF_MAPS, ("values", |t| inner(t, &[HASH, ("key", INT)]))], |map| {
        assert_eq!(map.value_size, 4);
        let inner = map.inner.as_ref().unwrap();
        assert_eq!(
            (inner.name.as_str(), inner.map_type, inner.key_size),
            ("m.inner", MapType::HASH, 4)
        );
    });
    check(&[PROG_ARRAY, ("values", function)], |map| {
        assert_eq!((map.value_size, &map.inner), (4, &None));
    });
    let values = ": attribute \"values\"";
    let maps: Make = |t| inner(t, &[HASH]);
    refused(
        &[HASH, ("values", maps)],
        &format!("{values} is only possible in maps of maps and program arrays"),
    );
    refused(
        &[OF_MAPS, ("values", maps), ("key", INT)],
        &format!("{values} is not the last attribute"),
    );
    refused(
        &[OF_MAPS, ("values", function)],
        &format!("{values} does not point to map definitions"),
    );
    refused(&[PROG_ARRAY, ("values", maps)], &format!("{values} does not point to functions"));
    refused(
        &[OF_MAPS, ("value_size", EIGHT), ("values", maps)],
        &format!("{values} needs values of 4 bytes"),
    );
    refused(&[OF_MAPS, ("values", FOUR)], &format!("{values} is not an array of unknown length"));
    refused(
        &[OF_MAPS, ("values", |t| t.array(t.int, 0))],
        &format!("{values} is not an array of pointers"),
    );
    fails(
        |elf| object(elf, &[OF_MAPS, ("values", |t| inner(t, &[HASH, ("pinning", FOUR)]))]),
        "map \"m.inner\": attribute \"pinning\" is not possible for the maps in a map",
    );
    fails(
        |elf| object(elf, &[OF_MAPS, ("values", |t| inner(t, &[OF_MAPS, ("values", FOUR)]))]),
        "map \"m.inner\": attribute \"values\" is not possible in a map in a map",
    );
    fails(
        |elf| object(elf, &[OF_MAPS, ("values", |t| inner(t, &[("key", INT)]))]),
        "map \"m.inner\" has no attribute \"type\"",
    );
}

#[test]
fn maps_are_global_structures_with_a_symbol() {
    let one = |elf: &mut Elf, linkage, of_int: bool, symbol: Option<(u64, u8)>| {
        let mut types = Types::new();
        let kind = types.number(1);
        let definition = types.attributes("", &[("type", kind)]);
        let target = if of_int { types.int } else { definition };
        let map = types.variable("m", target, linkage);
        types.section(".maps", &[(map, 8)]);
        elf.btf(&types.btf).data(".maps", &[0; 8]);
        if let Some((value, info)) = symbol {
            elf.symbol("m", ".maps", value, 8, info);
        }
    };
    let global = Some((0, GLOBAL | OBJECT));
    reads(|elf| one(elf, VarLinkage::Global, false, global), |spec| assert_eq!(spec.maps.len(), 1));
    for (linkage, name) in [(VarLinkage::Static, "static"), (VarLinkage::Extern, "extern")] {
        let message =
            format!("map \"m\" in section \".maps\" is {name}: maps have to be global variables");
        fails(|elf| one(elf, linkage, false, global), &message);
    }
    let message = "map \"m\" is defined by \"int\" instead of a structure";
    fails(|elf| one(elf, VarLinkage::Global, true, global), message);
    let message = "map \"m\": has no symbol of its own in section \".maps\"";
    for symbol in [None, Some((0, LOCAL | OBJECT))] {
        fails(|elf| one(elf, VarLinkage::Global, false, symbol), message);
    }
    for value in [1, u64::MAX] {
        let message =
            format!("symbol \"m\": {value:#x} with 0x8 bytes is not within section \".maps\"");
        fails(|elf| one(elf, VarLinkage::Global, false, Some((value, GLOBAL))), &message);
    }
}

#[test]
fn a_section_of_maps_needs_its_types() {
    fails(
        |elf| {
            elf.data(".maps", &[0; 8]);
        },
        "section \".maps\" needs BTF, and the object has none: compile with -g",
    );
    fails(
        |elf| {
            elf.btf(&Types::new().btf).data(".maps", &[0; 8]);
        },
        "section \".maps\" has no description (DATASEC) in BTF",
    );
    // An empty one says nothing.
    reads(
        |elf| {
            elf.data(".maps", &[]);
        },
        |spec| assert!(spec.maps.is_empty()),
    );
}

/// Maps of maps and of programs with a relocation of `.maps` at `offset` to `symbol`.
fn slots(elf: &mut Elf, offset: u64, symbol: &str) {
    let mut types = Types::new();
    let (hash, of_maps, hash_of_maps, programs) =
        (types.number(1), types.number(12), types.number(13), types.number(3));
    let eight = types.number(8);
    let inner = inner(&mut types, &[HASH]);
    let proto = types.add(&Definition::FuncProto { return_type: TypeId::VOID, params: &[] });
    let pointer = types.pointer(proto);
    let functions = types.array(pointer, 0);
    let definitions = [
        types.attributes("", &[("type", hash)]),
        types.attributes("", &[("type", of_maps), ("values", inner)]),
        types.attributes("", &[("type", programs), ("values", functions)]),
        types.attributes("", &[("type", hash_of_maps), ("key_size", eight), ("values", inner)]),
    ];
    let sizes = [8, 32, 32, 40];
    let names = ["plain", "maps", "programs", "wide"];
    elf.data(".maps", &[0; 112]).code("xdp", &exits(1)).code(".text", &exits(1));
    let mut entries = Vec::new();
    let mut at = 0;
    for ((definition, size), name) in definitions.into_iter().zip(sizes).zip(names) {
        entries.push((types.variable(name, definition, VarLinkage::Global), size));
        elf.symbol(name, ".maps", at, u64::from(size), GLOBAL | OBJECT);
        at += u64::from(size);
    }
    types.section(".maps", &entries);
    elf.btf(&types.btf)
        .symbol("p", "xdp", 0, 8, GLOBAL | FUNC)
        .symbol("f", ".text", 0, 8, GLOBAL | FUNC)
        .undefined("gone", GLOBAL | NOTYPE)
        .relocation(".maps", offset, symbol);
}

#[test]
fn initial_values_come_from_relocations() {
    let rows = [
        (16, "plain", "maps", 0),
        (32, "plain", "maps", 2),
        (48, "p", "programs", 0),
        (64, "p", "programs", 2),
    ];
    for (offset, symbol, map, key) in rows {
        reads(
            |elf| slots(elf, offset, symbol),
            |spec| {
                let expected = MapContents::Entries(vec![MapEntry::new(key, symbol)]);
                assert_eq!(spec.maps.get(map).unwrap().contents, expected);
            },
        );
    }
}

#[test]
fn initial_values_that_lead_nowhere_are_refused() {
    let place = |offset: u64, found: &str| {
        format!(
            "relocation at {offset:#x} of section \".maps\" applies to {found}, not to an element of \"values\" of a map"
        )
    };
    let target = |offset: u64, name: &str, problem: &str| {
        format!(
            "relocation at {offset:#x} of section \".maps\" leads to symbol {name:?}, which is {problem}"
        )
    };
    let rows = [
        (0, "plain", place(0, "plain")),
        (8, "plain", place(8, "maps")),
        (20, "plain", place(20, "maps")),
        (36, "plain", place(36, "maps")),
        (112, "plain", place(112, "wide")),
        (u64::MAX, "plain", place(u64::MAX, "wide")),
        (16, "p", target(16, "p", "not a map")),
        (16, "gone", target(16, "gone", "not defined in this object")),
        (48, "plain", target(48, "plain", "not a program")),
        (48, "f", target(48, "f", "not a program")),
        (96, "plain", target(96, "plain", "for a hash of maps whose keys are not of 4 bytes")),
    ];
    for (offset, symbol, message) in rows {
        fails(|elf| slots(elf, offset, symbol), &message);
    }
}

/// A legacy section of these numbers, with symbols at these offsets.
fn legacy(elf: &mut Elf, numbers: &[u32], symbols: &[(&str, u64, u8)]) {
    let mut bytes = Bytes(Vec::new(), elf.order);
    for number in numbers {
        bytes.put(u64::from(*number), 4);
    }
    elf.data("maps", &bytes.0);
    for (name, value, info) in symbols {
        elf.symbol(name, "maps", *value, 20, *info);
    }
}

#[test]
fn legacy_maps_are_five_numbers_each() {
    let numbers = [1, 4, 8, 16, 1, 0, 2, 4, 16, 2, 0, 9];
    reads(
        |elf| legacy(elf, &numbers, &[("b", 24, GLOBAL | OBJECT), ("a", 0, GLOBAL | OBJECT)]),
        |spec| {
            let (a, b) = (spec.maps.get("a").unwrap(), spec.maps.get("b").unwrap());
            assert_eq!((a.map_type, a.key_size, a.value_size), (MapType::HASH, 4, 8));
            assert_eq!((a.max_entries, a.flags.bits(), a.extra.len()), (16, 1, 0));
            assert_eq!((b.map_type, b.max_entries, b.extra.len()), (MapType::ARRAY, 2, 4));
            assert_eq!(spec.warnings, [Warning::LegacyMapExtra { map: "b".into() }]);
            assert_eq!(spec.maps.names().collect::<Vec<_>>(), ["a", "b"]);
        },
    );
    fails(
        |elf| legacy(elf, &numbers[..9], &[("a", 0, GLOBAL | OBJECT), ("b", 20, GLOBAL | OBJECT)]),
        "legacy map \"b\" has 16 bytes instead of at least 20",
    );
    fails(
        |elf| legacy(elf, &numbers, &[("a", u64::MAX, GLOBAL | OBJECT)]),
        "legacy map \"a\" has 0 bytes instead of at least 20",
    );
    fails(
        |elf| legacy(elf, &numbers, &[("a", 0, LOCAL | OBJECT)]),
        "map \"a\" in section \"maps\" is static: maps have to be global variables",
    );
}

#[test]
fn unknown_attributes_may_be_allowed() {
    let options = ReadOptions::new().with_relaxed_maps();
    reads_with(
        &options,
        |elf| object(elf, &[HASH, ("colour", FOUR), ("key", INT)]),
        |spec| {
            assert_eq!(spec.maps.get("m").unwrap().key_size, 4);
            let warning = Warning::MapAttribute { map: "m".into(), key: "colour".into() };
            assert_eq!(spec.warnings, [warning]);
        },
    );
}

/// libbpf: `bpf_object__init_user_btf_map`.
#[test]
fn every_entry_of_the_section_is_a_variable_with_a_name_and_room() {
    type Row = (&'static str, fn(&mut Types, TypeId) -> TypeId, u32, Option<&'static str>);
    let rows: [Row; 4] = [
        ("m", |t, definition| t.variable("m", definition, VarLinkage::Global), 8, None),
        ("m", |_, definition| definition, 8, Some("map \"type_of_map\": is no variable")),
        (
            "",
            |t, definition| t.variable("", definition, VarLinkage::Global),
            8,
            Some("map \"\": has no name"),
        ),
        (
            "m",
            |t, definition| t.variable("m", definition, VarLinkage::Global),
            7,
            Some("map \"m\": its definition is larger than its place"),
        ),
    ];
    for (name, entry, size, expected) in rows {
        let make = |elf: &mut Elf| {
            let mut types = Types::new();
            let kind = types.number(1);
            let definition = types.attributes("type_of_map", &[("type", kind)]);
            let entry = entry(&mut types, definition);
            types.section(".maps", &[(entry, size)]);
            elf.btf(&types.btf).data(".maps", &[0; 8]);
            elf.symbol(name, ".maps", 0, 8, GLOBAL | OBJECT);
        };
        match expected {
            Some(message) => fails(make, message),
            None => reads(make, |spec| assert!(spec.maps.contains("m"))),
        }
    }
}
