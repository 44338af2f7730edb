//! The objects of `testdata` read as what their sources say.

use bpf_elf::spec::{CollectionSpec, MapContents};
use testdata::{OBJECTS, Order, object};

fn read(name: &str, order: Order) -> CollectionSpec {
    CollectionSpec::parse(object(name, order)).map_err(|error| format!("{name}: {error}")).unwrap()
}

#[test]
fn both_byte_orders_give_the_same_spec() {
    for name in OBJECTS {
        let mut little = read(name, Order::Little);
        let mut big = read(name, Order::Big);
        assert_ne!(little.byte_order, big.byte_order);
        big.byte_order = little.byte_order;
        for spec in [&mut little, &mut big] {
            for map in spec.maps.values_mut() {
                if let MapContents::Bytes(bytes) = &mut map.contents {
                    bytes.fill(0);
                }
            }
        }
        assert_eq!(little.programs, big.programs, "{name}");
        assert_eq!(little.functions, big.functions, "{name}");
        assert_eq!(little.maps, big.maps, "{name}");
        assert_eq!(little.variables, big.variables, "{name}");
        assert_eq!(little, big, "{name}");
    }
}

#[test]
fn an_exception_callback_belongs_to_its_program() {
    for order in Order::BOTH {
        let spec = read("exception", order);
        let callback = |name| spec.programs.get(name).unwrap().exception_callback.as_deref();
        assert_eq!(callback("throw"), Some("caught"));
        assert_eq!(callback("throw_plainly"), None);
    }
}

#[test]
fn an_exception_callback_has_to_be_a_global_function() {
    const TAG: &[u8] = b"exception_callback:caught";
    for order in Order::BOTH {
        for (name, problem) in [("caughs", "no such function"), ("throw\0", "no such function")] {
            let mut bytes = object("exception", order).to_vec();
            let at = bytes.windows(TAG.len()).position(|window| window == TAG).unwrap();
            let start = at + TAG.len() - name.len();
            bytes[start..start + name.len()].copy_from_slice(name.as_bytes());
            let error = CollectionSpec::parse(&bytes).unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("throw"), "{error}");
        }
    }
}
