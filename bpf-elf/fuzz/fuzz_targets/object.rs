//! Any bytes as an object: a spec or an error, within the promised memory; what can be read can be prepared, or has an error.
#![no_main]

use std::alloc::System;
use std::convert::Infallible;

use bpf_btf::{Btf, BtfFeatures};
use bpf_elf::prepare::{CoreResolution, PrepareOptions, prepare_btf, prepare_program};
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
    let Ok(spec) = spec else { return };

    let mut own = None;
    for features in [BtfFeatures::NONE, BtfFeatures::ALL] {
        if let Ok(Some(bytes)) = prepare_btf(&spec, &features) {
            own = Some(Btf::parse(bytes).expect("prepared BTF is BTF"));
        }
    }
    // The object's own types stand for a kernel's.
    let core = own.map(|kernel| {
        let no_modules = || Ok::<_, Infallible>(Vec::new());
        let Ok(core) = CoreResolution::new(&spec, &kernel, no_modules);
        core
    });
    let plain = PrepareOptions::new();
    let with_core = core.as_ref().map(|core| PrepareOptions::new().with_core(core));
    for options in std::iter::once(plain).chain(with_core) {
        for name in spec.programs.names() {
            let Ok(program) = prepare_program(&spec, name, &options) else { continue };
            assert!(!program.functions.is_empty(), "a program without its own function");
            assert!(program.fixups.iter().all(|fixup| fixup.slot < program.slots.len()));
        }
    }
});
