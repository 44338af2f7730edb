//! `bpf-elf link`: several objects in one.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use bpf_elf::Linker;
use clap::Args;

use crate::input::Input;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  bpf-elf link -o filter.o main.o library.o             as bpftool gen object filter.o main.o library.o
  bpf-elf link -o - main.o library.o | bpf-elf inspect -";

/// Link objects into one: what one declares, another defines
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Link {
    /// The object files, of one byte order; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The linked object; `-` writes standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Link {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut linker = Linker::new();
        for file in &self.files {
            let input = Input::read(file)?;
            linker = linker.add(input.shown, input.bytes)?;
        }
        let linked = linker.link()?;
        if self.output == Path::new("-") {
            let mut out = output::stdout();
            out.write_all(&linked)?;
            out.flush()?;
        } else {
            let shown = self.output.display();
            fs::write(&self.output, linked).with_context(|| format!("cannot write {shown}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
