//! `BPF_PROG_LOAD`: what to leave out on older kernels, when to ask for the verifier's log.

use std::ffi::CString;
use std::os::fd::BorrowedFd;

use bpf_asm::{ByteOrder, Slot, encode_slots};
use bpf_elf::prepare::{FuncInfo, LineRecord};
use bpf_elf::spec::ProgramSpec;
use bpf_sys::abi::{ObjectName, ProgramFlags, ProgramType};
use bpf_sys::feature::Feature;
use bpf_sys::prog::{AttachTarget, Load, LoadError};
use bpf_sys::{BtfFd, Errno, OwnedProgFd, SysError};

use super::{Program, replace_probe_reads};
use crate::collection::LogLevel;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::verifier::VerifierLog;

/// Bytes of the first log buffer: enough for most refusals.
const FIRST_LOG: usize = 64 << 10;
/// The kernel refuses a larger buffer (`kernel/bpf/log.c`, `bpf_verifier_log_attr_valid`).
const LARGEST_LOG: usize = (u32::MAX >> 2) as usize;
/// Level for a second look at a refused program.
const EXPLAIN: u32 = 1;

/// All that a program is loaded with.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) spec: &'a ProgramSpec,
    pub(crate) flags: ProgramFlags,
    pub(crate) slots: Vec<Slot>,
    pub(crate) license: &'a str,
    pub(crate) kernel_version: u32,
    pub(crate) btf: Option<BtfFd<'a>>,
    pub(crate) func_infos: &'a [FuncInfo],
    /// The same for kernels that do not know the tag `arg:ctx`, if they are others.
    pub(crate) context_infos: Option<Vec<FuncInfo>>,
    /// Whether those are the ones to load with.
    pub(crate) renamed_contexts: bool,
    pub(crate) line_infos: &'a [LineRecord],
    pub(crate) attach_btf_id: u32,
    pub(crate) attach_target: AttachTarget<'a>,
    pub(crate) fd_array: Vec<BorrowedFd<'a>>,
    pub(crate) log_level: LogLevel,
    pub(crate) context: &'a Context,
}

/// What is left out of the next try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Without {
    name: bool,
    debug_info: bool,
    attach_type: bool,
}

/// A refused program, with what the verifier wrote.
#[derive(Debug)]
struct Refused {
    error: SysError,
    log: VerifierLog,
}

/// Loads a program. The name and debug information are left out when the kernel does not take them.
pub(crate) fn load(mut request: Request<'_>) -> Result<Program> {
    request.check()?;
    let mut without = Without::default();
    let mut refused = match request.attempt(without) {
        Ok(loaded) => return Ok(request.finish(loaded)),
        Err(refused) => refused,
    };
    // Before 6.8 the name of a parameter's type tells that it is the context.
    if request.context_infos.is_some() && request.context.lacks(&Feature::ARG_CTX_TAG).is_some() {
        request.renamed_contexts = true;
        match request.attempt(without) {
            Ok(loaded) => return Ok(request.finish(loaded)),
            Err(next) => refused = next,
        }
    }
    // Before 5.5 there is one function for both address spaces.
    let mut old = request.slots.clone();
    if replace_probe_reads(&mut old) && request.context.lacks(&Feature::PROBE_READ_KERNEL).is_some()
    {
        request.slots = old;
        match request.attempt(without) {
            Ok(loaded) => return Ok(request.finish(loaded)),
            Err(next) => refused = next,
        }
    }
    // When the verifier said something, then what was left out is not the reason.
    while refused.log.is_empty() && is_about_attributes(refused.error.errno) {
        let Some(next) = request.next_without(without) else { break };
        without = next;
        match request.attempt(without) {
            Ok(loaded) => return Ok(request.finish(loaded)),
            Err(next) if next.log.is_empty() => {}
            Err(next) => refused = next,
        }
    }
    Err(request.explain(refused))
}

/// Error numbers for fields that the kernel does not know, or values that it does not like.
fn is_about_attributes(errno: Errno) -> bool {
    matches!(errno, Errno::E2BIG | Errno::EINVAL)
}

impl Request<'_> {
    fn action(&self) -> String {
        format!("load program `{}`", self.spec.name)
    }

    fn check(&self) -> Result<()> {
        if self.spec.program_type == ProgramType::UNSPEC {
            return Err(Error::new(ErrorKind::InvalidSpec, self.action()).with_reason(format!(
                "the section name `{}` stands for no program type: set `program_type` in its specification",
                self.spec.section
            )));
        }
        Ok(())
    }

    /// The next thing to leave out.
    fn next_without(&self, without: Without) -> Option<Without> {
        if !without.name {
            Some(Without { name: true, ..without })
        } else if !without.attach_type && self.spec.attach_type_optional {
            Some(Without { attach_type: true, ..without })
        } else if !without.debug_info && self.btf.is_some() {
            Some(Without { debug_info: true, ..without })
        } else {
            None
        }
    }

    /// One try, and a second one with a log if it fails.
    fn attempt(&self, without: Without) -> Result<(OwnedProgFd, VerifierLog), Refused> {
        match self.log_level {
            LogLevel::Off => self.call(without, 0),
            LogLevel::OnFailure => match self.call(without, 0) {
                Err(refused) if wants_log(refused.error.errno) => self.call(without, EXPLAIN),
                other => other,
            },
            level => self.call(without, level.bits()),
        }
    }

    /// Loads, with a log of `level` for which the buffer grows until it fits.
    fn call(&self, without: Without, level: u32) -> Result<(OwnedProgFd, VerifierLog), Refused> {
        let instructions = encode_slots(&self.slots, ByteOrder::NATIVE);
        let (func_info, line_info) = self.debug_info(without);
        let license = CString::new(self.license).unwrap_or_default();
        let mut log = vec![0; if level == 0 { 0 } else { FIRST_LOG }];
        loop {
            let mut load = Load::default();
            load.program_type = self.spec.program_type;
            load.attach_type =
                self.spec.attach_type.filter(|_| !without.attach_type).unwrap_or_default();
            load.instructions = &instructions;
            load.license = &license;
            load.flags = self.flags;
            load.name = if without.name {
                ObjectName::NONE
            } else {
                ObjectName::sanitized(&self.spec.kernel_name())
            };
            load.kernel_version = self.kernel_version;
            load.btf = self.btf.filter(|_| !without.debug_info);
            load.func_info = &func_info;
            load.func_info_size = FUNC_INFO;
            load.line_info = &line_info;
            load.line_info_size = LINE_INFO;
            load.attach_btf_id = self.attach_btf_id;
            load.attach_target = self.attach_target;
            load.fd_array = &self.fd_array;
            load.log_level = level;
            load.log = &mut log;
            let result = bpf_sys::prog::load(&mut load);
            match result {
                Ok(fd) => return Ok((fd, VerifierLog::from_bytes(&log, false))),
                Err(refused) => {
                    if let Some(len) = larger_log(log.len(), &refused) {
                        log.resize(len, 0);
                        continue;
                    }
                    let truncated = refused.error.errno == Errno::ENOSPC;
                    let log = VerifierLog::from_bytes(&log, truncated);
                    return Err(Refused { error: refused.error, log });
                }
            }
        }
    }

    /// The records of functions and lines as the kernel reads them.
    fn debug_info(&self, without: Without) -> (Vec<u8>, Vec<u8>) {
        if without.debug_info || self.btf.is_none() {
            return (Vec::new(), Vec::new());
        }
        let renamed = self.context_infos.as_deref().filter(|_| self.renamed_contexts);
        let functions = renamed.unwrap_or(self.func_infos);
        let functions = functions.iter().flat_map(|info| [info.slot, info.type_id]);
        let lines = self
            .line_infos
            .iter()
            .flat_map(|line| [line.slot, line.file_name, line.line_text, line.line_column]);
        (functions.flat_map(u32::to_ne_bytes).collect(), lines.flat_map(u32::to_ne_bytes).collect())
    }

    fn finish(&self, (fd, log): (OwnedProgFd, VerifierLog)) -> Program {
        Program::from_parts(fd, self.spec, (!log.is_empty()).then_some(log))
    }

    /// The error for a program that is refused for good.
    fn explain(&self, refused: Refused) -> Error {
        let Refused { error: source, log } = refused;
        let error = Error::system(self.action(), source);
        if !log.is_empty() {
            let hint = hint(&log);
            let mut error = if source.errno == Errno::EPERM {
                error
            } else {
                error.with_kind(ErrorKind::Verifier)
            };
            if let Some(hint) = hint {
                error = error.with_hint(hint);
            }
            return error.with_log(log);
        }
        match source.errno {
            // The verifier's number; a log was not wanted.
            Errno::EACCES => error.with_kind(ErrorKind::Verifier),
            Errno::EINVAL | Errno::E2BIG | Errno::EOPNOTSUPP | Errno::ENOTSUPP => {
                match self.context.lacks_program_type(self.spec.program_type) {
                    Some(unsupported) => error.with_kind(unsupported),
                    None => error,
                }
            }
            _ => error,
        }
    }
}

/// Bytes of `struct bpf_func_info` and `struct bpf_line_info`.
const FUNC_INFO: u32 = 8;
const LINE_INFO: u32 = 16;

/// A log cannot help with these.
fn wants_log(errno: Errno) -> bool {
    !matches!(errno, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EBADF | Errno::EFAULT)
}

/// The size of the next log buffer, when this one was too small.
fn larger_log(len: usize, refused: &LoadError) -> Option<usize> {
    if refused.error.errno != Errno::ENOSPC || len == 0 || len >= LARGEST_LOG {
        return None;
    }
    let wanted = usize::try_from(refused.log_true_size).ok().filter(|&size| size > len);
    Some(wanted.unwrap_or(len.saturating_mul(2)).min(LARGEST_LOG))
}

/// What the loader knows about calls that it made impossible on purpose (libbpf: R6).
fn hint(log: &VerifierLog) -> Option<&'static str> {
    let instruction = log.instruction().map(|(_, text)| text);
    let texts = [log.complaint(), instruction];
    let (_, number) = texts.into_iter().flatten().find_map(|text| text.split_once("unknown#"))?;
    let number: u32 = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    match number {
        195_896_080 => Some(
            "this instruction reads a type, field or value that this kernel does not have (CO-RE)",
        ),
        2_001_000_000..2_002_000_000 => {
            Some("this instruction uses a map that was not created (its `autocreate` is off)")
        }
        2_002_000_000..2_003_000_000 => {
            Some("this instruction calls a kernel function that this kernel does not have")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bpf_sys::abi::Command;

    use super::*;

    fn refused(errno: Errno, log_true_size: u32) -> LoadError {
        let mut error = LoadError::from(SysError::bpf(Command::PROG_LOAD, errno));
        error.log_true_size = log_true_size;
        error
    }

    #[test]
    fn log_buffers_grow_to_what_the_kernel_wants_or_double() {
        let rows = [
            (65536, Errno::ENOSPC, 100_000, Some(100_000)),
            (65536, Errno::ENOSPC, 0, Some(131_072)),
            (65536, Errno::ENOSPC, 65536, Some(131_072)),
            (65536, Errno::ENOSPC, u32::MAX, Some(LARGEST_LOG)),
            (LARGEST_LOG - 1, Errno::ENOSPC, 0, Some(LARGEST_LOG)),
            (LARGEST_LOG, Errno::ENOSPC, 0, None),
            (65536, Errno::EACCES, 100_000, None),
            (0, Errno::ENOSPC, 100_000, None),
        ];
        for (len, errno, true_size, expected) in rows {
            assert_eq!(
                larger_log(len, &refused(errno, true_size)),
                expected,
                "{len} {errno} {true_size}"
            );
        }
    }

    #[test]
    fn impossible_calls_are_explained() {
        let rows = [
            ("invalid func unknown#195896080\n", Some("does not have (CO-RE)")),
            ("invalid func unknown#2001000003\n", Some("map that was not created")),
            ("invalid func unknown#2002000000\n", Some("calls a kernel function")),
            ("invalid func unknown#12\n", None),
            ("R1 invalid mem access\n", None),
        ];
        for (log, expected) in rows {
            let hint = hint(&VerifierLog::from_bytes(log.as_bytes(), false));
            assert_eq!(hint.is_some(), expected.is_some(), "{log}");
            assert!(hint.unwrap_or_default().contains(expected.unwrap_or_default()), "{log}");
        }
    }
}
