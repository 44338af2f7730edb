//! The compiled fixtures: made from their C sources, and held together with them by a manifest.
//!
//! Compiling needs the pinned clang. Checking needs nothing but the files, and runs as a plain test too: whoever changes a source without
//! compiling it, or an object without its source, is told.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser;
use sha2::{Digest as _, Sha256};

use crate::{apt, process, selftests};

/// Major version of the clang and the LLVM tools that make the objects: the only place that says so.
pub(crate) const LLVM: &str = "22";

/// Both byte orders: the word in the target's name and in the name of the object.
const ORDERS: [(&str, &str); 2] = [("bpfel", "el"), ("bpfeb", "eb")];

/// What every source is compiled with. No flag names a path of the machine: sources are compiled from their folder, and the debug
/// information takes the folder's name from `-fdebug-compilation-dir`.
const FLAGS: [&str; 12] = [
    "-mcpu=v3",
    "-O2",
    "-g",
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-parameter",
    "-fno-ident",
    "-nostdinc",
    "-fdebug-compilation-dir=testdata/bpf",
    "-c",
];

/// Folder, in that of the sources and in that of the objects, of what is only read linked.
const LINK: &str = "link";

/// What libbpf makes of objects of that folder: the judge of the linker. That of bpftool links little-endian objects only.
const LINKED: [(&str, [&str; 2]); 2] = [
    ("link/linked-el.o", ["link/first-el.o", "link/second-el.o"]),
    ("link/linked-eb.o", ["link/first-eb.o", "link/second-eb.o"]),
];

/// A comment that begins a source and gives it further flags.
const MORE_FLAGS: &str = "// clang: ";

const MANIFEST: &str = "manifest.txt";
const HEAD: &str = "# Made by `cargo xtask fixtures`: which sources, compiler and flags made which objects (SHA-256). Not to be edited.\n";

/// Compile the C fixtures in testdata for both byte orders
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Compile nothing: tell whether sources, objects and manifest belong together
    #[arg(long)]
    check: bool,
}

/// The task `fixtures`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let testdata = process::root().join("testdata");
    if args.check {
        check(&testdata)?;
        println!("the fixtures are what their sources say");
        return Ok(());
    }
    let changed = make(&testdata)?;
    for name in &changed {
        println!("changed: {name}");
    }
    match changed.as_slice() {
        [] => println!("nothing changed"),
        _ => println!(
            "then renew what the tests expect: BLESS=1 cargo test -p bpf-elf --all-features --test golden"
        ),
    }
    Ok(())
}

/// What a manifest holds: by file name, sorted.
#[derive(Debug, PartialEq, Eq, Default)]
struct Manifest {
    compiler: String,
    flags: String,
    sources: BTreeMap<String, String>,
    objects: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of the files as they are.
    fn of(testdata: &Path, compiler: String) -> Result<Self> {
        let mut sources = hashes(&testdata.join("bpf"), "c")?;
        sources.extend(hashes(&testdata.join("bpf"), "h")?);
        let objects = hashes(&testdata.join("elf"), "o")?;
        Ok(Self { compiler, flags: FLAGS.join(" "), sources, objects })
    }

    fn parse(text: &str) -> Result<Self> {
        let mut manifest = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) =
                line.split_once(' ').with_context(|| format!("no value: {line:?}"))?;
            let pair = || value.split_once(' ').with_context(|| format!("no hash: {line:?}"));
            match key {
                "compiler" => value.clone_into(&mut manifest.compiler),
                "flags" => value.clone_into(&mut manifest.flags),
                "source" => {
                    let (hash, name) = pair()?;
                    manifest.sources.insert(name.to_owned(), hash.to_owned());
                }
                "object" => {
                    let (hash, name) = pair()?;
                    manifest.objects.insert(name.to_owned(), hash.to_owned());
                }
                _ => bail!("unknown line: {line:?}"),
            }
        }
        Ok(manifest)
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}compiler {}\nflags {}\n", self.compiler, self.flags);
        for (kind, files) in [("source", &self.sources), ("object", &self.objects)] {
            for (name, hash) in files {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{kind} {hash} {name}");
            }
        }
        text
    }

    /// What is wrong with files when this is what the manifest says about them.
    fn complaints(&self, found: &Self) -> Vec<String> {
        let mut complaints = Vec::new();
        if !self.compiler.starts_with(&format!("{LLVM}.")) {
            complaints.push(format!("compiled with clang {}, not with {LLVM}", self.compiler));
        }
        if self.flags != found.flags {
            complaints.push("compiled with other flags".to_owned());
        }
        for (listed, there) in [(&self.sources, &found.sources), (&self.objects, &found.objects)] {
            for (name, hash) in listed {
                match there.get(name) {
                    None => complaints.push(format!("{name} is gone")),
                    Some(now) if now != hash => complaints.push(format!("{name} was changed")),
                    Some(_) => {}
                }
            }
            let new = there.keys().filter(|name| !listed.contains_key(*name));
            complaints.extend(new.map(|name| format!("{name} is new")));
        }
        for source in found.sources.keys().filter_map(|name| name.strip_suffix(".c")) {
            for (_, order) in ORDERS {
                let object = object_name(source, order);
                if !found.objects.contains_key(&object) {
                    complaints.push(format!("{object} is not there"));
                }
            }
        }
        for object in found.objects.keys().filter(|object| !is_linked(object)) {
            let source = object.rsplit_once('-').map_or("", |(source, _)| source);
            if !found.sources.contains_key(&format!("{source}.c")) {
                complaints.push(format!("{object} has no source"));
            }
        }
        complaints
    }
}

fn is_linked(object: &str) -> bool {
    LINKED.iter().any(|(linked, _)| *linked == object)
}

fn object_name(source: &str, order: &str) -> String {
    format!("{source}-{order}.o")
}

/// Whether sources and objects are those that the manifest lists.
pub(crate) fn check(testdata: &Path) -> Result<()> {
    let path = testdata.join(MANIFEST);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest = Manifest::parse(&text).with_context(|| format!("in {}", path.display()))?;
    let found = Manifest::of(testdata, manifest.compiler.clone())?;
    let complaints = manifest.complaints(&found);
    if !complaints.is_empty() {
        bail!(
            "sources and objects do not belong together ({}): run `cargo xtask fixtures`",
            complaints.join(", ")
        );
    }
    Ok(())
}

/// Compiles everything, and gives back the names of the objects that are other than before.
fn make(testdata: &Path) -> Result<Vec<String>> {
    let clang = format!("clang-{LLVM}");
    let strip = format!("llvm-strip-{LLVM}");
    if [&clang, &strip].into_iter().any(|tool| version(tool).is_err()) {
        apt::install(&[&clang, &format!("llvm-{LLVM}")])?;
    }
    let compiler = version(&clang)?;

    let sources = testdata.join("bpf");
    let objects = testdata.join("elf");
    let fresh = tempfile::tempdir().context("cannot make a temporary folder")?;
    fs::create_dir(fresh.path().join(LINK)).context("cannot make a temporary folder")?;
    for file in names(&sources, "c")? {
        let name = file.strip_suffix(".c").unwrap_or(&file);
        let text = read(&sources.join(&file))?;
        let more = more_flags(&text);
        for (target, order) in ORDERS {
            let object = fresh.path().join(object_name(name, order));
            let mut compile = Command::new(&clang);
            compile.current_dir(&sources).args(["-target", target]).args(FLAGS).args(&more);
            process::capture(compile.arg(&file).arg("-o").arg(&object))?;
            // DWARF goes, BTF stays.
            process::capture(Command::new(&strip).arg("-g").arg(&object))?;
        }
    }

    link(fresh.path())?;

    fs::create_dir_all(objects.join(LINK)).context("cannot make the folder of the objects")?;
    let mut changed = Vec::new();
    for name in names(&objects, "o")? {
        if !fresh.path().join(&name).exists() {
            fs::remove_file(objects.join(&name))
                .with_context(|| format!("cannot remove {name}"))?;
            changed.push(name);
        }
    }
    for name in names(fresh.path(), "o")? {
        let new =
            fs::read(fresh.path().join(&name)).with_context(|| format!("cannot read {name}"))?;
        let place = objects.join(&name);
        if fs::read(&place).ok().as_ref() != Some(&new) {
            fs::write(&place, new).with_context(|| format!("cannot write {}", place.display()))?;
            changed.push(name);
        }
    }
    let manifest = Manifest::of(testdata, compiler)?;
    fs::write(testdata.join(MANIFEST), manifest.text()).context("cannot write the manifest")?;
    Ok(changed)
}

/// Links what is to be read linked: with bpftool, and with the newest libbpf what that one cannot.
fn link(objects: &Path) -> Result<()> {
    if process::capture(Command::new("bpftool").arg("version")).is_err() {
        apt::install(&["bpftool"])?;
    }
    let [(little, parts), (big, big_parts)] = LINKED;
    let mut link = Command::new("bpftool");
    link.current_dir(objects).args(["gen", "object", little]).args(parts);
    process::capture(&mut link)?;
    let mut link = Command::new(selftests::linker()?);
    process::capture(link.current_dir(objects).arg(big).args(big_parts))?;
    Ok(())
}

/// Flags that a source asks for in its first line.
fn more_flags(source: &str) -> Vec<&str> {
    let first = source.lines().next().unwrap_or_default();
    first.strip_prefix(MORE_FLAGS).unwrap_or_default().split_whitespace().collect()
}

/// The version of an LLVM tool, such as `22.1.8`: what follows the word in the first line that has it, without the packager's part.
fn version(tool: &str) -> Result<String> {
    let text = process::capture(Command::new(tool).arg("--version"))?;
    let (_, rest) =
        text.split_once("version ").with_context(|| format!("{tool} gives no version"))?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    Ok(rest.get(..end).unwrap_or_default().to_owned())
}

/// Names of the files with an ending, in a folder and the one below it, sorted.
fn names(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (below, prefix) in [(folder.to_owned(), ""), (folder.join(LINK), "link/")] {
        if !below.exists() {
            continue;
        }
        let entries =
            fs::read_dir(&below).with_context(|| format!("cannot list {}", below.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", below.display()))?.path();
            if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.file_name().map(|name| name.to_string_lossy());
                names.extend(name.map(|name| format!("{prefix}{name}")));
            }
        }
    }
    names.sort();
    Ok(names)
}

fn hashes(folder: &Path, ending: &str) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    for name in names(folder, ending)? {
        let path = folder.join(&name);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let hash = Sha256::digest(&bytes).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        hashes.insert(name, hash);
    }
    Ok(hashes)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_in_objects_are_made_from_the_checked_in_sources() {
        check(&process::root().join("testdata")).unwrap();
    }

    fn manifest(sources: &[(&str, &str)], objects: &[(&str, &str)]) -> Manifest {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|&(name, hash)| (name.to_owned(), hash.to_owned())).collect()
        };
        Manifest {
            compiler: format!("{LLVM}.1.0"),
            flags: "-O2".to_owned(),
            sources: owned(sources),
            objects: owned(objects),
        }
    }

    #[test]
    fn a_manifest_reads_back_as_written() {
        let manifest =
            manifest(&[("a.c", "01"), ("b.h", "02")], &[("a-el.o", "03"), ("a-eb.o", "04")]);
        assert_eq!(Manifest::parse(&manifest.text()).unwrap(), manifest);
        for text in ["source 01", "compiler", "colour red"] {
            assert!(Manifest::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_difference_is_told() {
        type Files<'a> = &'a [(&'a str, &'a str)];
        let sources: Files<'_> = &[("a.c", "1"), ("b.h", "2")];
        let objects: Files<'_> = &[("a-eb.o", "3"), ("a-el.o", "4")];
        let rows: &[(Files<'_>, Files<'_>, &[&str])] = &[
            (sources, objects, &[]),
            (&[("a.c", "9"), ("b.h", "2")], objects, &["a.c was changed"]),
            (&[("a.c", "1"), ("b.h", "9")], objects, &["b.h was changed"]),
            (&[("a.c", "1")], objects, &["b.h is gone"]),
            (&[("a.c", "1"), ("b.h", "2"), ("c.h", "5")], objects, &["c.h is new"]),
            (sources, &[("a-eb.o", "3"), ("a-el.o", "9")], &["a-el.o was changed"]),
            (sources, &[("a-el.o", "4")], &["a-eb.o is gone", "a-eb.o is not there"]),
            (
                sources,
                &[("a-eb.o", "3"), ("a-el.o", "4"), ("c-el.o", "5")],
                &["c-el.o is new", "c-el.o has no source"],
            ),
        ];
        for &(now, made, expected) in rows {
            let complaints = manifest(sources, objects).complaints(&manifest(now, made));
            assert_eq!(complaints, expected, "{now:?} {made:?}");
        }
        let mut other = manifest(sources, objects);
        other.flags = "-O1".to_owned();
        other.compiler = "3.9.1".to_owned();
        assert_eq!(other.complaints(&manifest(sources, objects)).len(), 2);
    }

    #[test]
    fn a_source_may_ask_for_flags_in_its_first_line() {
        for (source, flags) in [
            ("// clang: -g0 -mcpu=v4\n#include", &["-g0", "-mcpu=v4"][..]),
            ("// Words.\n// clang: -g0\n", &[]),
            ("", &[]),
        ] {
            assert_eq!(more_flags(source), flags, "{source:?}");
        }
    }
}
