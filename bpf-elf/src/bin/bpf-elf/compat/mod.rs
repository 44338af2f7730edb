//! `bpf-elf compat`: whether kernels have what an object needs, by their BTF.

mod json;
mod kernels;
mod text;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use bpf_elf::compat::{Report, Severity, check};
use bpf_elf::prepare::KernelConfig;
use bpf_sys::abi::KernelVersion;
use clap::Args;

use crate::input::Input;
use crate::output::{self, Format};

const EXAMPLES: &str = "\
Examples:
  bpf-elf compat filter.o --btf /sys/kernel/btf         the kernel that runs here, with its modules
  bpf-elf compat filter.o --btf 5.10.btf --btf 6.1.btf  two kernels by their BTF
  bpf-elf compat filter.o --btf btfhub/                 every file below a folder, one kernel each
  bpf-elf compat filter.o --btf vmlinux --kernel-version 5.15
  bpf-elf compat filter.o --btf /sys/kernel/btf --kconfig /boot/config-$(uname -r)
  bpf-elf compat --format json filter.o --btf btfhub/ | jq -r '.kernels[] | select(.breaks) | .name'

Exit status: 0 when everything that is loaded by default loads, 1 when something breaks on some kernel, 2 for wrong usage and files
that cannot be read.";

/// Tell whether kernels have what an object needs, by their BTF alone
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compat {
    /// The object file; `-` reads standard input
    file: PathBuf,
    /// BTF of a kernel (raw, or an ELF file with a section .BTF), or a folder: one with a file `vmlinux` is a kernel with its modules, any other holds kernels
    #[arg(long, required = true, value_name = "FILE-OR-DIR")]
    btf: Vec<PathBuf>,
    /// Version of the kernel, if its path does not tell; for one kernel only
    #[arg(long, value_name = "VERSION")]
    kernel_version: Option<KernelVersion>,
    /// Configuration of the kernel, in the format of `.config`: it answers for values in .kconfig; for one kernel only
    #[arg(long, value_name = "FILE")]
    kconfig: Option<PathBuf>,
    /// Count programs that are not loaded by default, too
    #[arg(long)]
    all: bool,
    /// Show notes and the whole story of each relocation
    #[arg(short, long)]
    verbose: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Exit status for what is not an answer.
const FAILED: u8 = 2;

impl Compat {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.answer() {
            Ok(true) => Ok(ExitCode::SUCCESS),
            Ok(false) => Ok(ExitCode::FAILURE),
            Err(error) if output::is_broken_pipe(&error) => Err(error),
            Err(error) => {
                output::complain(&error);
                Ok(ExitCode::from(FAILED))
            }
        }
    }

    /// Whether everything loads everywhere.
    fn answer(&self) -> Result<bool> {
        let input = Input::read(&self.file)?;
        let spec = input.spec()?;
        let found = kernels::find(&self.btf)?;
        if self.kernel_version.is_some() && found.sources.len() != 1 {
            bail!("--kernel-version is for one kernel, and these are {}", found.sources.len());
        }
        if self.kconfig.is_some() && found.sources.len() != 1 {
            bail!("--kconfig is for one kernel, and these are {}", found.sources.len());
        }
        let config = self.kconfig.as_deref().map(read_config).transpose()?;
        let mut reports = Vec::new();
        for source in &found.sources {
            // One at a time: the BTF of a kernel takes megabytes.
            let mut kernel = source.read()?;
            if let Some(version) = self.kernel_version {
                kernel = kernel.with_version(version);
            }
            if let Some(config) = &config {
                kernel = kernel.with_config(config.clone());
            }
            reports.push(check(&spec, &kernel));
        }
        let mut out = output::stdout();
        match self.format {
            Format::Json => json::write(&mut out, &input.shown, &reports, self.all)?,
            Format::Text => text::write(&mut out, &input.shown, &reports, self.verbose)?,
        }
        out.flush()?;
        for path in &found.left_out {
            output::note(&format!("{} is no BTF and was left out", path.display()));
        }
        Ok(!reports.iter().any(|report| breaks(report, self.all)))
    }
}

/// A file in the format of `.config`.
fn read_config(path: &Path) -> Result<KernelConfig> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        bail!("{shown} is compressed: give what `zcat {shown}` prints");
    }
    let text = String::from_utf8(bytes).ok().filter(|text| text.lines().any(is_option));
    let text = text.with_context(|| format!("{shown} is no configuration of a kernel"))?;
    Ok(KernelConfig::new().with_text(text))
}

/// `CONFIG_NAME=value`, or a comment that it is not set.
fn is_option(line: &str) -> bool {
    line.strip_prefix("# ").unwrap_or(line).starts_with("CONFIG_")
}

/// Whether something breaks that counts.
fn breaks(report: &Report, all: bool) -> bool {
    let any = report.programs.iter().any(|of| of.severity() >= Some(Severity::NoAttach));
    report.breaks() || (all && any)
}

/// The word for a severity in tables and JSON.
fn verdict(severity: Option<Severity>) -> &'static str {
    match severity {
        None => "ok",
        Some(severity) => severity.name(),
    }
}
