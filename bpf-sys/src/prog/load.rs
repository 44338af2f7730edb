//! Loading programs.

#![expect(unsafe_code, reason = "calls bpf(2)")]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::abi::raw::ProgLoadAttr;
use crate::abi::{AttachType, Command, ObjectName, ProgramFlags, ProgramType};
use crate::errno::SysError;
use crate::fd::{BtfFd, OwnedProgFd, ProgFd, TokenFd};
use crate::syscall::{address, address_mut, bpf_fd, length, raw, raw_signed};

/// Bytes of an instruction slot.
const SLOT: usize = 8;

/// What a program attaches to, where that is known when it is loaded.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum AttachTarget<'a> {
    /// Nothing, or a type in the kernel's own BTF.
    #[default]
    Kernel,
    /// A type in the BTF of a module (5.11).
    Module(BtfFd<'a>),
    /// A function of another program (5.5).
    Program(ProgFd<'a>),
}

/// What `BPF_PROG_LOAD` takes.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Load<'a> {
    /// The kind of program.
    pub program_type: ProgramType,
    /// Where it will attach; zero where that does not matter (4.17).
    pub attach_type: AttachType,
    /// The instructions, 8 bytes per slot, in the machine's byte order.
    pub instructions: &'a [u8],
    /// The licence, which decides about helpers that are only for the GPL.
    pub license: &'a CStr,
    /// Flags. [`ProgramFlags::TOKEN_FD`] is added when there is a token.
    pub flags: ProgramFlags,
    /// The name; none for kernels before 4.15.
    pub name: ObjectName,
    /// Version code; kernels before 5.0 compare it with their own for kprobes.
    pub kernel_version: u32,
    /// Device number for offloading (4.16).
    pub ifindex: u32,
    /// BTF that the records below and the maps refer to (5.0).
    pub btf: Option<BtfFd<'a>>,
    /// Function records, each of `func_info_size` bytes (5.0).
    pub func_info: &'a [u8],
    /// Bytes of a function record.
    pub func_info_size: u32,
    /// Line records, each of `line_info_size` bytes (5.0).
    pub line_info: &'a [u8],
    /// Bytes of a line record.
    pub line_info_size: u32,
    /// Type that it attaches to (5.5).
    pub attach_btf_id: u32,
    /// Where that type is.
    pub attach_target: AttachTarget<'a>,
    /// Maps and BTF of modules that instructions name by index (5.14).
    pub fd_array: &'a [BorrowedFd<'a>],
    /// Tell the kernel how long `fd_array` is; it then holds on to each of them (6.14).
    pub bind_fd_array: bool,
    /// Rights delegated by a token (6.9).
    pub token: Option<TokenFd<'a>>,
    /// 0: no log, 1: what was wrong, 2: every step; 4 more: statistics.
    pub log_level: u32,
    /// Room for the log: text with NUL at its end. Needed exactly when there is a level (kernels before 6.4 want at least 128 bytes).
    pub log: &'a mut [u8],
}

impl<'a> Load<'a> {
    /// A program of this kind, these instructions and this licence.
    pub fn new(program_type: ProgramType, instructions: &'a [u8], license: &'a CStr) -> Self {
        Self { program_type, instructions, license, ..Self::default() }
    }
}

/// A program that the kernel refused, and the length of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct LoadError {
    /// The error. `ENOSPC` when the log was too short, even if the program is good.
    pub error: SysError,
    /// Bytes that the whole log needs, NUL included; zero when the kernel does not tell (before 6.4).
    pub log_true_size: u32,
}

impl From<SysError> for LoadError {
    fn from(error: SysError) -> Self {
        Self { error, log_true_size: 0 }
    }
}

impl From<LoadError> for SysError {
    fn from(error: LoadError) -> Self {
        error.error
    }
}

/// Verifies and loads a program: `BPF_PROG_LOAD`, Linux 3.18.
///
/// Repeats the call when a signal interrupts the verifier (`EAGAIN`). Errors: `EPERM` without the rights or with too low a memlock limit (before 5.11),
/// `EACCES` and `EINVAL` from the verifier (see the log), `E2BIG` for too many instructions or a field that this kernel does not know, `ENOSPC` for a log
/// that is too short.
#[doc(alias = "BPF_PROG_LOAD")]
pub fn load(program: &mut Load<'_>) -> Result<OwnedProgFd, LoadError> {
    let command = Command::PROG_LOAD;
    if !program.instructions.chunks_exact(SLOT).remainder().is_empty() {
        return Err(SysError::refused(command, "instructions are not a multiple of 8 bytes").into());
    }
    check_indexes(program.instructions, program.fd_array.len())?;
    let func_info_cnt = records(program.func_info, program.func_info_size)?;
    let line_info_cnt = records(program.line_info, program.line_info_size)?;
    let fds: Vec<i32> = program.fd_array.iter().map(AsRawFd::as_raw_fd).collect();
    let flags = if program.token.is_some() {
        program.flags | ProgramFlags::TOKEN_FD
    } else {
        program.flags
    };
    let instruction_count = length(command, program.instructions)?.checked_div(8).unwrap_or(0);
    let mut attr = ProgLoadAttr {
        prog_type: program.program_type.0,
        insn_cnt: instruction_count,
        insns: address(program.instructions),
        license: program.license.as_ptr().expose_provenance() as u64,
        log_level: program.log_level,
        log_size: length(command, program.log)?,
        log_buf: address_mut(program.log),
        kern_version: program.kernel_version,
        prog_flags: flags.bits(),
        prog_name: program.name.to_bytes(),
        prog_ifindex: program.ifindex,
        expected_attach_type: program.attach_type.0,
        prog_btf_fd: program.btf.map_or(0, raw),
        func_info_rec_size: if func_info_cnt == 0 { 0 } else { program.func_info_size },
        func_info: address(program.func_info),
        func_info_cnt,
        line_info_rec_size: if line_info_cnt == 0 { 0 } else { program.line_info_size },
        line_info: address(program.line_info),
        line_info_cnt,
        attach_btf_id: program.attach_btf_id,
        attach_prog_fd: match program.attach_target {
            AttachTarget::Kernel => 0,
            AttachTarget::Module(btf) => raw(btf),
            AttachTarget::Program(program) => raw(program),
        },
        fd_array: address(&fds),
        prog_token_fd: program.token.map_or(0, raw_signed),
        fd_array_cnt: if program.bind_fd_array { length(command, &fds)? } else { 0 },
        ..ProgLoadAttr::default()
    };
    // SAFETY: the structure is that of the command. The kernel reads `insn_cnt` slots at `insns`, the two kinds of records
    // (`records`: whole ones, of the size it is told), a string at `license`, and elements of `fd_array`: either all `fd_array_cnt`, or those that
    // instructions name, which `check_indexes` found to be inside. It writes at most `log_size` bytes at `log_buf`, which is borrowed exclusively.
    // All other addresses are zero with length zero. The command returns a new descriptor.
    match unsafe { bpf_fd(command, &mut attr) } {
        Ok(fd) => Ok(fd.into()),
        Err(error) => Err(LoadError { error, log_true_size: attr.log_true_size }),
    }
}

/// How many whole records of `size` bytes there are; a rest is an error.
fn records(bytes: &[u8], size: u32) -> Result<u32, SysError> {
    let command = Command::PROG_LOAD;
    if bytes.is_empty() {
        return Ok(0);
    }
    let len = length(command, bytes)?;
    match (len.checked_div(size), len.checked_rem(size)) {
        (Some(count), Some(0)) => Ok(count),
        _ => Err(SysError::refused(
            command,
            "func or line info is not a multiple of its record size",
        )),
    }
}

/// Refuses an instruction that makes the kernel read beyond the `len` elements of `fd_array`.
///
/// Kernel: `resolve_pseudo_ldimm64` (`BPF_PSEUDO_MAP_IDX`, `BPF_PSEUDO_MAP_IDX_VALUE`) and `find_kfunc_desc_btf`.
fn check_indexes(instructions: &[u8], len: usize) -> Result<(), SysError> {
    const LD_IMM64: u8 = 0x18;
    const CALL: u8 = 0x85;
    let outside = |index: i64| usize::try_from(index).map_or(true, |index| index >= len);
    let mut slots = instructions.chunks_exact(SLOT);
    while let Some(&[opcode, registers, off0, off1, imm0, imm1, imm2, imm3]) = slots.next() {
        // The source register is a bit field, so its half of the byte depends on the byte order.
        let source = if cfg!(target_endian = "little") { registers >> 4 } else { registers & 0xf };
        let refused = match opcode {
            LD_IMM64 => {
                // The second slot is data, not an instruction.
                slots.next();
                matches!(source, 5 | 6)
                    && outside(i32::from_ne_bytes([imm0, imm1, imm2, imm3]).into())
            }
            CALL => {
                let module = i16::from_ne_bytes([off0, off1]);
                // Zero is the kernel itself, and reads nothing.
                source == 2 && module != 0 && outside(module.into())
            }
            _ => false,
        };
        if refused {
            return Err(SysError::refused(
                Command::PROG_LOAD,
                "instruction with an index beyond fd_array",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno::Errno;

    fn slot(opcode: u8, source: u8, off: i16, imm: i32) -> Vec<u8> {
        let registers = if cfg!(target_endian = "little") { source << 4 } else { source };
        let mut bytes = vec![opcode, registers];
        bytes.extend(off.to_ne_bytes());
        bytes.extend(imm.to_ne_bytes());
        bytes
    }

    #[test]
    fn indexes_beyond_fd_array_are_refused() {
        let rows = [
            ("no index at all", slot(0x95, 0, 0, 99), 0, true),
            ("map by index, inside", [slot(0x18, 5, 0, 1), slot(0, 0, 0, 0)].concat(), 2, true),
            ("map by index, outside", [slot(0x18, 5, 0, 2), slot(0, 0, 0, 0)].concat(), 2, false),
            (
                "map value by index, negative",
                [slot(0x18, 6, 0, -1), slot(0, 0, 0, 0)].concat(),
                2,
                false,
            ),
            ("map by descriptor", [slot(0x18, 1, 0, 77), slot(0, 0, 0, 0)].concat(), 0, true),
            ("kfunc of the kernel", slot(0x85, 2, 0, 77), 0, true),
            ("kfunc of a module, inside", slot(0x85, 2, 1, 77), 2, true),
            ("kfunc of a module, outside", slot(0x85, 2, 2, 77), 2, false),
            ("kfunc of a module, negative", slot(0x85, 2, -1, 77), 2, false),
            (
                "second half of a 64-bit load is no call",
                [slot(0x18, 0, 0, 0), slot(0x85, 2, 9, 0)].concat(),
                0,
                true,
            ),
            ("64-bit load at the end", slot(0x18, 5, 0, 0), 0, false),
        ];
        for (rule, bytes, len, good) in rows {
            assert_eq!(check_indexes(&bytes, len).is_ok(), good, "{rule}");
        }
    }

    #[test]
    fn records_are_whole() {
        let bytes = [0; 24];
        let rows = [
            (24, 8, Some(3)),
            (24, 16, None),
            (24, 0, None),
            (0, 0, Some(0)),
            (0, 8, Some(0)),
            (16, 16, Some(1)),
        ];
        for (len, size, count) in rows {
            assert_eq!(records(&bytes[..len], size).ok(), count, "{len}/{size}");
        }
    }

    #[test]
    fn wrong_lengths_are_refused_before_the_call() {
        let mut log = [];
        let mut odd = Load { instructions: &[0; 12], log: &mut log, ..Load::default() };
        let error = load(&mut odd).unwrap_err().error;
        assert_eq!(
            (error.errno, error.note),
            (Errno::EINVAL, Some("instructions are not a multiple of 8 bytes"))
        );
    }
}
