//! Programs of this machine that the tasks call, and the packages that hold them.
use anyhow::Result;

use crate::apt;
use crate::initramfs::in_path;

/// Program, Debian package, what needs it.
const TOOLS: [(&str, &str, &str); 6] = [
    ("qemu-system-x86_64", "qemu-system-x86", "guests"),
    ("xz", "xz-utils", "modules of guests"),
    ("bpftool", "bpftool", "oracle tests"),
    ("llvm-objdump-22", "llvm-22", "oracle tests"),
    ("pahole", "dwarves", "oracle tests"),
    ("unshare", "util-linux", "kernel tests on this machine"),
];

/// The tools that are not here.
fn missing() -> Vec<(&'static str, &'static str, &'static str)> {
    TOOLS.into_iter().filter(|(program, _, _)| !in_path(program)).collect()
}

/// Installs what is missing when run by root; else says in one line what to install. Nothing when all is there.
pub(crate) fn ensure() -> Result<String> {
    let packages: Vec<_> = missing().into_iter().map(|(_, package, _)| package).collect();
    if packages.is_empty() {
        return Ok("all there".to_owned());
    }
    apt::install(&packages)?;
    let left: Vec<_> =
        missing().into_iter().map(|(program, _, uses)| format!("{program} (for {uses})")).collect();
    if left.is_empty() {
        Ok(format!("installed {}", packages.join(" ")))
    } else {
        anyhow::bail!("no {}", left.join(", "))
    }
}
