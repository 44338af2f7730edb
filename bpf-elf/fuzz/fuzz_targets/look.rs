//! Any bytes, cut in two objects: listings that assemble again, digests, the differences of the two, and what a kernel says to them.
#![no_main]

use bpf_asm::Code;
use bpf_btf::{Btf, BtfFeatures};
use bpf_elf::ReadOptions;
use bpf_elf::compat::{TargetKernel, check};
use bpf_elf::diff::SpecDiff;
use bpf_elf::prepare::prepare_btf;
use bpf_elf::spec::CollectionSpec;
use libfuzzer_sys::fuzz_target;

/// Where an object begins: the two may stand behind each other.
const MAGIC: &[u8] = b"\x7fELF";

fn list(spec: &CollectionSpec) {
    for name in spec.functions.names().chain(spec.programs.names()) {
        let listing = spec.listing(name).expect("a function of its own");
        assert!(!listing.to_string().is_empty(), "an empty listing");
        let again = Code::assemble(&listing.code.to_string()).expect("a listing that assembles");
        assert_eq!(again.slots, listing.code.slots, "{name}");
    }
}

fn compare(one: &CollectionSpec, other: &CollectionSpec) {
    let diff = SpecDiff::new(one, other);
    assert_eq!(diff.is_empty(), one.digest() == other.digest());
    assert_eq!(diff.is_empty(), diff.to_string().is_empty());
}

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions::new().with_relaxed_maps();
    let second = bytes.windows(MAGIC.len()).skip(1).position(|window| window == MAGIC);
    let (one, other) = bytes.split_at(second.map_or(bytes.len(), |at| at + 1));
    let Ok(one) = CollectionSpec::parse_with(one, &options) else { return };
    list(&one);
    assert!(SpecDiff::new(&one, &one).is_empty(), "a spec differs from itself");
    let types = prepare_btf(&one, &BtfFeatures::ALL).ok().flatten();
    // The object's own types stand for a kernel's.
    if let Some(kernel) = types.and_then(|types| Btf::parse(types).ok()) {
        let report = check(&one, &TargetKernel::new("own", kernel));
        assert_eq!(report.programs.len(), one.programs.len());
    }
    if let Ok(other) = CollectionSpec::parse_with(other, &options) {
        compare(&one, &other);
        compare(&other, &one);
    }
});
