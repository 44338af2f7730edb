//! What the running kernel says about its configuration (libbpf: E40 to E44).

use bpf_elf::prepare::KernelConfig;
use bpf_elf::spec::{CollectionSpec, ExternKind};

use crate::context::Context;
use crate::error::Result;

/// The configuration of the running kernel, as far as a collection asks for it, with a text of the caller's before it.
pub(crate) fn read(
    context: &Context,
    spec: &CollectionSpec,
    text: Option<&str>,
) -> Result<KernelConfig> {
    let mut config = KernelConfig::new();
    config.texts.extend(text.map(str::to_owned));
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Many systems have no such file; what is missing then is told for each option.
    config.texts.extend(std::fs::read_to_string(format!("/boot/config-{}", release.trim())));
    for found in spec.externs.values().filter(|found| found.kind == ExternKind::Kconfig) {
        let fact = match found.name.as_str() {
            "LINUX_KERNEL_VERSION" => u64::from(context.kernel_version()?.code()),
            "LINUX_HAS_BPF_COOKIE" => u64::from(context.has_cookies()),
            "LINUX_HAS_SYSCALL_WRAPPER" => u64::from(context.has_syscall_wrappers()),
            _ => continue,
        };
        config = config.with_fact(&found.name, fact);
    }
    Ok(config)
}

/// The kernel function of a system call (libbpf: `bpf_program__attach_ksyscall`).
#[cfg(feature = "link")]
pub(crate) fn syscall_symbol(name: &str) -> String {
    let arch = if cfg!(target_arch = "x86_64") {
        "x64"
    } else if cfg!(target_arch = "x86") {
        "ia32"
    } else if cfg!(target_arch = "s390x") {
        "s390x"
    } else if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "riscv"
    };
    if Context::new().has_syscall_wrappers() {
        format!("__{arch}_sys_{name}")
    } else {
        format!("__se_sys_{name}")
    }
}
