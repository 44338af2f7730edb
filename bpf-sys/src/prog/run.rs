//! Running programs on given data, and other commands on a loaded program.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use crate::abi::raw::{
    ProgAssocStructOpsAttr, ProgBindMapAttr, ProgStreamReadAttr, ProgTestRunAttr,
};
use crate::abi::{Command, KernelVersion, TestRunFlags};
use crate::errno::{Errno, SysError};
use crate::fd::ProgFd;
use crate::kernel;
use crate::map::MapFd;
use crate::syscall::{address, address_mut, bpf, length, raw};

/// What `BPF_PROG_TEST_RUN` takes. The default is all zero: one run without data.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TestRun<'a> {
    /// Input data: for programs on packets, a frame of at least 14 bytes.
    pub data_in: &'a [u8],
    /// Room for output data; `ENOSPC` when there is more.
    pub data_out: &'a mut [u8],
    /// The context (5.2). What a `SYSCALL` program changes comes back here.
    pub context: &'a mut [u8],
    /// Room for the context afterwards, for kinds that give it back (5.2).
    pub context_out: &'a mut [u8],
    /// How often; zero is once. Not for all kinds.
    pub repeat: u32,
    /// Flags (5.11).
    pub flags: TestRunFlags,
    /// The CPU, with [`TestRunFlags::RUN_ON_CPU`].
    pub cpu: u32,
    /// Packets per batch, with [`TestRunFlags::XDP_LIVE_FRAMES`]; zero for the kernel's choice.
    pub batch_size: u32,
}

/// What a test run brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOutcome {
    /// What the program returned.
    pub return_value: u32,
    /// Nanoseconds of one run, on average.
    pub duration: u32,
    /// Bytes of output data, or what it would have taken.
    pub data_len: u32,
    /// Bytes of context, or what it would have taken.
    pub context_len: u32,
}

/// Runs a program: `BPF_PROG_TEST_RUN`, Linux 4.12.
///
/// Errors: `ENOTSUPP` (524) for kinds that cannot be run, `EINVAL` for data or a context that the kind refuses, `ENOSPC` for output without room.
/// Kernels before 5.0 write output beyond its room; there, a call with `data_out` is refused with `ENOTSUPP`.
#[doc(alias = "BPF_PROG_TEST_RUN")]
pub fn test_run(program: ProgFd<'_>, run: &mut TestRun<'_>) -> Result<RunOutcome, SysError> {
    let command = Command::PROG_TEST_RUN;
    if !run.data_out.is_empty() && kernel::release()? < KernelVersion::new(5, 0, 0) {
        return Err(
            SysError::bpf(command, Errno::ENOTSUPP).with_note("output data before Linux 5.0")
        );
    }
    let mut attr = ProgTestRunAttr {
        prog_fd: raw(program),
        data_size_in: length(command, run.data_in)?,
        data_size_out: length(command, run.data_out)?,
        data_in: address(run.data_in),
        data_out: address_mut(run.data_out),
        repeat: run.repeat,
        ctx_size_in: length(command, run.context)?,
        ctx_size_out: length(command, run.context_out)?,
        ctx_in: address_mut(run.context),
        ctx_out: address_mut(run.context_out),
        flags: run.flags.bits(),
        cpu: run.cpu,
        batch_size: run.batch_size,
        ..ProgTestRunAttr::default()
    };
    // SAFETY: the structure is that of the command. The kernel reads `data_size_in` and `ctx_size_in` bytes at their addresses, writes at most
    // `data_size_out` bytes at `data_out` (since 5.0, checked above: commit b5a36b1e1b13, `bpf_test_finish`) and `ctx_size_out` bytes at `ctx_out`
    // (`bpf_ctx_finish`), and for SYSCALL programs `ctx_size_in` bytes back to `ctx_in`. All four slices have these lengths, the three that are
    // written are borrowed exclusively, and an empty one has the address zero, which the kernel does not write to.
    unsafe { bpf(command, &mut attr) }?;
    Ok(RunOutcome {
        return_value: attr.retval,
        duration: attr.duration,
        data_len: attr.data_size_out,
        context_len: attr.ctx_size_out,
    })
}

/// Keeps a map as long as the program lives: `BPF_PROG_BIND_MAP`, Linux 5.10.
#[doc(alias = "BPF_PROG_BIND_MAP")]
pub fn bind_map(program: ProgFd<'_>, map: MapFd<'_>) -> Result<(), SysError> {
    let mut attr = ProgBindMapAttr { prog_fd: raw(program), map_fd: raw(map), flags: 0 };
    // SAFETY: the structure is that of the command; it holds no address.
    unsafe { bpf(Command::PROG_BIND_MAP, &mut attr) }.map(drop)
}

/// Ties a program to a `struct_ops` map: `BPF_PROG_ASSOC_STRUCT_OPS`, Linux 7.0.
#[doc(alias = "BPF_PROG_ASSOC_STRUCT_OPS")]
pub fn associate_struct_ops(program: ProgFd<'_>, map: MapFd<'_>) -> Result<(), SysError> {
    let mut attr = ProgAssocStructOpsAttr { map_fd: raw(map), prog_fd: raw(program), flags: 0 };
    // SAFETY: the structure is that of the command; it holds no address.
    unsafe { bpf(Command::PROG_ASSOC_STRUCT_OPS, &mut attr) }.map(drop)
}

/// Reads what a program printed, 1 for its output and 2 for its errors, and gives the number of bytes: `BPF_PROG_STREAM_READ_BY_FD`, Linux 6.17.
#[doc(alias = "BPF_PROG_STREAM_READ_BY_FD")]
pub fn read_stream(program: ProgFd<'_>, stream: u32, buffer: &mut [u8]) -> Result<usize, SysError> {
    let command = Command::PROG_STREAM_READ_BY_FD;
    let mut attr = ProgStreamReadAttr {
        stream_buf: address_mut(buffer),
        stream_buf_len: length(command, buffer)?,
        stream_id: stream,
        prog_fd: raw(program),
        pad: 0,
    };
    // SAFETY: the structure is that of the command. The kernel writes at most `stream_buf_len` bytes at `stream_buf`, which is borrowed
    // exclusively and that long.
    let read = unsafe { bpf(command, &mut attr) }?;
    Ok(usize::try_from(read).unwrap_or(0))
}
