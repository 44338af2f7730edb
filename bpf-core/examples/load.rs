//! Loads an object file and lists what is in the kernel then: `load OBJECT.o`. Needs root.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use anyhow::{Context as _, Result};
use bpf_core::{Collection, CollectionSpec, LoadOptions};

fn main() -> Result<()> {
    let path = std::env::args_os().nth(1).context("usage: load OBJECT.o")?;
    let spec = CollectionSpec::open(path)?;
    let collection = Collection::load(&spec, &LoadOptions::new())?;
    for (name, map) in collection.maps() {
        println!(
            "map {name}: id {}, {}, key {} bytes, value {} bytes, {} entries",
            map.id()?,
            map.map_type(),
            map.key_size(),
            map.value_size(),
            map.max_entries(),
        );
    }
    for (name, program) in collection.programs() {
        let info = program.info()?;
        println!(
            "program {name}: id {}, {}, {} bytes verified, {} bytes of machine code, maps {:?}",
            info.id, info.program_type, info.translated_size, info.machine_code_size, info.map_ids,
        );
    }
    for name in collection.variable_names() {
        println!("variable {name}: {} bytes", collection.variable(name)?.size());
    }
    Ok(())
}
