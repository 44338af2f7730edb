//! Kprobes on system calls: the kernel's name for their functions depends on the architecture.

use bpf_sys::AsProgFd;

use crate::error::Error;
use crate::kallsyms;
use crate::kprobe::{KprobeOptions, attach_kprobe, attach_kretprobe};
use crate::link::Link;
use crate::probe_point::ProbePoint;

/// What the wrappers of system calls have in their names (`arch/*/include/asm/syscall_wrapper.h`); empty where there are none.
const WRAPPER: &str = if cfg!(target_arch = "x86_64") {
    "__x64_sys_"
} else if cfg!(target_arch = "x86") {
    "__ia32_sys_"
} else if cfg!(target_arch = "aarch64") {
    "__arm64_sys_"
} else if cfg!(target_arch = "s390x") {
    "__s390x_sys_"
} else if cfg!(target_arch = "riscv64") {
    "__riscv_sys_"
} else if cfg!(target_arch = "powerpc64") {
    "__powerpc_sys_"
} else {
    ""
};

/// Attaches a program to the entry of a system call, by its name without any prefix: `unlinkat`.
///
/// With wrappers (x86-64 and s390x since Linux 4.17, arm64 since 4.19, others later) the program's context holds the registers of user
/// space in its first argument; without them the arguments are those of the system call.
#[doc(alias = "bpf_program__attach_ksyscall")]
pub fn attach_ksyscall(
    program: &impl AsProgFd,
    name: &str,
    options: &KprobeOptions,
) -> Result<Link, Error> {
    attach_kprobe(program, &function(name), options)
}

/// Attaches a program to the return of a system call. As [`attach_ksyscall`].
#[doc(alias = "bpf_program__attach_ksyscall")]
pub fn attach_kretsyscall(
    program: &impl AsProgFd,
    name: &str,
    options: &KprobeOptions,
) -> Result<Link, Error> {
    attach_kretprobe(program, &function(name), options)
}

fn function(name: &str) -> ProbePoint {
    // `bpf` is a system call that is there: libbpf asks for the same one.
    let wrapped = !WRAPPER.is_empty() && kallsyms::count(&format!("{WRAPPER}bpf")) != Some(0);
    ProbePoint::symbol(format!("{}{name}", if wrapped { WRAPPER } else { "__se_sys_" }))
}
