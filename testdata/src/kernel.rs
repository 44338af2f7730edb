//! What tests against a running kernel share.

use std::{
    fs,
    io::{self, Write as _},
    panic::Location,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Whether a test of `feature` must run: true unless the running kernel is older than `since` (major and minor version).
///
/// A test returns early on false and only then; what fails on a new enough kernel is a failure. Each false is counted and gives one line
/// on standard error, past the capture of the test harness: `@skip TEST: FEATURE needs 5.13, this is 5.10`.
///
/// # Panics
///
/// When the version of the running kernel cannot be told.
#[track_caller]
pub fn requires(feature: &str, since: (u32, u32)) -> bool {
    let running = kernel_release();
    if running >= since {
        return true;
    }
    SKIPPED.fetch_add(1, Ordering::Relaxed);
    // With one test thread the harness runs tests on the main thread, which does not have the test's name.
    let caller = Location::caller();
    let place = format!("{}:{}", caller.file(), caller.line());
    let current = thread::current();
    let test = current.name().filter(|name| *name != "main").unwrap_or(&place);
    // A test that cannot report a skip has nobody to tell.
    let _ = io::stderr().lock().write_all(skip_line(test, feature, since, running).as_bytes());
    false
}

fn skip_line(test: &str, feature: &str, since: (u32, u32), running: (u32, u32)) -> String {
    format!(
        "@skip {test}: {feature} needs {}.{}, this is {}.{}\n",
        since.0, since.1, running.0, running.1
    )
}

/// How often [`requires`] was false in this process.
pub fn skipped() -> usize {
    SKIPPED.load(Ordering::Relaxed)
}

/// Whether this is a virtual machine that the tests may do anything to: the variable `BPF_GUEST` is `1`.
///
/// Tests that attach to kernel functions or other global hooks assert this, so that they fail elsewhere.
pub fn in_guest() -> bool {
    std::env::var_os("BPF_GUEST").is_some_and(|value| value == "1")
}

/// Major and minor version of the running kernel.
///
/// # Panics
///
/// When `/proc` is not mounted or the release is not a version.
#[expect(clippy::panic, reason = "a test that cannot tell the version must fail, not skip")]
pub fn kernel_release() -> (u32, u32) {
    let path = "/proc/sys/kernel/osrelease";
    match fs::read_to_string(path) {
        Ok(text) => {
            parse_release(&text).unwrap_or_else(|| panic!("{path} is no version: {text:?}"))
        }
        Err(error) => panic!("{path}: {error}"),
    }
}

/// Major and minor version at the start of a kernel release such as `6.12.117+deb13-cloud-amd64`.
pub fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.trim().splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?;
    let end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor.get(..end)?.parse().ok()?))
}

/// How many file descriptors this process has open, without the one that the question takes.
///
/// # Panics
///
/// When `/proc` is not mounted.
#[expect(clippy::expect_used, reason = "a leak test that cannot count must fail")]
pub fn open_fds() -> usize {
    fs::read_dir("/proc/self/fd").expect("read /proc/self/fd").count().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_starts_with_major_and_minor() {
        for (release, version) in [
            ("6.12.117+deb13-cloud-amd64\n", Some((6, 12))),
            ("5.10.0-46-cloud-amd64", Some((5, 10))),
            ("7.0-rc3", Some((7, 0))),
            ("6.1", Some((6, 1))),
            ("6", None),
            ("6.x", None),
            ("six.1", None),
            ("", None),
        ] {
            assert_eq!(parse_release(release), version, "{release:?}");
        }
    }

    #[test]
    fn a_new_enough_kernel_never_skips() {
        let running = kernel_release();
        for since in [(0, 0), (3, 18), (running.0, 0), running] {
            assert!(requires("nothing", since), "{since:?}");
        }
        assert_eq!(skipped(), 0);
    }

    #[test]
    fn a_skip_is_one_line_that_names_test_feature_and_versions() {
        let line = skip_line("map::bloom_filter", "bloom filters", (5, 16), (5, 10));
        assert_eq!(line, "@skip map::bloom_filter: bloom filters needs 5.16, this is 5.10\n");
    }

    #[test]
    fn an_open_file_counts_once() {
        // Other tests open files at the same time, so compare what is surely there.
        let held: Vec<_> =
            (0..64).map(|_| fs::File::open("/proc/self/stat").expect("open")).collect();
        assert!(open_fds() >= held.len());
        drop(held);
    }
}
