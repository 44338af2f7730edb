//! Asks libbpf, through `testdata/oracle/dedup.c`.

use std::path::Path;
use std::process::Command;

use crate::cases::Case;
use crate::paths;

/// What libbpf makes of each case: the bytes, or the number of an error.
pub(crate) fn merge(directory: &Path, cases: &[Case]) -> Vec<Result<Vec<u8>, String>> {
    let output = |number: usize| directory.join(format!("{number}.merged"));
    let mut lines = String::new();
    for (number, case) in cases.iter().enumerate() {
        let name = output(number);
        let base = case.base.as_deref().unwrap_or(Path::new("-"));
        let fields =
            [name.as_path(), base].into_iter().chain(case.inputs.iter().map(AsRef::as_ref));
        let fields = fields.map(|path| path.to_str().unwrap()).collect::<Vec<_>>();
        lines.push_str(&fields.join("\t"));
        lines.push('\n');
    }
    let program = &paths("BPF_DEDUP_ORACLE")[0];
    let said = testdata::answer(&mut Command::new(program), &lines).unwrap();
    let mut said = said.lines();
    assert!(said.next().is_some_and(|line| line.starts_with("libbpf\tv")), "no version");
    let answers = said.enumerate().map(|(number, line)| {
        if let Some((_, error)) = line.split_once('\t') {
            return Err(error.to_owned());
        }
        let path = output(number);
        assert_eq!(Path::new(line), path, "an answer to another question");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        Ok(bytes)
    });
    let answers = answers.collect::<Vec<_>>();
    assert_eq!(answers.len(), cases.len(), "answers of {}", program.display());
    answers
}
