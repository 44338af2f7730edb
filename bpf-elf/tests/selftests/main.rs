//! libbpf as the judge of preparation: what it makes of programs, and what ours makes of them, is the same slot by slot.
//!
//! The objects are the kernel's own selftests of CO-RE, each against the types of all targets that these selftests have, and against
//! those of the running kernel; and the fixtures against the running kernel. What libbpf refuses must be refused. Differences that are
//! meant are listed with their reason in `testdata/oracle/differences.txt`.
//!
//! `cargo xtask selftests` fetches and compiles what is needed, and says where it is in `BPF_SELFTESTS`:
//! `objects/*.o`, `targets/*.btf`, and the program `relocate`, compiled from `testdata/oracle/relocate.c`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the output")]

mod compare;
mod differences;
mod libbpf;
mod ours;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use differences::Differences;
use libbpf::Libbpf;
use ours::Ours;
use report::Report;

type Error = Box<dyn std::error::Error>;

/// As a target: the running kernel with its modules.
const KERNEL: &str = "/sys/kernel/btf";

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            println!("{report}");
            if report.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Report, Error> {
    let folder = env::var_os("BPF_SELFTESTS")
        .ok_or("BPF_SELFTESTS names no folder: run `cargo xtask selftests`")?;
    let folder = PathBuf::from(folder);
    let objects = files(&folder.join("objects"), "o")?;
    let targets = files(&folder.join("targets"), "btf")?;
    if objects.is_empty() || targets.is_empty() {
        return Err(format!("no objects or no targets in {}", folder.display()).into());
    }
    let fixtures = fixtures(&folder.join("fixtures"))?;
    let mut pairs = Vec::new();
    for object in &objects {
        pairs.extend(targets.iter().map(|target| (object.clone(), target.clone())));
    }
    let kernel = String::from(KERNEL);
    pairs.extend(objects.iter().chain(&fixtures).map(|object| (object.clone(), kernel.clone())));

    let answers = Libbpf::new(folder.join("relocate")).relocate(&pairs)?;
    let mut ours = Ours::default();
    let mut report = Report::new(Differences::read()?);
    for (pair, answers) in pairs.iter().zip(&answers) {
        let (object, target) = pair;
        let prepared = ours.prepare(object, target)?;
        report.add(name(object), name(target), &prepared, answers);
    }
    Ok(report)
}

/// The files with an ending, sorted.
fn files(folder: &Path, ending: &str) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            files.push(path.to_str().ok_or("a file name that is not UTF-8")?.to_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// Writes the fixtures of this machine's byte order to files: libbpf relocates no others.
fn fixtures(folder: &Path) -> Result<Vec<String>, Error> {
    fs::create_dir_all(folder)?;
    let mut files = Vec::new();
    for name in testdata::OBJECTS {
        let path = folder.join(format!("{name}.o"));
        fs::write(&path, testdata::object(name, testdata::Order::NATIVE))?;
        files.push(path.to_str().ok_or("a folder name that is not UTF-8")?.to_owned());
    }
    Ok(files)
}

/// The name of a file without folder and ending.
fn name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
