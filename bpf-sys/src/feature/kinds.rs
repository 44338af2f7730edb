//! Probes of kinds: maps, programs, helpers.

use super::code;
use super::{Outcome, Probes, conclude, expect};
use crate::abi::{AttachType, Command, MapFlags, MapType, ProgramFlags, ProgramType};
use crate::errno::{Errno, SysError};
use crate::fd::OwnedProgFd;
use crate::kernel;
use crate::map::{self, MapCreate};
use crate::prog::{self, Load, LoadError};

/// Loads a program with the probes' token and a licence for everything.
pub(super) fn load<'a>(
    probes: &'a Probes,
    mut program: Load<'a>,
) -> Result<OwnedProgFd, LoadError> {
    program.license = c"GPL";
    program.token = probes.token();
    prog::load(&mut program)
}

/// Creates a map with the probes' token, and closes it.
pub(super) fn create<'a>(probes: &'a Probes, mut map: MapCreate<'a>) -> Result<(), SysError> {
    map.token = probes.token();
    map::create_fd(&map).map(drop)
}

pub(super) fn map_type(probes: &Probes, map_type: MapType) -> Outcome {
    let page = u32::try_from(kernel::page_size()).unwrap_or(4096);
    let mut map = MapCreate::new(map_type, 4, 4, 1);
    match map_type {
        MapType::STACK_TRACE | MapType::REUSEPORT_SOCKARRAY => map.value_size = 8,
        MapType::LPM_TRIE => {
            map.key_size = 8;
            map.flags = MapFlags::NO_PREALLOC;
        }
        MapType::RHASH => map.flags = MapFlags::NO_PREALLOC,
        MapType::INSN_ARRAY => map.value_size = 16,
        MapType::QUEUE | MapType::STACK | MapType::BLOOM_FILTER => map.key_size = 0,
        // `struct bpf_cgroup_storage_key`, and one element per cgroup.
        MapType::CGROUP_STORAGE | MapType::PERCPU_CGROUP_STORAGE => {
            map.key_size = 16;
            map.max_entries = 0;
        }
        MapType::RINGBUF | MapType::USER_RINGBUF => {
            map.key_size = 0;
            map.value_size = 0;
            map.max_entries = page;
        }
        MapType::ARENA => {
            map.key_size = 0;
            map.value_size = 0;
            map.flags = MapFlags::MMAPABLE;
        }
        // They need BTF for key and value. The kernel looks at the type and the sizes, then for the BTF.
        MapType::SK_STORAGE
        | MapType::INODE_STORAGE
        | MapType::TASK_STORAGE
        | MapType::CGRP_STORAGE => {
            map.max_entries = 0;
            map.flags = MapFlags::NO_PREALLOC;
            map.btf_key_type_id = 1;
            map.btf_value_type_id = 1;
            return expect(create_without(probes, map), |errno| errno == Errno::EBADF);
        }
        // They need a template. The kernel looks at the type, then for the template.
        MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS => {
            return expect(create_without(probes, map), |errno| errno == Errno::EBADF);
        }
        // The type 1 of the kernel's BTF is no such structure.
        MapType::STRUCT_OPS => {
            map.btf_vmlinux_value_type_id = 1;
            return match create(probes, map) {
                Err(error) if error.errno == Errno::ENOTSUPP => Ok(true),
                result => conclude(result),
            };
        }
        _ => {}
    }
    conclude(create(probes, map))
}

/// Creates a map whose BTF and template are the descriptor -1.
fn create_without<'a>(probes: &'a Probes, mut map: MapCreate<'a>) -> Result<(), SysError> {
    map.token = probes.token();
    map::create_with_bad_descriptors(&map)
}

/// A kind of program with what its smallest form needs.
fn smallest(program_type: ProgramType) -> Load<'static> {
    let attach_type = match program_type {
        ProgramType::CGROUP_SOCK_ADDR => AttachType::CGROUP_INET4_CONNECT,
        ProgramType::CGROUP_SOCKOPT => AttachType::CGROUP_GETSOCKOPT,
        ProgramType::SK_LOOKUP => AttachType::SK_LOOKUP,
        ProgramType::NETFILTER => AttachType::NETFILTER,
        ProgramType::LIRC_MODE2 => AttachType::LIRC_MODE2,
        ProgramType::TRACING => AttachType::TRACE_FENTRY,
        ProgramType::LSM => AttachType::LSM_MAC,
        _ => AttachType::default(),
    };
    let mut program = Load { program_type, attach_type, ..Load::default() };
    match program_type {
        ProgramType::SYSCALL => program.flags = ProgramFlags::SLEEPABLE,
        // Before 5.0 the version must be the kernel's.
        ProgramType::KPROBE => {
            program.kernel_version = kernel::version().map_or(0, crate::abi::KernelVersion::code);
        }
        ProgramType::TRACING | ProgramType::LSM | ProgramType::EXT | ProgramType::STRUCT_OPS => {
            program.attach_btf_id = 1;
        }
        _ => {}
    }
    program
}

/// The text of a log, up to its NUL.
pub(super) fn text(log: &[u8]) -> String {
    String::from_utf8_lossy(log.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}

pub(super) fn program_type(probes: &Probes, program_type: ProgramType) -> Outcome {
    let instructions = code::nothing();
    let mut log = vec![0; 4096];
    let mut program = smallest(program_type);
    program.instructions = &instructions;
    // Kinds that need a target get one that is wrong, and the verifier's words tell that it knows the kind.
    let words: &[&str] = match program_type {
        ProgramType::TRACING | ProgramType::LSM => &["is not a function", "is invalid"],
        ProgramType::EXT => &["Cannot replace kernel functions", "Cannot extend"],
        _ => &[],
    };
    if !words.is_empty() {
        program.log_level = 1;
        program.log = &mut log;
    }
    let result = load(probes, program).map_err(SysError::from);
    let known = match result {
        Err(error) if program_type == ProgramType::STRUCT_OPS => error.errno == Errno::ENOTSUPP,
        Err(_) => {
            let log = text(&log);
            words.iter().any(|words| log.contains(words))
        }
        Ok(_) => true,
    };
    if known { Ok(true) } else { conclude(result) }
}

pub(super) fn helper(probes: &Probes, program_type: ProgramType, helper: u32) -> Outcome {
    let unknown = SysError::bpf(Command::PROG_LOAD, Errno::EINVAL);
    if matches!(
        program_type,
        ProgramType::TRACING | ProgramType::LSM | ProgramType::EXT | ProgramType::STRUCT_OPS
    ) {
        return Err(unknown.with_note("programs of this kind need a target"));
    }
    let instructions = [code::call(helper), code::mov_imm(0, 0), code::exit()].concat();
    let mut log = vec![0; 1 << 16];
    let mut program = smallest(program_type);
    program.instructions = &instructions;
    program.log_level = 1;
    program.log = &mut log;
    let result = load(probes, program).map_err(SysError::from);
    let log = text(&log);
    match result {
        Ok(_) => Ok(true),
        // No text: the kind is unknown, or the rights are missing.
        Err(error) if log.is_empty() && error.errno == Errno::EINVAL => Ok(false),
        Err(error) if log.is_empty() => Err(error),
        // libbpf and the kernel's `check_helper_call`: these words, for an unknown number, and for one that this kind may not call.
        Err(_) => {
            let refused = [
                "invalid func ",
                "unknown func ",
                "cannot use helper ",
                "helper call is not allowed",
            ];
            Ok(!refused.iter().any(|words| log.contains(words)))
        }
    }
}
