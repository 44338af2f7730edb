//! Files that commands read.

use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use bpf_elf::spec::CollectionSpec;

/// The bytes of a file and how messages call it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    /// The path as it was given, or `standard input`.
    pub(crate) shown: String,
}

impl Input {
    /// Reads a file, or standard input for `-`.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        if file == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
            return Ok(Self { bytes, shown: "standard input".to_owned() });
        }
        let shown = file.display().to_string();
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        Ok(Self { bytes, shown })
    }

    /// The specification that the bytes hold as an object file.
    pub(crate) fn spec(&self) -> Result<CollectionSpec> {
        CollectionSpec::parse(&self.bytes).with_context(|| self.shown.clone())
    }
}
