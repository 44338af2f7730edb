//! The source of a kernel, as far as the selftests and libbpf need it.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::apt::Apt;
use crate::cache::{self, Cache};
use crate::ending;
use crate::process::describe;
use crate::version;

/// What is taken out of the tree.
const PARTS: [&str; 6] = [
    "tools/lib/bpf",
    "tools/include",
    "tools/arch/x86/include",
    "tools/testing/selftests/bpf/progs",
    "tools/testing/selftests/bpf/*.h",
    "scripts/bpf_doc.py",
];

/// Its place in the cache.
const PLACE: &str = "selftests";

/// An unpacked source.
#[derive(Debug)]
pub(super) struct Source(PathBuf);

impl Source {
    /// The version of the package: `6.12.117-1`.
    pub(super) fn name(&self) -> String {
        self.0.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// The newest source of a series in the cache; fetched when there is none, or when a newer one is asked for.
pub(super) fn find(cache: &Cache, series: &str, refresh: bool) -> Result<Source> {
    let numeric = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    ensure!(series.contains('.') && series.bytes().all(numeric), "no kernel series: {series}");
    let found = at_hand(&cache.folder(PLACE)?, series)?;
    match found {
        Some(path) if !refresh => Ok(Source(path)),
        _ => fetch(cache, series).with_context(|| format!("cannot fetch the source of {series}")),
    }
}

fn at_hand(folder: &Path, series: &str) -> Result<Option<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let prefix = format!("{series}.");
    let newest = names
        .filter(|name| name.starts_with(&prefix))
        .max_by(|left, right| version::compare(left, right));
    Ok(newest.map(|name| folder.join(name)))
}

fn fetch(cache: &Cache, series: &str) -> Result<Source> {
    let apt = Apt::open(cache)?;
    apt.update()?;
    let scratch = cache.scratch()?;
    let package = apt.download(&format!("linux-source-{series}"), scratch.path())?;
    let name = package.name();
    let version = name.split('_').nth(1).context("a package file without a version")?;
    // apt writes the colon of an epoch as %3a; kernels have none.
    let place = cache.folder(PLACE)?.join(version);
    if !place.is_dir() {
        let tree = scratch.path().join("tree");
        fs::create_dir(&tree).with_context(|| format!("cannot make {}", tree.display()))?;
        unpack(&package.path, series, &tree)?;
        cache::publish(&tree, &place)?;
    }
    Ok(Source(place))
}

/// The package holds an archive that holds the source: both pass through pipes.
fn unpack(package: &Path, series: &str, into: &Path) -> Result<()> {
    let mut outer = Command::new("dpkg-deb");
    outer.arg("--fsys-tarfile").arg(package);
    let mut middle = Command::new("tar");
    middle.args(["-x", "--to-stdout", "-f", "-"]);
    middle.arg(format!("./usr/src/linux-source-{series}.tar.xz"));
    let mut inner = Command::new("tar");
    inner.args(["-x", "-J", "--strip-components=1", "--wildcards", "-f", "-", "-C"]).arg(into);
    inner.args(PARTS.map(|part| format!("linux-source-{series}/{part}")));
    pipe(&mut [outer, middle, inner])
}

/// Runs commands, each with the output of the one before it as input.
fn pipe(commands: &mut [Command]) -> Result<()> {
    let mut children = Vec::new();
    let mut input = Stdio::null();
    for command in commands.iter_mut() {
        command.stdin(input).stdout(Stdio::piped());
        let mut child = ending::spawn(command)
            .with_context(|| format!("cannot start `{}`", describe(command)))?;
        input = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
        children.push(child);
    }
    drop(input);
    // The last one knows best what is wrong; those before it end with a broken pipe.
    for (child, command) in children.iter_mut().zip(commands).rev() {
        let status = child.wait().context("cannot wait")?;
        ensure!(status.success(), "`{}` failed ({status})", describe(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_source_of_the_series_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["6.12.9-1", "6.12.117-1~deb12u1", "6.12.117-1", "6.1.200-1", "7.3.4-1"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for (series, expected) in
            [("6.12", Some("6.12.117-1")), ("6.1", Some("6.1.200-1")), ("6.13", None)]
        {
            let found = at_hand(folder.path(), series).unwrap();
            assert_eq!(found, expected.map(|name| folder.path().join(name)), "{series}");
        }
    }

    #[test]
    fn a_name_that_is_no_series_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        for series in ["", "6", "next", "../6.12", "6.12=1"] {
            let error = find(&cache, series, false).unwrap_err().to_string();
            assert!(error.contains("no kernel series"), "{error}");
        }
    }

    #[test]
    fn pipes_pass_data_on_and_tell_what_failed() {
        let shell = |text: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", text]);
            command
        };
        let mut good = [shell("echo x"), shell("tr x y"), shell("read a; test \"$a\" = y")];
        pipe(&mut good).unwrap();
        for broken in [[shell("exit 3"), shell("cat >/dev/null")], [shell("true"), shell("exit 3")]]
        {
            let mut broken = broken;
            assert!(pipe(&mut broken).unwrap_err().to_string().contains("exit 3"));
        }
    }
}
