//! Maps by themselves.

use bpf_core::{ErrorKind, Map, MapSpec, MapType, UpdateFlags};

use crate::support::NoLeak;

#[test]
fn a_hash_map_holds_what_is_put_in() {
    let _leak = NoLeak::new();
    let map = Map::create(&MapSpec::new("numbers", MapType::HASH, 4, 8, 4)).unwrap();
    let numbers = map.typed::<u32, u64>().unwrap();
    assert_eq!(numbers.get(&1).unwrap(), None);
    numbers.insert(&1, &10, UpdateFlags::NOEXIST).unwrap();
    assert_eq!(
        numbers.insert(&1, &11, UpdateFlags::NOEXIST).unwrap_err().kind(),
        ErrorKind::KeyExists
    );
    assert_eq!(
        numbers.insert(&2, &11, UpdateFlags::EXIST).unwrap_err().kind(),
        ErrorKind::KeyNotFound
    );
    numbers.insert(&1, &12, UpdateFlags::EXIST).unwrap();
    assert_eq!(numbers.get(&1).unwrap(), Some(12));
    for key in 2..=4 {
        numbers.insert(&key, &u64::from(key), UpdateFlags::ANY).unwrap();
    }
    assert_eq!(numbers.insert(&5, &5, UpdateFlags::ANY).unwrap_err().kind(), ErrorKind::Full);
    let mut entries: Vec<(u32, u64)> = numbers.iter().map(Result::unwrap).collect();
    entries.sort_unstable();
    assert_eq!(entries, [(1, 12), (2, 2), (3, 3), (4, 4)]);
    assert!(numbers.remove(&3).unwrap());
    assert!(!numbers.remove(&3).unwrap());
    assert_eq!(numbers.keys().count(), 3);
}
