//! `bpf-elf completions`: a script that teaches a shell the commands and options.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{Shell as Language, generate};

use crate::output;

const EXAMPLES: &str = "\
Examples:
  source <(bpf-elf completions bash)                    for this bash
  bpf-elf completions zsh > ~/.zfunc/_bpf-elf           for every zsh, if ~/.zfunc is in fpath
  bpf-elf completions fish > ~/.config/fish/completions/bpf-elf.fish";

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let language = match self.shell {
            Shell::Bash => Language::Bash,
            Shell::Zsh => Language::Zsh,
            Shell::Fish => Language::Fish,
        };
        // Made in memory: the generator panics where it cannot write.
        let mut script = Vec::new();
        generate(language, &mut crate::Arguments::command(), "bpf-elf", &mut script);
        let mut out = output::stdout();
        out.write_all(&script)?;
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}
