//! Asks libbpf, through the program in `testdata/oracle`.
use std::path::Path;
use std::process::Command;

use crate::{Error, Object};

/// What libbpf says of an object.
pub(crate) enum Answer {
    /// It does not open it.
    Refused(String),
    Opened {
        kernel_version: u32,
        /// A line for each program, map and variable.
        facts: Vec<String>,
    },
}

/// An answer for each object.
pub(crate) fn open(program: &Path, objects: &[Object]) -> Result<Vec<Answer>, Error> {
    let paths: Vec<_> = objects.iter().map(|object| object.path.display().to_string()).collect();
    let mut answers = Vec::with_capacity(objects.len());
    for line in run(program, &paths.join("\n"))?.lines() {
        let mut fields = line.splitn(4, '\t');
        if fields.next() == Some("object") {
            let object = objects.get(answers.len()).ok_or("an answer to no question")?;
            if fields.next() != object.path.to_str() {
                return Err(format!("not the answer for {}: {line}", object.name).into());
            }
            answers.push(match (fields.next(), fields.next()) {
                (Some("refused"), reason) => Answer::Refused(reason.unwrap_or_default().to_owned()),
                (Some("opened"), Some(version)) => {
                    Answer::Opened { kernel_version: version.parse()?, facts: Vec::new() }
                }
                _ => return Err(format!("neither opened nor refused: {line}").into()),
            });
        } else if let Some(Answer::Opened { facts, .. }) = answers.last_mut() {
            facts.push(line.to_owned());
        } else {
            return Err(format!("a fact of no object: {line}").into());
        }
    }
    if answers.len() != objects.len() {
        return Err(format!("{} answers for {} objects", answers.len(), objects.len()).into());
    }
    Ok(answers)
}

/// What a program writes for an input.
pub(crate) fn run(program: &Path, input: &str) -> Result<String, Error> {
    Ok(testdata::answer(&mut Command::new(program), input)?)
}
