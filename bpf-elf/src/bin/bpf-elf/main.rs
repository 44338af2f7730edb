//! `bpf-elf`: what a BPF object file defines, without privileges and without loading anything.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a command-line tool")]

mod json;
mod names;
mod table;
mod text;

use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use bpf_elf::spec::CollectionSpec;
use clap::{Parser, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  bpf-elf inspect filter.o                              what filter.o defines, for people
  bpf-elf inspect --format json filter.o                the same as one JSON object
  clang --target=bpf -O2 -g -c filter.c -o - | bpf-elf inspect -
  bpf-elf inspect --format json filter.o | jq -r '.programs[] | .section + \" \" + .name'";

/// Tells what a BPF object file defines. Needs no privileges, runs on any system, loads nothing.
#[derive(Debug, Parser)]
#[command(name = "bpf-elf", version, after_help = EXAMPLES, disable_help_subcommand = true)]
enum Command {
    /// Print the programs, maps, variables and externs of an object
    #[command(after_help = EXAMPLES)]
    Inspect {
        /// The object file, of either byte order; `-` reads standard input
        file: PathBuf,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Tables for people
    #[default]
    Text,
    /// One JSON object, the same on every system
    Json,
}

fn main() -> ExitCode {
    // Wrong usage ends here, with status 2.
    let Command::Inspect { file, format } = Command::parse();
    match inspect(&file, format) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closes the pipe has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever the names in the file hold.
            let message: String = format!("{error:#}")
                .chars()
                .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
                .collect();
            eprintln!("bpf-elf: {message}");
            ExitCode::FAILURE
        }
    }
}

fn inspect(file: &Path, format: Format) -> Result<()> {
    let (bytes, shown) = read(file)?;
    let spec = CollectionSpec::parse(&bytes).with_context(|| shown.clone())?;
    let mut out = BufWriter::new(io::stdout().lock());
    match format {
        Format::Text => text::write(&mut out, &shown, &spec)?,
        Format::Json => json::write(&mut out, &spec)?,
    }
    out.flush()?;
    Ok(())
}

/// The bytes of a file, and its name for messages.
fn read(file: &Path) -> Result<(Vec<u8>, String)> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok((bytes, "standard input".to_owned()));
    }
    let shown = file.display().to_string();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    Ok((bytes, shown))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}
