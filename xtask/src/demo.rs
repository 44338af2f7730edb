//! `demo`: the example that loads a program and moves data out of the kernel.
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::initramfs::Payload;
use crate::kernel_tests::{executables, not_here, static_cargo};
use crate::kernels;
use crate::process::quote;
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
    let built =
        static_cargo(&build).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(built.status.success(), "cannot build the example {}", args.example);
    let (_, _, path) = executables(&String::from_utf8_lossy(&built.stdout))
        .into_iter()
        .find(|(_, name, _)| *name == args.example)
        .with_context(|| format!("cargo built no program {}", args.example))?;

    if args.guest.is_none() {
        match not_here() {
            None => {
                let status = Command::new(&path).args(&args.arguments).status();
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
