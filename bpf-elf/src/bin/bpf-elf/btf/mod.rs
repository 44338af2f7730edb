//! `bpf-elf btf`: the types of objects and kernels.

mod list;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use bpf_btf::{Btf, BtfBuilder, ByteOrder, CHeaderOptions, CPrinter, Type, c_header};
use bpf_elf::prepare::minimal_btf;
use clap::{Args, Subcommand, ValueEnum};

use crate::input::Input;
use crate::output::{self, Format};

const EXAMPLES: &str = "\
Examples:
  bpf-elf btf list filter.o                             a line for each type
  bpf-elf btf header /sys/kernel/btf/vmlinux > vmlinux.h
  bpf-elf btf header --type task_struct /sys/kernel/btf/vmlinux
  bpf-elf btf list --base /sys/kernel/btf/vmlinux /sys/kernel/btf/nf_tables
  bpf-elf btf minimal --kernel 5.4.btf filter.o -o filter-5.4.btf
  bpf-elf btf raw filter.o -o filter.btf";

/// Print or extract the types of an object, a kernel or a module
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Types {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a line for each type
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        source: Source,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the types as a C header
    #[command(after_help = EXAMPLES)]
    Header {
        #[command(flatten)]
        source: Source,
        /// Only the types of this name, with what they need; may be given more than once
        #[arg(long = "type", value_name = "NAME")]
        types: Vec<String>,
    },
    /// Extract the part of a kernel's BTF that objects need, for kernels that have none
    #[command(after_help = EXAMPLES)]
    Minimal {
        /// The object files; `-` reads standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The BTF of the kernel: as it is, in a `vmlinux`, or in an image of a kernel
        #[arg(long, value_name = "FILE")]
        kernel: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Extract the BTF as it is
    #[command(after_help = EXAMPLES)]
    Raw {
        #[command(flatten)]
        source: Source,
        #[command(flatten)]
        target: Target,
    },
}

/// Where types come from.
#[derive(Debug, Args)]
struct Source {
    /// An object file, BTF as it is, a `vmlinux`, an image of a kernel or a module; `-` reads standard input
    file: PathBuf,
    /// The BTF on which that of the file is built: of the kernel for a module
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
}

/// Where bytes go.
#[derive(Debug, Args)]
struct Target {
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The byte order to write; that of the source if it is not given
    #[arg(long, value_enum, value_name = "ORDER")]
    byte_order: Option<Order>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Little,
    Big,
}

impl Types {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::List { source, format } => {
                let btf = source.read()?;
                let mut out = output::stdout();
                match format {
                    Format::Text => list::text(&mut out, &btf)?,
                    Format::Json => list::json(&mut out, &btf)?,
                }
                out.flush()?;
            }
            Command::Header { source, types } => header(&source, &types)?,
            Command::Minimal { files, kernel, target } => {
                let kernel = read(&kernel, None)?;
                let inputs: Vec<_> =
                    files.iter().map(|file| Input::read(file)).collect::<Result<_>>()?;
                let specs = inputs.iter().map(Input::spec).collect::<Result<Vec<_>>>()?;
                let order = target.order(&kernel);
                target.write(&minimal_btf(&specs, &kernel, order)?)?;
            }
            Command::Raw { source, target } => {
                let btf = source.read()?;
                let bytes = BtfBuilder::from_btf(&btf).write(target.order(&btf))?;
                target.write(&bytes)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Source {
    fn read(&self) -> Result<Btf> {
        let base = self.base.as_deref().map(|base| read(base, None)).transpose()?;
        read(&self.file, base.as_ref())
    }
}

fn read(file: &Path, base: Option<&Btf>) -> Result<Btf> {
    let Input { bytes, shown } = Input::read(file)?;
    let btf = match base {
        Some(base) => Btf::parse_split_file(bytes, base),
        None => Btf::parse_file(bytes),
    };
    btf.context(shown)
}

impl Target {
    fn order(&self, source: &Btf) -> ByteOrder {
        match self.byte_order {
            Some(Order::Little) => ByteOrder::Little,
            Some(Order::Big) => ByteOrder::Big,
            None => source.byte_order(),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        if self.output == Path::new("-") {
            let mut out = output::stdout();
            out.write_all(bytes)?;
            out.flush()?;
            return Ok(());
        }
        fs::write(&self.output, bytes)
            .with_context(|| format!("cannot write {}", self.output.display()))
    }
}

fn header(source: &Source, types: &[String]) -> Result<()> {
    let btf = source.read()?;
    let text = if types.is_empty() {
        c_header(&btf, &CHeaderOptions::default())?
    } else {
        let mut printer = CPrinter::new(&btf);
        for name in types {
            let mut found = false;
            for id in btf.find_all(name) {
                // Functions and variables have names, too, and are no types.
                let is_type = !matches!(
                    btf.get(id),
                    Some(Type::Func(_) | Type::Var(_) | Type::Datasec(_) | Type::DeclTag(_)) | None
                );
                if is_type {
                    printer.define(id)?;
                    found = true;
                }
            }
            if !found {
                bail!("{} has no type {name:?}", source.file.display());
            }
        }
        printer.into_text()
    };
    let mut out = output::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
