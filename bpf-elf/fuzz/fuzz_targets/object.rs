//! Any bytes as an object: a spec or an error, within the promised memory.
#![no_main]

use std::alloc::System;

use bpf_elf::ReadOptions;
use bpf_elf::spec::CollectionSpec;
use cap::Cap;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

fuzz_target!(|bytes: &[u8]| {
    // An allocation beyond this ends the process, which the fuzzer reports.
    HEAP.set_limit(HEAP.allocated() + bytes.len() * 8 + (1 << 20)).expect("more than is in use");
    let spec = CollectionSpec::parse(bytes);
    HEAP.set_limit(usize::MAX).expect("no limit");
    match spec {
        Ok(spec) => {
            let relaxed = ReadOptions::new().with_relaxed_maps();
            let relaxed = CollectionSpec::parse_with(bytes, &relaxed);
            assert!(
                relaxed.is_ok_and(|relaxed| relaxed == spec),
                "indulgence changes what is right"
            );
            // Variables may overlap: that is read, and told to whoever edits.
            let _ = spec.check();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
