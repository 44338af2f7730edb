//! `bpf-elf disasm`: the instructions of an object, with names, source lines and CO-RE accesses.

mod json;
mod text;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use bpf_asm::Dot;
use bpf_elf::prepare::flatten;
use bpf_elf::spec::{CollectionSpec, Function, Listing, ProgramSpec};
use clap::Args;

use crate::input::Input;
use crate::output::{self, Format};
use crate::paint::ColorOption;

const EXAMPLES: &str = "\
Examples:
  bpf-elf disasm filter.o                               every function, with its source
  bpf-elf disasm --function count filter.o              one function
  bpf-elf disasm --whole --function count filter.o      with all that it calls, slots as in the verifier's log
  bpf-elf disasm --raw --no-source filter.o             with the bytes of the instructions
  bpf-elf disasm --dot --function count filter.o | dot -Tsvg > count.svg
  bpf-elf disasm --format json filter.o | jq -r '.functions[].instructions[].text'";

/// Print the instructions of an object
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "an option each")]
pub(crate) struct Disasm {
    /// The object file, of either byte order; `-` reads standard input
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only this function or program; may be given more than once
    #[arg(long, value_name = "NAME")]
    function: Vec<String>,
    /// Entry programs only, each with all functions that it reaches: slots are those of the verifier's log
    #[arg(long)]
    whole: bool,
    /// Leave out source lines
    #[arg(long)]
    no_source: bool,
    /// Leave out the numbers of slots: the text can be assembled again
    #[arg(long, conflicts_with = "raw")]
    no_slots: bool,
    /// Print the bytes of each instruction
    #[arg(long)]
    raw: bool,
    /// Print control-flow graphs in the language of Graphviz
    #[arg(long, conflicts_with_all = ["format", "no_source", "no_slots", "raw"])]
    dot: bool,
    #[command(flatten)]
    color: ColorOption,
}

/// A function alone, or a program with what it reaches.
struct Piece<'spec> {
    key: &'spec str,
    function: &'spec Function,
    /// What the section makes of it, if it is a program.
    program: Option<&'spec ProgramSpec>,
    listing: Listing<'spec>,
    /// The functions in it, with their first slots.
    functions: Vec<(usize, &'spec Function)>,
}

impl Disasm {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let input = Input::read(&self.file)?;
        let spec = input.spec()?;
        let mut out = output::stdout();
        let chosen = self.choose(&spec)?;
        // One after the other: what is written need not be kept.
        let mut pieces = chosen.iter().map(|key| self.piece(&spec, key));
        if self.dot {
            for piece in pieces {
                let piece = piece?;
                let dot = Dot::new(&piece.listing.code);
                write!(out, "{}", dot.with_context(|| format!("function {:?}", piece.key))?)?;
            }
        } else if self.format == Format::Json {
            json::write(&mut out, &spec, &mut pieces)?;
        } else {
            let paint = self.color.paint();
            let style = text::Style {
                paint,
                slots: !self.no_slots,
                bytes: self.raw.then_some(spec.byte_order),
                source: !self.no_source,
            };
            for (piece, number) in pieces.zip(0_usize..) {
                if number > 0 {
                    writeln!(out)?;
                }
                text::write(&mut out, &style, &piece?)?;
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    /// What to print: keys of functions, and names of programs.
    fn choose<'spec>(&self, spec: &'spec CollectionSpec) -> Result<Vec<Key<'spec>>> {
        let programs = spec.programs.iter().map(|(key, of)| (Key::Program(key), &of.function));
        let functions = spec.functions.iter().map(|(key, of)| (Key::Function(key), of));
        let functions = functions.filter(|_| !self.whole);
        let all: Vec<_> = programs.chain(functions).collect();
        for wanted in &self.function {
            if !all.iter().any(|(key, function)| key.is(wanted, function)) {
                let kind = if self.whole { "entry program" } else { "function" };
                bail!("{} has no {kind} {wanted:?}", self.file.display());
            }
        }
        let is_wanted = |key: &Key<'_>, function: &Function| {
            self.function.is_empty() || self.function.iter().any(|name| key.is(name, function))
        };
        Ok(all.iter().filter(|(key, of)| is_wanted(key, of)).map(|(key, _)| *key).collect())
    }

    fn piece<'spec>(&self, spec: &'spec CollectionSpec, key: &Key<'spec>) -> Result<Piece<'spec>> {
        match *key {
            Key::Program(key) => {
                let program = spec.programs.get(key).context("a program without a name")?;
                let function = &program.function;
                let (listing, functions) = if self.whole {
                    let flat = flatten(spec, program)?;
                    let functions = flat.functions.iter().map(|of| (of.start, of.function));
                    (spec.program_listing(program)?, functions.collect())
                } else {
                    (spec.listing_of(key, function), vec![(0, function)])
                };
                Ok(Piece { key, function, program: Some(program), listing, functions })
            }
            Key::Function(key) => {
                let function = spec.functions.get(key).context("a function without a name")?;
                let listing = spec.listing_of(key, function);
                let functions = vec![(0, function)];
                Ok(Piece { key, function, program: None, listing, functions })
            }
        }
    }
}

/// Where a function is: a program and a function may have the same name.
#[derive(Clone, Copy, Debug)]
enum Key<'spec> {
    Program(&'spec str),
    Function(&'spec str),
}

impl Key<'_> {
    /// Whether this is what a user calls `name`: the key, or the symbol.
    fn is(&self, name: &str, function: &Function) -> bool {
        let (Self::Program(key) | Self::Function(key)) = *self;
        key == name || function.name == name
    }
}
