//! `bpftool gen object` over more objects than the fixtures: those in the folders of `BPF_KERNEL_BTF_OBJECTS`.
//!
//! Neighbours only: of pairs that share a type which one of them only declares, libbpf before it resolved forward
//! declarations (bpftool 7.1 has such a one) keeps both, where newer ones and ours have the definition alone.

use crate::linking::compare;

#[test]
fn types_of_given_objects_are_merged_as_libbpf_merges_them() {
    let folders = std::env::var_os("BPF_KERNEL_BTF_OBJECTS")
        .unwrap_or_else(|| panic!("BPF_KERNEL_BTF_OBJECTS names no folder with objects"));
    let directory = tempfile::tempdir().unwrap();
    for folder in std::env::split_paths(&folders) {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut paths = entries.filter(|path| path.extension().is_some()).collect::<Vec<_>>();
        paths.sort();
        let pairs = paths.windows(2).filter_map(|pair| compare(directory.path(), pair));
        let compared = pairs.collect::<Vec<_>>();
        let types: usize = compared.iter().sum();
        println!("{}: {types} types of {} linked pairs", folder.display(), compared.len());
        assert!(types > 0, "{} holds no objects to link", folder.display());
    }
}
