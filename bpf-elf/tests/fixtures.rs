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
