//! What can be read can be prepared, or has an error: BTF for old and new kernels, programs with and without CO-RE relocations.
#![no_main]

use std::convert::Infallible;

use bpf_btf::{Btf, BtfFeatures};
use bpf_elf::ReadOptions;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, prepare_btf, prepare_program};
use bpf_elf::spec::CollectionSpec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = ReadOptions::new().with_relaxed_maps();
    let Ok(spec) = CollectionSpec::parse_with(bytes, &options) else { return };
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
