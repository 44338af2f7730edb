//! The kernel's own BPF programs as a corpus, with libbpf as the judge: what it opens is read, and what it refuses is refused; programs,
//! maps and variables are those that its API tells; the other byte order gives the same specs; and code survives every way through the
//! assembler; objects are linked with each other as libbpf's linker does it; and what `bpf-elf inspect` prints keeps to its contract.
//!
//! Differences that are meant are listed with their reason in `testdata/oracle/corpus.txt`.
//!
//! `cargo xtask selftests` fetches and compiles what is needed. It says where that is: in `BPF_CORPUS` objects in `el` and `eb`, one folder
//! for each byte order, and the program `open`, compiled from `testdata/oracle/open.c`, and in each folder `link`, from `link.c`; in
//! `BPF_CORPUS_RELOCATE` the program compiled from `relocate.c`; in `BPF_CORPUS_TYPES` a folder like /sys/kernel/btf with the types to relocate for. `BPF_CORPUS_SAMPLE` may name a file with
//! the names of the objects to read, one on each line, if not all are to be read.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the output")]

mod code;
#[path = "../selftests/compare.rs"]
mod compare;
#[path = "../shared/contract.rs"]
mod contract;
mod differences;
mod facts;
mod inspect;
mod libbpf;
mod linking;
mod orders;
mod prepared;
mod report;
mod sections;
#[path = "../shared/verdict.rs"]
mod verdict;
#[path = "../shared/view.rs"]
mod view;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use bpf_elf::spec::CollectionSpec;

use differences::Differences;
use libbpf::Answer;
use report::{Check, Report};

type Error = Box<dyn std::error::Error>;

/// An object of the corpus.
pub(crate) struct Object {
    /// The name of the source.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) spec: Result<CollectionSpec, String>,
}

fn main() -> ExitCode {
    verdict::tell(run(), Report::good)
}

fn run() -> Result<Report, Error> {
    let folder = env::var_os("BPF_CORPUS")
        .ok_or("BPF_CORPUS names no folder: run `cargo xtask selftests`")?;
    let folder = PathBuf::from(folder);
    let sample = env::var_os("BPF_CORPUS_SAMPLE").map(fs::read_to_string).transpose()?;
    let sample: Option<BTreeSet<&str>> = sample.as_ref().map(|names| names.lines().collect());
    let objects = read(&folder.join("el"), sample.as_ref())?;
    if objects.is_empty() {
        return Err(format!("no objects in {}", folder.display()).into());
    }
    let others = read(&folder.join("eb"), sample.as_ref())?;
    let answers = libbpf::open(&folder.join("open"), &objects)?;

    let names = objects.iter().map(|object| object.name.clone()).collect();
    let mut report = Report::new(Differences::read(names)?);
    for (object, answer) in objects.iter().zip(&answers) {
        judge(&mut report, object, answer);
        if let Ok(spec) = &object.spec {
            code::check(&mut report, &object.name, spec);
        }
    }
    sections::check(&mut report, &folder.join("open"))?;
    let types = env::var_os("BPF_CORPUS_TYPES").ok_or("BPF_CORPUS_TYPES names no folder")?;
    let relocate =
        env::var_os("BPF_CORPUS_RELOCATE").ok_or("BPF_CORPUS_RELOCATE names no program")?;
    let target = prepared::Target::open(Path::new(&types))?;
    target.check(&mut report, Path::new(&relocate), &objects)?;
    for object in &others {
        let twin = objects.iter().find(|twin| twin.name == object.name);
        let Some(twin) = twin else { continue };
        orders::check(&mut report, twin, object);
    }
    inspect::check(&mut report, &objects, &others)?;
    linking::check(&mut report, &folder.join("el"), &objects)?;
    linking::check(&mut report, &folder.join("eb"), &others)?;
    Ok(report)
}

/// The objects of a folder, by name.
fn read(folder: &Path, sample: Option<&BTreeSet<&str>>) -> Result<Vec<Object>, Error> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut objects = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "o") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('.').next().unwrap_or_default().to_owned();
        if sample.is_some_and(|names| !names.contains(name.as_str())) {
            continue;
        }
        let spec = CollectionSpec::parse(&fs::read(&path)?).map_err(|error| error.to_string());
        objects.push(Object { name, path, spec });
    }
    objects.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(objects)
}

/// Holds one object against what libbpf says of it.
fn judge(report: &mut Report, object: &Object, answer: &Answer) {
    let (spec, theirs) = match (&object.spec, answer) {
        (Err(_), Answer::Refused(_)) => return report.equal(Check::Open),
        (Ok(_), Answer::Refused(reason)) => {
            let what = format!("read, libbpf refuses it: {reason}");
            return report.differs(Check::Open, &object.name, "-", &what);
        }
        (Err(error), Answer::Opened { .. }) => {
            let what = format!("refused, libbpf opens it: {error}");
            return report.differs(Check::Open, &object.name, "-", &what);
        }
        (Ok(spec), Answer::Opened { kernel_version, facts }) => {
            // Without the section, libbpf takes the version of the running kernel.
            if spec.kernel_version != 0 && spec.kernel_version != *kernel_version {
                let what = format!("version {}, libbpf {kernel_version}", spec.kernel_version);
                report.differs(Check::Open, &object.name, "version", &what);
            }
            (spec, facts)
        }
    };
    report.equal(Check::Open);
    let ours = facts::facts(spec, &object.path.to_string_lossy());
    for kind in ["program", "map", "inner", "variable"] {
        let of_kind = |lines: &[String]| {
            let mut lines: Vec<_> = lines
                .iter()
                .filter(|line| line.split('\t').next() == Some(kind))
                .cloned()
                .collect();
            // Programs and maps come in the order of their definition; for variables BTF has an order of its own.
            if kind == "variable" {
                lines.sort();
            }
            lines
        };
        let (ours, theirs) = (of_kind(&ours), of_kind(theirs));
        let before = report.complaints();
        for line in ours.iter().filter(|line| !theirs.contains(line)) {
            report.differs(Check::Facts, &object.name, second(line), &format!("only here: {line}"));
        }
        for line in theirs.iter().filter(|line| !ours.contains(line)) {
            report.differs(Check::Facts, &object.name, second(line), &format!("libbpf: {line}"));
        }
        let ordered = kind != "variable" && before == report.complaints();
        if ordered && ours.len() == theirs.len() && ours != theirs {
            let what = format!("{kind}s come in another order");
            report.differs(Check::Facts, &object.name, kind, &what);
        }
        for _ in ours.iter().filter(|line| theirs.contains(line)) {
            report.equal(Check::Facts);
        }
    }
}

/// The name in a line: its second field.
fn second(line: &str) -> &str {
    line.split('\t').nth(1).unwrap_or_default()
}
