//! `bpf-elf inspect`: a spec as a whole, for people or as JSON.

mod json;
mod text;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::input::Input;
use crate::output::{self, Format};

const EXAMPLES: &str = "\
Examples:
  bpf-elf inspect filter.o                              what filter.o defines, for people
  bpf-elf inspect --format json filter.o                the same as one JSON object
  clang --target=bpf -O2 -g -c filter.c -o - | bpf-elf inspect -
  bpf-elf inspect --format json filter.o | jq -r '.programs[] | .section + \" \" + .name'";

/// Print the programs, maps, variables and externs of an object
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// The object file, of either byte order; `-` reads standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let input = Input::read(&self.file)?;
        let spec = input.spec()?;
        let mut out = output::stdout();
        match self.format {
            Format::Text => text::write(&mut out, &input.shown, &spec)?,
            Format::Json => json::write(&mut out, &spec)?,
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
