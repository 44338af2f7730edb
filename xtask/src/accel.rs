//! Hardware virtualisation or emulation: found out by one short boot, and remembered.
use std::fs;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::cache::{self, Cache};
use crate::process;

/// How QEMU runs the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accel {
    Kvm,
    /// Emulation; `parallel`: one host thread per guest CPU.
    Tcg {
        parallel: bool,
    },
}

/// How long the boot that tries KVM may take. A kernel that works under KVM is there in two seconds.
pub(crate) const TRIAL: Duration = Duration::from_secs(10);

impl Accel {
    /// The arguments of QEMU.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg { parallel: true } => ["-accel", "tcg,thread=multi", "-cpu", "max"],
            Self::Tcg { parallel: false } => ["-accel", "tcg,thread=single", "-cpu", "max"],
        }
    }

    /// Emulation as this QEMU does it right: before 10.0 its parallel form loses a race when x86 kernels patch
    /// their own code (static keys, ftrace, attaching BPF), and the guest dies of `Oops: int3`.
    pub(crate) fn emulated(version: &str) -> Self {
        Self::Tcg { parallel: major(version).is_some_and(|major| major >= 10) }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg { .. } => "tcg",
        }
    }
}

/// The major version in what `qemu-system-x86_64 --version` prints.
fn major(version: &str) -> Option<u32> {
    let (_, rest) = version.split_once(" version ")?;
    rest.split('.').next()?.trim().parse().ok()
}

/// Decides once per machine and QEMU. `BPF_GUEST_ACCEL` is `auto` (the default), `kvm` or `tcg`;
/// `trial` boots a guest under KVM for at most [`TRIAL`] and tells whether it came up; nothing when it could not be tried.
pub(crate) fn choose(
    cache: &Cache,
    version: &str,
    trial: impl FnOnce() -> Option<bool>,
) -> Result<Accel> {
    let wish = std::env::var("BPF_GUEST_ACCEL").unwrap_or_default();
    decide(&wish, can_open("/dev/kvm"), cache, version, trial)
}

fn decide(
    wish: &str,
    has_kvm: bool,
    cache: &Cache,
    version: &str,
    trial: impl FnOnce() -> Option<bool>,
) -> Result<Accel> {
    let emulated = Accel::emulated(version);
    match wish {
        "kvm" => return Ok(Accel::Kvm),
        "tcg" => return Ok(emulated),
        "" | "auto" => {}
        other => bail!("BPF_GUEST_ACCEL={other}: expected auto, kvm or tcg"),
    }
    if !has_kvm {
        return Ok(emulated);
    }
    // Another kernel or QEMU, another answer.
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let key = format!("{} on {}", version.lines().next().unwrap_or_default(), release.trim());
    let memory = cache.path("kvm-works");
    let text = fs::read_to_string(&memory).unwrap_or_default();
    let known =
        text.lines().find_map(|line| line.strip_suffix(&key)?.trim_end().parse::<bool>().ok());
    let works = match known.or_else(trial) {
        Some(works) if known.is_none() => {
            cache::write(&memory, format!("{text}{works} {key}\n"))?;
            works
        }
        answer => answer.unwrap_or(false),
    };
    Ok(if works { Accel::Kvm } else { emulated })
}

/// Whether this process may use the device.
fn can_open(path: &str) -> bool {
    fs::OpenOptions::new().read(true).write(true).open(path).is_ok()
}

/// What `QEMU --version` prints.
pub(crate) fn version(qemu: &str) -> Result<String> {
    process::capture(std::process::Command::new(qemu).arg("--version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright";
    const NEW: &str = "QEMU emulator version 10.0.2\n";

    #[test]
    fn parallel_emulation_needs_qemu_10() {
        for (version, parallel) in
            [(OLD, false), (NEW, true), ("QEMU emulator version 11.1", true), ("?", false)]
        {
            assert_eq!(Accel::emulated(version), Accel::Tcg { parallel }, "{version}");
        }
    }

    #[test]
    fn kvm_is_tried_once_and_the_answer_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let never = || -> Option<bool> { panic!("no second trial") };
        assert_eq!(
            decide("auto", true, &cache, OLD, || Some(false)).unwrap(),
            Accel::Tcg { parallel: false }
        );
        assert_eq!(
            decide("auto", true, &cache, OLD, never).unwrap(),
            Accel::Tcg { parallel: false }
        );
        assert_eq!(decide("", true, &cache, NEW, || None).unwrap(), Accel::Tcg { parallel: true });
        assert_eq!(decide("", true, &cache, NEW, || Some(true)).unwrap(), Accel::Kvm);
        assert_eq!(decide("", true, &cache, NEW, never).unwrap(), Accel::Kvm);
        assert_eq!(decide("", true, &cache, OLD, never).unwrap(), Accel::Tcg { parallel: false });
    }

    #[test]
    fn a_wish_or_a_missing_device_needs_no_trial() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path()).unwrap();
        let never = || -> Option<bool> { panic!("no trial") };
        assert_eq!(decide("tcg", true, &cache, NEW, never).unwrap(), Accel::Tcg { parallel: true });
        assert_eq!(decide("kvm", false, &cache, NEW, never).unwrap(), Accel::Kvm);
        assert_eq!(
            decide("auto", false, &cache, NEW, never).unwrap(),
            Accel::Tcg { parallel: true }
        );
        assert!(decide("xen", true, &cache, NEW, never).is_err());
    }
}
