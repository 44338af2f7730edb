//! One map of each type, as definitions describe them.

use bpf_core::{Collection, ErrorKind, LoadOptions, MapType};

use crate::support::{NoLeak, spec};

#[test]
fn a_map_of_each_type_is_created_where_the_kernel_has_the_type() {
    let _leak = NoLeak::new();
    let spec = spec("map_kinds");
    let mut created = 0;
    for (name, map) in &spec.maps {
        let mut one = spec.clone();
        for (other, map) in &mut one.maps {
            map.autocreate = other == name;
        }
        let since = map.map_type.first_kernel().unwrap();
        let running = testdata::kernel_release();
        match Collection::load(&one, &LoadOptions::new()) {
            Ok(collection) => {
                let loaded = collection.map(name).unwrap();
                assert_eq!(loaded.map_type(), map.map_type);
                assert_eq!(collection.maps().count(), 1);
                created += 1;
            }
            Err(error) => {
                let older = running < (since.major.into(), since.minor.into());
                // A virtual machine's kernel may be built without XDP sockets; nothing else is optional.
                assert!(older || map.map_type == MapType::XSKMAP, "{name}: {error}");
                assert!(matches!(error.kind(), ErrorKind::NotSupported { .. }), "{name}: {error}");
                assert_eq!(error.missing_feature(), map.map_type.name(), "{name}");
            }
        }
    }
    assert!(created >= 17, "{created}");
}
