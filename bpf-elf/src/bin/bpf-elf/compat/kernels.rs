//! Kernels by paths: files of BTF, folders of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bpf_btf::Btf;
use bpf_elf::compat::TargetKernel;
use bpf_sys::abi::KernelVersion;

/// Where a kernel is to be read from.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    version: Option<KernelVersion>,
    vmlinux: PathBuf,
    modules: Vec<PathBuf>,
}

/// What paths hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sources: Vec<Source>,
    /// Files of folders that are no BTF.
    pub(super) left_out: Vec<PathBuf>,
}

/// Folders nest no deeper in any archive.
const DEPTH: usize = 16;

/// The kernels of files and folders, in their order; those of a folder by name.
pub(super) fn find(paths: &[PathBuf]) -> Result<Found> {
    let mut found = Found::default();
    for path in paths {
        let before = found.sources.len();
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            folder(path, DEPTH, &mut found)?;
            if found.sources.len() == before {
                bail!("{} holds no BTF", path.display());
            }
        } else {
            found.sources.push(Source::new(path, Vec::new()));
        }
    }
    Ok(found)
}

fn folder(path: &Path, depth: usize, found: &mut Found) -> Result<()> {
    let failed = || format!("cannot read {}", path.display());
    let depth =
        depth.checked_sub(1).with_context(|| format!("{} nests too deeply", path.display()))?;
    let mut entries = fs::read_dir(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(failed)?
        .into_iter()
        .map(|entry| entry.path())
        .collect::<Vec<_>>();
    entries.sort();
    let vmlinux = path.join("vmlinux");
    if entries.contains(&vmlinux) {
        let modules = entries.into_iter().filter(|entry| *entry != vmlinux && entry.is_file());
        found.sources.push(Source::new(&vmlinux, modules.collect()));
        return Ok(());
    }
    for entry in entries {
        if entry.is_dir() {
            folder(&entry, depth, found)?;
        } else if is_compressed(&entry) {
            bail!("{} is compressed: unpack it first", entry.display());
        } else if is_btf(&entry)? {
            found.sources.push(Source::new(&entry, Vec::new()));
        } else {
            found.left_out.push(entry);
        }
    }
    Ok(())
}

/// A compressed file with BTF in it, by its name: `5.4.0-1009-aws.btf.tar.xz`.
fn is_compressed(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let packed = [".xz", ".gz", ".zst", ".bz2", ".tar", ".zip"];
    (name.contains(".btf") || name.starts_with("vmlinux."))
        && packed.iter().any(|end| name.ends_with(end))
}

/// Whether a file of a folder is the BTF of a kernel: raw, or in an ELF file that is no module.
fn is_btf(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".ko") || name.ends_with(".o") {
        return Ok(false);
    }
    let mut start = Vec::new();
    let read = fs::File::open(path)
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, 4), &mut start));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(is_raw(&start) || start == *b"\x7fELF" && bytes(path).is_ok())
}

fn is_raw(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x9f, 0xeb]) || bytes.starts_with(&[0xeb, 0x9f])
}

/// The BTF in a file.
fn bytes(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    if is_raw(&bytes) {
        return Ok(bytes);
    }
    if !bytes.starts_with(b"\x7fELF") {
        bail!("{shown} is neither BTF nor an ELF file");
    }
    let section = bpf_elf::btf_section(&bytes).with_context(|| shown.to_string())?;
    section.map(<[u8]>::to_vec).with_context(|| format!("{shown} has no section .BTF"))
}

impl Source {
    fn new(vmlinux: &Path, modules: Vec<PathBuf>) -> Self {
        let (name, version) = describe(vmlinux);
        Self { name, version, vmlinux: vmlinux.to_owned(), modules }
    }

    pub(super) fn read(&self) -> Result<TargetKernel> {
        let failed = |path: &Path| format!("{} is no valid BTF of a kernel", path.display());
        let btf = Btf::parse(bytes(&self.vmlinux)?).with_context(|| failed(&self.vmlinux))?;
        let mut modules = Vec::with_capacity(self.modules.len());
        for path in &self.modules {
            let module = Btf::parse_split(bytes(path)?, &btf).with_context(|| {
                format!("{} is no valid BTF of a module of {}", path.display(), self.name)
            })?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            modules.push((name.into_owned(), module));
        }
        let kernel = TargetKernel::new(self.name.clone(), btf).with_modules(modules);
        Ok(match self.version {
            Some(version) => kernel.with_version(version),
            None => kernel,
        })
    }
}

/// Name and version of a kernel by its path: the last part with a version in it, otherwise the path.
fn describe(path: &Path) -> (String, Option<KernelVersion>) {
    let parts = path.components().rev().map(|part| part.as_os_str().to_string_lossy());
    for part in parts {
        if let Some(version) = version(&part) {
            let name = part.strip_suffix(".btf").unwrap_or(&part);
            return (name.to_owned(), Some(version));
        }
    }
    (path.display().to_string(), None)
}

/// The version in a name like `vmlinux-5.15.0-91-generic`. Distributions have versions, too, and those are larger.
fn version(name: &str) -> Option<KernelVersion> {
    let mut before = None;
    for (at, c) in name.char_indices() {
        let inside = before.replace(c).is_some_and(|c: char| c.is_ascii_alphanumeric() || c == '.');
        if inside || !c.is_ascii_digit() {
            continue;
        }
        let version = name.get(at..).and_then(|rest| rest.parse::<KernelVersion>().ok());
        if let Some(version) = version.filter(|version| (3..10).contains(&version.major)) {
            return Some(version);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_named_by_the_part_of_the_path_that_has_a_version() {
        let rows = [
            ("/k/6.1.0-56-cloud-amd64/btf/vmlinux", "6.1.0-56-cloud-amd64", Some((6, 1, 0))),
            ("hub/20.04/x86_64/5.4.0-1009-aws.btf", "5.4.0-1009-aws", Some((5, 4, 0))),
            ("vmlinux-5.15.3", "vmlinux-5.15.3", Some((5, 15, 3))),
            ("/sys/kernel/btf/vmlinux", "/sys/kernel/btf/vmlinux", None),
            ("/hub/20.04/vmlinux", "/hub/20.04/vmlinux", None),
            ("v6.x/vmlinux", "v6.x/vmlinux", None),
        ];
        for (path, name, expected) in rows {
            let (found, version) = describe(Path::new(path));
            let expected = expected.map(|(a, b, c)| KernelVersion::new(a, b, c));
            assert_eq!((found.as_str(), version), (name, expected), "{path}");
        }
    }

    #[test]
    fn folders_hold_a_kernel_with_modules_or_many_kernels() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        let raw = [0x9f, 0xeb, 1, 0];
        put("one/5.10.0/btf/vmlinux", &raw);
        put("one/5.10.0/btf/loop", &raw);
        put("one/5.10.0/config", b"CONFIG_X=y");
        put("many/5.4.0.btf", &raw);
        put("many/sub/4.19.0.btf", &raw);
        put("packed/5.4.0.btf.tar.xz", b"");
        put("empty/README", b"");
        let names = |path: &str| {
            let found = find(&[folder.path().join(path)]).map_err(|error| error.to_string())?;
            let names = found.sources.iter().map(|of| (of.name.clone(), of.modules.len()));
            Ok::<_, String>((names.collect::<Vec<_>>(), found.left_out.len()))
        };
        assert_eq!(names("one"), Ok((vec![("5.10.0".into(), 1)], 1)));
        assert_eq!(names("many"), Ok((vec![("5.4.0".into(), 0), ("4.19.0".into(), 0)], 0)));
        for (path, message) in [
            ("packed", "is compressed: unpack it first"),
            ("empty", "holds no BTF"),
            ("nothing", "cannot read"),
        ] {
            let error = names(path).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
