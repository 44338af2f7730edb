//! The process that reads, and may end at any moment.

use std::alloc::System;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;

use bpf_asm::Code;
use bpf_btf::{Btf, BtfFeatures};
use bpf_elf::compat::{TargetKernel, check};
use bpf_elf::diff::SpecDiff;
use bpf_elf::prepare::{CoreResolution, PrepareOptions, prepare_btf, prepare_program};
use bpf_elf::spec::CollectionSpec;
use bpf_elf::{Error, Linker};
use cap::Cap;
use testdata::{Order, object};

use crate::mutate::Case;

/// The variable with a worker's job: `OBJECT/ORDER FROM TO NOTE`.
pub(crate) const JOB: &str = "BPF_MUTATION_JOB";

/// One of so many mutations is also written and linked.
const THOROUGH: u64 = 4;

/// What the last panic said.
static MESSAGE: Mutex<String> = Mutex::new(String::new());

pub(crate) fn run(heap: &'static Cap<System>, job: &str) -> ExitCode {
    let mut words = job.splitn(4, ' ');
    let mut word = || words.next().expect("a job of four words");
    let case: Case = word().parse().expect("a case");
    let from: u64 = word().parse().expect("a seed");
    let to: u64 = word().parse().expect("a seed");
    let mut note = File::create(word()).expect("create the note");

    panic::set_hook(Box::new(move |info| {
        // The message needs memory that the read may have used up.
        let _ = heap.set_limit(usize::MAX);
        *MESSAGE.lock().expect("one thread") = info.to_string().replace('\n', " ");
    }));
    let kernel = TargetKernel::new("core", kernel());
    let other = CollectionSpec::parse(object("subprograms", Order::Little)).expect("a good object");
    let original = case.bytes();
    let (mut specs, mut errors) = (0, 0);
    for seed in from..to {
        note.rewind().and_then(|()| note.write_all(&seed.to_le_bytes())).expect("note the seed");
        let bytes = case.mutation(&original, seed);
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            let spec = read(heap, &bytes);
            // Writing and linking take much longer than reading.
            let thorough = seed % THOROUGH == 0;
            if let Ok(spec) = &spec {
                prepare(spec, kernel.btf());
                // These take longer than all the rest.
                if seed % 16 == 0 {
                    look(spec, &other);
                    let report = check(spec, &kernel);
                    assert_eq!(report.programs.len(), spec.programs.len());
                }
                if thorough {
                    write(spec);
                }
            }
            if thorough {
                link(heap, case.order, &bytes);
            }
            spec.is_ok()
        }));
        match result {
            Ok(true) => specs += 1,
            Ok(false) => errors += 1,
            Err(_) => println!("panic {seed}: {}", MESSAGE.lock().expect("one thread")),
        }
    }
    println!("specs {specs}\nerrors {errors}");
    ExitCode::SUCCESS
}

/// The memory that reading an object may take.
pub(crate) fn bound(bytes: &[u8]) -> usize {
    bytes.len() * 8 + (1 << 20)
}

/// Reads an object within its bound of memory.
fn read(heap: &Cap<System>, bytes: &[u8]) -> Result<CollectionSpec, Error> {
    heap.set_limit(heap.allocated() + bound(bytes)).expect("a limit above what is in use");
    let result = CollectionSpec::parse(bytes);
    heap.set_limit(usize::MAX).expect("no limit");
    result
}

/// Whatever can be read can be prepared, or has an error: the BTF for an old and a new kernel, and every program, with its CO-RE
/// relocations resolved against types that fit some of them. What is prepared is fit to be read again.
fn prepare(spec: &CollectionSpec, kernel: &Btf) {
    for features in [BtfFeatures::NONE, BtfFeatures::ALL] {
        if let Ok(Some(bytes)) = prepare_btf(spec, &features) {
            Btf::parse(bytes).expect("prepared BTF is BTF");
        }
    }
    let no_modules = || Ok::<_, Infallible>(Vec::new());
    let Ok(core) = CoreResolution::new(spec, kernel, no_modules);
    for options in [PrepareOptions::new(), PrepareOptions::new().with_core(&core)] {
        for name in spec.programs.names() {
            if let Ok(program) = prepare_program(spec, name, &options) {
                assert!(!program.functions.is_empty(), "a program without its own function");
                assert!(program.fixups.iter().all(|fixup| fixup.slot < program.slots.len()));
            }
        }
    }
}

/// Whatever can be read can be listed, and the list assembled again; it can be compared, and differs if its digest says so.
fn look(spec: &CollectionSpec, other: &CollectionSpec) {
    for name in spec.functions.names().chain(spec.programs.names()) {
        let listing = spec.listing(name).expect("a function of its own");
        assert!(!listing.to_string().is_empty(), "an empty listing");
        let again = Code::assemble(&listing.code.to_string()).expect("a listing that assembles");
        // A broken instruction cannot show the name that belongs to it.
        assert_eq!(again.slots, listing.code.slots, "{name}");
    }
    assert!(SpecDiff::new(spec, spec).is_empty(), "a spec differs from itself");
    let diff = SpecDiff::new(spec, other);
    assert_eq!(diff.is_empty(), spec.digest() == other.digest());
    assert_eq!(diff.is_empty(), diff.to_string().is_empty());
}

/// Whatever can be read can be written as an object that is read as the same spec, or has an error.
fn write(spec: &CollectionSpec) {
    let Ok(written) = spec.write_elf() else { return };
    let again = CollectionSpec::parse(&written).expect("what was written can be read");
    assert_eq!(again.programs.len(), spec.programs.len(), "programs are lost");
    assert_eq!(again.maps.len(), spec.maps.len(), "maps are lost");
}

/// Whatever the bytes are, they are linked with a good object within bounded memory, or there is an error.
fn link(heap: &Cap<System>, order: Order, bytes: &[u8]) {
    let good = object("counter", order);
    heap.set_limit(heap.allocated() + 128 * (bytes.len() + good.len()) + (4 << 20))
        .expect("a limit above what is in use");
    let linked = Linker::new()
        .add("good", good)
        .and_then(|linker| linker.add("mutation", bytes))
        .and_then(|linker| linker.link());
    heap.set_limit(usize::MAX).expect("no limit");
    if let Ok(linked) = linked {
        Linker::new().add("linked", linked).expect("what was linked is an object");
    }
}

/// Types that CO-RE relocations find: those of the fixture `core`.
fn kernel() -> Btf {
    let spec = CollectionSpec::parse(object("core", Order::Little)).expect("a good object");
    let bytes = prepare_btf(&spec, &BtfFeatures::ALL).expect("good BTF").expect("BTF");
    Btf::parse(bytes).expect("BTF")
}

/// The seed that a worker was at.
pub(crate) fn noted(note: &Path) -> Option<u64> {
    let bytes = fs::read(note).ok()?;
    Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}
