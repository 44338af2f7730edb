//! `selftests`: reading and preparation held against libbpf's, on the BPF programs of the kernel's own selftests.
//!
//! The selftests and libbpf come from Debian's package of the kernel's source. They stay in the cache: none of it is part of this
//! repository. The comparisons themselves are the test targets `selftests` and `corpus` of bpf-elf and `dedup_oracle` of bpf-btf.
mod build;
mod corpus;
mod machine;
mod merging;
mod source;

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::machine::Machine;
use crate::cache::Cache;
use crate::fixtures::LLVM;
use crate::initramfs::in_path;
use crate::process::{cargo, root};
use crate::progress::{Outcome, Steps};
use crate::{apt, big_endian, ending, kernel_btf, kernels};

/// Compare with libbpf: reading, preparation and merged types, on the BPF programs of the kernel's selftests and on the fixtures
///
/// Fetches the kernel's source, compiles libbpf and what is compared into the cache, and prints a table.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of the command line")]
pub(crate) struct Args {
    /// The kernels whose selftests and libbpf these are
    #[arg(long, value_delimiter = ',', default_value = ALL_SERIES)]
    series: Vec<String>,
    /// One comparison alone
    #[arg(long)]
    only: Option<Comparison>,
    /// Of the corpus, and of what is big-endian, only the part that `test` compares
    #[arg(long)]
    sample: bool,
    /// Kernels whose types the objects are relocated against, beside the selftests' own
    #[arg(long, value_delimiter = ',', default_value = kernels::DEFAULT)]
    kernels: Vec<String>,
    /// Look for a newer source than the one in the cache
    #[arg(long)]
    refresh: bool,
    /// Relocate big-endian objects: libbpf for s390x runs in an emulator. The corpus has both byte orders anyway
    #[arg(long, conflicts_with = "system_libbpf")]
    big_endian: bool,
    /// Ask the libbpf that this machine has installed, not the one of the source
    #[arg(long)]
    system_libbpf: bool,
}

/// A file or program that must be there, and the package that holds it.
const NEEDED: [(&str, &str); 7] = [
    ("cc", "gcc"),
    ("ar", "binutils"),
    ("xz", "xz-utils"),
    ("python3", "python3"),
    ("bpftool", "bpftool"),
    ("/usr/include/libelf.h", "libelf-dev"),
    ("/usr/include/zlib.h", "zlib1g-dev"),
];

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Comparison {
    /// The selftests of CO-RE and the fixtures, against many targets
    Core,
    /// All BPF programs of the selftests
    Corpus,
    /// The types of all objects that the others have compiled, merged: by libbpf of the last series
    Types,
}

/// The series that the tests take the selftests of CO-RE from.
const SERIES: &str = "6.12";
/// The series whose programs are the corpus of the tests: the newest at hand has most.
const NEWEST: &str = "7.3";
/// All that the task compares with.
const ALL_SERIES: &str = "6.12,7.3";
/// The kernel whose types the corpus is relocated for.
const TARGET: &str = "7.x";

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut good = true;
    for mut test in prepare(args)? {
        good &= ending::status(&mut test).context("cannot start cargo")?.success();
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The step of `test`: CO-RE, a sample of it in the other byte order, and merged types.
pub(crate) fn step(steps: &Steps) -> Result<Outcome> {
    watch(steps, &Args::of_step(SERIES, Comparison::Core))?;
    watch(steps, &Args::of_step(NEWEST, Comparison::Types))?;
    watch(steps, &Args { big_endian: true, ..Args::of_step(SERIES, Comparison::Core) })
}

/// The step of `test` that reads a sample of the corpus.
pub(crate) fn corpus_step(steps: &Steps) -> Result<Outcome> {
    watch(steps, &Args::of_step(NEWEST, Comparison::Corpus))
}

impl Args {
    fn of_step(series: &str, only: Comparison) -> Self {
        Self {
            series: vec![series.to_owned()],
            only: Some(only),
            sample: true,
            kernels: kernels::DEFAULT.split(',').map(str::to_owned).collect(),
            refresh: false,
            big_endian: false,
            system_libbpf: false,
        }
    }
}

fn watch(steps: &Steps, args: &Args) -> Result<Outcome> {
    steps.doing("fetching and compiling");
    for mut test in prepare(args)? {
        let (output, status) = steps.watch(&mut test)?;
        if !status.success() {
            steps.say(output.trim_end());
            bail!("not the same as libbpf's, or it could not be compared ({status})");
        }
    }
    Ok(Outcome::good())
}

/// Fetches and compiles what is not there. Gives the commands that compare.
fn prepare(args: &Args) -> Result<Vec<Command>> {
    install(args)?;
    let cache = Cache::open()?;
    let machine = if args.big_endian { Machine::BIG_ENDIAN } else { Machine::NATIVE };
    let wanted = |comparison| args.only.is_none_or(|only| only == comparison);
    let mut commands = Vec::new();
    for series in &args.series {
        let started = Instant::now();
        let source = source::find(&cache, series, args.refresh)?;
        let folder = build::all(&cache, &source, &machine, args.system_libbpf)?;
        let seconds = started.elapsed().as_secs_f32();
        println!("libbpf and selftests of {} in {seconds:.1} s", source.name());
        if wanted(Comparison::Core) {
            commands.push(core(&cache, args, &machine, &folder)?);
        }
        if args.big_endian {
            continue;
        }
        let types = kernel_btf::folder(&cache, &kernels::resolve(&cache, TARGET)?)?;
        if wanted(Comparison::Corpus) {
            let native = corpus::Libbpf { source: &source, folder: &folder };
            let newest = source::find(&cache, NEWEST, false)?;
            let built = build::all(&cache, &newest, &Machine::NATIVE, args.system_libbpf)?;
            let newest = corpus::Libbpf { source: &newest, folder: &built };
            let found = corpus::compare(&cache, native, newest, &types, args.sample)?;
            let mutations = found.first().and_then(corpus::mutations);
            commands.extend(found.into_iter().chain(mutations));
        }
        // Older libbpf does not survive types with random changes.
        if wanted(Comparison::Types) && args.series.last() == Some(series) {
            commands.push(merging::compare(&cache, &source, &folder, &types, args.sample)?);
        }
    }
    Ok(commands)
}

/// A program that links objects of either byte order, with the newest libbpf; it is fetched and compiled if it is not there.
pub(crate) fn linker() -> Result<std::path::PathBuf> {
    let args = Args::of_step(NEWEST, Comparison::Corpus);
    install(&args)?;
    let cache = Cache::open()?;
    let source = source::find(&cache, NEWEST, false)?;
    let libbpf = build::all(&cache, &source, &Machine::NATIVE, false)?;
    let program = libbpf.join("link");
    build::oracle_program(&source, &Machine::NATIVE, &libbpf, &program, &["link.c"])?;
    Ok(program)
}

/// The selftests of CO-RE and the fixtures.
fn core(cache: &Cache, args: &Args, machine: &Machine, folder: &Path) -> Result<Command> {
    let mut types = Vec::new();
    for name in &args.kernels {
        types.push(kernel_btf::folder(cache, &kernels::resolve(cache, name)?)?);
    }
    let mut test = cargo();
    // Optimised, as the mutations are: unoptimised it takes ten times as long, most of it to read kernels' types.
    test.args(["test", "-q", "--release", "-p", "bpf-elf", "--all-features"]);
    test.args(["--test", "selftests"]).env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    // The working folder of a test is that of its crate: no path is relative.
    test.env("BPF_SELFTESTS", folder).env("BPF_KERNELS", env::join_paths(types)?);
    if let Some(machine) = machine.foreign {
        test.env("BPF_RUNNER", format!("qemu-{machine}-static")).env("BPF_BIG_ENDIAN", "1");
        if args.sample {
            test.env("BPF_SELFTESTS_SAMPLE", "1");
        }
    }
    Ok(test)
}

/// Installs what is missing.
fn install(args: &Args) -> Result<()> {
    let llvm = [("clang", "clang"), ("llvm-objcopy", "llvm"), ("llvm-strip", "llvm")];
    let llvm = llvm.map(|(tool, package)| (format!("{tool}-{LLVM}"), format!("{package}-{LLVM}")));
    let libbpf = args.system_libbpf.then_some(("/usr/include/bpf/libbpf.h", "libbpf-dev"));
    let plain = NEEDED.into_iter().chain(libbpf);
    if args.big_endian {
        big_endian::tools()?;
    }
    let missing: Vec<String> = plain
        .map(|(name, package)| (name.to_owned(), package.to_owned()))
        .chain(llvm)
        .filter(|(name, _)| !in_path(name))
        .map(|(_, package)| package)
        .collect();
    apt::install(&missing.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Where the source of the program that asks libbpf is.
fn oracle() -> std::path::PathBuf {
    root().join("testdata/oracle")
}
