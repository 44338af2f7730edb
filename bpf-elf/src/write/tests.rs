//! Specs written and read again.

use testdata::{OBJECTS, Order, object};

use crate::spec::CollectionSpec;

#[test]
fn what_was_read_is_written_as_itself() {
    for name in OBJECTS {
        for order in Order::BOTH {
            let spec = CollectionSpec::parse(object(name, order)).unwrap();
            let written = match spec.write_elf() {
                Ok(written) => written,
                Err(error) => panic!("{name}: {error}"),
            };
            let again = CollectionSpec::parse(&written).unwrap();
            assert_eq!(again.programs, spec.programs, "{name}");
            assert_eq!(again.functions, spec.functions, "{name}");
            assert_eq!(again.maps, spec.maps, "{name}");
            assert_eq!(again.variables, spec.variables, "{name}");
            assert_eq!(again.externs, spec.externs, "{name}");
            assert_eq!(again.layout, spec.layout, "{name}");
            assert_eq!(again.warnings, spec.warnings, "{name}");
            assert!(again.btf == spec.btf, "{name}: other types");
            assert_eq!(again, spec, "{name}");
            assert_eq!(again.write_elf().unwrap(), written, "{name}");
        }
    }
}
