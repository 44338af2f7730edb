//! The corpus: every BPF program of the kernel's selftests as an object in both byte orders, and its comparison with libbpf.
//!
//! The programs are compiled without the selftests' Makefile, which wants a configured kernel. Their types come from `vmlinux.h` of
//! Debian's linux-bpf-dev, the headers of the interface from linux-libc-dev, both of the version of the source.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use super::build::{self, PROGRAMS, files, stem};
use super::machine::Machine;
use super::source::Source;
use crate::apt::{self, Apt};
use crate::cache::{self, Cache};
use crate::fixtures::LLVM;
use crate::process::{self, cargo};

/// Flags of the selftests' Makefile, as far as they change the object.
const FLAGS: [&str; 10] = [
    "-mcpu=v3",
    "-O2",
    "-g",
    "-std=gnu11",
    "-w",
    "-fno-strict-aliasing",
    "-fms-extensions",
    "-Wno-microsoft-anon-tag",
    "-DENABLE_ATOMICS_TESTS",
    "-D__TARGET_ARCH_x86",
];

/// The byte orders: the folder, and the target of clang. Both are compiled as for one machine, or they would not be the same programs.
const ORDERS: [(&str, &str); 2] = [("el", "bpfel"), ("eb", "bpfeb")];

/// Mutations of each object of the sample and byte order.
const MUTATIONS: &str = "100";

/// Of the sample: about this share of all, by their names.
const SHARE: u32 = 11;

/// And those that hold something which few others do.
const ODD: [&str; 25] = [
    "arena_htab",
    "arena_list",
    "bad_struct_ops",
    "bpf_cubic",
    "bpf_qdisc_fq",
    "exceptions",
    "exceptions_fail",
    "freplace_unreliable_prog",
    "kfunc_module_order",
    "kptr_xchg_inline",
    "linked_list",
    "missing_map",
    "prog_array_init",
    "sockmap_parse_prog",
    "struct_ops_module",
    "test_btf_map_in_map",
    "test_core_extern",
    "test_custom_sec_handlers",
    "test_global_percpu_data",
    "test_ksyms_weak",
    "test_pinning_invalid",
    "test_sk_assign",
    "test_subprogs",
    "test_urandom_usdt",
    "verifier_gotox",
];

/// What libbpf's static linker makes of several programs: a name, and theirs. Functions that a stronger one wins over leave gaps in the code.
const LINKED: [(&str, &[&str]); 5] = [
    ("linked_funcs", &["linked_funcs1", "linked_funcs2"]),
    ("linked_maps", &["linked_maps1", "linked_maps2"]),
    ("linked_vars", &["linked_vars1", "linked_vars2"]),
    ("test_static_linked", &["test_static_linked1", "test_static_linked2"]),
    ("test_subskeletons", &["test_subskeleton_lib2", "test_subskeleton_lib", "test_subskeleton"]),
];

/// A libbpf: its source, and the folder where it is compiled.
#[derive(Clone, Copy)]
pub(super) struct Libbpf<'a> {
    pub(super) source: &'a Source,
    pub(super) folder: &'a Path,
}

/// Compiles what is not compiled yet. Gives the commands that compare. `types` is a folder like /sys/kernel/btf.
///
/// libbpf links objects of another byte order than its own since 1.6: those the newest one links, whatever series they are of.
pub(super) fn compare(
    cache: &Cache,
    own: Libbpf<'_>,
    newest: Libbpf<'_>,
    types: &Path,
    sample: bool,
) -> Result<[Command; 3]> {
    let Libbpf { source, folder: libbpf } = own;
    let folder = objects(cache, [own, newest], sample)?;
    build::oracle_program(source, &Machine::NATIVE, libbpf, &folder.join("open"), &["open.c"])?;
    let mut test = cargo();
    // Optimised, as the mutations are: unoptimised it takes ten times as long, most of it to link.
    test.args(["test", "-q", "--release", "-p", "bpf-elf", "--all-features", "--test", "corpus"]);
    test.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    // Specs of the same objects are written and read again.
    test.args(["--test", "write"]).env("BPF_OBJECTS", &folder);
    test.env("BPF_CORPUS", &folder).env("BPF_CORPUS_TYPES", types);
    test.env("BPF_CORPUS_RELOCATE", libbpf.join("relocate"));
    if sample {
        test.env("BPF_CORPUS_SAMPLE", folder.join("sample.txt"));
    }
    // The fixtures are linked by this libbpf as well, not only by that of bpftool.
    let mut link = cargo();
    link.args(["test", "-q", "-p", "bpf-elf", "--all-features", "--test", "tools", "link::"]);
    link.env("BPF_LINKER", folder.join("el/link"));
    // Instructions are held against LLVM, which shows each of them.
    let mut code = cargo();
    code.args(["test", "-q", "--release", "-p", "bpf-asm", "--test", "corpus"]);
    code.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true").env("BPF_CORPUS", &folder);
    if sample {
        code.env("BPF_CORPUS_SAMPLE", folder.join("sample.txt"));
    } else {
        // And, loaded into this kernel, against bpftool. Nothing is attached.
        code.args(["--test", "xlated"]).env("BPF_XLATED", folder.join("el"));
    }
    Ok([test, link, code])
}

/// The command that reads mutations of the sample: what [`compare`] was asked for has compiled it.
pub(super) fn mutations(compare: &Command) -> Option<Command> {
    let mut test = cargo();
    // Optimised, or it takes long; with the checks that turn a silent overflow into a panic: as in the step of the fixtures.
    test.args(["test", "--release", "-q", "-p", "bpf-elf", "--all-features", "--test", "mutation"]);
    test.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true").env("BPF_MUTATIONS", MUTATIONS);
    for name in ["BPF_CORPUS", "BPF_CORPUS_SAMPLE"] {
        let (_, value) = compare.get_envs().find(|(found, _)| *found == name)?;
        test.env(name, value?);
    }
    Some(test)
}

/// The folder with the objects: `el` and `eb`.
fn objects(cache: &Cache, linkers: [Libbpf<'_>; 2], sample: bool) -> Result<PathBuf> {
    let [Libbpf { source, folder: libbpf }, _] = linkers;
    let clang = format!("clang-{LLVM}");
    let version = process::capture(Command::new(&clang).arg("--version"))?;
    let key = cache::sha256(format!("{version}{}", FLAGS.join(" ")).as_bytes());
    let key: String = key.chars().take(16).collect();
    let folder = cache.folder(&format!("corpus/{}-{key}", source.name()))?;
    let headers = headers(cache, source)?;

    let mut sources = files(&source.path(PROGRAMS), &[""], "c")?;
    ensure!(!sources.is_empty(), "no programs in {}", source.path(PROGRAMS).display());
    if sample {
        sources.retain(|path| is_sampled(&stem(path).to_string_lossy()));
        let names = sources.iter().map(|path| stem(path).display().to_string());
        let linked = LINKED.iter().map(|(name, _)| (*name).to_owned());
        let names: Vec<_> = names.chain(linked).collect();
        cache::write(&folder.join("sample.txt"), names.join("\n"))?;
    }
    for ((order, target), linker) in ORDERS.into_iter().zip(linkers) {
        let place = cache.folder(&format!("corpus/{}-{key}/{order}", source.name()))?;
        let missing: Vec<_> = sources
            .iter()
            .filter(|path| !made(&place, path, "o").exists() && !made(&place, path, "log").exists())
            .collect();
        let compile = |path: &Path| {
            one(&clang, &flags(source, libbpf, &headers, target)?, path, &place, cache)
        };
        parallel(&missing, compile)?;
        let failed: Vec<_> =
            sources.iter().filter(|path| made(&place, path, "log").exists()).collect();
        println!("{} {order}: {} programs", source.name(), sources.len());
        for path in &failed {
            println!("  not compiled: {}", stem(path).display());
        }
        link(linker, &place)?;
        ensure!(failed.is_empty(), "{} programs in {}", failed.len(), place.display());
    }
    Ok(folder)
}

/// Whether a program belongs to the sample. The names decide, so the sample is the same everywhere.
fn is_sampled(name: &str) -> bool {
    let digest = name
        .bytes()
        .fold(0x811c_9dc5_u32, |digest, byte| (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let linked = LINKED.iter().any(|(_, parts)| parts.contains(&name));
    linked || ODD.contains(&name) || digest % SHARE == 0
}

/// Links what belongs together.
fn link(libbpf: Libbpf<'_>, place: &Path) -> Result<()> {
    let linker = place.join("link");
    build::oracle_program(libbpf.source, &Machine::NATIVE, libbpf.folder, &linker, &["link.c"])?;
    for (name, parts) in LINKED {
        let object = place.join(name).with_extension("o");
        if object.exists() {
            continue;
        }
        // An ending that no object has, until it is whole.
        let fresh = place.join(name).with_extension("part");
        let parts = parts.iter().map(|part| place.join(part).with_extension("o"));
        process::capture(Command::new(&linker).arg(&fresh).args(parts))?;
        cache::publish(&fresh, &object)?;
    }
    Ok(())
}

fn made(place: &Path, source: &Path, extension: &str) -> PathBuf {
    place.join(stem(source)).with_extension(extension)
}

/// Compiles one program, without the debug information that only debuggers read. What does not compile leaves a log.
fn one(clang: &str, flags: &[String], path: &Path, place: &Path, cache: &Cache) -> Result<()> {
    let scratch = cache.scratch()?;
    let object = made(scratch.path(), path, "o");
    let mut compile = Command::new("nice");
    compile.arg(clang).args(flags).arg("-c").arg(path).arg("-o").arg(&object);
    let output = process::output(&mut compile)?;
    if !output.status.success() {
        return cache::write(&made(place, path, "log"), output.stderr);
    }
    process::capture(Command::new(format!("llvm-strip-{LLVM}")).arg("-g").arg(&object))?;
    cache::publish(&object, &made(place, path, "o"))
}

fn flags(source: &Source, libbpf: &Path, headers: &Path, target: &str) -> Result<Vec<String>> {
    // Only the compiler knows where the machine's headers for its own architecture are.
    let multiarch = process::capture(Command::new("cc").arg("-print-multiarch"))?;
    let selftests = source.path("tools/testing/selftests/bpf");
    let system = Path::new("/usr/include");
    let included = [
        headers.to_path_buf(),
        libbpf.join("include"),
        selftests.clone(),
        selftests.join("progs"),
        selftests.join("libarena/include"),
        selftests.join("test_kmods"),
        source.path("tools/include/uapi"),
        headers.join("include"),
        headers.join("include").join("x86_64-linux-gnu"),
    ];
    let behind = [system.join(multiarch.trim()), system.to_path_buf()];
    let mut flags: Vec<String> = FLAGS.map(str::to_owned).into();
    flags.push(format!("--target={target}"));
    flags.extend(included.map(|path| format!("-I{}", path.display())));
    flags.extend(
        behind
            .into_iter()
            .flat_map(|path| [String::from("-idirafter"), path.display().to_string()]),
    );
    Ok(flags)
}

/// The folder with `vmlinux.h` and, in `include`, the headers of the kernel's interface.
fn headers(cache: &Cache, source: &Source) -> Result<PathBuf> {
    let folder = cache.folder("selftests-headers")?.join(source.name());
    if folder.is_dir() {
        return Ok(folder);
    }
    let apt = Apt::open(cache)?;
    apt.update()?;
    let scratch = cache.scratch()?;
    let (tree, fresh) = (scratch.path().join("tree"), scratch.path().join("fresh"));
    for name in ["linux-bpf-dev", "linux-libc-dev"] {
        let version = same_series(&apt, name, &source.name())?;
        let package = apt.download(&format!("{name}={version}"), scratch.path())?;
        apt::unpack(&package, &tree)?;
    }
    let include = tree.join("usr/include");
    fs::create_dir_all(fresh.join("uapi/linux"))
        .with_context(|| format!("cannot make {}", fresh.display()))?;
    let types = cache::read_text(&include.join("x86_64-linux-gnu/linux/bpf/vmlinux.h"))?;
    cache::write(&fresh.join("vmlinux.h"), with_module_types(types)?)?;
    // Since 7.0 `tools/include/linux/filter.h` asks for this one by a name of the source tree.
    fs::copy(include.join("linux/filter.h"), fresh.join("uapi/linux/filter.h"))
        .context("linux-libc-dev without linux/filter.h")?;
    fs::rename(&include, fresh.join("include")).context("cannot move the headers")?;
    cache::publish(&fresh, &folder)?;
    Ok(folder)
}

/// The version of a package that fits a source: the same, or else the newest of its series.
fn same_series(apt: &Apt, package: &str, version: &str) -> Result<String> {
    let versions = apt.versions(package)?;
    let mut parts = version.split('.');
    let series =
        format!("{}.{}.", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let same = versions.iter().find(|found| *found == version);
    let same = same.or_else(|| versions.iter().find(|found| found.starts_with(&series)));
    same.cloned().with_context(|| format!("no {package} of the series {series}x"))
}

/// Adds what programs take for granted and only a module's types have.
fn with_module_types(mut types: String) -> Result<String> {
    const VXLAN: &str = "struct vxlanhdr";
    if !types.contains(&format!("{VXLAN} {{")) {
        let end = types.rfind("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX");
        let end = end.or_else(|| types.rfind("#pragma clang attribute pop"));
        let end = end.context("vmlinux.h has another end than it used to have")?;
        types.insert_str(end, &format!("{VXLAN} {{ __be32 vx_flags; __be32 vx_vni; }};\n"));
    }
    Ok(types)
}

/// Does something with all paths on all processors; the first that fails is the error.
fn parallel(paths: &[&PathBuf], work: impl Fn(&Path) -> Result<()> + Sync) -> Result<()> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = work(path) {
                        next.store(paths.len(), Ordering::Relaxed);
                        if let Ok(mut failure) = failure.lock() {
                            failure.get_or_insert(error);
                        }
                    }
                }
            });
        }
    });
    match failure.into_inner() {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(error),
        Err(_) => bail!("a thread ended by a panic"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_small_part_and_has_what_is_odd() {
        let names = (0..1000).map(|number| format!("program_{number}"));
        let count = names.filter(|name| is_sampled(name)).count();
        assert!((60..130).contains(&count), "{count} of 1000");
        assert!(ODD.iter().all(|name| is_sampled(name)));
    }

    #[test]
    fn a_type_that_is_missing_goes_before_the_end() {
        let end = "#pragma clang attribute pop\n";
        let made = with_module_types(format!("struct a {{}};\n{end}")).unwrap();
        assert!(made.ends_with(end) && made.contains("struct vxlanhdr {"), "{made}");
        assert_eq!(with_module_types(made.clone()).unwrap(), made);
        assert!(with_module_types("struct a {};".to_owned()).is_err());
    }

    #[test]
    fn work_that_fails_is_told() {
        let paths = ["a", "b", "c"].map(PathBuf::from);
        let paths: Vec<_> = paths.iter().collect();
        assert!(parallel(&paths, |_| Ok(())).is_ok());
        let failed = parallel(&paths, |path| {
            ensure!(path != Path::new("b"), "no b");
            Ok(())
        });
        assert_eq!(failed.unwrap_err().to_string(), "no b");
    }
}
