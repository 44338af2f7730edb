//! `bpf-elf diff`: what changes from one object to another.

mod json;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bpf_elf::diff::SpecDiff;
use clap::Args;

use crate::input::Input;
use crate::output::{self, Format};
use crate::paint::{Color, ColorOption};

const EXAMPLES: &str = "\
Examples:
  bpf-elf diff running.o built.o                        what a deployment of built.o would change
  bpf-elf diff --exit-code running.o built.o && echo nothing to deploy
  git show HEAD:filter.o | bpf-elf diff - filter.o
  bpf-elf diff --format json a.o b.o | jq '.maps[] | select(.pinned.works == false)'";

/// Print what changes from one object to another, and whether pinned maps remain usable
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diff {
    /// The object as it was; `-` reads standard input
    old: PathBuf,
    /// The object as it is; `-` reads standard input
    new: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// End with status 1 if there is a difference
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    color: ColorOption,
}

impl Diff {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if self.old.as_os_str() == "-" && self.new.as_os_str() == "-" {
            bail!("only one of the two objects can be standard input");
        }
        let (old, new) = (Input::read(&self.old)?, Input::read(&self.new)?);
        let (old, new) = (old.spec()?, new.spec()?);
        let diff = SpecDiff::new(&old, &new);
        let mut out = output::stdout();
        match self.format {
            Format::Json => json::write(&mut out, &diff)?,
            Format::Text => {
                let paint = self.color.paint();
                for line in diff.to_string().lines() {
                    let color = match line.as_bytes().first() {
                        Some(b'+') => Some(Color::Added),
                        Some(b'-') => Some(Color::Removed),
                        Some(b'~') => Some(Color::Changed),
                        _ => None,
                    };
                    match color {
                        Some(color) => writeln!(out, "{}", paint.text(color, line))?,
                        None => writeln!(out, "{line}")?,
                    }
                }
            }
        }
        out.flush()?;
        let failed = self.exit_code && !diff.is_empty();
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
