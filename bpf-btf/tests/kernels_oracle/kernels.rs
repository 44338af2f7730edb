//! The kernels that are looked at, and programs that are asked about them.

use std::path::{Path, PathBuf};
use std::process::Command;

use bpf_btf::Btf;
use testdata::output;

/// One kernel's BTF.
pub(crate) struct Kernel {
    pub(crate) release: String,
    folder: PathBuf,
    pub(crate) vmlinux: Btf,
}

/// One module of a kernel.
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) btf: Btf,
}

impl Kernel {
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("vmlinux")
    }

    /// Modules: the one with the most types, and others at even distances in the order of their names.
    pub(crate) fn modules(&self) -> impl Iterator<Item = Module> + '_ {
        let entries = std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap());
        let mut found = entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())
            })
            .filter(|(name, _)| name != "vmlinux")
            .collect::<Vec<_>>();
        found.sort();
        let count = wanted().unwrap_or(found.len()).min(found.len());
        let largest = found.iter().max_by_key(|(_, size)| *size).map(|(name, _)| name.clone());
        let mut names = (0..count)
            .map(|index| found.get(index * found.len() / count).unwrap().0.clone())
            .chain(largest)
            .collect::<Vec<_>>();
        names.sort();
        names.dedup();
        names.into_iter().map(|name| {
            let path = self.folder.join(&name);
            let blob = std::fs::read(&path).unwrap();
            let btf = Btf::parse_split(blob, &self.vmlinux)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Module { name, path, btf }
        })
    }
}

/// How many modules of each kernel; `None` for all.
fn wanted() -> Option<usize> {
    let text = std::env::var("BPF_KERNEL_BTF_MODULES").unwrap_or_else(|_| "all".to_owned());
    (text != "all").then(|| text.parse().unwrap())
}

/// Looks at each kernel in turn.
pub(crate) fn each(look: impl Fn(&Kernel)) {
    let folders = std::env::var_os("BPF_KERNEL_BTF").unwrap_or_else(|| {
        panic!("BPF_KERNEL_BTF names no folder with BTF: run `cargo xtask btf`")
    });
    let mut count = 0;
    for folder in std::env::split_paths(&folders) {
        let release = folder.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
        let vmlinux = std::fs::read(folder.join("vmlinux")).unwrap();
        let vmlinux = Btf::parse(vmlinux).unwrap_or_else(|error| panic!("{release}: {error}"));
        assert!(vmlinux.len() > 50_000, "{release}: {vmlinux:?}");
        look(&Kernel { release: release.to_owned(), folder, vmlinux });
        count += 1;
    }
    assert!(count > 0, "no folder in BPF_KERNEL_BTF");
}

/// `bpftool btf dump file FILE [base_btf BASE] format FORMAT`
pub(crate) fn bpftool(file: &Path, base: Option<&Path>, format: &str) -> String {
    let mut arguments = base.map_or(Vec::new(), |base| vec![Path::new("-B"), base]);
    arguments.extend(["btf", "dump", "file"].map(Path::new));
    arguments.extend([file, Path::new("format"), Path::new(format)]);
    output(Command::new("bpftool").args(arguments))
}
