//! Objects linked by us mean what they mean linked by libbpf.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic in a test is a failure"
)]

mod failures;
#[path = "../shared/view.rs"]
mod view;

use bpf_elf::Linker;
use bpf_elf::spec::{CollectionSpec, ExternKind, Linkage};
use testdata::{OBJECTS, Order, linked, object, part};
use view::view;

fn link(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut linker = Linker::new();
    for (name, bytes) in parts {
        linker = linker.add(*name, *bytes).unwrap();
    }
    match linker.link() {
        Ok(linked) => linked,
        Err(error) => panic!("{error}"),
    }
}

fn halves(order: Order) -> Vec<u8> {
    link(&[("first", part("first", order)), ("second", part("second", order))])
}

#[test]
fn two_halves_are_what_libbpf_makes_of_them() {
    for order in Order::BOTH {
        let ours = CollectionSpec::parse(&halves(order)).unwrap();
        let theirs = CollectionSpec::parse(linked(order)).unwrap();
        let (ours, theirs) = (view(&ours), view(&theirs));
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(ours, theirs);
    }
}

#[test]
fn both_byte_orders_are_linked_alike() {
    let specs = Order::BOTH.map(|order| CollectionSpec::parse(&halves(order)).unwrap());
    let [little, big] = specs.each_ref().map(view);
    assert_eq!(little.replace("ByteOrder: Little", ""), big.replace("ByteOrder: Big", ""));
}

#[test]
fn linked_objects_are_linked_and_written_again() {
    for order in Order::BOTH {
        let linked = halves(order);
        let spec = CollectionSpec::parse(&linked).unwrap();
        let again = CollectionSpec::parse(&link(&[("linked", &linked)])).unwrap();
        assert_eq!(view(&again), view(&spec));
        let written = spec.write_elf().unwrap();
        assert_eq!(CollectionSpec::parse(&written).unwrap(), spec);
    }
}

/// Every object alone, which changes nothing but the numbers of types.
#[test]
fn one_object_stays_what_it_is() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let bytes = object(name, order);
            let spec = CollectionSpec::parse(bytes).unwrap();
            let linked = CollectionSpec::parse(&link(&[(name, bytes)])).unwrap();
            assert_eq!(view(&linked), view(&spec), "{name}");
        }
    }
}

/// What was written from a spec is linked as what clang made.
#[test]
fn written_objects_are_linked_too() {
    for (one, other) in [
        ("callback", "variables"),
        ("kconfig_ksyms", "core"),
        ("subprograms", "jump_table"),
        ("constants", "inner_maps"),
    ] {
        for order in Order::BOTH {
            let parts = [one, other].map(|name| {
                let spec = CollectionSpec::parse(object(name, order)).unwrap();
                (name, spec.write_elf().unwrap())
            });
            let written = link(&parts.each_ref().map(|(name, bytes)| (*name, bytes.as_slice())));
            let clangs = link(&[(one, object(one, order)), (other, object(other, order))]);
            let [written, clangs] =
                [written, clangs].map(|bytes| CollectionSpec::parse(&bytes).unwrap());
            assert_eq!(view(&written), view(&clangs), "{one} {other}");
        }
    }
}

#[test]
fn each_name_means_the_definition_that_wins() {
    for order in Order::BOTH {
        let spec = CollectionSpec::parse(&halves(order)).unwrap();
        let value = |name: &str| spec.variable(name).unwrap().bytes().unwrap()[..4].to_vec();
        let number = |number: u32| match order {
            Order::Little => number.to_le_bytes().to_vec(),
            Order::Big => number.to_be_bytes().to_vec(),
        };
        for (name, expected) in [
            ("from_first", 11),
            ("from_second", 21),
            ("constant_from_second", 22),
            ("weak_here", 23),
            ("weak_in_both", 14),
        ] {
            assert_eq!(value(name), number(expected), "{name}");
        }
        assert!(!spec.variables.contains("hidden_here"));
        for (name, linkage, hidden) in [
            ("square", Linkage::Global, false),
            ("weak_here_only", Linkage::Global, false),
            ("weak_twice", Linkage::Weak, false),
            ("hidden_in_second", Linkage::Global, true),
        ] {
            let function = &spec.functions.get(name).unwrap();
            assert_eq!((function.linkage, function.hidden), (linkage, hidden), "{name}");
        }
        let maps: Vec<&str> = spec.maps.names().collect();
        let data = [".data", ".rodata", ".bss", ".kconfig"];
        assert_eq!(maps[..6], ["shared", "either", "mine", "jumps", "also_mine", "theirs"]);
        assert_eq!(maps[6..], data);
        let externs: Vec<(&str, ExternKind)> =
            spec.externs.iter().map(|(name, found)| (name, found.kind)).collect();
        assert_eq!(externs.len(), 5, "{externs:?}");
    }
}
