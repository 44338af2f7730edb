//! `demo`: the example that loads a program and moves data out of the kernel.
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::ending;
use crate::initramfs::Payload;
use crate::kernel_tests::{executables, static_cargo};
use crate::kernels;
use crate::process::{is_root, quote};
use crate::qemu::{Ending, Guest, Host};

/// Build an example of bpf-core and run it: on this machine's kernel where that is allowed, else in a guest
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The example's name
    #[arg(long, default_value = "packets")]
    example: String,
    /// The crate whose example it is
    #[arg(long, default_value = "bpf-core")]
    package: String,
    /// Run it in a guest with this kernel
    #[arg(long, value_name = "KERNEL")]
    guest: Option<String>,
    /// Arguments of the example
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Why the running kernel would refuse the program; nothing when it should take it. Asks for no tool: this may be the first thing that
/// is run on a machine.
fn refused() -> Option<&'static str> {
    if !is_root() {
        return Some("not root");
    }
    // Root of a container may be anybody.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if may_load(&status) { None } else { Some("root without the right to load programs") }
}

/// Whether a process with this `/proc/PID/status` has `CAP_SYS_ADMIN`, or `CAP_BPF` (Linux 5.8) and `CAP_NET_ADMIN`.
fn may_load(status: &str) -> bool {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    let has = |capability: u32| effective >> capability & 1 == 1;
    has(21) || (has(39) && has(12))
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let build = [
        "build",
        "--message-format=json-render-diagnostics",
        "-p",
        &args.package,
        "--example",
        &args.example,
    ];
    // cargo shows its progress, and its errors, itself.
    let mut cargo = static_cargo(&build);
    let built = ending::output(cargo.stdout(Stdio::piped())).context("cannot start cargo")?;
    ensure!(built.status.success(), "cannot build the example {}", args.example);
    let (_, _, path) = executables(&String::from_utf8_lossy(&built.stdout))
        .into_iter()
        .find(|(_, name, _)| *name == args.example)
        .with_context(|| format!("cargo built no program {}", args.example))?;

    if args.guest.is_none() {
        match refused() {
            None => {
                let status = ending::status(Command::new(&path).args(&args.arguments));
                let status = status.with_context(|| format!("cannot start {}", path.display()))?;
                return Ok(status
                    .code()
                    .and_then(|code| u8::try_from(code).ok())
                    .map_or(ExitCode::FAILURE, ExitCode::from));
            }
            Some(reason) => {
                eprintln!("not on this machine's kernel ({reason}): in a guest instead");
            }
        }
    }
    let host = Host::open(Cache::open()?)?;
    let kernel = kernels::resolve(&host.cache, args.guest.as_deref().unwrap_or("6.12"))?;
    let words =
        std::iter::once(format!("./{}", args.example)).chain(args.arguments.iter().cloned());
    let script = words.map(|word| quote(&word)).collect::<Vec<_>>().join(" ");
    let guest = Guest {
        payload: vec![Payload { source: path, destination: format!("t/{}", args.example) }],
        timeout: Duration::from_secs(120),
        ..Guest::new(&kernel, &script)
    };
    let run = host.run(&guest, host.accel(&kernel)?, &mut crate::guest::print)?;
    if let Some(failure) = run.failure() {
        eprintln!("{}: {failure}", kernel.release);
    }
    Ok(match run.ending {
        Ending::Exited(status) => ExitCode::from(status),
        Ending::TimedOut | Ending::Died => ExitCode::FAILURE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_capabilities_decide() {
        let rows = [
            ("CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n", true),
            ("CapEff:\t0000000000200000\n", true),
            ("CapEff:\t0000008000001000\n", true),
            ("CapEff:\t0000008000000000\n", false),
            ("CapEff:\t00000000a80425fb\n", false),
            ("CapPrm:\t000001ffffffffff\n", false),
            ("CapEff:\tnonsense\n", false),
        ];
        for (status, expected) in rows {
            assert_eq!(may_load(status), expected, "{status}");
        }
    }
}
