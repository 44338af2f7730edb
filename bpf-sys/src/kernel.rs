//! What kernel runs here: version, CPUs, page size, BTF.

use std::fs;
use std::path::Path;

use crate::abi::KernelVersion;
use crate::errno::{Errno, SysError};

/// The version by the release text alone: `uname -r`.
pub fn release() -> Result<KernelVersion, SysError> {
    let name =
        nix::sys::utsname::uname().map_err(|errno| SysError::other("uname", errno.into()))?;
    let release = name.release().to_str().unwrap_or_default();
    release
        .parse()
        .map_err(|_| SysError::other("uname", Errno::EINVAL).with_note("release without a version"))
}

/// The version as the kernel was built: what `LINUX_VERSION_CODE` is, and what old kernels compare with a kprobe program's version.
///
/// Distributions put their own patch level into the release text, and the upstream one elsewhere. libbpf: `get_kernel_version`: Ubuntu has
/// `/proc/version_signature` (`Ubuntu 5.4.0-12.15-generic 5.4.8`), Debian the `version` of uname (`#1 SMP Debian 5.10.84-1`), others the release.
pub fn version() -> Result<KernelVersion, SysError> {
    let name =
        nix::sys::utsname::uname().map_err(|errno| SysError::other("uname", errno.into()))?;
    let signature = fs::read_to_string("/proc/version_signature").ok();
    let text = |part: &std::ffi::OsStr| part.to_str().unwrap_or_default().to_owned();
    choose_version(signature.as_deref(), &text(name.version()), &text(name.release()))
        .ok_or(SysError::other("uname", Errno::EINVAL).with_note("release without a version"))
}

fn choose_version(signature: Option<&str>, version: &str, release: &str) -> Option<KernelVersion> {
    let ubuntu = || {
        let mut words = signature?.split_whitespace();
        words.next().filter(|&word| word == "Ubuntu")?;
        words.nth(1)?.parse().ok()
    };
    let debian = || {
        let (_, rest) = version.split_once("Debian ")?;
        rest.parse().ok()
    };
    ubuntu().or_else(debian).or_else(|| release.parse().ok())
}

/// A set of CPUs, as the kernel lists them: `0-3,8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuSet {
    ranges: Vec<(u32, u32)>,
}

impl CpuSet {
    /// Reads a list as in `/sys/devices/system/cpu/possible`. `None` for anything else, an empty list included.
    pub fn parse(text: &str) -> Option<Self> {
        let mut ranges = Vec::new();
        for part in text.trim().split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
            // Ascending and apart, so that the count below counts no CPU twice.
            let apart = ranges.last().is_none_or(|&(_, before)| before < first);
            if first > last || last > MAX_CPU || !apart {
                return None;
            }
            ranges.push((first, last));
        }
        Some(Self { ranges })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// Their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(|&(first, last)| first..=last)
    }
}

/// Above what the kernel can be built for (`NR_CPUS`), so that a wrong list cannot make a loop long.
const MAX_CPU: u32 = 1 << 20;

fn cpus(path: &'static str) -> Result<CpuSet, SysError> {
    let text = fs::read_to_string(path).map_err(|error| SysError::io(path, &error))?;
    CpuSet::parse(&text).ok_or(SysError::other(path, Errno::EINVAL).with_note("not a list of CPUs"))
}

/// The CPUs that may ever be online. Their number is that of the values in a per-CPU map; it never changes.
pub fn possible_cpus() -> Result<CpuSet, SysError> {
    cpus("/sys/devices/system/cpu/possible")
}

/// The CPUs that are online now.
pub fn online_cpus() -> Result<CpuSet, SysError> {
    cpus("/sys/devices/system/cpu/online")
}

/// Bytes of a page of memory.
pub fn page_size() -> usize {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    // The call cannot fail on Linux; 4096 is the least page size there.
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(4096)
}

/// Whether `path` is in a BPF file system, where objects can be pinned. Errors: `ENOENT` and others of `statfs(2)`.
pub fn is_bpf_fs(path: &Path) -> Result<bool, SysError> {
    let stat =
        nix::sys::statfs::statfs(path).map_err(|errno| SysError::other("statfs", errno.into()))?;
    Ok(stat.filesystem_type() == nix::sys::statfs::FsType(0xcafe_4a11))
}

/// Raises the limit of locked memory of this process to infinity.
///
/// Kernels before 5.11 count maps and programs against it, and answer `EPERM` above it. Errors: `EPERM` without `CAP_SYS_RESOURCE` when the hard limit is in
/// the way; the limit is then as high as the hard one.
pub fn raise_memlock_limit() -> Result<(), SysError> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
    const MEMLOCK: Resource = Resource::RLIMIT_MEMLOCK;
    let Err(refused) = setrlimit(MEMLOCK, RLIM_INFINITY, RLIM_INFINITY) else { return Ok(()) };
    let (_, hard) =
        getrlimit(MEMLOCK).map_err(|errno| SysError::other("getrlimit", errno.into()))?;
    setrlimit(MEMLOCK, hard, hard).map_err(|errno| SysError::other("setrlimit", errno.into()))?;
    if hard == RLIM_INFINITY { Ok(()) } else { Err(SysError::other("setrlimit", refused.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_upstream_one() {
        let rows = [
            (
                Some("Ubuntu 5.4.0-12.15-generic 5.4.8"),
                "#15-Ubuntu SMP",
                "5.4.0-12-generic",
                "5.4.8",
            ),
            (Some("Other 1.2 3.4.5"), "#1 SMP", "6.1.7", "6.1.7"),
            (Some("Ubuntu"), "#1 SMP", "6.1.7", "6.1.7"),
            (None, "#1 SMP Debian 5.10.84-1 (2021-12-08)", "5.10.0-10-amd64", "5.10.84"),
            (
                None,
                "#1 SMP PREEMPT_DYNAMIC Debian 6.12.9-1~bpo12+1 (2025-01-19)",
                "6.12.9+bpo-amd64",
                "6.12.9",
            ),
            (None, "#1 SMP PREEMPT_DYNAMIC", "6.18.44-fc-v669", "6.18.44"),
            (None, "Debian unknown", "6.1.0", "6.1"),
        ];
        for (signature, version, release, expected) in rows {
            let found =
                choose_version(signature, version, release).map(|version| version.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{release}");
        }
        assert_eq!(choose_version(None, "", "unknown"), None);
    }

    #[test]
    fn lists_of_cpus_count_every_range() {
        let rows = [
            ("0\n", Some(vec![0])),
            ("0-3\n", Some(vec![0, 1, 2, 3])),
            ("0-1,4,6-7", Some(vec![0, 1, 4, 6, 7])),
            ("2", Some(vec![2])),
            ("", None),
            ("\n", None),
            ("3-1", None),
            ("0-1,1-2", None),
            ("1,0", None),
            ("0-", None),
            ("a", None),
            ("0-4294967295", None),
        ];
        for (text, expected) in rows {
            let set = CpuSet::parse(text);
            assert_eq!(
                set.as_ref().map(CpuSet::count),
                expected.as_ref().map(Vec::len),
                "{text:?}"
            );
            assert_eq!(set.map(|set| set.iter().collect::<Vec<_>>()), expected, "{text:?}");
        }
    }

    #[test]
    fn this_machine_has_cpus_pages_and_a_version() {
        assert!(release().unwrap() >= KernelVersion::new(3, 18, 0));
        assert!(version().unwrap() >= KernelVersion::new(3, 18, 0));
        assert!(page_size().is_power_of_two() && page_size() >= 4096);
        assert!(possible_cpus().unwrap().count() >= online_cpus().unwrap().count());
        assert!(!is_bpf_fs(Path::new("/proc/self")).unwrap());
        assert_eq!(is_bpf_fs(Path::new("/no/such/folder")).unwrap_err().errno, Errno::ENOENT);
    }
}
