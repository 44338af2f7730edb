//! `bpftool gen object` links the fixtures and merges their types with libbpf: ours are merged into the same.

use testdata::{OBJECTS, Order, object};

use crate::linking::compare;

#[test]
fn types_are_merged_into_what_libbpf_merges_them_into() {
    let directory = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for name in OBJECTS {
        let path = directory.path().join(format!("{name}.o"));
        std::fs::write(&path, object(name, Order::NATIVE)).unwrap();
        paths.push(path);
    }
    let pairs = paths.windows(2).filter_map(|pair| compare(directory.path(), pair));
    let compared = pairs.collect::<Vec<_>>();
    assert!(compared.len() > 3, "only {} pairs", compared.len());
    assert!(compared.iter().sum::<usize>() > 100, "{compared:?} types");
}
