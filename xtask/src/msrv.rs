//! The oldest compiler that the libraries promise: a toolchain of rustup where there is one, else Debian's package of
//! that version, unpacked into the cache.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt::{self, Apt};
use crate::cache::{self, Cache};
use crate::metadata;
use crate::process::{self, cargo, quote};
use crate::progress::Steps;
use crate::version;

/// What the manifests' `rust-version` promises.
const VERSION: &str = "1.85";
/// Debian's compiler of that version and its standard library: of one exact version, which differs between suites.
const COMPILER: [&str; 3] = ["rustc-web", "libstd-rust-web-1.85", "libstd-rust-web-dev"];
/// Those of them that another architecture needs.
const LIBRARY: &[&str] = &["libstd-rust-web-1.85", "libstd-rust-web-dev"];
/// What the compiler links to, from the suite that it was built in.
const LIBRARIES: [&str; 8] =
    ["libllvm19", "libz3-4", "libedit2", "libbsd0", "libmd0", "libxml2", "libicu72", "libffi8"];
const SUITE: &str = "bookworm";

/// Another suite's compiler of that version, the only one with a standard library for wasm32.
const WASM_COMPILER: [&str; 4] =
    ["rustc", "libstd-rust-1.85", "libstd-rust-dev", "libstd-rust-dev-wasm32"];
/// What that one links to. Its C library is newer than this machine's, so that it brings its own.
const WASM_LIBRARIES: [&str; 15] = [
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "zlib1g",
    "libllvm19",
    "libz3-4",
    "libedit2",
    "libbsd0",
    "libmd0",
    "libxml2",
    "libffi8",
    "libzstd1",
    "liblzma5",
    "libtinfo6",
    "libicu76",
];
const WASM_SUITE: &str = "trixie";

/// Check the library crates with the oldest compiler that they promise
pub(crate) fn run(steps: &Steps) -> Result<()> {
    let rustc = compiler(&Cache::open()?)?;
    let version = process::capture(Command::new(&rustc).arg("--version"))?;
    ensure!(
        version.starts_with(&format!("rustc {VERSION}.")),
        "not the compiler {VERSION}: {}",
        version.trim()
    );
    let packages = metadata::packages()?;
    for features in ["--no-default-features", "--all-features"] {
        let mut command = cargo();
        // Its artefacts are of no use to the usual compiler: a folder of their own keeps both.
        command.env("RUSTC", &rustc).args(["check", "--lib", "--target-dir"]);
        command.arg(metadata::target_folder()?.join("msrv")).arg(features);
        for package in metadata::libraries(&packages) {
            command.args(["-p", &package.name]);
        }
        steps.command(&mut command)?;
    }
    Ok(())
}

fn compiler(cache: &Cache) -> Result<PathBuf> {
    let mut rustup = Command::new("rustup");
    let rustup = process::output(rustup.args(["which", "rustc", "--toolchain", VERSION]));
    if let Ok(found) = rustup {
        let path = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
        if found.status.success() && path.is_file() {
            return Ok(path);
        }
    }
    let folder = cache.folder("compiler")?.join(VERSION);
    let rustc = folder.join("rustc");
    if rustc.is_file() {
        return Ok(rustc);
    }
    native(cache, &folder, None).with_context(|| {
        format!(
            "no compiler {VERSION}: `rustup toolchain install {VERSION}` is another way to have it"
        )
    })?;
    Ok(rustc)
}

/// Debian's package of the compiler, with the standard library of another architecture beside that of this machine.
/// The toolchains of rustup have that library only where somebody added it, so they are not asked.
pub(crate) fn for_architecture(cache: &Cache, architecture: &str) -> Result<PathBuf> {
    let folder = cache.folder("compiler")?.join(format!("{VERSION}-{architecture}"));
    let rustc = folder.join("rustc");
    if !rustc.is_file() {
        native(cache, &folder, Some(architecture))
            .with_context(|| format!("no compiler {VERSION} for {architecture}"))?;
    }
    Ok(rustc)
}

/// Debian's package of the compiler with a standard library for wasm32.
pub(crate) fn for_wasm(cache: &Cache) -> Result<PathBuf> {
    let folder = cache.folder("compiler")?.join(format!("{VERSION}-wasm32"));
    let rustc = folder.join("rustc");
    if !rustc.is_file() {
        let apt = Apt::suite(cache, WASM_SUITE)?;
        let scratch = cache.scratch()?;
        let tree = scratch.path().join("tree");
        fetch(&[(&apt, &WASM_COMPILER)], (&apt, WASM_SUITE, &WASM_LIBRARIES), &tree)
            .and_then(|()| publish(&tree, &folder, true))
            .with_context(|| format!("no compiler {VERSION} for wasm32"))?;
    }
    Ok(rustc)
}

fn native(cache: &Cache, folder: &Path, architecture: Option<&str>) -> Result<()> {
    let apt = Apt::open(cache)?;
    let foreign = architecture.map(|name| Apt::foreign(cache, name)).transpose()?;
    // The compiler refuses a library of another version, and libraries of two revisions of one version differ.
    let mut sources = vec![(&apt, &COMPILER[..])];
    sources.extend(foreign.as_ref().map(|apt| (apt, LIBRARY)));
    let scratch = cache.scratch()?;
    let tree = scratch.path().join("tree");
    fetch(&sources, (&apt, SUITE, &LIBRARIES), &tree)?;
    publish(&tree, folder, false)
}

/// Unpacks packages, all of the newest version that each source has, and libraries of a suite.
fn fetch(
    sources: &[(&Apt, &[&str])],
    (base, suite, libraries): (&Apt, &str, &[&str]),
    tree: &Path,
) -> Result<()> {
    for (apt, _) in sources {
        apt.update()?;
    }
    let (first, main) = sources.first().context("no source")?;
    let mut common = first.versions(main.first().context("no package")?)?;
    for (apt, packages) in sources {
        for package in *packages {
            let versions = apt.versions(package)?;
            common.retain(|version| versions.contains(version) && version.starts_with(VERSION));
        }
    }
    let newest = common.iter().max_by(|left, right| version::compare(left, right));
    let version = newest.with_context(|| format!("the mirror has no compiler {VERSION}"))?;
    fs::create_dir_all(tree).with_context(|| format!("cannot make {}", tree.display()))?;
    // One folder of one file at a time: another architecture's package has the same name.
    let files = tree.parent().context("a tree without a parent")?;
    for (apt, packages) in sources {
        for package in *packages {
            apt::unpack(&apt.download(&format!("{package}={version}"), files)?, tree)?;
        }
    }
    for package in libraries {
        apt::unpack(&base.download(&format!("{package}/{suite}"), files)?, tree)?;
    }
    Ok(())
}

/// Puts the unpacked compiler in its place, with a script that starts it. Its libraries stand where only it looks for
/// them. A shell such as dash would drop variables whose names it could not have set itself, as those that tell a test where a
/// program with a hyphen in its name is.
fn publish(tree: &Path, folder: &Path, own_c_library: bool) -> Result<()> {
    let word = |path: PathBuf| quote(&path.display().to_string());
    let libraries = folder.join("usr/lib/x86_64-linux-gnu");
    let rustc = word(folder.join("usr/bin/rustc"));
    let start = if own_c_library {
        let loader = word(libraries.join("ld-linux-x86-64.so.2"));
        let libraries = word(libraries);
        // Only the compiler runs with that C library, not the linker that it starts.
        format!("exec {loader} --library-path {libraries} --argv0 {rustc} {rustc}")
    } else {
        format!("LD_LIBRARY_PATH={} exec {rustc}", word(libraries))
    };
    let script = format!("#!/bin/bash\n{start} --sysroot {} \"$@\"\n", word(folder.join("usr")));
    let path = tree.join("rustc");
    cache::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .context("cannot make the compiler executable")?;
    cache::publish(tree, folder)
}
