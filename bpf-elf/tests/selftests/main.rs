//! libbpf as the judge of preparation: what it makes of programs, and what ours makes of them, is the same slot by slot.
//!
//! - The kernel's own selftests of CO-RE, each against the types of all targets that these selftests have;
//! - the same against their own targets with random changes;
//! - the same, and the fixtures with relocations, against the types of kernels;
//! - the fixture that asks for types of modules, against those of kernels and all their modules;
//! - all fixtures against the running kernel.
//!
//! What libbpf refuses must be refused. Differences that are meant are listed with their reason in `testdata/oracle/differences.txt`.
//!
//! `cargo xtask selftests` fetches and compiles what is needed, and says where it is in `BPF_SELFTESTS`:
//! `objects/*.o`, `targets/*.btf`, and the program `relocate`, compiled from `testdata/oracle`. `BPF_KERNELS` lists folders that look
//! like `/sys/kernel/btf`, with the BTF of a kernel and its modules. With `BPF_BIG_ENDIAN` all of them but the kernels are big-endian,
//! and the program runs under the emulator that `BPF_RUNNER` names.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the report is the output")]

mod compare;
mod differences;
mod libbpf;
mod mutate;
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

/// Where the running kernel shows its types and those of its modules.
const RUNNING: &str = "/sys/kernel/btf";

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

/// The fixture that asks for types of modules. libbpf reads all modules for each program that misses a type, more than a thousand, so
/// the others are compared without.
const MODULAR: &str = "core_module";

/// Something in a file or folder.
#[derive(Clone)]
struct Named {
    name: String,
    path: String,
}

/// What is relocated against what.
struct Pair {
    object: Named,
    target: Named,
}

fn run() -> Result<Report, Error> {
    let folder = env::var_os("BPF_SELFTESTS")
        .ok_or("BPF_SELFTESTS names no folder: run `cargo xtask selftests`")?;
    let folder = PathBuf::from(folder);
    let pairs = pairs(&folder)?;
    let libbpf = Libbpf::new(folder.join("relocate"));
    let (version, answers) = libbpf.relocate(&pairs)?;
    let mut ours = Ours::default();
    let mut report = Report::new(Differences::read(version)?);
    for (pair, answers) in pairs.iter().zip(&answers) {
        let prepared = ours.prepare(&pair.object.path, &pair.target.path)?;
        report.add(&pair.object.name, &pair.target.name, &prepared, answers);
    }
    Ok(report)
}

fn pairs(folder: &Path) -> Result<Vec<Pair>, Error> {
    let objects = files(&folder.join("objects"), "o")?;
    let targets = files(&folder.join("targets"), "btf")?;
    if objects.is_empty() || targets.is_empty() {
        return Err(format!("no objects or no targets in {}", folder.display()).into());
    }
    let mut pairs = Vec::new();
    let mut add = |object: &Named, target: &Named| {
        pairs.push(Pair { object: object.clone(), target: target.clone() });
    };
    for object in &objects {
        for target in &targets {
            add(object, target);
        }
    }

    let place = folder.join("mutated");
    fs::create_dir_all(&place)?;
    for target in &targets {
        mutate::write(&target.path, &target.name, &place)?;
    }
    for target in &files(&place, "btf")? {
        for object in objects.iter().filter(|object| is_meant_for(&object.name, &target.name)) {
            add(object, target);
        }
    }

    let fixtures = fixtures(&folder.join("fixtures"))?;
    let relocated = fixtures.iter().filter(|object| ours::has_relocations(&object.path));
    let relocated: Vec<_> = objects.iter().chain(relocated).collect();
    for folder in kernels()? {
        let kernel = Named { name: folder.name.clone(), path: format!("{}/vmlinux", folder.path) };
        for object in &relocated {
            add(object, &kernel);
        }
        let modular = fixtures.iter().filter(|object| object.name == MODULAR);
        modular.for_each(|object| add(object, &folder));
    }
    let running = Named { name: "running".into(), path: RUNNING.into() };
    objects.iter().chain(&fixtures).for_each(|object| add(object, &running));
    Ok(pairs)
}

/// Whether a target was made for an object: `test_core_reloc_bitfields_direct` has `btf__core_reloc_bitfields` and
/// `btf__core_reloc_bitfields___bit_sz_change`.
fn is_meant_for(object: &str, target: &str) -> bool {
    let subject = object.strip_prefix("test_core_reloc_");
    let own = target.strip_prefix("btf__core_reloc_");
    match (subject, own.and_then(|own| own.split('~').next())) {
        (Some(subject), Some(own)) => {
            let own = own.split("___").next().unwrap_or_default();
            subject.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        }
        _ => false,
    }
}

/// The kernels whose BTF is at hand; their folders are in one of the release's name.
fn kernels() -> Result<Vec<Named>, Error> {
    let folders = env::var_os("BPF_KERNELS").unwrap_or_default();
    let mut kernels = Vec::new();
    for folder in env::split_paths(&folders).filter(|folder| !folder.as_os_str().is_empty()) {
        let release =
            folder.parent().and_then(Path::file_name).ok_or("a kernel without release")?;
        let path = folder.to_str().ok_or("a folder name that is not UTF-8")?.to_owned();
        kernels.push(Named { name: release.to_string_lossy().into_owned(), path });
    }
    Ok(kernels)
}

/// The files with an ending, sorted.
fn files(folder: &Path, ending: &str) -> Result<Vec<Named>, Error> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let path = path.to_str().ok_or("a file name that is not UTF-8")?.to_owned();
            files.push(Named { name, path });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Whether libbpf runs, in an emulator, on a big-endian machine.
fn is_big_endian() -> bool {
    env::var_os("BPF_BIG_ENDIAN").is_some()
}

/// Writes the fixtures of the byte order of libbpf's machine to files: it relocates no others.
fn fixtures(folder: &Path) -> Result<Vec<Named>, Error> {
    fs::create_dir_all(folder)?;
    let order = if is_big_endian() { testdata::Order::Big } else { testdata::Order::NATIVE };
    for name in testdata::OBJECTS {
        let bytes = testdata::object(name, order);
        fs::write(folder.join(format!("{name}.o")), bytes)?;
    }
    files(folder, "o")
}
