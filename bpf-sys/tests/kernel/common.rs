//! What the tests share: instructions, programs, places.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use bpf_sys::abi::{MapType, ProgramType};
use bpf_sys::map::{self, MapCreate};
use bpf_sys::prog::{self, Load};
use bpf_sys::{OwnedMapFd, OwnedProgFd, kernel};

static ALONE: Mutex<()> = Mutex::new(());

/// Runs a test alone, and makes sure that it leaves no descriptor behind.
pub(crate) fn leaks_nothing(test: impl FnOnce()) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // Kernels before 5.11 count maps against the limit.
    if testdata::kernel_release() < (5, 11) {
        kernel::raise_memlock_limit().unwrap();
    }
    let before = testdata::open_fds();
    test();
    assert_eq!(testdata::open_fds(), before, "descriptors left behind");
}

/// One slot.
pub(crate) fn slot(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> Vec<u8> {
    let registers =
        if cfg!(target_endian = "little") { (src << 4) | dst } else { (dst << 4) | src };
    [&[opcode, registers][..], &off.to_ne_bytes(), &imm.to_ne_bytes()].concat()
}

/// `dst = imm`
pub(crate) fn set(dst: u8, imm: i32) -> Vec<u8> {
    slot(0xb7, dst, 0, 0, imm)
}

/// `dst = src`
pub(crate) fn copy(dst: u8, src: u8) -> Vec<u8> {
    slot(0xbf, dst, src, 0, 0)
}

/// `dst += imm`
pub(crate) fn add(dst: u8, imm: i32) -> Vec<u8> {
    slot(0x07, dst, 0, 0, imm)
}

/// `*(u64 *)(dst + off) = imm`
pub(crate) fn store(dst: u8, off: i16, imm: i32) -> Vec<u8> {
    slot(0x7a, dst, 0, off, imm)
}

/// `*(u64 *)(dst + off) = src`
pub(crate) fn store_register(dst: u8, off: i16, src: u8) -> Vec<u8> {
    slot(0x7b, dst, src, off, 0)
}

/// `dst` = a 64-bit value, or something that `src` makes of it.
pub(crate) fn wide(dst: u8, src: u8, low: i32, high: i32) -> Vec<u8> {
    [slot(0x18, dst, src, 0, low), slot(0, 0, 0, 0, high)].concat()
}

pub(crate) fn call(helper: i32) -> Vec<u8> {
    slot(0x85, 0, 0, 0, helper)
}

pub(crate) fn exit() -> Vec<u8> {
    slot(0x95, 0, 0, 0, 0)
}

/// `return value`
pub(crate) fn returns(value: i32) -> Vec<u8> {
    [set(0, value), exit()].concat()
}

pub(crate) fn options(program_type: ProgramType, instructions: &[u8]) -> Load<'_> {
    Load::new(program_type, instructions, c"GPL")
}

/// Loads a program, and shows the verifier's log when that fails.
pub(crate) fn load(program_type: ProgramType, instructions: &[u8]) -> OwnedProgFd {
    if let Ok(program) = prog::load(&mut options(program_type, instructions)) {
        return program;
    }
    let mut log = vec![0; 1 << 16];
    let mut load = options(program_type, instructions);
    load.log_level = 1;
    load.log = &mut log;
    let error = prog::load(&mut load).unwrap_err();
    panic!("{error}\n{}", String::from_utf8_lossy(&log));
}

pub(crate) fn create(
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
) -> OwnedMapFd {
    map::create(&MapCreate::new(map_type, key_size, value_size, max_entries)).unwrap()
}

/// A folder in a BPF file system, removed when dropped.
pub(crate) struct BpfFs {
    pub(crate) path: PathBuf,
    mounted: Option<tempfile::TempDir>,
}

impl BpfFs {
    pub(crate) fn new() -> Self {
        let place = Path::new("/sys/fs/bpf");
        if kernel::is_bpf_fs(place).unwrap_or(false) {
            let path = place.join(format!("bpf_sys_test_{}", std::process::id()));
            std::fs::create_dir(&path).unwrap();
            return Self { path, mounted: None };
        }
        let folder = tempfile::tempdir().unwrap();
        let status =
            Command::new("mount").args(["-t", "bpf", "bpf"]).arg(folder.path()).status().unwrap();
        assert!(status.success(), "mount -t bpf");
        Self { path: folder.path().to_owned(), mounted: Some(folder) }
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        if self.mounted.is_some() {
            let _ = Command::new("umount").arg(&self.path).status();
        } else {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A cgroup of our own, removed when dropped.
pub(crate) struct Cgroup {
    pub(crate) folder: Option<std::fs::File>,
    path: PathBuf,
    mounted: Option<tempfile::TempDir>,
}

impl Cgroup {
    pub(crate) fn new() -> Self {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let root = mounts.lines().find_map(|line| {
            let mut words = line.split(' ');
            let path = words.nth(1)?;
            (words.next()? == "cgroup2").then(|| PathBuf::from(path))
        });
        let mut mounted = None;
        let root = root.unwrap_or_else(|| {
            let folder = tempfile::tempdir().unwrap();
            let status = Command::new("mount")
                .args(["-t", "cgroup2", "none"])
                .arg(folder.path())
                .status()
                .unwrap();
            assert!(status.success(), "mount -t cgroup2");
            let path = folder.path().to_owned();
            mounted = Some(folder);
            path
        });
        let path = root.join(format!("bpf_sys_test_{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self { folder: Some(std::fs::File::open(&path).unwrap()), path, mounted }
    }

    pub(crate) fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(self.folder.as_ref().unwrap())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.folder = None;
        let _ = std::fs::remove_dir(&self.path);
        if let Some(folder) = &self.mounted {
            let _ = Command::new("umount").arg(folder.path()).status();
        }
    }
}
