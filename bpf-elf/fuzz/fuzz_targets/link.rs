//! Any bytes, cut in two: linked with each other and alone, within bounded memory, or an error.
#![no_main]

use std::alloc::System;

use bpf_elf::{LinkError, Linker};
use cap::Cap;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// Where an object begins: the two may stand behind each other.
const MAGIC: &[u8] = b"\x7fELF";

fn link(objects: &[&[u8]]) -> Result<Vec<u8>, LinkError> {
    let mut linker = Linker::new();
    for object in objects {
        linker = linker.add("object", *object)?;
    }
    linker.link()
}

fuzz_target!(|bytes: &[u8]| {
    let second = bytes.windows(MAGIC.len()).skip(1).position(|window| window == MAGIC);
    let (one, other) = bytes.split_at(second.map_or(bytes.len(), |at| at + 1));
    // An allocation beyond this ends the process, which the fuzzer reports.
    HEAP.set_limit(HEAP.allocated() + bytes.len() * 128 + (4 << 20)).expect("more than is in use");
    let linked = if other.is_empty() { link(&[one]) } else { link(&[one, other]) };
    HEAP.set_limit(usize::MAX).expect("no limit");
    if let Ok(linked) = linked {
        Linker::new().add("linked", linked).expect("what was linked is an object");
    }
});
