//! The root of a guest: everything in memory, made from nothing but a static busybox, modules and the given files.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt::{self, Apt};
use crate::cache::{self, Cache};
use crate::cpio::Archive;
use crate::kernels::Kernel;
use crate::module::Module;

/// A file or folder of this machine and where it goes in the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) source: PathBuf,
    pub(crate) destination: String,
}

/// What a guest's root is made of.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) busybox: &'a Path,
    /// Inserted first: the data line needs them.
    pub(crate) early: &'a [Module],
    pub(crate) modules: &'a [Module],
    pub(crate) payload: &'a [Payload],
    /// A shell script, run in `/t`.
    pub(crate) command: &'a str,
    /// Stands before the marks, so that no output can pass for one.
    pub(crate) mark: &'a str,
}

/// The first process of a guest. `@MARK@ begin`, the command's output, `@MARK@ end STATUS` go over the data line: a virtio
/// port, or the console where the kernel has no such port.
const INIT: &str = r#"#!/bin/busybox sh
export PATH=/bin HOME=/tmp TERM=dumb
/bin/busybox --install -s /bin
for module in $(cat /modules/early); do
  insmod "/modules/$module.ko" || echo "guest: cannot insert module $module"
done
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
hostname guest
ulimit -l unlimited
for module in $(cat /modules/order); do
  insmod "/modules/$module.ko" || echo "guest: cannot insert module $module"
done
# The node of the port is there a moment before it can be opened.
line=/dev/ttyS0
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  if [ -c /dev/vport0p1 ] && (: <>/dev/vport0p1) 2>/dev/null; then line=/dev/vport0p1; break; fi
  [ -s /modules/no-port ] && break
  sleep 0.1
done
[ "$line" = /dev/ttyS0 ] && dmesg -n 1
exec </dev/null >"$line" 2>&1
[ "$line" = /dev/ttyS0 ] && stty -F /dev/ttyS0 -opost
echo "@MARK@ begin"
cd /t
setsid env BPF_GUEST=1 sh /command
status=$?
echo
echo "@MARK@ end $status"
sync
sleep 0.2
reboot -f
"#;

/// The archive with all of it.
pub(crate) fn build(contents: &Contents<'_>) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "proc", "sys", "tmp", "run", "t", "etc", "modules"] {
        archive.folder(folder)?;
    }
    archive.character_device("dev/console", 5, 1)?;
    archive.file("bin/busybox", 0o755, &cache::read(contents.busybox)?)?;
    archive.file("init", 0o755, INIT.replace("@MARK@", contents.mark).as_bytes())?;
    archive.file("command", 0o644, contents.command.as_bytes())?;
    archive.file("etc/passwd", 0o644, b"root:x:0:0:root:/tmp:/bin/sh\n")?;
    archive.file("etc/group", 0o644, b"root:x:0:\n")?;
    for (list, modules) in [("modules/early", contents.early), ("modules/order", contents.modules)]
    {
        let names: Vec<_> = modules.iter().map(|module| module.name.as_str()).collect();
        archive.file(list, 0o644, names.join("\n").as_bytes())?;
        for module in modules {
            archive.file(&format!("modules/{}.ko", module.name), 0o644, &module.bytes)?;
        }
    }
    // Where programs look for the configuration of the running kernel.
    if let Some(config) = &contents.kernel.config {
        archive.file(
            &format!("boot/config-{}", contents.kernel.release),
            0o644,
            &contents.kernel.read(config)?,
        )?;
    }
    for payload in contents.payload {
        add(&mut archive, &payload.source, &payload.destination)?;
    }
    archive.finish()
}

fn add(archive: &mut Archive, source: &Path, destination: &str) -> Result<()> {
    let about = || format!("cannot copy {} into the guest", source.display());
    let data = fs::metadata(source).with_context(about)?;
    if data.is_dir() {
        archive.folder(destination)?;
        let mut entries: Vec<_> = fs::read_dir(source).with_context(about)?.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            add(
                archive,
                &entry.path(),
                &format!("{destination}/{}", entry.file_name().to_string_lossy()),
            )?;
        }
        return Ok(());
    }
    archive.file(destination, data.permissions().mode(), &cache::read(source)?)
}

/// A busybox without shared libraries: the machine's, else the one of Debian's package in the cache.
pub(crate) fn busybox(cache: &Cache) -> Result<PathBuf> {
    let kept = cache.path("busybox/busybox");
    let places = ["/bin/busybox".into(), "/usr/bin/busybox".into(), kept.clone()];
    if let Some(found) =
        places.into_iter().find(|place| fs::read(place).is_ok_and(|bytes| is_static(&bytes)))
    {
        return Ok(found);
    }
    let scratch = cache.scratch()?;
    let apt = Apt::open(cache)?;
    if !apt.has_lists() {
        apt.update()?;
    }
    let package = apt.download("busybox-static", scratch.path())?;
    let tree = scratch.path().join("tree");
    apt::unpack(&package, &tree)?;
    let made = ["bin/busybox", "usr/bin/busybox"]
        .into_iter()
        .map(|path| tree.join(path))
        .find(|path| path.is_file());
    cache.folder("busybox")?;
    cache::publish(&made.context("busybox-static holds no busybox")?, &kept)?;
    Ok(kept)
}

/// Whether a program runs without anything else: an ELF file whose program headers name no interpreter.
pub(crate) fn is_static(file: &[u8]) -> bool {
    interpreter(file).is_ok_and(|found| !found)
}

/// A program for the guest must bring all that it needs; scripts run with busybox.
pub(crate) fn check_program(path: &Path) -> Result<()> {
    let bytes = cache::read(path)?;
    ensure!(
        !bytes.starts_with(b"\x7fELF") || is_static(&bytes),
        "{} needs shared libraries, and a guest has none: build it with \
         RUSTFLAGS='-C target-feature=+crt-static' and --target x86_64-unknown-linux-gnu",
        path.display()
    );
    Ok(())
}

/// Whether a little-endian ELF64 file has a `PT_INTERP` header; an error for any other file.
fn interpreter(file: &[u8]) -> Result<bool> {
    const PT_INTERP: u64 = 3;
    let number = |offset: usize, size: usize| -> Result<u64> {
        let bytes = offset
            .checked_add(size)
            .and_then(|end| file.get(offset..end))
            .context("truncated ELF file")?;
        Ok(bytes.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte)))
    };
    ensure!(file.starts_with(b"\x7fELF\x02\x01"), "not a little-endian ELF64 file");
    let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    for index in 0..count {
        let offset = index
            .checked_mul(size)
            .and_then(|bytes| bytes.checked_add(table))
            .context("bad program headers")?;
        if number(usize::try_from(offset)?, 4)? == PT_INTERP {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a program is at hand, in PATH or where administrators' programs are.
pub(crate) fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).collect::<Vec<_>>();
    folders.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.iter().any(|folder| folder.join(program).is_file())
}

/// A child process that ends with the thread that starts it, where the machine has a way to say so.
pub(crate) fn bound_to_us(program: &str) -> Command {
    if in_path("setpriv") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]);
        return command;
    }
    Command::new(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, and program headers of these kinds.
    fn elf(kinds: &[u32]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[0x20] = 64;
        file[0x36] = 56;
        file[0x38] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            file.extend(kind.to_le_bytes());
            file.extend([0; 52]);
        }
        file
    }

    #[test]
    fn a_static_program_names_no_interpreter() {
        assert!(is_static(&elf(&[1, 2])));
        assert!(!is_static(&elf(&[1, 3])));
        for broken in [&elf(&[1, 2])[..100], b"#!/bin/sh\n", b"", b"\x7fELF\x01\x01"] {
            assert!(!is_static(broken));
        }
    }

    #[test]
    fn a_program_with_shared_libraries_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        for (bytes, accepted) in
            [(elf(&[1]), true), (elf(&[3]), false), (b"#!/bin/sh\n".to_vec(), true)]
        {
            fs::write(&path, bytes).unwrap();
            assert_eq!(check_program(&path).is_ok(), accepted);
        }
    }
}
