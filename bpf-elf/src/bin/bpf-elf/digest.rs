//! `bpf-elf digest`: a digest of what objects mean.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bpf_elf::spec::SpecDigest;
use clap::Args;
use serde_json::json;

use crate::input::Input;
use crate::output::{self, Format};

const EXAMPLES: &str = "\
Examples:
  bpf-elf digest filter.o tracer.o                      a line for each
  bpf-elf digest --expect v1:9f86d081... filter.o       status 1 unless it is this one

The digest depends on programs, maps, variables, externs and their types, and on the byte order. It does not depend on
debug information: paths and lines of the source, the order of sections, symbols and types.";

/// Print a digest of what an object means, without its debug information
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Digest {
    /// The object files; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Fail unless every object has this digest
    #[arg(long, value_name = "DIGEST")]
    expect: Option<SpecDigest>,
}

impl Digest {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut out = output::stdout();
        for file in &self.files {
            let input = Input::read(file)?;
            let digest = input.spec()?.digest();
            if let Some(expected) = self.expect.filter(|expected| *expected != digest) {
                out.flush()?;
                bail!("{}: the digest is {digest}, not {expected}", input.shown);
            }
            match self.format {
                Format::Text => writeln!(out, "{digest}  {}", crate::table::clean(&input.shown))?,
                Format::Json => {
                    writeln!(
                        out,
                        "{}",
                        json!({ "digest": digest.to_string(), "file": input.shown })
                    )?;
                }
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
