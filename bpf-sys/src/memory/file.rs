//! The kernel's BTF as bytes, mapped where the kernel allows it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use super::Region;
use crate::errno::{Errno, SysError};

/// Bytes that can be shared between threads, mapped or in memory.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// `SYSFS_MAGIC` of linux/magic.h.
const SYSFS: nix::sys::statfs::FsType = nix::sys::statfs::FsType(0x6265_6572);

/// Memory of the kernel that never changes, mapped read-only.
struct Constant(Region);

impl AsRef<[u8]> for Constant {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `kernel_btf` makes this of the kernel's own BTF only, a file that sysfs serves from read-only memory of the kernel and that
        // lives as long as the kernel (kernel: `btf_sysfs_vmlinux_mmap` maps these very pages and refuses writable mappings). This process maps
        // it read-only.
        unsafe { self.0.as_slice() }
    }
}

/// The BTF of the running kernel, as [`kernel_btf`] finds it.
#[derive(Clone)]
#[non_exhaustive]
pub struct KernelBtf {
    /// The blob.
    pub bytes: SharedBytes,
    /// Whether the kernel itself gave the bytes, by sysfs. Otherwise another file is mounted in the place, and the bytes may be anything.
    pub from_kernel: bool,
}

impl fmt::Debug for KernelBtf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KernelBtf")
            .field("len", &(*self.bytes).as_ref().len())
            .field("from_kernel", &self.from_kernel)
            .finish()
    }
}

/// The BTF of the running kernel, `/sys/kernel/btf/vmlinux` (5.4): mapped where the kernel allows it (6.16), otherwise read into memory.
///
/// Errors: `ENOENT` when the kernel was built without it.
pub fn kernel_btf() -> Result<KernelBtf, SysError> {
    const PATH: &str = "/sys/kernel/btf/vmlinux";
    let mut file = File::open(Path::new(PATH)).map_err(|error| SysError::io(PATH, &error))?;
    // In a container, another file may be mounted over it, and that could change.
    let from_kernel =
        nix::sys::statfs::fstatfs(&file).is_ok_and(|stat| stat.filesystem_type() == SYSFS);
    let len =
        file.metadata().ok().and_then(|metadata| usize::try_from(metadata.len()).ok()).unwrap_or(0);
    if from_kernel {
        if let Ok(region) = Region::private_read_only(file.as_fd(), len) {
            return Ok(KernelBtf { bytes: Arc::new(Constant(region)), from_kernel });
        }
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| SysError::io(PATH, &error))?;
    if bytes.is_empty() {
        return Err(SysError::other(PATH, Errno::ENODATA));
    }
    Ok(KernelBtf { bytes: Arc::new(bytes), from_kernel })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_btf_is_the_file() {
        let Ok(read) = std::fs::read("/sys/kernel/btf/vmlinux") else {
            assert_eq!(kernel_btf().err().map(|error| error.errno), Some(Errno::ENOENT));
            return;
        };
        let kernel = kernel_btf().unwrap();
        assert_eq!((*kernel.bytes).as_ref(), read);
        assert!(format!("{kernel:?}").contains(&read.len().to_string()));
    }
}
