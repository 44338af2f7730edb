//! Standard output, and the forms that most commands have.

use std::io::{self, BufWriter, StdoutLock};

use clap::ValueEnum;

/// For whom a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people
    #[default]
    Text,
    /// JSON, the same on every system
    Json,
}

/// Standard output with a buffer: flush it before returning, a broken pipe shows there.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}

/// Tells on standard error why a command failed.
pub(crate) fn complain(error: &anyhow::Error) {
    note(&format!("{error:#}"));
}

/// Tells something on standard error, in one line, whatever the names in files hold.
#[expect(clippy::print_stderr, reason = "a command-line tool")]
pub(crate) fn note(text: &str) {
    let one_line = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    eprintln!("bpf-elf: {}", text.chars().map(one_line).collect::<String>());
}
