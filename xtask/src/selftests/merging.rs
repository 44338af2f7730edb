//! Merged types held against libbpf's.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::build;
use super::machine::Machine;
use super::source::Source;
use crate::cache::Cache;
use crate::process::cargo;

/// The folders that `build` leaves, with objects and BTF.
const FOLDERS: [&str; 2] = ["objects", "targets"];
/// The one that the comparison of CO-RE leaves, for whichever series it was.
const CHANGED: &str = "mutated";

/// The command that compares, with libbpf of a source. `types` is a folder like /sys/kernel/btf.
pub(super) fn compare(
    cache: &Cache,
    source: &Source,
    folder: &Path,
    types: &Path,
    sample: bool,
) -> Result<Command> {
    let program = folder.join("dedup");
    build::oracle_program(source, &Machine::NATIVE, folder, &program, &["dedup.c"])?;
    let mut folders: Vec<_> = FOLDERS.iter().map(|name| folder.join(name)).collect();
    if !sample {
        folders.extend(corpus(cache, source)?);
        let built = entries(&cache.folder("selftests-built")?)?;
        // The other byte order's are in it too.
        folders.extend(built.map(|entry| entry.path().join(CHANGED)));
    }
    folders.retain(|folder| holds(folder, "o") || holds(folder, "btf"));
    let mut test = cargo();
    // Optimised, as the other comparison is.
    test.args(["test", "-q", "--release", "-p", "bpf-btf", "--all-features"]);
    test.args(["--test", "dedup_oracle", "--", "--nocapture"]);
    test.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true").env("BPF_DEDUP_ORACLE", program);
    let folders = env::join_paths(folders).context("a folder of the cache has a colon")?;
    test.env("BPF_DEDUP_OBJECTS", folders).env("BPF_DEDUP_BASES", types.join("vmlinux"));
    Ok(test)
}

fn holds(folder: &Path, extension: &str) -> bool {
    build::files(folder, &[""], extension).is_ok_and(|found| !found.is_empty())
}

/// The folders of the corpus of a source, as far as it is compiled.
fn corpus(cache: &Cache, source: &Source) -> Result<Vec<PathBuf>> {
    let prefix = format!("{}-", source.name());
    let own = entries(&cache.folder("corpus")?)?
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .flat_map(|entry| ["el", "eb"].map(|order| entry.path().join(order)));
    Ok(own.collect())
}

fn entries(folder: &Path) -> Result<impl Iterator<Item = fs::DirEntry> + use<>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    Ok(entries.flatten())
}
