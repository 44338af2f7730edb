//! Paths on a BPF file system.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use bpf_sys::{Errno, SysError};

use crate::error::{Error, ErrorKind, Result};

/// Makes sure that `folder` exists, on a bpffs: creates it, and the folders above it, for the owner only (libbpf: R10).
pub(crate) fn prepare_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return check_bpffs(folder);
    }
    // Not to leave folders behind on another file system.
    if let Some(above) = folder.ancestors().find(|above| above.is_dir()) {
        check_bpffs(above)?;
    }
    let create = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    create.map_err(|source| Error::io(format!("create the folder {}", folder.display()), source))
}

/// The error for a path that is on no bpffs.
fn check_bpffs(path: &Path) -> Result<()> {
    match bpf_sys::kernel::is_bpf_fs(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(no_bpffs(path)),
        Err(source) => Err(Error::system(format!("use {} for pins", path.display()), source)),
    }
}

fn no_bpffs(path: &Path) -> Error {
    let path = path.display();
    Error::new(ErrorKind::NoBpffs, format!("pin in {path}"))
        .with_reason(format!("no bpffs at {path}"))
        .with_hint(format!("mount -t bpf bpf {path}"))
}

/// A failed `BPF_OBJ_PIN` of `what` (`map` or `program`) `name`.
pub(crate) fn pin_error(what: &str, name: &str, path: &Path, source: SysError) -> Error {
    // The kernel says EPERM for a path that is on another file system.
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if matches!(bpf_sys::kernel::is_bpf_fs(folder), Ok(false)) {
        return no_bpffs(folder).with_source(source);
    }
    let errno = source.errno;
    let error = Error::system(format!("pin {what} `{name}` at {}", path.display()), source);
    match errno {
        Errno::EEXIST => error.with_kind(ErrorKind::Exists),
        Errno::ENOENT => {
            error.with_kind(ErrorKind::NotFound).with_reason("the folder does not exist")
        }
        _ => error,
    }
}

/// A failed `BPF_OBJ_GET` of a `what`.
pub(crate) fn open_error(what: &str, path: &Path, source: SysError) -> Error {
    let errno = source.errno;
    let error = Error::system(format!("open the {what} pinned at {}", path.display()), source);
    match errno {
        Errno::ENOENT => error.with_kind(ErrorKind::NotFound),
        _ => error,
    }
}

/// Removes a pin.
pub(crate) fn unpin(path: &Path) -> Result<()> {
    std::fs::remove_file(path)
        .map_err(|source| Error::io(format!("remove the pin {}", path.display()), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_on_other_file_systems_are_refused_and_not_created() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("a/b")] {
            let error = prepare_folder(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NoBpffs);
            let at = folder.path().display();
            assert_eq!(
                error.to_string(),
                format!(
                    "cannot pin in {at}: not a BPF file system: no bpffs at {at}; mount -t bpf bpf {at}"
                )
            );
        }
        assert!(!folder.path().join("a").exists());
    }

    #[test]
    fn removing_what_is_not_there_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unpin(&folder.path().join("gone")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
