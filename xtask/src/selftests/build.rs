//! libbpf, the selftests of CO-RE, and the program that asks libbpf about them.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};

use super::machine::Machine;
use super::oracle;
use super::source::Source;
use crate::apt::Apt;
use crate::cache::{self, Cache};
use crate::fixtures::LLVM;
use crate::process;

/// Where the selftests' programs are.
pub(super) const PROGRAMS: &str = "tools/testing/selftests/bpf/progs";
/// Beginnings of their names: objects to relocate.
const OBJECTS: [&str; 2] = ["test_core_", "core_kern"];
/// And types to relocate them against.
const TARGETS: [&str; 1] = ["btf__core_reloc_"];

/// What they are compiled with: as far as it matters, the selftests' own flags. Without hosted headers no libc for another word size
/// is needed.
const FLAGS: [&str; 10] = [
    "-mcpu=v3",
    "-O2",
    "-g",
    "-std=gnu11",
    "-ffreestanding",
    "-fno-strict-aliasing",
    "-fms-extensions",
    "-w",
    "-D__TARGET_ARCH_x86",
    "-D__x86_64__",
];

/// What libbpf is compiled with.
const LIBRARY_FLAGS: [&str; 6] =
    ["-O1", "-g", "-w", "-D_GNU_SOURCE", "-D_LARGEFILE64_SOURCE", "-D_FILE_OFFSET_BITS=64"];

/// The program that asks libbpf.
const ORACLE: [&str; 2] = ["relocate.c", "no_kernel.c"];
/// What it puts itself in the way of.
const WRAPPED: [&str; 4] = ["syscall", "open64", "fopen64", "faccessat"];

/// The static libraries of another machine, as Debian has them.
fn foreign(cache: &Cache, machine: &Machine, into: &Path) -> Result<()> {
    let Some(architecture) = machine.foreign else { return Ok(()) };
    let apt = Apt::foreign(cache, architecture)?;
    apt.update()?;
    let scratch = cache.scratch()?;
    for name in ["libelf-dev", "zlib1g-dev"] {
        let package = apt.download(&format!("{name}:{architecture}"), scratch.path())?;
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(&package.path).arg(into.join("foreign"));
        process::capture(&mut unpack)?;
    }
    Ok(())
}

/// Compiles what is not compiled yet. Gives the folder with `objects`, `targets` and the program `relocate`.
pub(super) fn all(
    cache: &Cache,
    source: &Source,
    machine: &Machine,
    system_libbpf: bool,
) -> Result<PathBuf> {
    let clang = format!("clang-{LLVM}");
    let version = process::capture(Command::new(&clang).arg("--version"))?;
    let key = format!("{version}{}{}", FLAGS.join(" "), LIBRARY_FLAGS.join(" "));
    let key: String = cache::sha256(key.as_bytes()).chars().take(16).collect();
    let name = match machine.foreign {
        None => format!("{}-{key}", source.name()),
        Some(machine) => format!("{}-{key}-{machine}", source.name()),
    };
    let folder = cache.folder("selftests-built")?.join(name);
    if !folder.is_dir() {
        let scratch = cache.scratch()?;
        let fresh = scratch.path().join("built");
        headers(source, &fresh.join("include"))?;
        foreign(cache, machine, &fresh)?;
        library(source, machine, &fresh)?;
        programs(source, machine, &fresh, &clang)?;
        cache::publish(&fresh, &folder)?;
    }

    // This one is ours and changes: it is made each time.
    let program = folder.join("relocate");
    if system_libbpf {
        let mut compile = oracle_command(&Machine::NATIVE, &folder, &program, &ORACLE);
        process::capture(compile.args(["-l:libbpf.a", "-lelf", "-lz"]))?;
    } else {
        oracle_program(source, machine, &folder, &program, &ORACLE)?;
    }
    Ok(folder)
}

/// Compiles a program that asks the libbpf in `libbpf`.
pub(super) fn oracle_program(
    source: &Source,
    machine: &Machine,
    libbpf: &Path,
    program: &Path,
    sources: &[&str],
) -> Result<()> {
    let mut compile = oracle_command(machine, libbpf, program, sources);
    compile.arg("-I").arg(libbpf.join("include"));
    compile.arg("-idirafter").arg(source.path("tools/include/uapi"));
    compile.arg(libbpf.join("libbpf.a"));
    if let Some(libraries) = machine.libraries(libbpf) {
        compile.arg("-static").arg("-L").arg(libraries);
    }
    process::capture(compile.args(["-lelf", "-lz"])).map(drop)
}

fn oracle_command(machine: &Machine, libbpf: &Path, program: &Path, sources: &[&str]) -> Command {
    let mut compile = Command::new(machine.compiler);
    compile.args(["-Wall", "-Wextra", "-Werror", "-O1", "-o"]).arg(program);
    for headers in machine.headers(libbpf) {
        compile.arg("-I").arg(headers);
    }
    if sources.contains(&"no_kernel.c") {
        compile.args(WRAPPED.map(|name| format!("-Wl,--wrap={name}")));
    }
    compile.args(sources.iter().map(|name| oracle().join(name)));
    compile
}

/// The headers of libbpf that programs include, and the two that are generated.
fn headers(source: &Source, into: &Path) -> Result<()> {
    let place = into.join("bpf");
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    for header in files(&source.path("tools/lib/bpf"), &[""], "h")? {
        let name = header.file_name().unwrap_or_default();
        fs::copy(&header, place.join(name))
            .with_context(|| format!("cannot copy {}", header.display()))?;
    }
    let mut helpers = Command::new("python3");
    helpers.arg(source.path("scripts/bpf_doc.py")).args(["--header", "--file"]);
    helpers.arg(source.path("tools/include/uapi/linux/bpf.h"));
    cache::write(&place.join("bpf_helper_defs.h"), process::capture(&mut helpers)?)?;
    let mut types = Command::new("bpftool");
    types.args(["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"]);
    cache::write(&into.join("vmlinux.h"), process::capture(&mut types)?)
}

/// libbpf as a static library.
fn library(source: &Source, machine: &Machine, into: &Path) -> Result<()> {
    let place = source.path("tools/lib/bpf");
    let objects = into.join("library");
    fs::create_dir_all(&objects).with_context(|| format!("cannot make {}", objects.display()))?;
    let mut commands = Vec::new();
    let mut made = Vec::new();
    for file in files(&place, &[""], "c")? {
        let object = objects.join(stem(&file)).with_extension("o");
        let mut compile = Command::new(machine.compiler);
        compile.args(LIBRARY_FLAGS);
        for headers in machine.headers(into) {
            compile.arg("-I").arg(headers);
        }
        compile.arg("-I").arg(&place);
        compile.arg("-I").arg(source.path("tools/include"));
        compile.arg("-I").arg(source.path("tools/include/uapi"));
        compile.arg("-c").arg(&file).arg("-o").arg(&object);
        commands.push(compile);
        made.push(object);
    }
    run(commands)?;
    let mut archive = Command::new(machine.archiver);
    process::capture(archive.arg("rcs").arg(into.join("libbpf.a")).args(made)).map(drop)
}

/// The objects, and of the targets their BTF.
fn programs(source: &Source, machine: &Machine, into: &Path, clang: &str) -> Result<()> {
    let place = source.path(PROGRAMS);
    // Only the compiler knows where the machine's headers for its own architecture are.
    let multiarch = process::capture(Command::new("cc").arg("-print-multiarch"))?;
    let compile = |file: &Path, object: &Path| {
        let mut compile = Command::new(clang);
        compile
            .arg(format!("--target={}", machine.bpf))
            .args(FLAGS)
            .arg("-I")
            .arg(into.join("include"));
        compile.arg("-I").arg(&place).arg("-I").arg(source.path("tools/include/uapi"));
        compile.arg("-idirafter").arg(Path::new("/usr/include").join(multiarch.trim()));
        compile.args(["-idirafter", "/usr/include"]).arg("-c").arg(file).arg("-o").arg(object);
        compile
    };
    let [objects, targets] = ["objects", "targets"].map(|name| into.join(name));
    for folder in [&objects, &targets] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for file in files(&place, &OBJECTS, "c")? {
        first.push(compile(&file, &objects.join(stem(&file)).with_extension("o")));
    }
    for file in files(&place, &TARGETS, "c")? {
        let object = targets.join(stem(&file)).with_extension("o");
        first.push(compile(&file, &object));
        let mut dump = Command::new(format!("llvm-objcopy-{LLVM}"));
        dump.arg("--dump-section").arg(format!(".BTF={}", object.with_extension("btf").display()));
        dump.arg(&object).arg("/dev/null");
        second.push(dump);
    }
    ensure!(!second.is_empty(), "no selftests of CO-RE in {}", place.display());
    run(first)?;
    run(second)
}

/// Runs commands on all processors; the first that fails is the error.
fn run(commands: Vec<Command>) -> Result<()> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let slots: Vec<_> = commands.into_iter().map(std::sync::Mutex::new).collect();
    let work = || {
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Nobody else takes this slot.
            if let Ok(mut command) = slot.try_lock() {
                process::capture(&mut command)?;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| anyhow::bail!("a thread ended by a panic"))
        })
    })
}

/// The files that begin and end so, sorted.
pub(super) fn files(folder: &Path, prefixes: &[&str], extension: &str) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|found| found == extension)
            && prefixes.iter().any(|prefix| name.starts_with(prefix))
    });
    paths.sort();
    Ok(paths)
}

pub(super) fn stem(path: &Path) -> &Path {
    path.file_stem().map_or(path, Path::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_with_the_beginning_and_the_ending() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["test_core_b.c", "test_core_a.c", "test_core_a.h", "core_kern.c", "x.c"] {
            cache::write(&folder.path().join(name), "").unwrap();
        }
        let found = files(folder.path(), &OBJECTS, "c").unwrap();
        let names: Vec<_> = found.iter().map(|path| stem(path).display().to_string()).collect();
        assert_eq!(names, ["core_kern", "test_core_a", "test_core_b"]);
    }

    #[test]
    fn all_commands_run_and_a_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let touch = |name: &str| {
            let mut command = Command::new("touch");
            command.arg(folder.path().join(name));
            command
        };
        run(["a", "b", "c", "d", "e"].map(touch).into()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        let error = run(vec![touch("f"), Command::new("false")]).unwrap_err();
        assert!(error.to_string().contains("`false` failed"), "{error}");
    }
}
