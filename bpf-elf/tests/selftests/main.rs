//! libbpf as the judge of preparation: what it makes of programs, and what ours makes of them, is the same slot by slot.
//!
//! - The kernel's own selftests of CO-RE, each against the types of all targets that these selftests have;
//! - the same against their own targets with random changes;
//! - the same, and the fixtures with relocations, against the types of kernels;
//! - the newest kernel's types once more, in the other byte order;
//! - the fixture that asks for types of modules, against those of kernels and all their modules;
//! - all fixtures against the running kernel.
//!
//! What libbpf refuses must be refused. Differences that are meant are listed with their reason in `testdata/oracle/differences.txt`.
//!
//! `cargo xtask selftests` fetches and compiles what is needed, and says where it is in `BPF_SELFTESTS`:
//! `objects/*.o`, `targets/*.btf`, and the program `relocate`, compiled from `testdata/oracle`. `BPF_KERNELS` lists folders that look
//! like `/sys/kernel/btf`, with the BTF of a kernel and its modules. With `BPF_BIG_ENDIAN` all of them but the kernels are big-endian,
//! and the program runs under the emulator that `BPF_RUNNER` names; it is slow, so less is compared, and with `BPF_SELFTESTS_SAMPLE`
//! still less.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the output")]

mod compare;
mod differences;
mod libbpf;
mod mutate;
mod ours;
mod plan;
mod report;
#[path = "../shared/verdict.rs"]
mod verdict;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use differences::Differences;
use libbpf::Libbpf;
use ours::Ours;
use plan::Plan;
use report::Report;

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    verdict::tell(run(), Report::good)
}

fn run() -> Result<Report, Error> {
    let folder = env::var_os("BPF_SELFTESTS")
        .ok_or("BPF_SELFTESTS names no folder: run `cargo xtask selftests`")?;
    let folder = PathBuf::from(folder);
    let plan = Plan::of_environment();
    let pairs = plan.pairs(&folder)?;
    let libbpf = Libbpf::new(folder.join("relocate"));
    let (version, answers) = libbpf.relocate(&pairs, plan.order())?;
    let mut ours = Ours::default();
    let mut report = Report::new(Differences::read(version, plan.changes_are_few())?);
    for (pair, answers) in pairs.iter().zip(&answers) {
        let prepared = ours.prepare(&pair.object.path, &pair.target.path)?;
        report.add(&pair.object.name, &pair.target.name, &prepared, answers);
    }
    Ok(report)
}
