//! Programs: owners of one descriptor and the facts that go with it.

mod info;
mod load;
mod probe_read;
mod run;
mod target;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use bpf_elf::spec::ProgramSpec;
use bpf_sys::abi::{ProgramId, ProgramType};
use bpf_sys::{AsMapFd, AsProgFd, OwnedProgFd, ProgFd, SysError};

pub use self::info::{ProgramInfo, ProgramStats, StatsGuard};
pub(crate) use self::load::{Request, load};
pub(crate) use self::probe_read::replace_probe_reads;
pub use self::run::{TestRun, TestRunOutput};
pub(crate) use self::target::find_function;

use crate::error::{Error, Result};
use crate::map::Map;
use crate::verifier::VerifierLog;

/// A program in the kernel: the owner of one descriptor of it.
///
/// Dropping a `Program` closes the descriptor. The kernel keeps the program while a link, a pin, an array of programs or another descriptor uses it.
#[derive(Debug)]
pub struct Program {
    fd: OwnedProgFd,
    name: String,
    kind: ProgramType,
    origin: Origin,
    log: Option<VerifierLog>,
}

/// What only the specification says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The section name, empty for a program that was opened.
    pub(crate) section: String,
    /// What the section name says to attach to.
    pub(crate) attach_to: Option<String>,
}

impl Origin {
    pub(crate) fn of(spec: &ProgramSpec) -> Self {
        Self { section: spec.section.clone(), attach_to: spec.attach_to.clone() }
    }
}

impl Program {
    /// Opens the program that is pinned at `path`.
    pub fn from_pin(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let fd = bpf_sys::object::open_program(path)
            .map_err(|source| crate::pin::open_error("program", path, source))?;
        Self::opened(fd)
    }

    /// Opens the program with this id (Linux 4.13). Needs `CAP_SYS_ADMIN`.
    pub fn from_id(id: ProgramId) -> Result<Self> {
        let fd = bpf_sys::object::program_by_id(id)
            .map_err(|source| Error::system(format!("open program {id}"), source).or_not_found())?;
        Self::opened(fd)
    }

    /// The name in the specification it was made from, else the name in the kernel (at most 15 bytes, empty before 4.15).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the program.
    pub fn program_type(&self) -> ProgramType {
        self.kind
    }

    /// The section name in the object file; empty for a program that was opened by id or path.
    pub fn section(&self) -> &str {
        &self.origin.section
    }

    /// What the verifier wrote about a program that it accepted, if a log was asked for.
    pub fn verifier_log(&self) -> Option<&VerifierLog> {
        self.log.as_ref()
    }

    /// A second owner of the same program.
    pub fn try_clone(&self) -> Result<Self> {
        let fd = self
            .fd
            .try_clone()
            .map_err(|source| Error::io(self.action("duplicate the descriptor of"), source))?;
        Ok(Self {
            fd,
            name: self.name.clone(),
            kind: self.kind,
            origin: self.origin.clone(),
            log: self.log.clone(),
        })
    }

    /// Gives the program a path, on a bpffs, that keeps it alive.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        bpf_sys::object::pin(self, None, path)
            .map_err(|source| crate::pin::pin_error("program", &self.name, path, source))
    }

    /// Removes a path that keeps a program alive.
    pub fn unpin(path: impl AsRef<Path>) -> Result<()> {
        crate::pin::unpin(path.as_ref())
    }

    /// Keeps `map` alive as long as this program, though no instruction uses it (Linux 5.10).
    pub fn bind_map(&self, map: &Map) -> Result<()> {
        bpf_sys::prog::bind_map(self.as_prog_fd(), map.as_map_fd())
            .map_err(|source| self.error(&format!("bind map `{}` to", map.name()), source))
    }

    pub(crate) fn from_parts(
        fd: OwnedProgFd,
        spec: &ProgramSpec,
        log: Option<VerifierLog>,
    ) -> Self {
        Self { fd, name: spec.name.clone(), kind: spec.program_type, origin: Origin::of(spec), log }
    }

    fn opened(fd: OwnedProgFd) -> Result<Self> {
        let info = info::read(fd.as_prog_fd(), "")?;
        Ok(Self {
            fd,
            name: info.name,
            kind: info.program_type,
            origin: Origin::default(),
            log: None,
        })
    }

    pub(crate) fn set_attach_to(&mut self, target: &str) {
        self.origin.attach_to = Some(target.to_owned());
    }

    #[cfg(feature = "link")]
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    fn action(&self, doing: &str) -> String {
        format!("{doing} program `{}`", self.name)
    }

    fn error(&self, doing: &str, source: SysError) -> Error {
        Error::system(self.action(doing), source)
    }
}

impl AsProgFd for Program {
    fn as_prog_fd(&self) -> ProgFd<'_> {
        self.fd.as_prog_fd()
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Program> for OwnedFd {
    fn from(program: Program) -> Self {
        program.fd.into()
    }
}
