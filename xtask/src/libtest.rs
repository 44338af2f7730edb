//! What test binaries print: libtest's summary, the names of failed tests, and the lines of tests that skip themselves.
use std::collections::BTreeSet;

/// Counted tests of one or more binaries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    /// Names of failed tests, and binaries that gave no summary.
    pub(crate) failed: Vec<String>,
    pub(crate) skipped: Vec<Skip>,
}

/// A test that did not run, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    pub(crate) test: String,
    pub(crate) reason: String,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }

    /// One failure that no test reported.
    pub(crate) fn failure(what: impl Into<String>) -> Self {
        Self { failed: vec![what.into()], ..Self::default() }
    }

    /// One thing that is no test and went well.
    pub(crate) fn one() -> Self {
        Self { passed: 1, ..Self::default() }
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed.len(),
            self.skipped.len()
        )
    }

    /// The reasons of the skips, each once, with how many tests it concerns.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let reasons: BTreeSet<&str> =
            self.skipped.iter().map(|skip| skip.reason.as_str()).collect();
        let line = |reason: &str| {
            let tests: Vec<_> = self
                .skipped
                .iter()
                .filter(|skip| skip.reason == reason)
                .map(|skip| skip.test.as_str())
                .collect();
            format!("{reason}: {}", tests.join(", "))
        };
        reasons.into_iter().map(line).collect()
    }
}

/// Reads the output of `cargo test`: test binaries one after the other, each announced by cargo.
/// `source` stands before the names of failed tests.
pub(crate) fn parse_all(source: &str, output: &str) -> Counts {
    let mut counts = Counts::default();
    let mut binary = String::new();
    for line in output.lines() {
        let text = line.trim_start();
        if text.starts_with("Running ") || text.starts_with("Doc-tests ") {
            counts.add(parse(source, &std::mem::take(&mut binary)));
        }
        binary.push_str(line);
        binary.push('\n');
    }
    counts.add(parse(source, &binary));
    counts
}

/// Reads the output of one test binary. Its last summary counts: what a test shows of a test binary that it ran itself
/// comes before.
pub(crate) fn parse(source: &str, output: &str) -> Counts {
    let mut counts = Counts::default();
    let mut skipped = BTreeSet::new();
    for line in output.lines() {
        if let Some((_, skip)) = line.split_once("@skip ") {
            let (test, reason) = skip.split_once(": ").unwrap_or((skip, "no reason given"));
            skipped.insert(Skip { test: test.trim().to_owned(), reason: reason.trim().to_owned() });
        }
    }
    let Some((before, summary)) = output.rsplit_once("test result: ") else {
        counts.skipped.extend(skipped);
        return counts;
    };
    let numbers = summary.lines().next().unwrap_or_default();
    let number = |name: &str| {
        let part = numbers.split([';', '.']).find_map(|part| part.trim().strip_suffix(name))?;
        part.trim().parse::<usize>().ok()
    };
    // A test that skips itself has passed for libtest.
    counts.passed = number("passed").unwrap_or(0).saturating_sub(skipped.len());
    counts.skipped.extend(skipped);
    if number("ignored").is_some_and(|count| count > 0) {
        counts.skipped.extend(before.lines().filter_map(ignored));
    }
    let failed = number("failed").unwrap_or(0);
    if failed > 0 {
        // The list of names comes last, after the failed tests' output under the same heading.
        let list = before.rsplit_once("\nfailures:\n").map_or("", |(_, list)| list);
        let names = list.lines().filter_map(|line| line.strip_prefix("    "));
        counts.failed = names.take(failed).map(|test| format!("{source} {test}")).collect();
        counts.failed.resize(failed, format!("{source} a test"));
    }
    counts
}

/// `test NAME ... ignored, REASON`
fn ignored(line: &str) -> Option<Skip> {
    let (test, state) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let reason = state.strip_prefix("ignored")?.trim_start_matches([',', ' ']);
    let reason = if reason.is_empty() { "ignored" } else { reason };
    Some(Skip { test: test.to_owned(), reason: reason.to_owned() })
}

/// Whether a summary is in the output: a binary without one died.
pub(crate) fn has_summary(output: &str) -> bool {
    output.lines().any(|line| line.starts_with("test result: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(test: &str, reason: &str) -> Skip {
        Skip { test: test.into(), reason: reason.into() }
    }

    const SUMMARY: &str = "0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

    #[test]
    fn summaries_add_up() {
        let output = format!(
            "     Running unittests src/lib.rs (target/debug/deps/a-1)\n\nrunning 2 tests\ntest a ... ok\ntest b ... ok\n\n\
             test result: ok. 2 passed; 0 failed; {SUMMARY}\n     Running tests/c.rs (target/debug/deps/c-1)\n\n\
             running 1 test\ntest c ... FAILED\n\nfailures:\n\nfailures:\n    c\n\n\
             test result: FAILED. 0 passed; 1 failed; {SUMMARY}\n   Doc-tests a\n\nrunning 3 tests\n\
             test result: ok. 3 passed; 0 failed; {SUMMARY}"
        );
        let expected = Counts { passed: 5, failed: vec!["x c".into()], skipped: vec![] };
        assert_eq!(parse_all("x", &output), expected);
        assert!(has_summary(&output) && !has_summary("running 2 tests\ntest a ... "));
    }

    #[test]
    fn a_binary_run_by_a_test_does_not_count() {
        let output = format!(
            "running 2 tests\ntest a ... \nrunning 1 test\ntest a ... FAILED\n\nfailures:\n\nfailures:\n    a\n\n\
             test result: FAILED. 0 passed; 1 failed; {SUMMARY}\nFAILED\ntest b ... ok\n\n\
             failures:\n\nfailures:\n    a\n\ntest result: FAILED. 1 passed; 1 failed; {SUMMARY}"
        );
        assert_eq!(
            parse("x", &output),
            Counts { passed: 1, failed: vec!["x a".into()], skipped: vec![] }
        );
    }

    #[test]
    fn failed_tests_are_named_whatever_they_print() {
        let output = "running 3 tests\ntest a ... ok\ntest b ... \nthread 'b' panicked\nfailures:\nFAILED\ntest c ... FAILED\n\n\
            failures:\n\n---- b stdout ----\n    indented words\n\n\nfailures:\n    b\n    m::c\n\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let expected =
            Counts { passed: 1, failed: vec!["x b".into(), "x m::c".into()], skipped: vec![] };
        assert_eq!(parse("x", output), expected);
    }

    #[test]
    fn a_failure_without_a_name_is_still_counted() {
        let output =
            "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(parse("x", output).failed, ["x a test"]);
    }

    #[test]
    fn skipped_and_ignored_tests_are_no_passes() {
        let output = "test a ... @skip a: bloom filter needs 5.16, this is 5.10\nok\n\
            @skip b: bloom filter needs 5.16, this is 5.10\ntest b ... ok\n@skip b: bloom filter needs 5.16, this is 5.10\n\
            test c ... ignored, slow\ntest d ... ignored\ntest e ... ok\n\
            test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
        let counts = parse("x", output);
        let reason = "bloom filter needs 5.16, this is 5.10";
        assert_eq!(counts.passed, 1);
        assert_eq!(
            counts.skipped,
            [skip("a", reason), skip("b", reason), skip("c", "slow"), skip("d", "ignored")]
        );
        assert_eq!(
            counts.reasons(),
            [format!("{reason}: a, b"), "ignored: d".into(), "slow: c".into()]
        );
        assert_eq!(counts.summary(), "1 passed, 0 failed, 4 skipped");
    }
}
