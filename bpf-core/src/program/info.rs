//! What the kernel tells about a program.

use std::os::fd::OwnedFd;
use std::time::Duration;

use bpf_sys::abi::{BtfId, MapId, ProgramId, ProgramType};
use bpf_sys::{AsProgFd, ProgFd};

use super::Program;
use crate::error::{Error, Result};

/// What the kernel tells about a program (Linux 4.13).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramInfo {
    /// The id.
    pub id: ProgramId,
    /// The type.
    pub program_type: ProgramType,
    /// The name in the kernel: at most 15 bytes, empty before 4.15.
    pub name: String,
    /// A hash over the instructions.
    pub tag: [u8; 8],
    /// The user who loaded it (4.15).
    pub loaded_by_uid: u32,
    /// When it was loaded: time since the machine started (4.15).
    pub load_time: Duration,
    /// The maps that it uses (4.15).
    pub map_ids: Vec<MapId>,
    /// The BTF that it was loaded with (5.0).
    pub btf_id: Option<BtfId>,
    /// Bytes of the instructions after verification; 0 without the right to see them.
    pub translated_size: u32,
    /// Bytes of the machine code; 0 when it is interpreted.
    pub machine_code_size: u32,
    /// Instructions that the verifier looked at (5.16).
    pub verified_instructions: u32,
    /// Programs may only use helpers for GPL-compatible licences if theirs is.
    pub gpl_compatible: bool,
}

/// How often and how long a program ran, counted while there is a [`StatsGuard`] (Linux 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgramStats {
    /// Runs.
    pub run_count: u64,
    /// Time of all runs.
    pub run_time: Duration,
    /// Runs that did not happen because the program ran already on that CPU (5.12).
    pub recursion_misses: u64,
}

/// As long as it lives, the kernel counts runs and time of all programs, which costs some time on each run (Linux 5.8).
#[derive(Debug)]
#[must_use = "statistics end when the guard is dropped"]
pub struct StatsGuard {
    _fd: OwnedFd,
}

impl StatsGuard {
    /// Begins to count. Needs `CAP_SYS_ADMIN`.
    pub fn new() -> Result<Self> {
        let fd = bpf_sys::system::enable_run_time_stats()
            .map_err(|source| Error::system("enable statistics of programs", source))?;
        Ok(Self { _fd: fd })
    }
}

impl Program {
    /// What the kernel tells about this program.
    pub fn info(&self) -> Result<ProgramInfo> {
        read(self.as_prog_fd(), &self.name)
    }

    /// The id (Linux 4.13).
    pub fn id(&self) -> Result<ProgramId> {
        let info = bpf_sys::prog::info(self.as_prog_fd())
            .map_err(|source| self.error("describe", source))?;
        Ok(ProgramId(info.id))
    }

    /// How often and how long the program ran while a [`StatsGuard`] lived.
    pub fn stats(&self) -> Result<ProgramStats> {
        let info = bpf_sys::prog::info(self.as_prog_fd())
            .map_err(|source| self.error("describe", source))?;
        Ok(ProgramStats {
            run_count: info.run_cnt,
            run_time: Duration::from_nanos(info.run_time_ns),
            recursion_misses: info.recursion_misses,
        })
    }
}

/// What the kernel tells about the program `name`.
pub(super) fn read(fd: ProgFd<'_>, name: &str) -> Result<ProgramInfo> {
    let failed = |source| Error::system(format!("describe program `{name}`"), source);
    let info = bpf_sys::prog::info(fd).map_err(failed)?;
    // A kernel that does not tell which maps a program uses is no reason to tell nothing.
    let map_ids = bpf_sys::prog::map_ids(fd).unwrap_or_default();
    Ok(ProgramInfo {
        id: ProgramId(info.id),
        program_type: ProgramType(info.r#type),
        name: crate::text(&info.name),
        tag: info.tag,
        loaded_by_uid: info.created_by_uid,
        load_time: Duration::from_nanos(info.load_time),
        map_ids,
        btf_id: (info.btf_id != 0).then_some(BtfId(info.btf_id)),
        translated_size: info.xlated_prog_len,
        machine_code_size: info.jited_prog_len,
        verified_instructions: info.verified_insns,
        gpl_compatible: info.gpl_compatible & 1 != 0,
    })
}
