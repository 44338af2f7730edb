//! Kernel modules: which files a module needs, in the order in which they are inserted.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cache;
use crate::ending;
use crate::kernels::Kernel;

/// A module ready to insert: plain ELF bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The modules with what they depend on, each after its dependencies. One that is built in needs nothing;
/// one that this kernel does not have is named in the second list.
pub(crate) fn with_dependencies(
    kernel: &Kernel,
    names: &[String],
) -> Result<(Vec<Module>, Vec<String>)> {
    let Some(tree) = &kernel.modules else { return Ok((Vec::new(), names.to_vec())) };
    let mut search = Search {
        kernel,
        files: files(kernel)?,
        built_in: built_in(tree)?,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    let mut absent = Vec::new();
    for name in names {
        if !search.add(&canonical(name))? {
            absent.push(name.clone());
        }
    }
    Ok((search.found, absent))
}

/// The file of each module, by the name that the running kernel gives it.
pub(crate) fn files(kernel: &Kernel) -> Result<BTreeMap<String, PathBuf>> {
    let mut files = BTreeMap::new();
    if let Some(tree) = &kernel.modules {
        index(&tree.join("kernel"), &mut files)?;
    }
    Ok(files)
}

/// Module names are written with `-` and `_` as if they were the same.
fn canonical(name: &str) -> String {
    name.trim().replace('-', "_")
}

struct Search<'kernel> {
    kernel: &'kernel Kernel,
    files: BTreeMap<String, PathBuf>,
    built_in: BTreeSet<String>,
    seen: BTreeSet<String>,
    found: Vec<Module>,
}

impl Search<'_> {
    fn add(&mut self, name: &str) -> Result<bool> {
        if self.built_in.contains(name) || !self.seen.insert(name.to_owned()) {
            return Ok(true);
        }
        let Some(path) = self.files.get(name) else { return Ok(false) };
        let packed = self.kernel.read(path)?;
        let bytes = expand(path, packed)
            .with_context(|| format!("cannot unpack the module {}", path.display()))?;
        for dependency in depends(&bytes) {
            ensure!(
                self.add(&dependency)?,
                "module {name} depends on {dependency}, which this kernel does not have"
            );
        }
        self.found.push(Module { name: name.to_owned(), bytes });
        Ok(true)
    }
}

fn index(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            index(&path, files)?;
        } else if let Some((name, _)) =
            path.file_name().and_then(|name| name.to_str()).and_then(|n| n.split_once(".ko"))
        {
            files.insert(canonical(name), path);
        }
    }
    Ok(())
}

fn built_in(tree: &Path) -> Result<BTreeSet<String>> {
    let path = tree.join("modules.builtin");
    if !path.is_file() {
        return Ok(BTreeSet::new());
    }
    let text = cache::read_text(&path)?;
    let names = text.lines().filter_map(|line| line.rsplit('/').next()?.split_once(".ko"));
    Ok(names.map(|(name, _)| canonical(name)).collect())
}

/// The names in the `depends=` entry of a module's `.modinfo` section, whose entries end with NUL.
fn depends(module: &[u8]) -> Vec<String> {
    let key = b"\0depends=";
    let Some(start) = module.windows(key.len()).position(|window| window == key) else {
        return Vec::new();
    };
    let rest = module.get(start.saturating_add(key.len())..).unwrap_or_default();
    let value = rest.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(value)
        .split(',')
        .filter(|name| !name.is_empty())
        .map(canonical)
        .collect()
}

/// The plain ELF bytes of a module's file, which tells by its name how it is packed.
pub(crate) fn expand(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => Ok(bytes),
        Some("gz") => {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain)?;
            Ok(plain)
        }
        Some("xz") => filter(Command::new("xz").arg("-dc"), bytes),
        Some("zst") => filter(Command::new("zstd").arg("-dcq"), bytes),
        _ => bail!("unknown compression"),
    }
}

/// Bytes through a program.
pub(crate) fn filter(command: &mut Command, input: Vec<u8>) -> Result<Vec<u8>> {
    use std::io::Write as _;
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = ending::spawn(command).with_context(|| format!("cannot start {name}"))?;
    let mut pipe = child.stdin.take().context("no pipe to write to")?;
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output()?;
    let written = writer.join().is_ok_and(|result| result.is_ok());
    ensure!(output.status.success() && written, "{name} failed ({})", output.status);
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_modinfo() {
        let rows: &[(&[u8], &[&str])] = &[
            (b"\0license=GPL\0depends=a,b-c\0name=x\0", &["a", "b_c"]),
            (b"\0depends=\0name=x\0", &[]),
            (b"\0depends=last", &["last"]),
            (b"\0name=x\0", &[]),
            (b"", &[]),
        ];
        for (bytes, expected) in rows {
            assert_eq!(depends(bytes), *expected, "{}", bytes.escape_ascii());
        }
    }

    fn tree(modules: &[(&str, &[u8])], built_in: &str) -> (tempfile::TempDir, Kernel) {
        let folder = tempfile::tempdir().unwrap();
        let release = "9.9.9-test";
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x80_u16.to_le_bytes());
        image[0x280..][..release.len()].copy_from_slice(release.as_bytes());
        fs::write(folder.path().join("vmlinuz"), image).unwrap();
        let kernel = folder.path().join("modules/kernel/drivers");
        fs::create_dir_all(&kernel).unwrap();
        for (name, bytes) in modules {
            fs::write(kernel.join(name), bytes).unwrap();
        }
        fs::write(folder.path().join("modules/modules.builtin"), built_in).unwrap();
        let cache = cache::Cache::at(&folder.path().join("cache")).unwrap();
        let path = folder.path().join("vmlinuz");
        let kernel = crate::kernels::resolve(&cache, path.to_str().unwrap()).unwrap();
        assert_eq!(kernel.release, release);
        (folder, kernel)
    }

    #[test]
    fn a_module_comes_after_what_it_depends_on() {
        let mut packed = Vec::new();
        {
            use std::io::Write as _;
            let mut encoder =
                flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
            encoder.write_all(b"gz\0depends=base,inside\0").unwrap();
        }
        let modules: [(&str, &[u8]); 4] = [
            ("top-most.ko", b"\0depends=middle,base\0"),
            ("middle.ko.gz", &packed),
            ("base.ko", b"\0depends=\0"),
            ("broken.ko", b"\0depends=nowhere\0"),
        ];
        let (_folder, kernel) = tree(&modules, "kernel/lib/inside.ko\n");
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let (found, absent) =
            with_dependencies(&kernel, &names(&["top_most", "inside", "absent"])).unwrap();
        assert_eq!(
            found.iter().map(|module| module.name.as_str()).collect::<Vec<_>>(),
            ["base", "middle", "top_most"]
        );
        assert_eq!(absent, ["absent"]);
        let error = with_dependencies(&kernel, &names(&["broken"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "module broken depends on nowhere, which this kernel does not have"
        );
    }
}
