//! What the tests share.

use std::path::PathBuf;

use bpf_core::{Collection, CollectionSpec, Error, LoadOptions, Program, ProgramType, TestRun};

/// The specification of a fixture, in the byte order of this machine.
#[track_caller]
pub(crate) fn spec(name: &str) -> CollectionSpec {
    CollectionSpec::parse(testdata::object(name, testdata::Order::NATIVE)).unwrap()
}

/// A fixture, loaded as it is.
#[track_caller]
pub(crate) fn load(name: &str) -> Collection {
    load_spec(&spec(name))
}

#[track_caller]
pub(crate) fn load_spec(spec: &CollectionSpec) -> Collection {
    match Collection::load(spec, &LoadOptions::new()) {
        Ok(collection) => collection,
        Err(error) => {
            panic!("{error}\n{}", error.verifier_log().map_or("", bpf_core::VerifierLog::text))
        }
    }
}

/// Runs a program once on a packet of `len` bytes as the program sees it, and gives what it returned.
#[track_caller]
pub(crate) fn run(program: &Program, len: usize) -> u32 {
    // Socket filters do not see the Ethernet header.
    let header = if program.program_type() == ProgramType::SOCKET_FILTER { 14 } else { 0 };
    program.test_run(&TestRun::new().with_data(vec![0; len + header])).unwrap().return_value
}

/// A folder on the bpffs for one test, removed with all that is in it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        Self(PathBuf::from(format!("/sys/fs/bpf/bpf-core-{}-{test}", std::process::id())))
    }

    pub(crate) fn load(&self, spec: &CollectionSpec) -> Result<Collection, Error> {
        Collection::load(spec, &LoadOptions::new().with_pin_path(&self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fails the test that leaves a descriptor open. Make it first, so that it is dropped last.
#[derive(Debug)]
pub(crate) struct NoLeak(usize);

impl NoLeak {
    pub(crate) fn new() -> Self {
        Self(testdata::open_fds())
    }
}

impl Drop for NoLeak {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(testdata::open_fds(), self.0, "descriptors left open");
        }
    }
}
