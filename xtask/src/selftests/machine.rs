//! The machines that libbpf is asked on: this one, and one of the other byte order.
use std::path::{Path, PathBuf};

use super::oracle;

/// A machine that libbpf runs on.
pub(super) struct Machine {
    /// What makes programs for it, and archives.
    pub(super) compiler: &'static str,
    pub(super) archiver: &'static str,
    /// The target of clang with its byte order.
    pub(super) bpf: &'static str,
    /// Debian's name, for a machine that is not this one.
    pub(super) foreign: Option<&'static str>,
}

impl Machine {
    /// This one.
    pub(super) const NATIVE: Self =
        Self { compiler: "cc", archiver: "ar", bpf: "bpf", foreign: None };
    /// A big-endian one, whose programs run here in an emulator.
    pub(super) const BIG_ENDIAN: Self = Self {
        compiler: "s390x-linux-gnu-gcc",
        archiver: "s390x-linux-gnu-ar",
        bpf: "bpfeb",
        foreign: Some("s390x"),
    };

    /// Folder of the libraries that libbpf needs, where they are not this machine's own.
    pub(super) fn libraries(&self, built: &Path) -> Option<PathBuf> {
        self.foreign.map(|name| built.join(format!("foreign/usr/lib/{name}-linux-gnu")))
    }

    /// Where headers are before all others.
    pub(super) fn headers(&self, built: &Path) -> Vec<PathBuf> {
        match self.foreign {
            None => Vec::new(),
            Some(name) => vec![oracle().join(name), built.join("foreign/usr/include")],
        }
    }
}
