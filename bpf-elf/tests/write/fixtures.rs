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
