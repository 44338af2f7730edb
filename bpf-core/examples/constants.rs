//! Changes constants of a program before it is loaded, and runs it: the verifier sees their values and removes what they make dead.
//!
//! The object is embedded; its source is `testdata/bpf/rodata.c`. Needs root.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::Result;
use bpf_core::{Collection, CollectionSpec, LoadOptions, TestRun};

fn main() -> Result<()> {
    let spec = CollectionSpec::parse(testdata::object("rodata", testdata::Order::NATIVE))?;
    for (enabled, answer) in [(1_u32, 42_u32), (1, 7), (0, 7)] {
        let mut spec = spec.clone();
        spec.set_variable("enabled", &enabled)?;
        spec.set_variable("answer", &answer)?;
        let collection = Collection::load(&spec, &LoadOptions::new())?;
        let program = collection.program("read_constants")?;
        let output = program.test_run(&TestRun::new().with_data([0; 64]))?;
        println!(
            "enabled {enabled}, answer {answer}: returns {}, {} bytes after verification",
            output.return_value,
            program.info()?.translated_size,
        );
    }
    Ok(())
}
