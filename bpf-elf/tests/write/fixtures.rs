//! The objects of `testdata`, as they are.

use bpf_elf::spec::CollectionSpec;
use testdata::{OBJECTS, Order, linked, object};

#[track_caller]
fn check(name: &str, bytes: &[u8]) {
    let spec = CollectionSpec::parse(bytes).unwrap();
    let written = match spec.write_elf() {
        Ok(written) => written,
        Err(error) => panic!("{name}: {error}"),
    };
    let again = CollectionSpec::parse(&written).unwrap();
    assert_eq!(again.programs, spec.programs, "{name}");
    assert_eq!(again.functions, spec.functions, "{name}");
    assert_eq!(again.maps, spec.maps, "{name}");
    assert_eq!(again, spec, "{name}");
    assert_eq!(again.write_elf().unwrap(), written, "{name}: written in two ways");
}

#[test]
fn what_was_read_is_written_as_itself() {
    for name in OBJECTS {
        for order in Order::BOTH {
            check(name, object(name, order));
        }
    }
}

/// Overridden functions leave gaps, and the types have the places of variables already: of one that was overridden a wrong one
/// (libbpf 1.1 keeps the place of the loser), which is put right.
#[test]
fn what_a_linker_made_is_written_as_itself() {
    for order in Order::BOTH {
        let spec = CollectionSpec::parse(linked(order)).unwrap();
        let written = spec.write_elf().unwrap();
        let again = CollectionSpec::parse(&written).unwrap();
        assert_eq!(again.programs, spec.programs);
        assert_eq!(again.functions, spec.functions);
        assert_eq!(again.maps, spec.maps);
        assert_eq!(again.variables, spec.variables);
        assert_eq!(again.externs, spec.externs);
        check("linked", &written);
    }
}

/// The number at an offset, in as many bytes.
fn number(bytes: &[u8], order: Order, offset: usize, len: usize) -> usize {
    let digits = &bytes[offset..offset + len];
    let put = |all: usize, digit: &u8| all << 8 | usize::from(*digit);
    match order {
        Order::Little => digits.iter().rev().fold(0, put),
        Order::Big => digits.iter().fold(0, put),
    }
}

/// The object with another type (`sh_type`) of a section.
fn with_section_type(mut bytes: Vec<u8>, order: Order, section: &[u8], kind: u8) -> Vec<u8> {
    let header =
        |index: usize| number(&bytes, order, 0x28, 8) + index * number(&bytes, order, 0x3a, 2);
    let names = header(number(&bytes, order, 0x3e, 2));
    let names = number(&bytes, order, names + 0x18, 8);
    let found = (0..number(&bytes, order, 0x3c, 2)).map(header).find(|at| {
        let name = names + number(&bytes, order, *at, 4);
        bytes[name..].starts_with(section) && bytes[name + section.len()] == 0
    });
    let at = found.unwrap() + 4;
    let least = if order == Order::Little { at } else { at + 3 };
    bytes[at..at + 4].fill(0);
    bytes[least] = kind;
    bytes
}

/// A section of a type that nobody knows is not read, and the types have variables in it: they get no symbols.
#[test]
fn variables_of_a_section_that_was_not_read_are_settled_when_written_once() {
    for order in Order::BOTH {
        for section in ["license", "version"] {
            let bytes = object("license_version", order).to_vec();
            let bytes = with_section_type(bytes, order, section.as_bytes(), 0xc4);
            let spec = CollectionSpec::parse(&bytes).unwrap();
            let written = spec.write_elf().unwrap();
            let again = CollectionSpec::parse(&written).unwrap();
            assert_eq!(again.programs, spec.programs, "{section} {order:?}");
            assert!(
                again.write_elf().unwrap() == written,
                "{section} {order:?}: written in two ways"
            );
        }
    }
}
