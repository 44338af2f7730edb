//! Other programs.

use std::path::Path;
use std::process::{Command, Output};

/// The version of the llvm that the fixtures are made with.
const LLVM: &str = "22";

/// What a program says about a file; an error is what it says on standard error.
pub(crate) fn run(program: &str, arguments: &[&str], files: &[&Path]) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        Command::new(program).args(arguments).args(files).output().expect(program);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if status.success() { Ok(text(&stdout) + &text(&stderr)) } else { Err(text(&stderr)) }
}

pub(crate) fn llvm(program: &str, arguments: &[&str], file: &Path) -> String {
    let program = format!("{program}-{LLVM}");
    run(&program, arguments, &[file]).unwrap_or_else(|error| panic!("{program}: {error}"))
}
