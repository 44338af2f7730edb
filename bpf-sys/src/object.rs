//! Commands that serve every kind of object: pins, ids, information.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use zerocopy::{FromBytes, IntoBytes};

use crate::abi::raw::{IdAttr, InfoAttr, MapInfo, ObjAttr};
use crate::abi::{BtfId, Command, LinkId, MapFlags, MapId, ProgramId};
use crate::errno::{Errno, SysError};
use crate::fd::{OwnedBtfFd, OwnedLinkFd, OwnedProgFd};
use crate::map::OwnedMapFd;
use crate::syscall::{bpf, bpf_fd, raw, raw_signed};

/// Gives an object a path in a BPF file system, which keeps it alive: `BPF_OBJ_PIN`, Linux 4.4.
///
/// With `folder`, the path is relative to it (6.5). Errors: `EEXIST`, `ENOENT` for the folder, `EPERM` when the path is not in a BPF file system,
/// `EINVAL` for a descriptor of something else.
#[doc(alias = "BPF_OBJ_PIN")]
pub fn pin(object: impl AsFd, folder: Option<BorrowedFd<'_>>, path: &Path) -> Result<(), SysError> {
    fn inner(
        object: BorrowedFd<'_>,
        folder: Option<BorrowedFd<'_>>,
        path: &Path,
    ) -> Result<(), SysError> {
        let path = c_path(Command::OBJ_PIN, path)?;
        let mut attr = obj_attr(&path, folder, MapFlags::NONE);
        attr.bpf_fd = raw(object);
        // SAFETY: the structure is that of the command. The kernel reads a string at `pathname` up to its NUL; `path` is one.
        unsafe { bpf(Command::OBJ_PIN, &mut attr) }.map(drop)
    }
    inner(object.as_fd(), folder, path)
}

/// Opens a pinned object of any kind: `BPF_OBJ_GET`, Linux 4.4.
///
/// `flags` may hold [`MapFlags::RDONLY`] or [`MapFlags::WRONLY`] (4.15). With `folder`, the path is relative to it (6.5). Prefer [`open_map`], [`open_program`]
/// and [`open_link`], which make sure of the kind.
#[doc(alias = "BPF_OBJ_GET")]
pub fn open(
    folder: Option<BorrowedFd<'_>>,
    path: &Path,
    flags: MapFlags,
) -> Result<OwnedFd, SysError> {
    let path = c_path(Command::OBJ_GET, path)?;
    let mut attr = obj_attr(&path, folder, flags);
    // SAFETY: the structure is that of the command. The kernel reads a string at `pathname` up to its NUL; `path` is one. The command
    // returns a new descriptor.
    unsafe { bpf_fd(Command::OBJ_GET, &mut attr) }
}

/// Opens a pinned map. Errors: as for [`open`], and `EINVAL` for an object of another kind.
pub fn open_map(path: &Path, flags: MapFlags) -> Result<OwnedMapFd, SysError> {
    open(None, path, flags)?.try_into()
}

/// Opens a pinned program. Errors: as for [`open`], and `EINVAL` for an object of another kind.
pub fn open_program(path: &Path) -> Result<OwnedProgFd, SysError> {
    let fd = open(None, path, MapFlags::NONE)?;
    expect_kind(fd.as_fd(), "bpf-prog")?;
    Ok(fd.into())
}

/// Opens a pinned link. Errors: as for [`open`], and `EINVAL` for an object of another kind.
pub fn open_link(path: &Path) -> Result<OwnedLinkFd, SysError> {
    let fd = open(None, path, MapFlags::NONE)?;
    expect_kind(fd.as_fd(), "bpf-link")?;
    Ok(fd.into())
}

fn c_path(command: Command, path: &Path) -> Result<CString, SysError> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| SysError::refused(command, "path with a NUL byte"))
}

fn obj_attr(path: &CString, folder: Option<BorrowedFd<'_>>, flags: MapFlags) -> ObjAttr {
    let flags = if folder.is_some() { flags | MapFlags::PATH_FD } else { flags };
    ObjAttr {
        pathname: path.as_ptr().expose_provenance() as u64,
        file_flags: flags.bits(),
        path_fd: folder.map_or(0, raw_signed),
        ..ObjAttr::default()
    }
}

/// `EINVAL` unless the kernel's name for the descriptor shows that it is of this kind.
///
/// `BPF_OBJ_GET_INFO_BY_FD` describes whatever object it is given, in a structure that does not say what it is; so this must come before a structure that
/// holds addresses. Fails without `/proc`, too.
pub(crate) fn expect_kind(fd: BorrowedFd<'_>, kind: &str) -> Result<(), SysError> {
    match is_kind(fd, kind) {
        Some(true) => Ok(()),
        Some(false) => Err(SysError::bpf(Command::OBJ_GET_INFO_BY_FD, Errno::EINVAL)
            .with_note("descriptor of something else")),
        None => Err(SysError::bpf(Command::OBJ_GET_INFO_BY_FD, Errno::EINVAL)
            .with_note("cannot read /proc/self/fd to tell what the descriptor is")),
    }
}

/// Whether the descriptor is of this kind; `None` when `/proc` does not tell.
pub(crate) fn is_kind(fd: BorrowedFd<'_>, kind: &str) -> Option<bool> {
    let target = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    let name = target.as_os_str().as_bytes().strip_prefix(b"anon_inode:").unwrap_or_default();
    // A new link is called `bpf_link`, one that is opened again `bpf-link` (kernel: `bpf_link_prime`, `bpf_link_new_fd`).
    let found = name.iter().map(|&byte| if byte == b'_' { b'-' } else { byte });
    Some(found.take(kind.len()).eq(kind.bytes()))
}

/// Fills `info` with what the kernel tells about `fd`.
///
/// # Safety
///
/// `T` must be the information structure of the kind of object that `fd` is, or have no field that the kernel takes for an address in another kind's. Every
/// address in it must be zero, or point to memory that the kernel may write, of the length that `info` says.
pub(crate) unsafe fn fill_info<T: IntoBytes + FromBytes>(
    fd: BorrowedFd<'_>,
    info: &mut T,
) -> Result<(), SysError> {
    let command = Command::OBJ_GET_INFO_BY_FD;
    let size = u32::try_from(size_of::<T>()).map_err(|_| SysError::bpf(command, Errno::EINVAL))?;
    let mut attr = InfoAttr {
        bpf_fd: raw(fd),
        info_len: size,
        info: std::ptr::from_mut(info).expose_provenance() as u64,
    };
    // SAFETY: the structure is that of the command. The kernel reads and writes at most `info_len` bytes at `info`, which is an exclusive
    // reference to that many initialised bytes, and any bytes are a valid `T`. Addresses inside are the caller's obligation.
    unsafe { bpf(command, &mut attr) }.map(drop)
}

/// What the kernel tells about a map, as it lies in memory; all addresses are zero.
pub(crate) fn raw_map_info(fd: BorrowedFd<'_>) -> Result<MapInfo, SysError> {
    let mut info = MapInfo::default();
    // SAFETY: all zero, so whatever kind of object `fd` is, the kernel finds no address and no length.
    unsafe { fill_info(fd, &mut info) }?;
    Ok(info)
}

/// The id after `start`, or the first one; `None` at the end.
fn next(command: Command, start: u32) -> Result<Option<u32>, SysError> {
    let mut attr = IdAttr { start_id: start, ..IdAttr::default() };
    // SAFETY: the structure is that of the command; it holds no address.
    match unsafe { bpf(command, &mut attr) } {
        Ok(_) => Ok(Some(attr.next_id)),
        Err(error) if error.errno == Errno::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

fn by_id(command: Command, id: u32, flags: MapFlags) -> Result<OwnedFd, SysError> {
    let mut attr = IdAttr { start_id: id, open_flags: flags.bits(), ..IdAttr::default() };
    // SAFETY: the structure is that of the command; it holds no address. The command returns a new descriptor.
    unsafe { bpf_fd(command, &mut attr) }
}

/// One pair of functions per kind of object.
macro_rules! ids {
    ($( $next:ident, $next_command:ident, $next_since:literal; $open:ident, $command:ident, $since:literal: $id:ident => $owned:ident; )+) => {
        $(
            #[doc = concat!("The id after `after`, or the first one; `None` at the end: `BPF_", stringify!($next_command), "`, Linux ", $next_since, ".")]
            ///
            /// Errors: `EPERM` without `CAP_SYS_ADMIN`.
            pub fn $next(after: Option<$id>) -> Result<Option<$id>, SysError> {
                Ok(next(Command::$next_command, after.map_or(0, |id| id.0))?.map($id))
            }

            #[doc = concat!("Opens an object by its id: `BPF_", stringify!($command), "`, Linux ", $since, ".")]
            ///
            /// Errors: `ENOENT` when there is none, `EPERM` without `CAP_SYS_ADMIN`.
            pub fn $open(id: $id) -> Result<$owned, SysError> {
                let fd = by_id(Command::$command, id.0, MapFlags::NONE)?;
                Ok(fd.into())
            }
        )+
    };
}

ids! {
    next_program, PROG_GET_NEXT_ID, "4.13"; program_by_id, PROG_GET_FD_BY_ID, "4.13": ProgramId => OwnedProgFd;
    next_btf, BTF_GET_NEXT_ID, "5.4"; btf_by_id, BTF_GET_FD_BY_ID, "4.18": BtfId => OwnedBtfFd;
    next_link, LINK_GET_NEXT_ID, "5.8"; link_by_id, LINK_GET_FD_BY_ID, "5.8": LinkId => OwnedLinkFd;
}

/// The id after `after`, or the first one; `None` at the end: `BPF_MAP_GET_NEXT_ID`, Linux 4.13.
///
/// Errors: `EPERM` without `CAP_SYS_ADMIN`.
pub fn next_map(after: Option<MapId>) -> Result<Option<MapId>, SysError> {
    Ok(next(Command::MAP_GET_NEXT_ID, after.map_or(0, |id| id.0))?.map(MapId))
}

/// Opens a map by its id, perhaps with [`MapFlags::RDONLY`] or [`MapFlags::WRONLY`]: `BPF_MAP_GET_FD_BY_ID`, Linux 4.13.
///
/// Errors: `ENOENT` when there is none, `EPERM` without `CAP_SYS_ADMIN`.
pub fn map_by_id(id: MapId, flags: MapFlags) -> Result<OwnedMapFd, SysError> {
    by_id(Command::MAP_GET_FD_BY_ID, id.0, flags)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_nul_is_refused_before_the_call() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let path = Path::new("/sys/fs/bpf/a\0b");
        let errors =
            [pin(&file, None, path).unwrap_err(), open(None, path, MapFlags::NONE).unwrap_err()];
        for error in errors {
            assert_eq!((error.errno, error.note), (Errno::EINVAL, Some("path with a NUL byte")));
        }
    }

    #[test]
    fn a_file_is_of_no_kind() {
        let file = std::fs::File::open("/dev/null").unwrap();
        for kind in ["bpf-map", "bpf-prog", "bpf-link"] {
            assert!(expect_kind(file.as_fd(), kind).is_err());
        }
    }
}
