//! Programs that tests run.

use std::{
    env,
    ffi::OsStr,
    fmt::Display,
    io::{self, Write as _},
    process::{Command, Output, Stdio},
    thread,
};

/// A program of this build, started by what `BPF_RUNNER` names where that is set: an emulator of the architecture that the build is for.
pub fn built(program: impl AsRef<OsStr>) -> Command {
    started_by(env::var_os("BPF_RUNNER").as_deref(), program.as_ref())
}

fn started_by(runner: Option<&OsStr>, program: &OsStr) -> Command {
    let Some(runner) = runner else { return Command::new(program) };
    let mut command = Command::new(runner);
    command.arg(program);
    command
}

/// Runs a program with this standard input: what it wrote, and whether it took the whole input.
///
/// Standard output is caught; standard error is where the caller put it.
///
/// # Errors
///
/// When the program cannot be started or waited for. One that ends without reading everything is the second result.
pub fn feed(command: &mut Command, input: &[u8]) -> io::Result<(Output, io::Result<()>)> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let pipe = child.stdin.take();
    thread::scope(|scope| {
        // Both pipes are short: whoever only writes waits for who only writes.
        let writer = scope.spawn(move || pipe.map_or(Ok(()), |mut pipe| pipe.write_all(input)));
        let output = child.wait_with_output()?;
        let written =
            writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        Ok((output, written))
    })
}

/// What a program writes that reads all of this input and succeeds.
///
/// # Errors
///
/// All else, with the name of the program.
pub fn answer(command: &mut Command, input: &str) -> io::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let wrong = |what: &dyn Display| io::Error::other(format!("{name}: {what}"));
    let (output, written) = feed(command, input.as_bytes()).map_err(|error| wrong(&error))?;
    if !output.status.success() {
        return Err(wrong(&output.status));
    }
    written.map_err(|error| wrong(&error))?;
    String::from_utf8(output.stdout).map_err(|error| wrong(&error))
}

/// What a program prints.
///
/// # Panics
///
/// When it is not there, fails, or prints what is not UTF-8.
#[expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that lacks a tool must fail, not skip"
)]
#[track_caller]
pub fn output(command: &mut Command) -> String {
    let name = command.get_program().to_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{name:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> Vec<&OsStr> {
        std::iter::once(command.get_program()).chain(command.get_args()).collect()
    }

    #[test]
    fn a_runner_gets_the_program_as_its_first_argument() {
        let program = OsStr::new("/target/program");
        for (runner, expected) in
            [(None, &["/target/program"][..]), (Some("emulator"), &["emulator", "/target/program"])]
        {
            let mut command = started_by(runner.map(OsStr::new), program);
            assert_eq!(words(&command), expected);
            command.arg("list");
            assert_eq!(words(&command).last(), Some(&OsStr::new("list")));
        }
    }

    #[test]
    fn more_than_both_pipes_hold_comes_back_whole() {
        let input: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
        let (output, written) = feed(&mut Command::new("cat"), &input).expect("run cat");
        written.expect("cat reads everything");
        assert!(output.status.success());
        assert!(output.stdout == input);
    }

    #[test]
    fn a_program_that_does_not_read_is_told_apart() {
        let (output, written) =
            feed(&mut Command::new("true"), &vec![0; 1 << 20]).expect("run true");
        assert!(output.status.success());
        assert_eq!(written.expect_err("true reads nothing").kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn an_answer_is_to_the_whole_question() {
        for (program, argument, expected) in [
            ("cat", "-", Ok("a question")),
            ("cat", "/no/such/file", Err("cat: exit status: 1")),
            ("printf", r"\377", Err("printf: invalid utf-8")),
            ("/no/such/program", "", Err("/no/such/program: No such file")),
        ] {
            let input = if program == "printf" { "" } else { "a question" };
            let answer = answer(Command::new(program).arg(argument).stderr(Stdio::null()), input);
            match (answer, expected) {
                (Ok(answer), Ok(expected)) => assert_eq!(answer, expected),
                (Err(error), Err(start)) => {
                    assert!(error.to_string().starts_with(start), "{error}");
                }
                (answer, _) => panic!("{program} {argument}: {answer:?}"),
            }
        }
        let error = answer(&mut Command::new("true"), &"?".repeat(1 << 20)).expect_err("not read");
        assert!(error.to_string().starts_with("true: Broken pipe"), "{error}");
    }

    #[test]
    fn what_is_printed_is_text_of_a_success() {
        assert_eq!(output(Command::new("echo").arg("two words")), "two words\n");
        for words in [&["false"][..], &["/no/such/program"], &["printf", r"\377"]] {
            let (program, arguments) = words.split_first().expect("a program");
            let printed =
                std::panic::catch_unwind(|| output(Command::new(program).args(arguments)));
            assert!(printed.is_err(), "{words:?}");
        }
    }
}
