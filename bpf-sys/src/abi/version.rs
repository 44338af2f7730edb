//! Kernel versions.

use core::fmt;
use core::str::FromStr;

/// A kernel version: `6.12.3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelVersion {
    /// The 6 of 6.12.3.
    pub major: u16,
    /// The 12 of 6.12.3.
    pub minor: u16,
    /// The 3 of 6.12.3: above 255 in long-lived stable series.
    pub patch: u16,
}

impl KernelVersion {
    /// A version from its numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// `KERNEL_VERSION(major, minor, patch)` of C, with the patch level cut to 255 as the kernel does it.
    ///
    /// It is what `LINUX_KERNEL_VERSION` in `.kconfig` and the `version` section hold.
    pub const fn code(self) -> u32 {
        let patch = if self.patch > 255 { 255 } else { self.patch };
        // Widening casts: `u32::from` is not const.
        ((self.major as u32) << 16) | ((self.minor as u32 & 0xff) << 8) | patch as u32
    }

    /// The inverse of [`code`](Self::code).
    pub const fn from_code(code: u32) -> Self {
        let [_, major, minor, patch] = code.to_be_bytes();
        Self { major: major as u16, minor: minor as u16, patch: patch as u16 }
    }
}

/// `6.12` when the patch level is zero, otherwise `6.12.3`.
impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch != 0 {
            write!(f, ".{}", self.patch)?;
        }
        Ok(())
    }
}

/// A text that does not begin with a kernel version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kernel version at the start of {text:?}")]
pub struct ParseVersionError {
    text: String,
}

/// Reads `major.minor[.patch]` from the start of a release, and ignores what follows (`6.1.0-56-cloud-amd64`).
impl FromStr for KernelVersion {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseVersionError { text: text.chars().take(64).collect() })
    }
}

fn parse(text: &str) -> Option<KernelVersion> {
    let (major, rest) = number(text)?;
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    let patch = rest.strip_prefix('.').and_then(number).map_or(0, |(patch, _)| patch);
    Some(KernelVersion { major, minor, patch })
}

/// The decimal number at the start of `text`, and what follows it.
fn number(text: &str) -> Option<(u16, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_texts_parse_up_to_what_is_not_a_version() {
        let rows: &[(&str, &str)] = &[
            ("6.12.3", "6.12.3"),
            ("6.1.0-56-cloud-amd64", "6.1"),
            ("5.10.0-46+deb11", "5.10"),
            ("7.3-rc1", "7.3"),
            ("4.9.337", "4.9.337"),
            ("6.18.44-fc-v669", "6.18.44"),
            ("6.18.", "6.18"),
            ("6", "error"),
            ("", "error"),
            ("linux", "error"),
            ("6.x", "error"),
            ("70000.1", "error"),
            (".1.2", "error"),
        ];
        for (text, expected) in rows {
            let found = text.parse::<KernelVersion>().map_or("error".to_owned(), |v| v.to_string());
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn the_code_caps_the_patch_level_at_255() {
        let rows = [((6, 12, 3), 0x06_0c_03), ((4, 9, 337), 0x04_09_ff), ((5, 10, 0), 0x05_0a_00)];
        for ((a, b, c), code) in rows {
            assert_eq!(KernelVersion::new(a, b, c).code(), code);
        }
        assert_eq!(KernelVersion::from_code(0x06_0c_03), KernelVersion::new(6, 12, 3));
    }

    #[test]
    fn versions_order_by_number_and_print_without_a_zero_patch() {
        assert!(KernelVersion::new(5, 9, 300) < KernelVersion::new(5, 10, 0));
        assert!(KernelVersion::new(6, 1, 1) < KernelVersion::new(6, 1, 2));
        assert_eq!(KernelVersion::new(5, 10, 0).to_string(), "5.10");
        assert_eq!(KernelVersion::new(6, 12, 3).to_string(), "6.12.3");
        let error = "nothing".parse::<KernelVersion>().unwrap_err();
        assert_eq!(error.to_string(), "no kernel version at the start of \"nothing\"");
    }
}
