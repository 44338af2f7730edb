//! Programs of this machine that the tasks call, and the packages that hold them.
use anyhow::{Result, ensure};

use crate::apt;
use crate::fixtures::LLVM;
use crate::initramfs::in_path;

/// A program, and the Debian package that holds it.
type Tool = (String, String);

fn tools() -> Vec<Tool> {
    let plain = [
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("xz", "xz-utils"),
        ("zstd", "zstd"),
        ("lz4", "lz4"),
        ("bpftool", "bpftool"),
        ("pahole", "dwarves"),
        ("unshare", "util-linux"),
    ];
    // The LLVM that the fixtures are made with also judges what is read from them.
    let llvm = [("llvm-objdump", "llvm"), ("llvm-mc", "llvm"), ("clang", "clang")]
        .map(|(tool, package)| (format!("{tool}-{LLVM}"), format!("{package}-{LLVM}")));
    let owned = |(program, package): (&str, &str)| (program.to_owned(), package.to_owned());
    plain.into_iter().map(owned).chain(llvm).collect()
}

/// The tools that are not here.
fn missing() -> Vec<Tool> {
    tools().into_iter().filter(|(program, _)| !in_path(program)).collect()
}

/// Installs what is missing when run by root; else says in one line what to install. Nothing when all is there.
pub(crate) fn ensure() -> Result<()> {
    let mut packages: Vec<_> = missing().into_iter().map(|(_, package)| package).collect();
    packages.dedup();
    apt::install(&packages.iter().map(String::as_str).collect::<Vec<_>>())?;
    let left: Vec<_> = missing().into_iter().map(|(program, _)| program).collect();
    ensure!(left.is_empty(), "no {}", left.join(", "));
    Ok(())
}
