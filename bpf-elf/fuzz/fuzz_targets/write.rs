//! Any object that can be read is written as one that is read as the same, or has an error.
#![no_main]

use bpf_elf::ReadOptions;
use bpf_elf::spec::CollectionSpec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions::new().with_relaxed_maps();
    let Ok(spec) = CollectionSpec::parse_with(bytes, &options) else { return };
    let Ok(written) = spec.write_elf_with(&options) else { return };
    let again = CollectionSpec::parse_with(&written, &options).expect("what was written is read");
    let settled = again.write_elf_with(&options).expect("what was written is written again");
    let settled = CollectionSpec::parse_with(&settled, &options).expect("and read again");
    assert_eq!(again, settled, "an object changes each time that it is written");
});
