//! Files and folders of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;

use super::{FileError, OpenError};
use crate::Btf;

/// Name of the kernel itself.
const KERNEL: &str = "vmlinux";

/// What names of files may end in besides the name of the module.
const ENDINGS: [&str; 5] = [".gz", ".xz", ".zst", ".btf", ".ko"];

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    std::fs::read(path).map_err(|source| OpenError::Io { path: path.to_path_buf(), source })
}

fn broken(path: &Path) -> impl FnOnce(FileError) -> OpenError + '_ {
    |source| OpenError::File { path: path.to_path_buf(), source }
}

impl Btf {
    /// The types in a file, read into memory. See [`parse_file`](Self::parse_file) for the forms. To map the running kernel's
    /// BTF rather than read it, use what `bpf-sys` gives for it.
    ///
    /// ```no_run
    /// let kernel = bpf_btf::Btf::open("/usr/lib/debug/boot/vmlinux-6.12.0")?;
    /// # Ok::<(), bpf_btf::OpenError>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        Self::parse_file(read(path)?).map_err(broken(path))
    }

    /// The types of a kernel module in a file, on those of its kernel. See [`parse_split_file`](Self::parse_split_file).
    pub fn open_split(path: impl AsRef<Path>, base: &Self) -> Result<Self, OpenError> {
        let path = path.as_ref();
        Self::parse_split_file(read(path)?, base).map_err(broken(path))
    }
}

/// The types of a kernel and its modules in the files of a folder: `/sys/kernel/btf`, or a copy of it.
///
/// The file `vmlinux` is the kernel; every other one is a module and read when it is asked for. Names of files may end in `.btf`,
/// `.ko`, `.gz` and the like.
///
/// ```no_run
/// let folder = bpf_btf::BtfFolder::open("/sys/kernel/btf")?;
/// for module in folder.modules() {
///     let types = folder.module(module)?;
///     println!("{module}: {} types of its own", types.types().count());
/// }
/// # Ok::<(), bpf_btf::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BtfFolder {
    path: PathBuf,
    kernel: Btf,
    modules: BTreeMap<String, PathBuf>,
}

impl BtfFolder {
    /// Reads the kernel's types, and the names of the modules.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let failed = |source| OpenError::Io { path: path.to_path_buf(), source };
        let mut modules = BTreeMap::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let name = file.file_name().and_then(|name| name.to_str());
            if let (Some(name), true) = (name.map(module_name), file.is_file()) {
                modules.insert(name, file);
            }
        }
        let kernel = modules
            .remove(KERNEL)
            .ok_or_else(|| OpenError::NoKernel { path: path.to_path_buf() })?;
        Ok(Self { path: path.to_path_buf(), kernel: Btf::open(kernel)?, modules })
    }

    /// The types of the kernel itself.
    pub fn kernel(&self) -> &Btf {
        &self.kernel
    }

    /// The names of the modules in the order of the alphabet.
    pub fn modules(&self) -> impl Iterator<Item = &str> + '_ {
        self.modules.keys().map(String::as_str)
    }

    /// The types of a module, on those of the kernel.
    pub fn module(&self, name: &str) -> Result<Btf, OpenError> {
        let missing = || OpenError::NoModule { path: self.path.clone(), module: name.to_string() };
        Btf::open_split(self.modules.get(name).ok_or_else(missing)?, &self.kernel)
    }
}

/// The name of a module as the kernel writes it, of the name of a file.
fn module_name(file: &str) -> String {
    let mut name = file;
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) {
        name = shorter;
    }
    name.replace('-', "_")
}
