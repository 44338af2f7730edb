//! Commands on BTF.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::os::fd::AsFd;

use crate::abi::raw::{BtfInfo, BtfLoadAttr};
use crate::abi::{BtfId, Command, ProgramFlags};
use crate::errno::{Errno, SysError};
use crate::fd::{BtfFd, OwnedBtfFd, TokenFd};
use crate::object::{expect_kind, fill_info};
use crate::prog::LoadError;
use crate::syscall::{address, address_mut, bpf_fd, length, raw_signed};

/// Verifies and loads BTF in the machine's byte order: `BPF_BTF_LOAD`, Linux 4.18.
///
/// `log` gets text with NUL at its end, at the given level (0: no log and no buffer, 1: what was wrong). Errors: `EINVAL` (see the log), `E2BIG` above 16 MiB,
/// `ENOSPC` for a log that is too short.
#[doc(alias = "BPF_BTF_LOAD")]
pub fn load(
    btf: &[u8],
    log_level: u32,
    log: &mut [u8],
    token: Option<TokenFd<'_>>,
) -> Result<OwnedBtfFd, LoadError> {
    let command = Command::BTF_LOAD;
    let mut attr = BtfLoadAttr {
        btf: address(btf),
        btf_log_buf: address_mut(log),
        btf_size: length(command, btf)?,
        btf_log_size: length(command, log)?,
        btf_log_level: log_level,
        btf_flags: if token.is_some() { ProgramFlags::TOKEN_FD.bits() } else { 0 },
        btf_token_fd: token.map_or(0, raw_signed),
        ..BtfLoadAttr::default()
    };
    // SAFETY: the structure is that of the command. The kernel reads `btf_size` bytes at `btf` and writes at most `btf_log_size` bytes at
    // `btf_log_buf`; the slices have these lengths, and `log` is borrowed exclusively. The command returns a new descriptor.
    match unsafe { bpf_fd(command, &mut attr) } {
        Ok(fd) => Ok(fd.into()),
        Err(error) => Err(LoadError { error, log_true_size: attr.btf_log_true_size }),
    }
}

/// What the kernel tells about BTF.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The id.
    pub id: BtfId,
    /// Bytes of BTF.
    pub size: u32,
    /// `vmlinux`, the name of a module, or nothing (5.11).
    pub name: String,
    /// Whether it is the kernel's or a module's (5.11).
    pub is_kernel: bool,
}

/// Bytes of a module's name, with NUL: `MODULE_NAME_LEN` is 56 on 64-bit systems.
const NAME_ROOM: usize = 64;

/// Asks for the name of BTF, which kernels before 5.11 refuse: a probe. The descriptor must be one that [`load`] gave.
pub(crate) fn ask_name(btf: BtfFd<'_>) -> Result<(), SysError> {
    info_with_name(btf).map(drop)
}

fn info_with_name(btf: BtfFd<'_>) -> Result<(BtfInfo, String), SysError> {
    expect_kind(btf.as_fd(), "btf")?;
    let mut name = [0u8; NAME_ROOM];
    let mut info = BtfInfo { name: address_mut(&mut name), name_len: 64, ..BtfInfo::default() };
    // SAFETY: `expect_kind` made sure that it is BTF. The kernel writes at most `name_len` bytes at `name`, which is that long, and nothing at
    // `btf`, which is zero.
    unsafe { fill_info(btf.as_fd(), &mut info) }?;
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    Ok((info, String::from_utf8_lossy(name).into_owned()))
}

/// What the kernel tells about BTF: `BPF_OBJ_GET_INFO_BY_FD`, Linux 4.18.
pub fn info(btf: BtfFd<'_>) -> Result<Info, SysError> {
    let (info, name) = match info_with_name(btf) {
        // Before 5.11, the name's fields are unknown and must be zero.
        Err(error) if error.errno == Errno::E2BIG => {
            let mut info = BtfInfo::default();
            // SAFETY: all zero: no address, no length.
            unsafe { fill_info(btf.as_fd(), &mut info) }?;
            (info, String::new())
        }
        result => result?,
    };
    Ok(Info { id: BtfId(info.id), size: info.btf_size, name, is_kernel: info.kernel_btf != 0 })
}

/// The bytes of BTF in the kernel. A module's BTF is split: its ids and strings go on where those of `vmlinux` end.
pub fn bytes(btf: BtfFd<'_>) -> Result<Vec<u8>, SysError> {
    let size = info(btf)?.size;
    let mut bytes = vec![0u8; usize::try_from(size).unwrap_or(0)];
    let mut info = BtfInfo { btf: address_mut(&mut bytes), btf_size: size, ..BtfInfo::default() };
    // SAFETY: `info` made sure of the kind. The kernel writes at most `btf_size` bytes at `btf`, which is that long.
    unsafe { fill_info(btf.as_fd(), &mut info) }?;
    bytes.truncate(usize::try_from(info.btf_size).unwrap_or(0));
    Ok(bytes)
}
