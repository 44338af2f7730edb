//! Steps of a long task: what is running now, one line for each that is done, a table at the end.
use std::fs;
use std::io::{IsTerminal as _, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::ending;
use crate::libtest::Counts;
use crate::process::describe;
use crate::table;

/// How a step went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Counted(Counts),
    /// It did not run, for this reason.
    Skipped(String),
}

impl Outcome {
    pub(crate) fn good() -> Self {
        Self::Counted(Counts::one())
    }
}

/// Shows steps as they run, and remembers how they went.
#[derive(Debug)]
pub(crate) struct Steps {
    bar: ProgressBar,
    rows: Vec<Vec<String>>,
    totals: Counts,
    /// How long a command may run.
    limit: Duration,
}

/// A hung test must not hang whoever waits for the result.
const LIMIT: Duration = Duration::from_secs(30 * 60);

impl Steps {
    pub(crate) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        let heading = ["step", "result", "time", "passed", "failed", "skipped"];
        Self {
            bar,
            rows: vec![heading.map(str::to_owned).to_vec()],
            totals: Counts::default(),
            limit: LIMIT,
        }
    }

    /// Runs one step. Its failure is shown and counted; the steps after it run nevertheless.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce(&Self) -> Result<Outcome>) -> bool {
        // A signal ends the whole: what would have come after this step is not its failure.
        if ending::signal().is_some() {
            return false;
        }
        self.bar.set_prefix(name.to_owned());
        self.bar.set_message("");
        self.bar.reset_elapsed();
        let started = Instant::now();
        let outcome = step(self);
        self.record(name, started.elapsed(), outcome)
    }

    /// Notes a step that ran elsewhere.
    pub(crate) fn record(&mut self, name: &str, time: Duration, outcome: Result<Outcome>) -> bool {
        let (result, counts, detail) = match outcome {
            Ok(Outcome::Counted(counts)) if counts.failed.is_empty() => ("ok", counts, None),
            Ok(Outcome::Counted(counts)) => {
                let list = counts.failed.join("\n    ");
                ("FAILED", counts, Some(format!("failed:\n    {list}")))
            }
            Ok(Outcome::Skipped(reason)) => {
                let skip = crate::libtest::Skip { test: name.to_owned(), reason };
                ("skipped", Counts { skipped: vec![skip], ..Counts::default() }, None)
            }
            Err(error) => ("FAILED", Counts::failure(name), Some(format!("{error:#}"))),
        };
        let time = format!("{:.1} s", time.as_secs_f32());
        if let Some(detail) = detail {
            self.say(&format!("--- {name}\n{}", detail.trim_end()));
        }
        let numbers = if result == "skipped" {
            counts.skipped.iter().map(|skip| skip.reason.clone()).collect::<String>()
        } else {
            counts.summary()
        };
        self.say(&format!("{result:<8} {name} ({time}): {numbers}"));
        for reason in counts.reasons().iter().filter(|_| result != "skipped") {
            self.say(&format!("         skipped: {reason}"));
        }
        let count = |count: usize| count.to_string();
        let cells = [count(counts.passed), count(counts.failed.len()), count(counts.skipped.len())];
        self.rows
            .push([name.to_owned(), result.to_owned(), time].into_iter().chain(cells).collect());
        let good = counts.failed.is_empty();
        self.totals.add(counts);
        good
    }

    /// Puts the last rows of the table in this order: steps that ran at the same time ended in any.
    pub(crate) fn sort_last(&mut self, names: &[String]) {
        let start = self.rows.len().saturating_sub(names.len());
        let place = |row: &Vec<String>| names.iter().position(|name| row.first() == Some(name));
        if let Some(rows) = self.rows.get_mut(start..) {
            rows.sort_by_key(place);
        }
    }

    /// A line above what is running now.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    pub(crate) fn doing(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Runs a command, its output kept: given back when it succeeds, part of the error when it fails.
    pub(crate) fn command(&self, command: &mut Command) -> Result<String> {
        let (output, status) = self.watch(command)?;
        if !status.success() {
            bail!("`{}` failed ({status}):\n{}", describe(command), output.trim_end());
        }
        Ok(output)
    }

    /// Runs a command to its end, whatever its status is.
    pub(crate) fn watch(
        &self,
        command: &mut Command,
    ) -> Result<(String, std::process::ExitStatus)> {
        let text = describe(command);
        let log = tempfile::NamedTempFile::new().context("cannot make a log file")?;
        command.stdin(Stdio::null()).stdout(log.reopen()?).stderr(log.reopen()?);
        append_only(command, log.path())?;
        let started = Instant::now();
        let mut child = ending::spawn(command).with_context(|| format!("cannot start `{text}`"))?;
        let status = loop {
            if let Some(status) =
                child.try_wait().with_context(|| format!("cannot wait for `{text}`"))?
            {
                break status;
            }
            if !self.bar.is_hidden() {
                self.doing(&last_line(log.path()).unwrap_or_default());
            }
            if started.elapsed() > self.limit {
                ending::kill(&mut child).with_context(|| format!("cannot end `{text}`"))?;
                let output = fs::read(log.path()).context("cannot read a log file")?;
                let output = String::from_utf8_lossy(&output);
                bail!("`{text}` did not end within {:?}:\n{}", self.limit, output.trim_end());
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let output = fs::read(log.path()).context("cannot read a log file")?;
        Ok((String::from_utf8_lossy(&output).into_owned(), status))
    }

    /// The table and, alone on the last line, the totals. True when nothing failed.
    pub(crate) fn finish(self) -> bool {
        self.bar.finish_and_clear();
        println!("\n{}", table::render(&self.rows));
        for failure in &self.totals.failed {
            println!("failed: {failure}");
        }
        println!("{}", self.totals.summary());
        self.totals.failed.is_empty()
    }
}

/// Both streams go to one file, each write at its end.
fn append_only(command: &mut Command, path: &Path) -> Result<()> {
    let open = || fs::OpenOptions::new().append(true).open(path).context("cannot open a log file");
    command.stdout(open()?).stderr(open()?);
    Ok(())
}

fn last_line(path: &Path) -> Option<String> {
    let mut file = fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(400))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_fails_the_whole() {
        let mut steps = Steps::new();
        assert!(steps.run("good", |_| Ok(Outcome::good())));
        assert!(steps.run("left out", |_| Ok(Outcome::Skipped("no reason".into()))));
        assert!(steps.totals.failed.is_empty());
        assert!(!steps.run("bad", |steps| {
            steps
                .command(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 1"]))
                .map(|_| Outcome::good())
        }));
        assert_eq!(steps.totals.summary(), "1 passed, 1 failed, 1 skipped");
        assert!(!steps.finish());
    }

    #[test]
    fn a_hung_command_is_ended() {
        let steps = Steps { limit: Duration::from_millis(100), ..Steps::new() };
        let error = steps.watch(Command::new("sh").args(["-c", "echo begun; exec sleep 1000"]));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("did not end within 100ms") && error.ends_with("begun"), "{error}");
    }

    #[test]
    fn both_streams_of_a_command_are_kept_in_their_order() {
        let steps = Steps::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 5"]);
        let (output, status) = steps.watch(&mut command).unwrap();
        assert_eq!((output.as_str(), status.code()), ("one\ntwo\nthree\n", Some(5)));
        let error = steps.command(&mut command).unwrap_err().to_string();
        assert!(error.contains("exit status: 5") && error.ends_with("one\ntwo\nthree"), "{error}");
    }
}
