//! `guest`: one command in a throw-away guest.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::initramfs::{self, Payload};
use crate::kernels;
use crate::process::quote;
use crate::qemu::{Ending, Guest, Host};

/// Run a command in a guest: its output and exit status come back
///
/// The guest has no network and no disk, only memory: busybox, and what is copied in. A COMMAND that is a file of this
/// machine (a static binary, a script) is copied in. One single argument that is no file is a shell script.
/// Exit status 124: the time was over; 125: the guest died.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A series (6.12), the newest of a major version (7.x), or the path of a vmlinuz
    #[arg(long, default_value = "6.12")]
    kernel: String,
    /// Copy a file or folder into the guest; without a destination into the command's folder
    #[arg(long, value_name = "SOURCE[:DESTINATION]")]
    file: Vec<String>,
    /// Insert a kernel module, with what it depends on, before the command
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    module: Vec<String>,
    /// More of the kernel's command line
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    append: String,
    /// Seconds after which the guest is ended
    #[arg(long, default_value_t = 120)]
    timeout: u64,
    /// Show the kernel's messages afterwards, on standard error
    #[arg(long)]
    console: bool,
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let host = Host::open(Cache::open()?)?;
    let kernel = kernels::resolve(&host.cache, &args.kernel)?;
    let (command, program) = command(&args.command)?;
    let mut payload: Vec<Payload> = args.file.iter().map(|text| copied(text)).collect();
    payload.extend(program);
    let guest = Guest {
        payload,
        modules: args.module.clone(),
        append: args.append.clone(),
        timeout: Duration::from_secs(args.timeout),
        ..Guest::new(&kernel, &command)
    };
    let accel = host.accel(&kernel)?;
    let run = host.run(&guest, accel, &mut print)?;
    for note in &run.notes {
        eprintln!("{note}");
    }
    if args.console {
        eprintln!("{}", run.console);
    }
    if let Some(failure) = run.failure() {
        eprintln!("{}: {failure}", kernel.release);
    }
    eprintln!("guest {} ({}), {:.1} s", kernel.release, accel.name(), run.wall.as_secs_f32());
    Ok(ExitCode::from(match run.ending {
        Ending::Exited(status) => status,
        Ending::TimedOut => 124,
        Ending::Died => 125,
    }))
}

/// Hands output on at once. Nobody who reads it is no reason to end the guest.
pub(crate) fn print(bytes: &[u8]) {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// The script to run in the guest, and the program to copy in.
fn command(words: &[String]) -> Result<(String, Option<Payload>)> {
    let (first, rest) = words.split_first().context("no command")?;
    let path = Path::new(first);
    if path.is_file() && (first.contains('/') || !initramfs::in_path(first)) {
        initramfs::check_program(path)?;
        let payload = copied(first);
        let script =
            std::iter::once(format!("/{}", payload.destination)).chain(rest.iter().cloned());
        return Ok((script.map(|word| quote(&word)).collect::<Vec<_>>().join(" "), Some(payload)));
    }
    if rest.is_empty() {
        return Ok((first.clone(), None));
    }
    Ok((words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" "), None))
}

fn copied(text: &str) -> Payload {
    let (source, destination) = match text.split_once(':') {
        Some((source, destination)) if !destination.is_empty() => {
            (source, destination.trim_start_matches('/').to_owned())
        }
        _ => {
            let source = text.trim_end_matches(':');
            let name = Path::new(source).file_name().unwrap_or_default().to_string_lossy();
            (source, format!("t/{name}"))
        }
    };
    Payload { source: PathBuf::from(source), destination }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_they_are_told_to() {
        let rows = [
            ("a/b", "a/b", "t/b"),
            ("a/b:/etc/x", "a/b", "etc/x"),
            ("a/b:", "a/b", "t/b"),
            ("folder/", "folder/", "t/folder"),
        ];
        for (text, source, destination) in rows {
            assert_eq!(
                copied(text),
                Payload { source: source.into(), destination: destination.into() },
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_is_copied_in_and_anything_else_is_for_the_shell() {
        let words = |words: &[&str]| {
            command(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()).unwrap()
        };
        assert_eq!(words(&["uname -r; id"]), ("uname -r; id".to_owned(), None));
        assert_eq!(words(&["echo", "a b"]), ("echo 'a b'".to_owned(), None));
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("my script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        let (text, program) = words(&[script.to_str().unwrap(), "it's"]);
        assert_eq!(text, r"'/t/my script' 'it'\''s'");
        assert_eq!(program, Some(Payload { source: script, destination: "t/my script".into() }));
        assert!(command(&[]).is_err());
    }
}
