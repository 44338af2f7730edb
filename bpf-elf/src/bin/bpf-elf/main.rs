//! `bpf-elf`: what a BPF object file defines, without privileges and without loading anything.
//!
//! A command is a module with a struct of its arguments, whose `run` does the work: it stands in two lines here.
#![forbid(unsafe_code)]

mod btf;
mod compat;
mod completions;
mod diff;
mod digest;
mod disasm;
mod input;
mod inspect;
mod link;
mod names;
mod output;
mod paint;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  bpf-elf inspect filter.o                              what filter.o defines, for people
  bpf-elf inspect --format json filter.o                the same as one JSON object
  bpf-elf disasm filter.o                               its instructions beside their source
  bpf-elf compat filter.o --btf /sys/kernel/btf         whether a kernel has what it needs
  bpf-elf diff running.o built.o                        what a deployment would change
  bpf-elf link -o filter.o main.o library.o             several objects in one
  clang --target=bpf -O2 -g -c filter.c -o - | bpf-elf inspect -

`bpf-elf COMMAND --help` has examples of each command.";

/// Tells what a BPF object file defines. Needs no privileges, runs on any system, loads nothing.
#[derive(Debug, Parser)]
#[command(name = "bpf-elf", version, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The commands, in the order of `--help`, and what runs each.
macro_rules! commands {
    ($($name:ident($arguments:ty),)+) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($name($arguments),)+
        }

        impl Command {
            fn run(self) -> Result<ExitCode> {
                match self {
                    $(Self::$name(arguments) => arguments.run(),)+
                }
            }
        }
    };
}

commands! {
    Inspect(inspect::Inspect),
    Compat(compat::Compat),
    Disasm(disasm::Disasm),
    Btf(btf::Types),
    Diff(diff::Diff),
    Digest(digest::Digest),
    Link(link::Link),
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    // Wrong usage ends here, with status 2.
    match Arguments::parse().command.run() {
        Ok(code) => code,
        // Whoever closes the pipe has seen enough.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}
