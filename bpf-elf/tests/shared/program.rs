//! The program `bpf-elf`, run.

use std::process::{Command, Output, Stdio};

use testdata::{built, feed};

pub(crate) fn program() -> Command {
    let mut command = built(env!("CARGO_BIN_EXE_bpf-elf"));
    command.env_remove("NO_COLOR");
    command
}

pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    // A command that does not read closes the pipe early.
    let (output, _) = feed(program().args(arguments).stderr(Stdio::piped()), input)
        .unwrap_or_else(|error| panic!("bpf-elf {arguments:?}: {error}"));
    output
}

/// What a command prints that succeeds without a word on standard error.
#[track_caller]
pub(crate) fn printed(arguments: &[&str], input: &[u8]) -> String {
    let output = run(arguments, input);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {messages}");
    assert_eq!(messages, "", "{arguments:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What a command says on standard error that fails for what it was given: one line, this status and nothing on standard output.
#[track_caller]
pub(crate) fn refused(arguments: &[&str], input: &[u8], status: i32) -> String {
    let output = run(arguments, input);
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {messages}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(messages.lines().count(), 1, "{arguments:?}: {messages}");
    assert!(messages.starts_with("bpf-elf: "), "{arguments:?}: {messages}");
    messages
}
