//! The folder that outlives builds: kernels, a compiler, and what was found out about this machine.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// `$BPF_CORE_CACHE`, else `$XDG_CACHE_HOME/bpf-core`, else `~/.cache/bpf-core`.
#[derive(Debug, Clone)]
pub(crate) struct Cache(PathBuf);

impl Cache {
    pub(crate) fn open() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let path = variable("BPF_CORE_CACHE")
            .or_else(|| variable("XDG_CACHE_HOME").map(|path| path.join("bpf-core")))
            .or_else(|| variable("HOME").map(|path| path.join(".cache/bpf-core")))
            .context("no place for the cache: set BPF_CORE_CACHE to a folder")?;
        Self::at(&path)
    }

    pub(crate) fn at(path: &Path) -> Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("cannot make the cache folder {}", path.display()))?;
        let path =
            path.canonicalize().with_context(|| format!("cannot resolve {}", path.display()))?;
        Ok(Self(path))
    }

    /// A folder of the cache, made when it is not there.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// A file or folder of the cache, there or not.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A new empty folder on the cache's file system, removed when the value is dropped: what is
    /// complete in it is moved to its place by one rename.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir> {
        let parent = self.folder("tmp")?;
        tempfile::tempdir_in(&parent)
            .with_context(|| format!("cannot make a folder in {}", parent.display()))
    }
}

/// The SHA-256 of a file's bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a whole file; the error names it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a whole text file; the error names it.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Writes a whole file; the error names it.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Moves a complete file or folder to its place. Somebody else may have put the same there meanwhile: that is fine.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(_) if to.exists() => Ok(()),
        result => {
            result.with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn publishing_what_is_already_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for path in [&from, &to] {
            fs::create_dir(path).unwrap();
            write(&path.join("file"), "x").unwrap();
        }
        publish(&from, &to).unwrap();
        assert!(publish(&folder.path().join("absent"), &folder.path().join("nowhere")).is_err());
    }
}
