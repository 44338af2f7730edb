//! Perf events: what tracepoints, kprobes, uprobes and counters look like to user space.

#![expect(unsafe_code, reason = "calls perf_event_open(2) and ioctl(2)")]

use std::ffi::CStr;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use zerocopy::{Immutable, IntoBytes};

use crate::errno::{Errno, SysError};
use crate::fd::AsProgFd;
use crate::syscall::adopt;

/// The process and CPU that an event is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Every process, on one CPU.
    Cpu(u32),
    /// One process, wherever it runs; zero is the caller.
    Process(u32),
    /// One process, when it is on one CPU.
    ProcessOnCpu(u32, u32),
}

impl Scope {
    fn values(self) -> Option<(i32, i32)> {
        let number = |value: u32| i32::try_from(value).ok();
        Some(match self {
            Self::Cpu(cpu) => (-1, number(cpu)?),
            Self::Process(pid) => (number(pid)?, -1),
            Self::ProcessOnCpu(pid, cpu) => (number(pid)?, number(cpu)?),
        })
    }
}

/// Where a kprobe goes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum KprobePlace<'a> {
    /// Bytes after a symbol.
    Symbol(&'a CStr, u64),
    /// An address in the kernel.
    Address(u64),
}

/// What an event is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A tracepoint, by the id in its folder in tracefs.
    Tracepoint(u64),
    /// A function of the kernel (4.17).
    Kprobe {
        /// Where.
        place: KprobePlace<'a>,
        /// At its return.
        at_return: bool,
    },
    /// A place in a file (4.17).
    Uprobe {
        /// The file.
        path: &'a CStr,
        /// Offset in the file.
        offset: u64,
        /// Offset of a semaphore in the file; zero for none (4.20).
        ref_ctr_offset: u32,
        /// At the function's return.
        at_return: bool,
    },
    /// What `bpf_perf_event_output` writes (4.4); wakes a reader after each record.
    BpfOutput,
    /// Any other: `type` and `config` of `perf_event_open(2)`, and one sample every `period` events.
    Counter {
        /// `PERF_TYPE_...`
        kind: u32,
        /// Depends on the kind.
        config: u64,
        /// Events between samples; with `frequency`, samples per second.
        period: u64,
        /// Whether `period` is a frequency.
        frequency: bool,
    },
}

/// `struct perf_event_attr`, version 5 of its size: the fields after it are not used here.
#[derive(Clone, Copy, Debug, Default, IntoBytes, Immutable)]
#[repr(C)]
struct EventAttr {
    r#type: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

const _: () = {
    assert!(size_of::<EventAttr>() == 112, "PERF_ATTR_SIZE_VER5");
    assert!(std::mem::offset_of!(EventAttr, flags) == 40);
    assert!(std::mem::offset_of!(EventAttr, config1) == 56);
    assert!(std::mem::offset_of!(EventAttr, sample_max_stack) == 108);
};

const TYPE_SOFTWARE: u32 = 1;
const TYPE_TRACEPOINT: u32 = 2;
const SOFTWARE_BPF_OUTPUT: u64 = 10;
const SAMPLE_RAW: u64 = 1 << 10;
/// `PERF_FLAG_FD_CLOEXEC`.
const FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
/// The bit `freq`, the eleventh of a C bit field.
const FLAG_FREQUENCY: u64 = if cfg!(target_endian = "little") { 1 << 10 } else { 1 << (63 - 10) };

/// A source of events that is not in the headers, by its folder in sysfs.
struct Source {
    kind: u32,
    /// The bit of `config` for returns.
    return_bit: u64,
}

impl Source {
    fn read(type_path: &'static str, format_path: &'static str) -> Result<Self, SysError> {
        let text = |path: &'static str| {
            fs::read_to_string(path).map_err(|error| SysError::io(path, &error))
        };
        let kind = text(type_path)?
            .trim()
            .parse()
            .map_err(|_| SysError::other(type_path, Errno::EINVAL))?;
        let format = text(format_path)?;
        let return_bit = parse_bit(&format).ok_or(SysError::other(format_path, Errno::EINVAL))?;
        Ok(Self { kind, return_bit })
    }

    fn config(&self, at_return: bool) -> u64 {
        if at_return { self.return_bit } else { 0 }
    }
}

/// `config:0` to the bit 0.
fn parse_bit(format: &str) -> Option<u64> {
    let bit = format.trim().strip_prefix("config:")?.parse().ok()?;
    1u64.checked_shl(bit)
}

fn attr(event: &Event<'_>) -> Result<EventAttr, SysError> {
    let mut attr = EventAttr { size: 112, ..EventAttr::default() };
    match *event {
        Event::Tracepoint(id) => {
            attr.r#type = TYPE_TRACEPOINT;
            attr.config = id;
            attr.sample_period = 1;
            attr.wakeup_events = 1;
        }
        Event::Kprobe { place, at_return } => {
            let source = Source::read(
                "/sys/bus/event_source/devices/kprobe/type",
                "/sys/bus/event_source/devices/kprobe/format/retprobe",
            )?;
            attr.r#type = source.kind;
            attr.config = source.config(at_return);
            match place {
                KprobePlace::Symbol(symbol, offset) => {
                    attr.config1 = symbol.as_ptr().expose_provenance() as u64;
                    attr.config2 = offset;
                }
                KprobePlace::Address(address) => attr.config2 = address,
            }
        }
        Event::Uprobe { path, offset, ref_ctr_offset, at_return } => {
            let source = Source::read(
                "/sys/bus/event_source/devices/uprobe/type",
                "/sys/bus/event_source/devices/uprobe/format/retprobe",
            )?;
            attr.r#type = source.kind;
            // Kernel: `PERF_UPROBE_REF_CTR_OFFSET_SHIFT`.
            attr.config = source.config(at_return) | (u64::from(ref_ctr_offset) << 32);
            attr.config1 = path.as_ptr().expose_provenance() as u64;
            attr.config2 = offset;
        }
        Event::BpfOutput => {
            attr.r#type = TYPE_SOFTWARE;
            attr.config = SOFTWARE_BPF_OUTPUT;
            attr.sample_type = SAMPLE_RAW;
            attr.sample_period = 1;
            attr.wakeup_events = 1;
        }
        Event::Counter { kind, config, period, frequency } => {
            attr.r#type = kind;
            attr.config = config;
            attr.sample_period = period;
            attr.flags = if frequency { FLAG_FREQUENCY } else { 0 };
        }
    }
    Ok(attr)
}

/// Opens a perf event, not yet counting for kinds other than BPF output: `perf_event_open(2)`.
///
/// Errors: `EACCES` or `EPERM` without `CAP_PERFMON` (see `perf_event_paranoid`), `ENOENT` for an unknown symbol, tracepoint or counter, and for a file in
/// sysfs when the kernel lacks kprobes or uprobes, `ENODEV` for a CPU that is offline.
pub fn open(event: &Event<'_>, scope: Scope) -> Result<OwnedFd, SysError> {
    const CALL: &str = "perf_event_open";
    let attr = attr(event)?;
    let (pid, cpu) = scope.values().ok_or(SysError::other(CALL, Errno::EINVAL))?;
    loop {
        // SAFETY: `attr` is the kernel's structure, of the size that its second field says, all bytes initialised. For the kinds that follow `config1`,
        // kprobes and uprobes, it is zero or a string with NUL that `event` borrows. The call writes to no memory but the size field when it
        // refuses the size, which is correct for every kernel since 4.8, and tolerated before as long as the new fields are zero.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                std::ptr::from_ref(&attr),
                pid,
                cpu,
                -1,
                FLAG_FD_CLOEXEC,
            )
        };
        let Ok(fd) = i32::try_from(fd) else { return Err(SysError::other(CALL, Errno::EOVERFLOW)) };
        if fd >= 0 {
            // SAFETY: the call returned a new descriptor, which nobody else knows.
            return unsafe { adopt(fd) }.map_err(|errno| SysError::other(CALL, errno));
        }
        let errno = Errno::last();
        if errno != Errno::EINTR {
            return Err(SysError::other(CALL, errno));
        }
    }
}

/// Attaches a program to an event, until the event is closed: `PERF_EVENT_IOC_SET_BPF`.
///
/// Errors: `EEXIST` when there is one (before 4.15 and for counters), `EINVAL` for a program of another kind.
pub fn set_program(event: impl AsFd, program: &impl AsProgFd) -> Result<(), SysError> {
    let program = program.as_prog_fd().as_raw_fd();
    let argument = libc::c_ulong::try_from(program)
        .map_err(|_| SysError::other("ioctl(PERF_EVENT_IOC_SET_BPF)", Errno::EBADF))?;
    ioctl(
        event.as_fd(),
        nix::request_code_write!(b'$', 8, size_of::<u32>()),
        argument,
        "ioctl(PERF_EVENT_IOC_SET_BPF)",
    )
}

/// Starts an event: `PERF_EVENT_IOC_ENABLE`.
pub fn enable(event: impl AsFd) -> Result<(), SysError> {
    ioctl(event.as_fd(), nix::request_code_none!(b'$', 0), 0, "ioctl(PERF_EVENT_IOC_ENABLE)")
}

/// Stops an event: `PERF_EVENT_IOC_DISABLE`.
pub fn disable(event: impl AsFd) -> Result<(), SysError> {
    ioctl(event.as_fd(), nix::request_code_none!(b'$', 1), 0, "ioctl(PERF_EVENT_IOC_DISABLE)")
}

/// One of the three requests above, whose argument is a number.
fn ioctl(
    event: BorrowedFd<'_>,
    request: libc::c_ulong,
    argument: libc::c_ulong,
    call: &'static str,
) -> Result<(), SysError> {
    #[cfg_attr(
        not(target_env = "musl"),
        expect(clippy::useless_conversion, reason = "another type with musl")
    )]
    let request = request.try_into().map_err(|_| SysError::other(call, Errno::EINVAL))?;
    // SAFETY: perf events take a number with these requests, not an address. Another kind of file does not know requests of the class '$', or takes
    // a number with them as well.
    if unsafe { libc::ioctl(event.as_raw_fd(), request, argument) } < 0 {
        Err(SysError::last(call))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_process_and_a_cpu() {
        let rows = [
            (Scope::Cpu(3), Some((-1, 3))),
            (Scope::Process(0), Some((0, -1))),
            (Scope::ProcessOnCpu(7, 1), Some((7, 1))),
            (Scope::Cpu(u32::MAX), None),
        ];
        for (scope, values) in rows {
            assert_eq!(scope.values(), values, "{scope:?}");
        }
    }

    #[test]
    fn formats_name_a_bit_of_config() {
        let rows = [
            ("config:0\n", Some(1)),
            ("config:63", Some(1 << 63)),
            ("config:64", None),
            ("config1:0", None),
            ("config:0-3", None),
            ("", None),
        ];
        for (format, bit) in rows {
            assert_eq!(parse_bit(format), bit, "{format:?}");
        }
    }

    #[test]
    fn bpf_output_wakes_for_every_sample() {
        let attr = attr(&Event::BpfOutput).unwrap();
        assert_eq!(
            (
                attr.r#type,
                attr.config,
                attr.sample_type,
                attr.sample_period,
                attr.wakeup_events,
                attr.size
            ),
            (1, 10, 1024, 1, 1, 112)
        );
    }

    #[test]
    fn requests_on_another_file_are_errors() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(
            enable(&file).unwrap_err().to_string(),
            "ioctl(PERF_EVENT_IOC_ENABLE): ENOTTY (wrong operation for the device)"
        );
        assert!(disable(&file).is_err());
    }
}
